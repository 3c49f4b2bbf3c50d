import assert from "node:assert/strict";
import { test } from "node:test";
import { Board } from "../../../../viz/components/player/model.js";
import { arithmeticText, describe, progress } from "../../../../viz/components/player/words.js";
import { convolution } from "./board.js";

const board = new Board(convolution({ size: 3, kernel: 2, stride: 1, padding: 0 }));
const padded = new Board(convolution({ size: 3, kernel: 3, stride: 2, padding: 1 }));
const VIEW = { channel: 0, filter: 0, reads: false };

test("a sum on one line has a term for each weight and its total", () => {
  assert.equal(arithmeticText(board, 0, 0, 0), "1·1 + 2·2 + 4·3 + 5·4 = 37");
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

test("boards that are as long share one count", () => {
  assert.equal(progress([board, board], 1), "step 2 of 4");
  const long = new Board(convolution({ size: 5, kernel: 2, stride: 1, padding: 0 }));
  assert.equal(progress([board, long], 7), "step A 4/4 · A 8/16");
});
