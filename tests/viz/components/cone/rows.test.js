import assert from "node:assert/strict";
import { test } from "node:test";
import {
  drawnRows,
  isTop,
  pathTo,
  pathToLine,
  rowsOf,
} from "../../../../viz/components/cone/rows.js";

const folded = (label, rows) => ({ label, text: "", layers: 1, strided: false, rows });
const lines = Array.from({ length: 8 }, (_, i) => ({
  label: `${i}`,
  short_text: "",
  strided: false,
}));
const rows = rowsOf([0, folded("run", [folded("a", [1, 2]), folded("b", [3, 4, 5])]), 6, 7], lines);
const drawn = (open) => drawnRows(rows, open).map(({ row }) => row.line);
const [, run] = rows;
const [a, b] = run.rows;

test("rows are drawn as their last line and hold all of theirs", () => {
  assert.deepEqual(drawn([]), [0, 5, 6, 7]);
  assert.deepEqual([run.lines, b.lines, rows[2].lines], [[1, 2, 3, 4, 5], [3, 4, 5], [6]]);
});

test("rows unfold one after the other", () => {
  assert.deepEqual(drawn([run]), [0, 2, 5, 6, 7]);
  assert.deepEqual(drawn([run, a]), [0, 1, 2, 5, 6, 7]);
  const entries = drawnRows(rows, [run, b]);
  assert.deepEqual(
    entries.map(({ depth }) => depth),
    [0, 1, 2, 2, 2, 0, 0],
  );
  assert.deepEqual(
    entries.filter(isTop).map(({ row }) => row.line),
    [5],
  );
});

test("a path leads to every line, so that it is drawn", () => {
  for (let line = 0; line < lines.length; line += 1)
    assert.ok(drawn(pathToLine(rows, line)).includes(line));
  assert.deepEqual(pathToLine(rows, 5), [], "the line by which a row is drawn needs none");
  assert.deepEqual(pathTo(rows, b), [run]);
  assert.deepEqual(pathTo(rows, run), []);
});
