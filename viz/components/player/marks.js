// Drawing everything of a board that moves: the sweep's progress, and what the focused cell is
// connected to. A mark has a line in black or white beside its color, so that it is seen on any
// ground and in grey.

import { cellBox, drawCell, groundOf, paneOf } from "./cells.js";
import { inkOn } from "./color.js";
import { frame, grid } from "./draw.js";
import { panelHeight, panelWidth } from "./layout.js";
import { format } from "./model.js";

const BADGE = 12,
  BADGES_FROM = 32;

/** Hide the outputs after `step`, which are not computed yet. */
function cover({ surface, board, p, theme }, step) {
  const [row, col] = board.place(step),
    size = p.cell;
  const hide = (x, y, w, h) => {
    if (w <= 0 || h <= 0) return;
    surface.rect(x, y, w, h, { fill: theme.background });
    surface.rect(x, y, w, h, { fill: theme.pending });
  };
  hide(p.x + (col + 1) * size, p.y + row * size, (p.cols - col - 1) * size, size);
  hide(p.x, p.y + (row + 1) * size, panelWidth(p), panelHeight(p) - (row + 1) * size);
  grid(surface, p, theme);
  frame(surface, p, theme.meanings.output);
}

/** Outline a cell in a color, between two lines that contrast with the cell. */
function ring(pane, row, col, color, width = 3, dash = []) {
  const { surface, p } = pane,
    wide = Math.max(1.5, Math.min(width, p.cell / 9));
  const box = cellBox(p, row, col, p.cell < 30 ? 0 : 1);
  surface.rect(...box, { stroke: inkOn(groundOf(pane, row, col)), width: wide + 2 });
  surface.rect(...box, { stroke: color, width: wide, dash });
}

/** Draw a small text below the number of a cell, which is drawn raised. */
function badge({ surface, p, theme }, row, col, text) {
  const wide = Math.min(p.cell - 2, text.length * BADGE * 0.52 + 4);
  const [x, y] = [p.x + (col + 1) * p.cell - wide - 1, p.y + (row + 1) * p.cell - BADGE - 2];
  surface.rect(x, y, wide, BADGE + 1, { fill: theme.meanings.window });
  surface.text(text, x + wide / 2, y + BADGE / 2 + 0.5, {
    ...{ size: BADGE, align: "center", fill: "#000000", weight: 600, most: wide - 2 },
  });
}

/** Draw a cell again with a badge, if there is room for one. */
function drawBadged(pane, row, col, text, tint = 0) {
  const raised = text !== "" && pane.p.cell * pane.p.zoom >= BADGES_FROM && !pane.view.reads;
  if (raised || tint) drawCell(pane, row, col, { tint, raised, over: true });
  if (raised) badge(pane, row, col, text);
}

/** Draw the window of the focused output. */
function drawWindow(panes, board, focus, view, theme) {
  const { input, kernel, output } = panes,
    [row, col] = focus.cell;
  const [top, left, bottom, right] = board.span(row, col);
  const terms = board.terms(view.filter, row, col, view.channel);
  const reads = board.readsChannel(view.filter, view.channel);
  const spread = terms.length !== (bottom - top) * (right - left);
  for (const term of terms) {
    const text = term.weight !== null && reads ? `×${format(term.weight, 2)}` : "";
    drawBadged(input, term.row, term.col, text, spread ? 0.3 : 0);
    if (term.wins) ring(input, term.row, term.col, theme.meanings.output);
  }
  outline(input, [top, left, bottom, right], reads ? [] : [4, 4]);
  drawCell(output, row, col, { over: true });
  ring(output, row, col, theme.meanings.window, 3.5);
  if (focus.term) {
    ring(input, focus.term.row, focus.term.col, theme.meanings.pinned);
    ring(kernel, focus.term.kr, focus.term.kc, theme.meanings.pinned);
  }
}

/** Outline the window on the input, in its color on a dark line. */
function outline({ surface, p, theme }, [top, left, bottom, right], dash) {
  const box = [
    p.x + left * p.cell,
    p.y + top * p.cell,
    (right - left) * p.cell,
    (bottom - top) * p.cell,
  ];
  const width = p.cell > 10 ? 3.5 : 2.5;
  surface.rect(...box, { stroke: "#000000", width: width + 1.5 });
  surface.rect(...box, { stroke: theme.meanings.window, width, dash });
}

/** Draw the outputs that read the focused input cell. */
function drawReaders({ input, kernel, output }, board, focus, view, theme) {
  board
    .copies(...focus.cell)
    .forEach(([r, c], i) => ring(input, r, c, theme.meanings.pinned, 3, i ? [3, 2] : []));
  ring(input, ...focus.cell, theme.meanings.pinned);
  for (const reader of board.readers(...focus.cell)) {
    const weight = board.weightAt(view.filter, view.channel, reader.kr, reader.kc);
    const wins = board.wins(view.filter, [reader.row, reader.col], ...reader.from);
    const text = weight !== null ? `×${format(weight, 2)}` : wins ? "max" : "";
    drawBadged(output, reader.row, reader.col, text);
    ring(output, reader.row, reader.col, theme.meanings.window);
    ring(kernel, reader.kr, reader.kc, theme.meanings.pinned, 2.5);
  }
}

/** Draw the input cells that the focused kernel cell reads during the sweep. */
function drawReach({ input, kernel }, board, focus, theme) {
  for (const [row, col] of board.reach(...focus.cell)) {
    drawCell(input, row, col, { tint: 0.45, over: true });
    if (input.p.cell > 8) ring(input, row, col, theme.meanings.window, 1.5);
  }
  ring(kernel, ...focus.cell, theme.meanings.pinned);
}

/**
 * Draw everything of a board that moves: the sweep's progress and the focused cell.
 * @param {{panel: "input"|"kernel"|"output", cell: [number, number], pinned: boolean}} focus
 */
export function drawMoving(surface, board, place, focus, step, view, theme, scales) {
  const pane = (name) => paneOf(surface, board, place, name, view, theme, scales);
  const panes = { input: pane("input"), kernel: pane("kernel"), output: pane("output") };
  const later = step < board.steps - 1 && !panes.output.counts;
  if (later && focus.panel !== "input") cover(panes.output, step);
  if (focus.panel === "output") drawWindow(panes, board, focus, view, theme);
  else if (focus.panel === "input") drawReaders(panes, board, focus, view, theme);
  else drawReach(panes, board, focus, theme);
}
