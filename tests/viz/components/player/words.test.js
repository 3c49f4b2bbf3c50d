import assert from "node:assert/strict";
import { test } from "node:test";
import { Board } from "../../../../viz/components/player/model.js";
import {
  arithmeticLines,
  describe,
  hint,
  progress,
} from "../../../../viz/components/player/words.js";
import { convolution, convolutionOfTwo } from "./board.js";

const board = new Board(convolution({ size: 3, kernel: 2, stride: 1, padding: 0 }));
const padded = new Board(convolution({ size: 3, kernel: 3, stride: 2, padding: 1 }));
const VIEW = { channel: 0, filter: 0, reads: false };

test("a sum on one line has a term for each weight and its total", () => {
  assert.deepEqual(arithmeticLines(board, VIEW, 0, 0), ["1·1 + 2·2 + 4·3 + 5·4 = 37"]);
});

test("the sums of channels add up to the output, and the drawn one has its terms", () => {
  const two = new Board(convolutionOfTwo({ size: 3, kernel: 2, stride: 1, padding: 0 }));
  const [sums, terms, ...more] = arithmeticLines(two, { ...VIEW, channel: 1 }, 0, 0);
  assert.equal(sums, "37 + 37 = 74");
  assert.equal(terms, "channel 1 of 2 (green): 1·1 + 2·2 + 4·3 + 5·4 = 37");
  assert.deepEqual(more, []);
});

test("an output says what its window reads, padding by its name", () => {
  const words = (of) => describe(of, { panel: "output", cell: [0, 0] }, VIEW);
  assert.equal(words(board), "Output (0, 0) = 37 reads rows 0 to 1; columns 0 to 1.");
  assert.match(words(padded), /rows 0 to 1 and 1 row of padding; columns 0 to 1 and 1 column of/);
});

test("an input pixel says how many outputs read it", () => {
  const words = (cell) => describe(board, { panel: "input", cell, pinned: true }, VIEW);
  assert.equal(words([0, 0]), "Pinned. Input (0, 0) = 1: 1 output reads it.");
  assert.equal(words([1, 1]), "Pinned. Input (1, 1) = 5: 4 outputs read it.");
});

test("the hint names what the boards have", () => {
  assert.match(hint([board], true), /a weight or an output.*double-click a weight or an input/);
  const pool = { weight: null, editable: { kernel: false, input: true } };
  assert.doesNotMatch(hint([pool], true), /weight/);
  assert.match(hint([board, pool], false), /a weight, a cell of the window or an output/);
});

test("boards share one count, and those at their end are named", () => {
  assert.equal(progress([board, board], 1), "step 2 of 4");
  const long = new Board(convolution({ size: 5, kernel: 2, stride: 1, padding: 0 }));
  assert.equal(progress([board, long], 7), "step 8 of 16 (A at the end)");
});
