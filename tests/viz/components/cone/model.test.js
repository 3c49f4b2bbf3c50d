import assert from "node:assert/strict";
import { test } from "node:test";
import { Net } from "../../../../viz/components/cone/model.js";

/** The unit that a position beyond the ends of an axis copies, found by walking back into it. */
function copied(at, n, edge) {
  if (edge === "replicate") return at < 0 ? 0 : n - 1;
  let unit = at;
  while (unit < 0 || unit >= n)
    if (edge === "circular") unit += unit < 0 ? n : -n;
    else unit = unit < 0 ? -unit : 2 * (n - 1) - unit;
  return unit;
}

/** An axis under windows of `kernel` taps, as Python sends it. */
function axisMap(n, kernel, stride, padding, edge = "zero") {
  const outputs = Math.floor((n + 2 * padding - kernel) / stride) + 1;
  const beyond = Array.from({ length: padding }, (_, i) => [-1 - i, n + i]).flat();
  const copies = Object.fromEntries(
    edge === "zero" ? [] : beyond.map((at) => [at, copied(at, n, edge)]),
  );
  return { n_in: n, n_out: outputs, advance: stride, taps: [[-padding, kernel, 1]], copies };
}

const line = (grid, inputs) => ({ grid: [grid, grid], inputs, stride: [1, 1], center: [0, 0] });

/** An image of `n` pixels a side and layers in a row, each [kernel, stride, padding, edge]. */
function chain(n, layers) {
  const lines = [line(n, [])];
  for (const [index, layer] of layers.entries()) {
    const map = axisMap(lines[index].grid[0], ...layer);
    lines.push(line(map.n_out, [{ line: index, branch: null, maps: [map, map] }]));
  }
  return { lines, net: new Net(lines) };
}

/** The pixels that a unit reads, by a plain loop from it down to the image. */
function read(lines, index, unit, edge) {
  if (index === 0) return new Set([unit]);
  const { n_in: n, advance, taps } = lines[index].inputs[0].maps[0];
  const pixels = new Set();
  for (let i = 0; i < taps[0][1]; i++) {
    let tap = unit * advance + taps[0][0] + i;
    if (edge !== "zero" && (tap < 0 || tap >= n)) tap = copied(tap, n, edge);
    if (tap >= 0 && tap < n)
      for (const pixel of read(lines, index - 1, tap, edge)) pixels.add(pixel);
  }
  return pixels;
}

const marked = (marks) => marks.flatMap((on, i) => (on ? [i] : []));

for (const edge of ["zero", "reflect", "replicate", "circular"])
  test(`ancestors and descendants are what a loop finds: ${edge}`, () => {
    const { lines, net } = chain(12, [
      [3, 1, 1, edge],
      [2, 2, 0, edge],
      [3, 1, 1, edge],
    ]);
    const last = lines.length - 1;
    for (let unit = 0; unit < lines[last].grid[0]; unit++) {
      const pixels = [...read(lines, last, unit, edge)].sort((a, b) => a - b);
      const { marks } = net.ancestors(last, [unit, unit])[0];
      assert.deepEqual(marked([...marks[0]]), pixels);
      assert.deepEqual(net.seen(last, [unit, unit])[0], [pixels[0], pixels.at(-1)]);
      for (let pixel = 0; pixel < 12; pixel++) {
        const after = net.descendants(0, [pixel, pixel])[0].marks[last];
        assert.equal(Boolean(after?.[unit]), pixels.includes(pixel));
      }
    }
  });

/** The connections of a cone between drawn lines as [to, unit, from, tap]. */
const ties = (net, cone, drawn) =>
  net
    .bundles(cone, 0, new Set(drawn))
    .flatMap(({ to, from, pairs }) => pairs.map(([unit, tap]) => [to, unit, from, tap]));

test("ties lead to the padding where a window reaches past the map", () => {
  const { net } = chain(8, [[5, 1, 2, "zero"]]);
  const taps = (cone) =>
    ties(net, cone, [0, 1])
      .map((tie) => tie[3])
      .sort((a, b) => a - b);
  const cone = net.ancestors(1, [0, 0])[0];
  assert.deepEqual(taps(cone), [-2, -1, 0, 1, 2]);
  assert.deepEqual([...cone.pads[0]], [-2, -1]);
  assert.deepEqual(taps(net.descendants(0, [0, 0])[0]), [0, 0, 0], "padding depends on no unit");
});

test("ties lead through lines that are not drawn, to what a loop reads", () => {
  const layers = [
    [3, 1, 1, "zero"],
    [2, 2, 0, "zero"],
    [3, 1, 1, "zero"],
  ];
  const { lines, net } = chain(12, layers);
  for (let unit = 0; unit < lines[3].grid[0]; unit++) {
    const cone = net.ancestors(3, [unit, unit])[0];
    const pixels = [...read(lines, 3, unit, "zero")].sort((a, b) => a - b);
    assert.deepEqual(
      ties(net, cone, [0, 3])
        .map((tie) => tie[3])
        .sort((a, b) => a - b),
      pixels,
    );
  }
});

test("a unit stands at the middle of what its paths reach, beyond the map a stride further", () => {
  const path = { period: 2, advance: 4, spans: [[-1, 1], null], since: [null, null] };
  const units = { ...line(4, []), stride: [2, 2], center: [0, 0], paths: [[path], [path]] };
  const net = new Net([units]);
  assert.deepEqual(
    [0, 1, 2, 3].map((unit) => net.span(0, 0, unit)),
    [[-1, 1], null, [3, 5], null],
  );
  assert.deepEqual(
    [-1, 0, 1, 2, 3, 5].map((unit) => net.place(0, 0, unit)),
    [-2, 0, 2, 4, 6, 10],
  );
});
