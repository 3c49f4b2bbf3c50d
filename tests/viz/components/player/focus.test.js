import assert from "node:assert/strict";
import { test } from "node:test";
import { summed } from "../../../../viz/components/player/focus.js";
import { Board } from "../../../../viz/components/player/model.js";
import { boardTables } from "../../../../viz/components/player/table.js";
import { whichSum } from "../../../../viz/components/player/words.js";
import { convolution } from "./board.js";

const board = new Board({
  ...convolution({ size: 6, kernel: 3, stride: 2, padding: 1 }),
  captions: { input: "input 6×6", kernel: "kernel 3×3", output: "output 3×3", counts: "counts" },
  name: "",
});
const VIEW = { channel: 0, filter: 0, reads: false };

test("the sum below a pinned pixel is of an output that reads it, and has its term", () => {
  for (let row = 0; row < board.gridRows; row++)
    for (let col = 0; col < board.gridCols; col++)
      for (let step = 0; step < board.steps; step++) {
        const focus = { panel: "input", cell: [row, col] };
        const what = summed(board, focus, step);
        const readers = board.readers(row, col);
        const terms = board.window(...what.cell);
        for (const tap of what.taps) assert.deepEqual([terms[tap].row, terms[tap].col], [row, col]);
        assert.equal(what.taps.length > 0, readers.length > 0);
        if (!readers.length) assert.match(whichSum(focus, what), /^at this step output/);
        const own = board.place(step).join();
        if (readers.some((each) => [each.row, each.col].join() === own))
          assert.equal(what.cell.join(), own);
      }
});

test("a sum names its output, and says why when another cell is in focus", () => {
  const words = (panel, cell) => {
    const focus = { panel, cell };
    return whichSum(focus, summed(board, focus, 4));
  };
  assert.equal(words("output", [0, 2]), "output (0, 2) =");
  assert.equal(words("kernel", [0, 2]), "at this step output (1, 1) =");
  assert.equal(
    words("input", [2, 2]),
    "one of these 4: output (1, 1) =".replace("4", board.reads(2, 2)),
  );
});

test("the tables hold every value, with words for padding", () => {
  const html = boardTables(board, VIEW);
  const cells = [...html.matchAll(/<td>([^<]+)<\/td>/g)].map(([, text]) => text);
  assert.equal(cells.length, 8 * 8 + 9 + 9);
  assert.equal(cells.at(-1), String(board.outputAt(0, 2, 2)).replace("-", "−"));
  assert.equal(html.match(/<caption>/g).length, 3);
  assert.match(html, /<th scope="row">padding<\/th>/);
  assert.match(html, /<th scope="col">column 5<\/th>/);
  const large = new Board(convolution({ size: 20, kernel: 3, stride: 1, padding: 0 }));
  assert.equal(boardTables(large, VIEW), "");
});
