// Drawing everything of a board that does not move. It draws on either surface of surface.js, and
// has no events.

import { drawCell, everyCell, paneOf } from "./cells.js";
import { behind, NUMBERS_FROM, panelHeight, panelWidth, SHEET } from "./layout.js";
import { format } from "./model.js";

const SMALL = 12,
  CAPTION = 13.5,
  LEGIBLE = 12;

/** Draw the lines between the cells of a panel. */
export function grid(surface, p, theme) {
  if (p.cell < 7) return;
  const lines = [];
  for (let r = 0; r <= p.rows; r++)
    lines.push([p.x, p.y + r * p.cell], [p.x + panelWidth(p), p.y + r * p.cell]);
  for (let c = 0; c <= p.cols; c++)
    lines.push([p.x + c * p.cell, p.y], [p.x + c * p.cell, p.y + panelHeight(p)]);
  surface.line(lines, { stroke: theme.line, width: 1 });
}

export function frame(surface, p, color, width = 2) {
  surface.rect(p.x, p.y, panelWidth(p), panelHeight(p), { stroke: color, width });
}

/** Draw the edges of further planes behind the one that is shown, downwards to the right. */
function sheets({ surface, board, p, name, theme }) {
  for (let out = behind(board, name); out > 0; out -= SHEET)
    surface.rect(p.x + out, p.y + out, panelWidth(p), panelHeight(p), {
      fill: theme.panel,
      stroke: theme.muted,
    });
}

/** Draw the caption of a panel above it: the longest that fits. */
function caption({ surface, board, p, name, view, theme }) {
  const y = p.y - p.head + 8,
    captions = board.captionsOf(name, view);
  const fitting = (text) => Math.min(CAPTION, (p.room - 14) / (text.length * 0.53));
  const text = captions.find((each) => fitting(each) >= LEGIBLE) ?? captions.at(-1);
  surface.rect(p.x, y - 5, 9, 9, { fill: theme.meanings[name === "kernel" ? "window" : name] });
  const size = Math.max(LEGIBLE, fitting(text));
  surface.text(text, p.x + 14, y, { size, fill: theme.text, weight: 600 });
}

/** Number the rows and columns of a panel; of an input those that are no padding. */
function indices({ surface, board, p, name, theme }) {
  if (p.cell < NUMBERS_FROM) return;
  const own = (count, source) =>
    name === "input" ? source : Array.from({ length: count }, (_, i) => i);
  const style = { size: SMALL, fill: theme.muted };
  own(p.rows, board.rows.source).forEach((index, row) => {
    if (index < 0) return;
    const y = p.y + (row + 0.5) * p.cell;
    surface.text(String(index), p.x - p.gap, y, { ...style, align: "right" });
  });
  own(p.cols, board.cols.source).forEach((index, col) => {
    if (index < 0) return;
    const x = p.x + (col + 0.5) * p.cell;
    surface.text(String(index), x, p.y - 8, { ...style, align: "center" });
  });
}

/** Draw the color scale of a panel below it and the planes behind it. */
function legend({ surface, board, p, name, theme, scale }) {
  const [low, high] = [format(scale.low), format(scale.high)];
  const room = (text) => 0.6 * SMALL * text.length + 4;
  const wide = Math.min(120, panelWidth(p) - room(low) - room(high)),
    y = p.y + panelHeight(p) + behind(board, name) + 9;
  if (wide < 24) return;
  const x = p.x + room(low);
  for (let i = 0; i < 24; i++) {
    const value = scale.low + ((scale.high - scale.low) * (i + 0.5)) / 24;
    surface.rect(x + (i * wide) / 24, y, wide / 24 + 0.5, 7, { fill: scale.at(value) });
  }
  surface.rect(x, y, wide, 7, { stroke: theme.muted, width: 0.5 });
  const style = { size: SMALL, fill: theme.muted };
  surface.text(low, x - 4, y + 4, { ...style, align: "right" });
  surface.text(high, x + wide + 4, y + 4, style);
}

/** Draw the cells of a panel on the planes behind it. */
function cells(pane) {
  sheets(pane);
  everyCell(pane.p, (row, col) => drawCell(pane, row, col));
  grid(pane.surface, pane.p, pane.theme);
}

function drawInput(pane) {
  const { surface, board, p, theme } = pane;
  cells(pane);
  const [top, left] = [board.rows, board.cols].map((axis) => axis.source.indexOf(0));
  const [bottom, right] = [board.rows, board.cols].map((axis, i) =>
    axis.source.indexOf(board.input.shape[i + 1] - 1),
  );
  surface.rect(
    p.x + left * p.cell,
    p.y + top * p.cell,
    (right - left + 1) * p.cell,
    (bottom - top + 1) * p.cell,
    { stroke: theme.meanings.input, width: 2 },
  );
}

function drawKernel(pane) {
  const { surface, board, p, view, theme } = pane;
  cells(pane);
  frame(surface, p, theme.meanings.window);
  if (board.weightAt(view.filter, view.channel, 0, 0) === null)
    word(surface, p, WINDOW_WORDS[board.reduce], theme);
}

/** The word for a window without weights; a filter has none for a channel that it does not read. */
const WINDOW_WORDS = { max: "max", mean: "mean", sum: "not read" };

/** Write one word below a panel, where no mark covers it. */
function word(surface, p, text, theme) {
  const [x, y] = [p.x + panelWidth(p) / 2, p.y + panelHeight(p) + 14];
  surface.text(text, x, y, { size: CAPTION, align: "center", fill: theme.text });
}

function drawOutput(pane) {
  cells(pane);
  frame(pane.surface, pane.p, pane.theme.meanings.output);
}

/** Draw the sign between two panels, as in input ∗ kernel = output, at the kernel's height. */
function sign(surface, text, left, right, y, theme) {
  const x = (left.x + panelWidth(left) + right.x - (right.cell >= NUMBERS_FROM ? 6 : 0)) / 2;
  surface.text(text, x, y, { size: 22, align: "center", fill: theme.muted });
}

/** Write the title of a board above its panels, in a saved picture. */
export function drawTitle(surface, board, place, theme) {
  const size = Math.min(18, place.width / (board.title.length * 0.52));
  surface.text(board.title, place.x, place.y + 12, { size, weight: 600, fill: theme.text });
}

/** Draw everything of a board that does not move. */
export function drawStill(surface, board, place, view, theme, scales) {
  const pane = (name) => paneOf(surface, board, place, name, view, theme, scales);
  const panes = ["input", "kernel", "output"].map(pane),
    [input, kernel, output] = panes;
  drawInput(input);
  drawKernel(kernel);
  drawOutput(output);
  legend(input);
  legend(output);
  panes.forEach(caption);
  panes.forEach(indices);
  const operands = !view.reads && board.readsChannel(view.filter, view.channel);
  if (!operands || !place.inLine) return;
  const y = place.kernel.y + panelHeight(place.kernel) / 2;
  sign(surface, board.weight ? "∗" : "→", place.input, place.kernel, y, theme);
  sign(surface, board.weight ? "=" : "→", place.kernel, place.output, y, theme);
}
