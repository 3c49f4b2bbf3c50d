import assert from "node:assert/strict";
import { test } from "node:test";
import {
  byKey,
  destination,
  keyOf,
  landing,
  linesOf,
  pathOf,
  within,
  wordsOf,
} from "../../../../viz/components/layer_table/model.js";

const row = (path, branches = [], kind = "conv") => ({
  path,
  kind,
  text: kind,
  whole: "",
  branches,
  of: 3,
  cells: [],
});
// conv, residual[conv, conv], conv
const TABLE = byKey([
  row([0]),
  row(
    [1],
    [
      ["main", 2],
      ["shortcut", 0],
    ],
    "residual",
  ),
  row([1, 0, 0]),
  row([1, 0, 1]),
  row([2]),
]);

test("lines stand in reading order, a branch has one of its own, a folded block is short", () => {
  const keys = (folded) =>
    linesOf(TABLE, new Set(folded)).map((line) => keyOf(line.branch ?? line.row.path));
  assert.deepEqual(keys([]), ["0", "1", "1.0", "1.0.0", "1.0.1", "1.1", "2"]);
  assert.deepEqual(keys(["1"]), ["0", "1", "2"]);
});

test("keys and paths are each other's inverse", () => {
  for (const path of [[0], [1, 0, 12]]) assert.deepEqual(pathOf(keyOf(path)), path);
  assert.ok(within([1, 0, 1], [1]));
  assert.ok(!within([2], [1]));
});

test("a row moves past its neighbors, into a block and out of it", () => {
  assert.deepEqual(destination(TABLE, [0], 1, false), [1]);
  assert.deepEqual(destination(TABLE, [0], 1, true), [0, 0, 0]);
  assert.deepEqual(destination(TABLE, [1, 0, 0], 1, false), [1, 0, 1]);
  assert.equal(destination(TABLE, [0], -1, false), null);
});

test("a dragged row lands nowhere inside of itself, nor where it stands", () => {
  assert.equal(landing([1], [1, 0, 0]), null);
  assert.equal(landing([1], [1]), null);
  assert.equal(landing([1], [2]), null);
  assert.deepEqual(landing([0], [3]), [2]);
  assert.deepEqual(landing([2], [0]), [0]);
});

test("a place in words names its branch", () => {
  assert.equal(wordsOf(TABLE, [2]), "layer 2");
  assert.equal(wordsOf(TABLE, [1, 0, 1]), "layer 1, main 1");
});
