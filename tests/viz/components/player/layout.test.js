import assert from "node:assert/strict";
import { test } from "node:test";
import {
  behind,
  cellAt,
  layout,
  panelHeight,
  panelWidth,
} from "../../../../viz/components/player/layout.js";

const FLAT = { input: 1, kernel: 1, output: 1 };
const BOARDS = [
  { depths: FLAT, gridRows: 8, gridCols: 8, outRows: 4, outCols: 4, kernelRows: 3, kernelCols: 3 },
  {
    depths: FLAT,
    gridRows: 64,
    gridCols: 64,
    outRows: 64,
    outCols: 64,
    kernelRows: 11,
    kernelCols: 11,
  },
  {
    depths: FLAT,
    gridRows: 3,
    gridCols: 40,
    outRows: 1,
    outCols: 20,
    kernelRows: 1,
    kernelCols: 5,
  },
];
const WIDTHS = [360, 619, 620, 1000, 1800];

const panels = (place) => [place.input, place.kernel, place.output].filter(Boolean);

for (const board of BOARDS)
  for (const width of WIDTHS)
    test(`${board.gridRows}×${board.gridCols} on ${width} px lies inside and apart`, () => {
      const plan = layout([board], width, 500);
      const [place] = plan.places;
      const drawn = panels(place);
      assert.equal(drawn.length, 3);
      for (const panel of drawn) {
        assert.ok(panel.x >= -1 && panel.x + panelWidth(panel) <= width + 1);
        assert.ok(panel.y >= 0 && panel.y + panelHeight(panel) <= plan.height + 1);
      }
      for (const [i, one] of drawn.entries())
        for (const other of drawn.slice(i + 1))
          assert.ok(
            one.x + panelWidth(one) <= other.x ||
              other.x + panelWidth(other) <= one.x ||
              one.y + panelHeight(one) <= other.y,
          );
    });

test("captions have room between the title and the planes behind a panel", () => {
  const deep = { ...BOARDS[0], depths: { input: 4, kernel: 2, output: 1 } };
  assert.deepEqual(
    ["input", "kernel", "output"].map((name) => behind(deep, name)),
    [12, 4, 0],
  );
  for (const width of WIDTHS) {
    const [place] = layout([deep], width, 500).places;
    for (const name of ["input", "kernel", "output"])
      assert.ok(place[name].y - behind(deep, name) - 22 >= 30, `${name} at ${width}`);
  }
});

test("the cell under a point is the one that is drawn there", () => {
  const panel = { x: 10, y: 20, rows: 3, cols: 4, cell: 8 };
  for (let row = 0; row < 3; row++)
    for (let col = 0; col < 4; col++)
      assert.deepEqual(cellAt(panel, 10 + 8 * col + 4, 20 + 8 * row + 4), [row, col]);
  assert.equal(cellAt(panel, 9, 24), null);
  assert.equal(cellAt(panel, 10 + 8 * 4, 24), null);
});

test("four boards stand in two columns, and on a phone below each other", () => {
  const boards = Array(4).fill(BOARDS[0]);
  const left = (width) => new Set(layout(boards, width, 900).places.map((place) => place.x)).size;
  assert.equal(left(1200), 2);
  assert.equal(left(400), 1);
  for (const width of WIDTHS)
    for (const place of layout(boards, width, 900).places)
      assert.ok(panelWidth(place.kernel) > 0, "each with its kernel");
});
