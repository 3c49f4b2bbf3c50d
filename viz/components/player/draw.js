// Drawing one board: the still picture once per change, the moving marks once per frame. It draws
// on either surface of surface.js, and has no events.

import { behind, NUMBERS_FROM, panelHeight, panelWidth, SHEET } from "./layout.js";
import { format } from "./model.js";

const cellBox = (p, row, col, inset = 0) => [
  p.x + col * p.cell + inset,
  p.y + row * p.cell + inset,
  p.cell - 2 * inset,
  p.cell - 2 * inset,
];

/** Font size at which `longest` characters fit a cell; 0 if they would be illegible. */
function numberSize(p, longest) {
  const size = Math.min(p.cell * 0.42, 18, (p.cell * 0.9) / (longest * 0.56));
  return p.cell < NUMBERS_FROM || size < 7.5 ? 0 : size;
}

function number(surface, text, p, row, col, size, style) {
  if (size)
    surface.text(text, p.x + (col + 0.5) * p.cell, p.y + (row + 0.5) * p.cell, {
      size,
      align: "center",
      ...style,
    });
}

function grid(surface, p, theme) {
  if (p.cell < 7) return;
  const lines = [];
  for (let r = 0; r <= p.rows; r++)
    lines.push([p.x, p.y + r * p.cell], [p.x + panelWidth(p), p.y + r * p.cell]);
  for (let c = 0; c <= p.cols; c++)
    lines.push([p.x + c * p.cell, p.y], [p.x + c * p.cell, p.y + panelHeight(p)]);
  surface.line(lines, { stroke: theme.line, width: 1 });
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

function frame(surface, p, color, width = 2) {
  surface.rect(p.x, p.y, panelWidth(p), panelHeight(p), { stroke: color, width });
}

/** Draw the edges of further planes behind the one that is shown. */
function sheets(surface, board, p, name, theme) {
  for (let out = behind(board, name); out > 0; out -= SHEET)
    surface.rect(p.x + out, p.y - out, panelWidth(p), panelHeight(p), {
      fill: theme.panel,
      stroke: theme.muted,
    });
}

/** Draw the caption of a panel above it and the planes behind it. */
function caption(surface, board, p, name, view, theme, limit) {
  const y = p.y - behind(board, name),
    captions = board.captionsOf(name, view);
  const fitting = (text) => Math.min(13, (limit - 14) / (text.length * 0.53));
  const text = captions.find((each) => fitting(each) >= 12) ?? captions.at(-1);
  const fill = theme.meanings[name === "kernel" ? "window" : name];
  surface.rect(p.x, y - 19, 9, 9, { fill });
  const size = Math.max(9, fitting(text));
  surface.text(text, p.x + 14, y - 14, { size, fill: theme.text, weight: 600 });
}

function legend(surface, p, scale, theme) {
  const size = 12,
    [low, high] = [format(scale.low), format(scale.high)];
  const room = (text) => 0.6 * size * text.length + 4;
  const wide = Math.min(120, panelWidth(p) - room(low) - room(high)),
    y = p.y + panelHeight(p) + 8;
  if (wide < 24) return;
  const x = p.x + room(low);
  for (let i = 0; i < 24; i++) {
    const value = scale.low + ((scale.high - scale.low) * (i + 0.5)) / 24;
    surface.rect(x + (i * wide) / 24, y, wide / 24 + 0.5, 7, { fill: scale.at(value).fill });
  }
  surface.rect(x, y, wide, 7, { stroke: theme.muted, width: 0.5 });
  surface.text(low, x - 4, y + 4, { size, align: "right", fill: theme.muted });
  surface.text(high, x + wide + 4, y + 4, { size, fill: theme.muted });
}

function drawInputCell(surface, board, p, row, col, view, theme, scale, size) {
  const kind = board.kind(row, col),
    real = kind === "input";
  const value = board.value(view.channel, row, col);
  const copied = !real && board.rows.values[row] >= 0 && board.cols.values[col] >= 0;
  if (real) fillCell(surface, p, row, col, scale.at(value).fill);
  else fillCell(surface, p, row, col, kind === "outside" ? theme.background : theme.panel);
  if (copied) fillCell(surface, p, row, col, scale.at(value).fill, 0.35);
  if (!real && p.cell >= 7)
    surface.rect(...cellBox(p, row, col, 1.5), {
      stroke: theme.meanings.padding,
      dash: kind === "outside" ? [1, 3] : [3, 2],
    });
  if (!board.isRead(row, col) && kind !== "outside" && (real || !board.transposed))
    hatch(surface, p, row, col, theme.meanings.unread);
  if (kind !== "outside")
    number(
      surface,
      format(value),
      p,
      row,
      col,
      size,
      real ? { fill: scale.at(value).text } : { fill: theme.text, alpha: 0.75 },
    );
}

/** Draw a count in place of a value: windows that read a cell, or inputs that an output sums. */
function countCell(surface, board, p, row, col, theme, scale, size) {
  const count = board.counted === "output" ? board.writes(row, col) : board.reads(row, col);
  const { fill, text } = scale.at(count);
  fillCell(surface, p, row, col, fill);
  if (board.counted === "input" && !board.isRead(row, col))
    hatch(surface, p, row, col, theme.meanings.unread);
  number(surface, String(count), p, row, col, size, { fill: text, weight: 600 });
}

/** The scale of the values or the counts that a panel shows. */
const scaleOf = (board, name, view, scales) =>
  board.showsCounts(name, view) ? scales.counts : scales[name];

/** Fill a cell; cells whose side is not an integer overlap, so that no seams are visible. */
function fillCell(surface, p, row, col, fill, alpha = 1) {
  const [x, y, side] = cellBox(p, row, col),
    overlap = Number.isInteger(p.cell) ? 0 : 0.4;
  surface.rect(x, y, side + overlap, side + overlap, { fill, alpha });
}

const everyCell = (p, act) => {
  for (let row = 0; row < p.rows; row++) for (let col = 0; col < p.cols; col++) act(row, col);
};

function drawInput(surface, board, p, view, theme, scale) {
  sheets(surface, board, p, "input", theme);
  surface.rect(p.x, p.y, panelWidth(p), panelHeight(p), { fill: theme.background });
  const counts = board.showsCounts("input", view);
  const size = numberSize(p, counts ? 2 : board.longest("input", view.channel));
  everyCell(p, (row, col) =>
    counts
      ? countCell(surface, board, p, row, col, theme, scale, size)
      : drawInputCell(surface, board, p, row, col, view, theme, scale, size),
  );
  grid(surface, p, theme);
  const first = [board.rows.source.indexOf(0), board.cols.source.indexOf(0)];
  const last = [
    board.rows.source.indexOf(board.input.shape[1] - 1),
    board.cols.source.indexOf(board.input.shape[2] - 1),
  ];
  surface.rect(
    p.x + first[1] * p.cell,
    p.y + first[0] * p.cell,
    (last[1] - first[1] + 1) * p.cell,
    (last[0] - first[0] + 1) * p.cell,
    { stroke: theme.meanings.input, width: 2 },
  );
}

function drawKernel(surface, board, p, view, theme, scale) {
  sheets(surface, board, p, "kernel", theme);
  surface.rect(p.x, p.y, panelWidth(p), panelHeight(p), { fill: theme.panel });
  const weights = [];
  everyCell(p, (row, col) => weights.push(board.weightAt(view.filter, view.channel, row, col)));
  const weighted = weights[0] !== null,
    size = weighted && numberSize(p, Math.max(...weights.map((w) => format(w).length)));
  if (weighted)
    everyCell(p, (row, col) => {
      const weight = weights[row * p.cols + col],
        { fill, text } = scale.at(weight);
      fillCell(surface, p, row, col, fill);
      number(surface, format(weight), p, row, col, size, { fill: text });
    });
  grid(surface, p, theme);
  frame(surface, p, theme.meanings.window);
  if (!weighted) word(surface, p, WINDOW_WORDS[board.reduce], theme);
}

/** The word for a window without weights; a filter has none for a channel that it does not read. */
const WINDOW_WORDS = { max: "max", mean: "mean", sum: "not read" };

/** Write one word over the middle of a panel. */
function word(surface, p, text, theme) {
  const size = Math.min(15, panelWidth(p) / (text.length * 0.6), panelHeight(p) * 0.6),
    wide = text.length * size * 0.55;
  const [x, y] = [p.x + panelWidth(p) / 2, p.y + panelHeight(p) / 2];
  surface.rect(x - wide / 2, y - 0.6 * size, wide, 1.2 * size, { fill: theme.panel });
  surface.text(text, x, y, { size, align: "center", fill: theme.text });
}

function drawOutput(surface, board, p, view, theme, scale) {
  sheets(surface, board, p, "output", theme);
  const size = outputNumbers(board, p, view);
  everyCell(p, (row, col) => outputCell(surface, board, p, row, col, view, theme, scale, size));
  grid(surface, p, theme);
  frame(surface, p, theme.meanings.output);
}

const outputNumbers = (board, p, view) =>
  numberSize(p, board.showsCounts("output", view) ? 2 : board.longest("output", view.filter));

function outputCell(surface, board, p, row, col, view, theme, scale, size) {
  if (board.showsCounts("output", view)) {
    countCell(surface, board, p, row, col, theme, scale, size);
    return;
  }
  const value = board.outputAt(view.filter, row, col);
  fillCell(surface, p, row, col, scale.at(value).fill);
  number(surface, format(value), p, row, col, size, { fill: scale.at(value).text });
}

/** Draw the sign between two panels, as in input ∗ kernel = output. */
function sign(surface, text, left, right, theme) {
  const x = (left.x + panelWidth(left) + right.x) / 2,
    y = left.y + panelHeight(left) / 2;
  surface.text(text, x, y, { size: 22, align: "center", fill: theme.muted });
}

/** Draw everything of a board that does not move. */
export function drawStill(surface, board, place, view, theme, scales) {
  const { input, kernel, output } = place;
  surface.text(board.title, ...place.title, {
    size: Math.min(18, place.width / (board.title.length * 0.52)),
    weight: 600,
    fill: theme.text,
  });
  const right = place.x + place.width,
    shown = {
      input: scaleOf(board, "input", view, scales),
      output: scaleOf(board, "output", view, scales),
    };
  drawInput(surface, board, input, view, theme, shown.input);
  drawKernel(surface, board, kernel, view, theme, scales.weight);
  drawOutput(surface, board, output, view, theme, shown.output);
  legend(surface, input, shown.input, theme);
  legend(surface, output, shown.output, theme);
  const captioned = (name, end) =>
    caption(surface, board, place[name], name, view, theme, end - place[name].x);
  captioned("input", place.narrow ? right : kernel.x - 6);
  captioned("kernel", output.x - 6);
  captioned("output", right);
  const operands = !view.reads && board.readsChannel(view.filter, view.channel);
  if (!operands || place.narrow) return;
  sign(surface, board.weight ? "∗" : "→", input, kernel, theme);
  sign(surface, board.weight ? "=" : "→", kernel, output, theme);
}

/** Hide the outputs after `step`, which are not computed yet. */
function cover(surface, board, p, step, theme) {
  const [row, col] = board.place(step),
    size = p.cell;
  const hide = (x, y, w, h) => {
    if (w > 0 && h > 0) surface.rect(x, y, w, h, { fill: theme.panel });
  };
  hide(p.x + (col + 1) * size, p.y + row * size, (p.cols - col - 1) * size, size);
  hide(p.x, p.y + (row + 1) * size, panelWidth(p), (p.rows - row - 1) * size);
  grid(surface, p, theme);
  frame(surface, p, theme.meanings.output);
}

function ring(surface, p, row, col, color, width = 3) {
  surface.rect(...cellBox(p, row, col, Math.min(1, width / 3)), {
    stroke: color,
    width: Math.min(width, Math.max(1.5, p.cell / 3)),
  });
}

/** Draw a small weight in the corner of a cell. */
function corner(surface, text, p, row, col, theme) {
  if (p.cell < 30) return;
  const size = Math.min(11, p.cell * 0.26),
    wide = text.length * size * 0.6 + 4;
  const [x, y] = [p.x + (col + 1) * p.cell - wide - 1, p.y + (row + 1) * p.cell - size - 4];
  surface.rect(x, y, wide, size + 3, { fill: theme.meanings.window });
  surface.text(text, x + wide / 2, y + size / 2 + 1.5, {
    size,
    align: "center",
    fill: "#111111",
    weight: 600,
  });
}

/** Draw the window of the focused output. */
function drawWindow(surface, board, place, focus, view, theme, scales) {
  const { input, kernel, output } = place,
    [row, col] = focus.cell;
  const [top, left, bottom, right] = board.span(row, col);
  const terms = board.terms(view.filter, row, col, view.channel);
  const reads = board.readsChannel(view.filter, view.channel);
  const spread = terms.length !== (bottom - top) * (right - left);
  for (const term of terms) {
    if (spread)
      surface.rect(...cellBox(input, term.row, term.col), {
        fill: theme.meanings.window,
        alpha: 0.3,
      });
    if (term.weight !== null && reads && !view.reads)
      corner(surface, `×${format(term.weight, 2)}`, input, term.row, term.col, theme);
    if (term.wins) ring(surface, input, term.row, term.col, theme.meanings.output);
  }
  surface.rect(
    input.x + left * input.cell,
    input.y + top * input.cell,
    (right - left) * input.cell,
    (bottom - top) * input.cell,
    {
      stroke: theme.meanings.window,
      width: input.cell > 10 ? 3.5 : 2.5,
      dash: reads ? [] : [4, 4],
    },
  );
  outputCell(
    surface,
    board,
    output,
    row,
    col,
    view,
    theme,
    scaleOf(board, "output", view, scales),
    outputNumbers(board, output, view),
  );
  ring(surface, output, row, col, theme.meanings.window, 3.5);
  if (focus.term) {
    ring(surface, input, focus.term.row, focus.term.col, theme.meanings.pinned);
    ring(surface, kernel, focus.term.kr, focus.term.kc, theme.meanings.pinned);
  }
}

/** Draw the outputs that read the focused input cell. */
function drawReaders(surface, board, place, focus, view, theme, scales) {
  const { input, kernel, output } = place;
  board.copies(...focus.cell).forEach(([r, c], i) =>
    surface.rect(...cellBox(input, r, c, 1), {
      stroke: theme.meanings.pinned,
      width: 3,
      dash: i ? [3, 2] : [],
    }),
  );
  ring(surface, input, ...focus.cell, theme.meanings.pinned);
  const size = outputNumbers(board, output, view),
    scale = scaleOf(board, "output", view, scales);
  for (const reader of board.readers(...focus.cell)) {
    outputCell(surface, board, output, reader.row, reader.col, view, theme, scale, size);
    ring(surface, output, reader.row, reader.col, theme.meanings.window, 3);
    const weight = board.weightAt(view.filter, view.channel, reader.kr, reader.kc);
    if (weight !== null && !view.reads)
      corner(surface, `×${format(weight, 2)}`, output, reader.row, reader.col, theme);
    else if (!view.reads && board.wins(view.filter, [reader.row, reader.col], ...reader.from))
      corner(surface, "max", output, reader.row, reader.col, theme);
    ring(surface, kernel, reader.kr, reader.kc, theme.meanings.pinned, 2.5);
  }
}

/** Draw the input cells that the focused kernel cell reads during the sweep. */
function drawReach(surface, board, place, focus, theme) {
  for (const [row, col] of board.reach(...focus.cell)) {
    surface.rect(...cellBox(place.input, row, col), { fill: theme.meanings.window, alpha: 0.45 });
    if (place.input.cell > 8) ring(surface, place.input, row, col, theme.meanings.window, 1.5);
  }
  ring(surface, place.kernel, ...focus.cell, theme.meanings.pinned);
}

/**
 * Draw everything of a board that moves: the sweep's progress and the focused cell.
 * @param {{panel: "input"|"kernel"|"output", cell: [number, number], pinned: boolean}} focus
 */
export function drawMoving(surface, board, place, focus, step, view, theme, scales) {
  const later = step < board.steps - 1 && !board.showsCounts("output", view);
  if (later && focus.panel !== "input") cover(surface, board, place.output, step, theme);
  if (focus.panel === "output") drawWindow(surface, board, place, focus, view, theme, scales);
  else if (focus.panel === "input") drawReaders(surface, board, place, focus, view, theme, scales);
  else drawReach(surface, board, place, focus, theme);
}
