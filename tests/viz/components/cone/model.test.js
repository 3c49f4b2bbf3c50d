import assert from "node:assert/strict";
import { test } from "node:test";
import { Net } from "../../../../viz/components/cone/model.js";

/** An axis under windows of `kernel` taps, as Python sends it. */
function axisMap(n, kernel, stride, padding, edge = "zero") {
  const outputs = Math.floor((n + 2 * padding - kernel) / stride) + 1;
  return { n_in: n, n_out: outputs, advance: stride, taps: [[-padding, kernel, 1]], edge };
}

const line = (grid, inputs) => ({
  grid: [grid, grid],
  inputs,
  size: [1, 1],
  stride: [1, 1],
  padding: [0, 0],
  center: [0, 0],
});

/** An image of `n` pixels a side and layers in a row, each [kernel, stride, padding, edge]. */
function chain(n, layers) {
  const lines = [line(n, [])];
  for (const [index, layer] of layers.entries()) {
    const map = axisMap(lines[index].grid[0], ...layer);
    lines.push(line(map.n_out, [{ line: index, place: 0, maps: [map, map] }]));
  }
  return { lines, net: new Net(lines) };
}

/** The pixels that a unit reads, by a plain loop from it down to the image. */
function read(lines, index, unit) {
  if (index === 0) return new Set([unit]);
  const { n_in: n, advance, taps, edge } = lines[index].inputs[0].maps[0];
  const pixels = new Set();
  for (let i = 0; i < taps[0][1]; i++) {
    let tap = unit * advance + taps[0][0] + i;
    if (edge === "circular") tap = (tap + n) % n;
    if (edge === "replicate") tap = Math.max(0, Math.min(n - 1, tap));
    if (tap >= 0 && tap < n) for (const pixel of read(lines, index - 1, tap)) pixels.add(pixel);
  }
  return pixels;
}

const marked = (marks) => marks.flatMap((on, i) => (on ? [i] : []));

for (const edge of ["zero", "replicate", "circular"])
  test(`ancestors and descendants are what a loop finds: ${edge}`, () => {
    const { lines, net } = chain(12, [
      [3, 1, 1, edge],
      [2, 2, 0, edge],
      [3, 1, 1, edge],
    ]);
    const last = lines.length - 1;
    for (let unit = 0; unit < lines[last].grid[0]; unit++) {
      const pixels = [...read(lines, last, unit)].sort((a, b) => a - b);
      const { marks } = net.ancestors(last, 0, unit);
      assert.deepEqual(marked([...marks[0]]), pixels);
      assert.deepEqual(net.seen(last, [unit, unit])[0], [pixels[0], pixels.at(-1)]);
      for (let pixel = 0; pixel < 12; pixel++) {
        const after = net.descendants(0, 0, pixel).marks[last];
        assert.equal(Boolean(after?.[unit]), pixels.includes(pixel));
      }
    }
  });

test("padding is as wide as the windows reach past the map", () => {
  const { net } = chain(8, [[5, 1, 2, "zero"]]);
  assert.deepEqual(net.pads[0][0], [2, 2]);
});
