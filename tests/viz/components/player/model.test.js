import assert from "node:assert/strict";
import { test } from "node:test";
import { Board, decode, format } from "../../../../viz/components/player/model.js";
import { convolution, packed } from "./board.js";

const LAYERS = [
  { size: 5, kernel: 3, stride: 1, padding: 0 },
  { size: 6, kernel: 3, stride: 2, padding: 1 },
  { size: 7, kernel: 2, stride: 3, padding: 0 },
];

/** Every output of a board, as (row, column). */
const outputs = (board) => Array.from({ length: board.steps }, (_, step) => board.place(step));

for (const layer of LAYERS) {
  const name = JSON.stringify(layer);
  const board = new Board(convolution(layer));

  test(`the terms of an output add up to it: ${name}`, () => {
    for (const [row, col] of outputs(board)) {
      const sum = board.terms(0, row, col, 0).reduce((total, term) => total + term.product, 0);
      assert.equal(sum, board.outputAt(0, row, col));
    }
  });

  test(`who reads a cell has it in its window: ${name}`, () => {
    for (let row = 0; row < board.gridRows; row++)
      for (let col = 0; col < board.gridCols; col++) {
        const readers = board.readers(row, col);
        assert.equal(readers.length, board.reads(row, col));
        assert.equal(board.isRead(row, col), readers.length > 0);
        for (const reader of readers)
          assert.ok(
            board
              .window(reader.row, reader.col)
              .some(
                (c) =>
                  [c.row, c.col, c.kr, c.kc].join() === [row, col, reader.kr, reader.kc].join(),
              ),
          );
      }
  });

  test(`a window spans its cells and a kernel cell meets one in each: ${name}`, () => {
    for (const [row, col] of outputs(board)) {
      const cells = board.window(row, col);
      const [top, left, bottom, right] = board.span(row, col);
      assert.deepEqual([cells[0].row, cells[0].col], [top, left]);
      assert.deepEqual([cells.at(-1).row + 1, cells.at(-1).col + 1], [bottom, right]);
    }
    assert.equal(board.reach(0, layer.kernel - 1).length, board.steps);
  });
}

test("numbers are read as they were packed", () => {
  const shape = [1, 2, 2];
  assert.deepEqual([...decode(packed(shape, [1.5, -2, 0, 3])).values], [1.5, -2, 0, 3]);
  assert.deepEqual([...decode(packed(shape, [300, -1, 0, 3], "i2")).values], [300, -1, 0, 3]);
  assert.deepEqual(decode(packed(shape, [0, 0, 0, 255], "u1")).shape, shape);
});

test("numbers are short, whole ones in full, with a real minus sign", () => {
  assert.equal(format(-12345), "−12345");
  assert.equal(format(0.123456), "0.123");
  assert.equal(format(-0.5, 1), "−0.5");
  assert.equal(format(Number.NEGATIVE_INFINITY), "−∞");
});
