// One cell of a panel: its color, its number, and how it looks beneath a mark.

import { inkOn, mixed } from "./color.js";
import { NUMBERS_FROM } from "./layout.js";
import { format } from "./model.js";

const SMALLEST = 12,
  LARGEST = 18,
  DIGIT = 0.5,
  SQUEEZED = 0.8;

/** A cell's corner and sides; `inset` makes it smaller on each side. */
export const cellBox = (p, row, col, inset = 0) => [
  p.x + col * p.cell + inset,
  p.y + row * p.cell + inset,
  p.cell - 2 * inset,
  p.cell - 2 * inset,
];

/** Width that a number may have in a cell, inside the lines of a mark. */
const roomIn = (cell) => cell - Math.max(2, 0.3 * cell - 5);

/**
 * Font size for numbers of at most `longest` characters; 0 if no legible one fits a cell. On a wall,
 * where a zoom enlarges the board, they take more of the cell.
 */
export function numberSize(cell, longest, zoom = 1) {
  const wide = longest * DIGIT,
    room = roomIn(cell),
    share = zoom > 1 ? 0.5 : 0.42;
  const largest = Math.max(LARGEST, cell * 0.36);
  const size = Math.min(largest, Math.max(SMALLEST, cell * share), room / wide);
  if (cell < NUMBERS_FROM || room < SQUEEZED * SMALLEST * wide) return 0;
  return Math.max(SMALLEST, size);
}

/**
 * One panel of a board with everything that decides how its cells look.
 * @typedef {{surface: any, board: any, p: any, name: string, view: any, theme: any, scale: any,
 *            counts: boolean, size: number}} Pane
 * @returns {Pane}
 */
export function paneOf(surface, board, place, name, view, theme, scales) {
  const p = place[name],
    counts = board.showsCounts(name, view);
  const scale = counts ? scales.counts : scales[name === "kernel" ? "weight" : name];
  const size = numberSize(p.cell, counts ? 2 : board.longest(name, view), p.zoom);
  return { surface, board, p, name, view, theme, scale, counts, size };
}

/**
 * The color and the text of a cell, its dashes if it is no input, and whether it is unread.
 * @returns {{fill: string, text: string, weight?: number, alpha?: number, dash?: number[], unread?: boolean}}
 */
function faceOf({ board, name, view, theme, scale, counts }, row, col) {
  const unread = name === "input" && !board.isRead(row, col);
  if (counts) {
    const count = name === "output" ? board.writes(row, col) : board.reads(row, col);
    return { fill: scale.at(count), text: String(count), weight: 600, unread };
  }
  if (name === "input") return inputFace(board, row, col, view, theme, scale, unread);
  const value =
    name === "output"
      ? board.outputAt(view.filter, row, col)
      : board.weightAt(view.filter, view.channel, row, col);
  return value === null
    ? { fill: theme.panel, text: "" }
    : { fill: scale.at(value), text: format(value) };
}

function inputFace(board, row, col, view, theme, scale, unread) {
  const kind = board.kind(row, col),
    value = board.value(view.channel, row, col);
  if (kind === "input") return { fill: scale.at(value), text: format(value), unread };
  if (kind === "outside") return { fill: theme.background, text: "", dash: [1, 3] };
  const copied = board.rows.values[row] >= 0 && board.cols.values[col] >= 0;
  const fill = copied ? mixed(theme.panel, scale.at(value), 0.35) : theme.panel;
  return {
    ...{ fill, text: format(value), alpha: copied ? 1 : 0.75 },
    ...{ dash: [3, 2], unread: unread && !board.transposed },
  };
}

/** The color of a cell, on which a mark is drawn. */
export const groundOf = (pane, row, col) => faceOf(pane, row, col).fill;

/**
 * Draw a cell with its number.
 * @param {Pane} pane
 * @param {number} row @param {number} col
 * @param {{tint?: number, raised?: boolean, over?: boolean}} [mark] `tint` is the opacity of the
 * window's color over the cell, below the number; a `raised` number leaves room below it; `over` if
 * the cell is drawn again, inside the lines of the grid
 */
export function drawCell(pane, row, col, mark = {}) {
  const { tint = 0, raised = false, over = false } = mark;
  const { surface, p, theme, size } = pane,
    face = faceOf(pane, row, col);
  const fill = tint ? mixed(face.fill, theme.meanings.window, tint) : face.fill;
  fillCell(surface, p, row, col, fill, over && p.cell >= 7 ? 0.5 : 0);
  if (face.dash && p.cell >= 7)
    surface.rect(...cellBox(p, row, col, 1.5), { stroke: theme.meanings.padding, dash: face.dash });
  if (face.unread) hatch(surface, p, row, col, theme.meanings.unread);
  if (!size || !face.text) return;
  const small = raised ? Math.min(size, Math.max(SMALLEST, p.cell * 0.36)) : size;
  const y = raised ? Math.max(small * 0.62, p.cell * 0.3) : p.cell / 2;
  surface.text(face.text, p.x + (col + 0.5) * p.cell, p.y + row * p.cell + y, {
    size: small,
    align: "center",
    fill: inkOn(fill),
    weight: face.weight,
    alpha: tint ? 1 : face.alpha,
    most: roomIn(p.cell),
    halo: face.unread ? fill : undefined,
  });
}

/** Fill a cell; cells whose side is not an integer overlap, so that no seams are visible. */
function fillCell(surface, p, row, col, fill, inset) {
  const [x, y, side] = cellBox(p, row, col, inset),
    overlap = Number.isInteger(p.cell) ? 0 : 0.4;
  surface.rect(x, y, side + overlap, side + overlap, { fill });
}

/** Hatch one cell, so that its meaning does not depend on color alone. */
function hatch(surface, p, row, col, color) {
  const [x, y, s] = cellBox(p, row, col);
  const points = [
    [x, y + s],
    [x + s, y],
  ];
  if (s >= 12) points.push([x, y + s / 2], [x + s / 2, y], [x + s / 2, y + s], [x + s, y + s / 2]);
  surface.line(points, { stroke: color, width: Math.max(1, Math.min(2.5, s / 10)) });
}

export const everyCell = (p, act) => {
  for (let row = 0; row < p.rows; row++) for (let col = 0; col < p.cols; col++) act(row, col);
};
