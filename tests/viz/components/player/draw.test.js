import assert from "node:assert/strict";
import { test } from "node:test";
import { scalesOf } from "../../../../viz/components/player/color.js";
import { drawStill } from "../../../../viz/components/player/draw.js";
import { layout, panelHeight, panelWidth } from "../../../../viz/components/player/layout.js";
import { Board } from "../../../../viz/components/player/model.js";
import { convolution, convolutionOfTwo } from "./board.js";

const PALETTE = { signed: ["#0000ff", "#ffffff", "#ff0000"] };
const ENDS = { grey: ["#000000", "#ffffff"], counts: ["#ffffff", "#ff0000"] };
const THEME = { meanings: {}, text: "", muted: "muted", line: "", background: "", panel: "" };
const LAYER = { size: 5, kernel: 3, stride: 2, padding: 0 };
const CAPTIONS = { input: "input", kernel: "kernel", output: "output", counts: "counts" };
const VIEW = { channel: 0, filter: 0, reads: false };

/** All texts of a board's still picture, with their colors and whether they stand below a panel. */
function drawn(data, view = VIEW) {
  const board = new Board({ ...data, captions: CAPTIONS });
  const texts = [];
  const surface = {
    rect() {},
    line() {},
    text: (text, x, y, { fill, size }) => texts.push({ text, fill, size, below: isBelow(x, y) }),
  };
  const [place] = layout([board], 1100, 500).places;
  const isBelow = (x, y) =>
    [place.input, place.output].some((p) => {
      const [across, down] = [x - p.x, y - p.y - panelHeight(p)];
      return across >= 0 && across <= panelWidth(p) && down > 0 && down < 24;
    });
  const [scales] = scalesOf([board], { ...PALETTE, ...ENDS });
  drawStill(surface, board, place, view, THEME, scales);
  return texts;
}

const words = (texts) => texts.map(({ text }) => text);
const signs = (texts) => words(texts).filter((text) => ["∗", "=", "→"].includes(text));

test("only weights that are multiplied make an equation", () => {
  const { weight: _weight, ...pool } = convolution(LAYER);
  assert.deepEqual(signs(drawn(convolution(LAYER))), ["∗", "="]);
  assert.deepEqual(signs(drawn({ ...pool, reduce: "max" })), ["→", "→"]);
  assert.deepEqual(signs(drawn(convolution(LAYER), { ...VIEW, reads: true })), []);
});

test("a window without weights has one word", () => {
  const { weight: _weight, ...pool } = convolution(LAYER);
  for (const [reduce, word] of [
    ["max", "max"],
    ["mean", "mean"],
  ])
    assert.equal(words(drawn({ ...pool, reduce })).filter((text) => text === word).length, 1);
});

test("a filter that does not read the drawn channel is no operand of the output", () => {
  const two = convolutionOfTwo(LAYER);
  const grouped = {
    ...two,
    groups: 2,
    weight: convolution(LAYER).weight,
    output: convolution(LAYER).output,
  };
  assert.deepEqual(signs(drawn(two)), ["∗", "="]);
  assert.ok(words(drawn(two)).includes("input, channel 0 of 2 (red)"));
  const other = drawn(grouped, { ...VIEW, channel: 1 });
  assert.deepEqual(signs(other), []);
  assert.ok(words(other).includes("not read"));
});

test("counts have their own caption and a scale from 0 to the largest", () => {
  const texts = drawn(convolution(LAYER), { ...VIEW, reads: true });
  assert.ok(words(texts).includes("counts") && !words(texts).includes("input"));
  const ends = texts.filter(({ below }) => below).map(({ text }) => text);
  assert.deepEqual(ends.slice(0, 2), ["0", "4"], "of the counts on the input");
  const grown = drawn({ ...convolution(LAYER), transposed: true }, { ...VIEW, reads: true });
  const own = grown.filter(({ below }) => below).map(({ text }) => text);
  assert.deepEqual(own.slice(2), ["0", "9"], "of a transposed layer on the output");
});
