import assert from "node:assert/strict";
import { test } from "node:test";
import { numberSize } from "../../../../viz/components/player/cells.js";
import {
  behind,
  cellAt,
  layout,
  panelHeight,
  panelWidth,
  stageHeight,
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

/** The area of a panel with its caption and numbers above and on its left, and the planes behind it. */
const area = (board, name, p) => ({
  left: p.x - (p.cell >= 22 ? 12 : 0),
  top: p.y - p.head,
  right: p.x + panelWidth(p) + behind(board, name),
  bottom: p.y + panelHeight(p) + behind(board, name),
});
const apart = (one, other) =>
  one.right <= other.left ||
  other.right <= one.left ||
  one.bottom <= other.top ||
  other.bottom <= one.top;

test("planes behind a panel cross no caption, in any arrangement", () => {
  const deep = { ...BOARDS[0], depths: { input: 4, kernel: 2, output: 4 } };
  for (const width of WIDTHS)
    for (const boards of [[deep], [deep, deep]])
      for (const place of layout(boards, width, 500).places) {
        const areas = ["input", "kernel", "output"].map((name) => area(deep, name, place[name]));
        for (const [i, one] of areas.entries())
          for (const other of areas.slice(i + 1)) assert.ok(apart(one, other), `at ${width}`);
        for (const { right } of areas) assert.ok(right <= place.x + place.width + 1);
      }
});

test("a board starts where its title does", () => {
  for (const width of WIDTHS)
    for (const place of layout([BOARDS[0], BOARDS[0]], width, 500).places)
      assert.ok(place.input.x - place.x <= 20, `${place.input.x - place.x} at ${width}`);
});

test("two boards stand beside each other, with cells that show it", () => {
  const padded = { ...BOARDS[0], gridRows: 10, gridCols: 10 };
  const [a, b] = layout([padded, padded], 1111, stageHeight([padded, padded], 900)).places;
  assert.equal(a.y, b.y);
  assert.ok(a.input.cell >= 36 && b.input.cell === a.input.cell, `${a.input.cell}`);
  assert.equal(layout([padded, padded], 600, 500).places[1].x, 0, "on a phone below");
});

test("on a phone the cells use the width", () => {
  const padded = { ...BOARDS[0], gridRows: 10, gridCols: 10 };
  const cell = (width) => layout([padded], width, 300).places[0].input.cell;
  assert.ok(cell(369) >= 36 && cell(299) >= 29, `${cell(369)} and ${cell(299)}`);
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

test("presented, the rows of a single board take 0.6 of the window's height, digits 2.5 %", () => {
  for (const [width, height, zoom] of [
    [1232, 720, 1.25],
    [1868, 1080, 1.65],
  ])
    for (let rows = 3; rows <= 12; rows++) {
      const sides = { gridRows: rows, gridCols: rows, kernelRows: 3, kernelCols: 3 };
      const board = { depths: FLAT, ...sides, outRows: rows - 2, outCols: rows - 2 };
      const plan = layout([board], width / zoom, stageHeight([board], height / zoom, zoom), {
        zoom,
      });
      const share = (panelHeight(plan.places[0].input) * zoom) / height;
      assert.ok(share >= 0.6, `${rows} rows take ${share}`);
      assert.ok(plan.height * zoom <= 0.75 * height, `${rows} rows need ${plan.height}`);
      const digits = numberSize(plan.places[0].input.cell, 3, zoom) * zoom;
      assert.ok(digits >= 0.025 * height, `digits of ${digits} px in ${rows} rows`);
    }
});
