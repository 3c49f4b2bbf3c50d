// Drawing one board: the still picture once per change, the moving marks once per frame. It draws
// on either surface of surface.js, and has no events.

import { NUMBERS_FROM, panelHeight, panelWidth } from "./layout.js";
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
function sheets(surface, p, count, theme) {
  for (let i = Math.min(count - 1, 3); i > 0; i--)
    surface.rect(p.x + 4 * i, p.y - 4 * i, panelWidth(p), panelHeight(p), {
      fill: theme.panel,
      stroke: theme.muted,
    });
}

function caption(surface, p, text, color, theme, limit) {
  surface.rect(p.x, p.y - 19, 9, 9, { fill: color });
  const size = Math.max(9, Math.min(13, (limit - 14) / (text.length * 0.53)));
  surface.text(text, p.x + 14, p.y - 14, { size, fill: theme.text, weight: 600 });
}

function legend(surface, p, scale, theme) {
  const wide = Math.min(120, panelWidth(p) - 60),
    y = p.y + panelHeight(p) + 8;
  if (wide < 24) return;
  const x = p.x + 26;
  for (let i = 0; i < 24; i++) {
    const value = scale.low + ((scale.high - scale.low) * (i + 0.5)) / 24;
    surface.rect(x + (i * wide) / 24, y, wide / 24 + 0.5, 7, { fill: scale.at(value).fill });
  }
  surface.rect(x, y, wide, 7, { stroke: theme.muted, width: 0.5 });
  surface.text(format(scale.low), x - 4, y + 4, { size: 10.5, align: "right", fill: theme.muted });
  surface.text(format(scale.high), x + wide + 4, y + 4, { size: 10.5, fill: theme.muted });
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
function countCell(surface, board, p, row, col, theme, size) {
  const count = board.counted === "output" ? board.writes(row, col) : board.reads(row, col);
  fillCell(surface, p, row, col, theme.background);
  fillCell(surface, p, row, col, theme.meanings.window, (0.85 * count) / board.mostCounted);
  if (board.counted === "input" && !board.isRead(row, col))
    hatch(surface, p, row, col, theme.meanings.unread);
  number(surface, String(count), p, row, col, size, { fill: theme.text, weight: 600 });
}

/** Draw the color scale of the counts. */
function countLegend(surface, p, most, theme) {
  const wide = Math.min(120, panelWidth(p) - 60),
    x = p.x + 26,
    y = p.y + panelHeight(p) + 8;
  if (wide < 24) return;
  const steps = Math.min(most + 1, 24);
  for (let i = 0; i < steps; i++) {
    const place = [x + (i * wide) / steps, y, wide / steps, 7];
    surface.rect(...place, { fill: theme.background });
    surface.rect(...place, {
      fill: theme.meanings.window,
      alpha: (0.85 * i) / Math.max(1, steps - 1),
    });
  }
  surface.rect(x, y, wide, 7, { stroke: theme.muted, width: 0.5 });
  surface.text("0", x - 4, y + 4, { size: 10.5, align: "right", fill: theme.muted });
  surface.text(String(most), x + wide + 4, y + 4, { size: 10.5, fill: theme.muted });
}

/** Whether a panel shows counts in place of its values. */
const showsCounts = (board, view, name) => view.reads && board.counted === name;

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
  sheets(surface, p, board.input.shape[0], theme);
  surface.rect(p.x, p.y, panelWidth(p), panelHeight(p), { fill: theme.background });
  const counts = showsCounts(board, view, "input");
  const size = numberSize(p, counts ? 2 : board.longest("input", view.channel));
  everyCell(p, (row, col) =>
    counts
      ? countCell(surface, board, p, row, col, theme, size)
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
  sheets(surface, p, board.weight ? board.weight.shape[1] : 1, theme);
  surface.rect(p.x, p.y, panelWidth(p), panelHeight(p), { fill: theme.panel });
  const word = { max: "max", mean: "mean", sum: "–" }[board.reduce];
  const weights = [];
  everyCell(p, (row, col) => weights.push(board.weightAt(view.filter, view.channel, row, col)));
  const texts = weights.map((weight) => (weight === null ? word : format(weight))),
    size = numberSize(p, Math.max(...texts.map((t) => t.length)));
  everyCell(p, (row, col) => {
    const weight = weights[row * p.cols + col],
      text = texts[row * p.cols + col];
    if (weight !== null) fillCell(surface, p, row, col, scale.at(weight).fill);
    number(surface, text, p, row, col, size, {
      fill: weight === null ? theme.muted : scale.at(weight).text,
    });
  });
  grid(surface, p, theme);
  frame(surface, p, theme.meanings.window);
}

function drawOutput(surface, board, p, view, theme, scale) {
  sheets(surface, p, board.output.shape[0], theme);
  const size = outputNumbers(board, p, view);
  everyCell(p, (row, col) => outputCell(surface, board, p, row, col, view, theme, scale, size));
  grid(surface, p, theme);
  frame(surface, p, theme.meanings.output);
}

const outputNumbers = (board, p, view) =>
  numberSize(p, showsCounts(board, view, "output") ? 2 : board.longest("output", view.filter));

function outputCell(surface, board, p, row, col, view, theme, scale, size) {
  if (showsCounts(board, view, "output")) {
    countCell(surface, board, p, row, col, theme, size);
    return;
  }
  const value = board.outputAt(view.filter, row, col);
  fillCell(surface, p, row, col, scale.at(value).fill);
  number(surface, format(value), p, row, col, size, { fill: scale.at(value).text });
}

/** Draw the sign between two panels, as in input ∗ kernel = output. */
function sign(surface, text, left, right, theme, narrow) {
  if (narrow || !left || !right) return;
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
  drawInput(surface, board, input, view, theme, scales.input);
  const room = (from, to) =>
    to && !place.narrow ? to.x - from.x - 6 : place.x + place.width - from.x;
  const named = (name) =>
    showsCounts(board, view, name) ? board.captions.counts : board.captions[name];
  const explain = (panel, name) =>
    showsCounts(board, view, name)
      ? countLegend(surface, panel, board.mostCounted, theme)
      : legend(surface, panel, scales[name], theme);
  caption(
    surface,
    input,
    named("input"),
    theme.meanings.input,
    theme,
    room(input, kernel ?? output),
  );
  explain(input, "input");
  if (kernel) {
    drawKernel(surface, board, kernel, view, theme, scales.weight);
    caption(
      surface,
      kernel,
      board.captions.kernel,
      theme.meanings.window,
      theme,
      place.narrow ? output.x - kernel.x : room(kernel, output),
    );
  }
  drawOutput(surface, board, output, view, theme, scales.output);
  caption(
    surface,
    output,
    named("output"),
    theme.meanings.output,
    theme,
    place.x + place.width - output.x,
  );
  explain(output, "output");
  if (view.reads) return; // counts are no operands
  sign(surface, board.weight && kernel ? "∗" : "→", input, kernel ?? output, theme, place.narrow);
  sign(surface, board.weight ? "=" : "→", kernel, output, theme, place.narrow);
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
    scales.output,
    outputNumbers(board, output, view),
  );
  ring(surface, output, row, col, theme.meanings.window, 3.5);
  if (focus.term) {
    ring(surface, input, focus.term.row, focus.term.col, theme.meanings.pinned);
    if (kernel) ring(surface, kernel, focus.term.kr, focus.term.kc, theme.meanings.pinned);
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
  const size = outputNumbers(board, output, view);
  for (const reader of board.readers(...focus.cell)) {
    outputCell(surface, board, output, reader.row, reader.col, view, theme, scales.output, size);
    ring(surface, output, reader.row, reader.col, theme.meanings.window, 3);
    const weight = board.weightAt(view.filter, view.channel, reader.kr, reader.kc);
    if (weight !== null && !view.reads)
      corner(surface, `×${format(weight, 2)}`, output, reader.row, reader.col, theme);
    else if (!view.reads && board.wins(view.filter, [reader.row, reader.col], ...reader.from))
      corner(surface, "max", output, reader.row, reader.col, theme);
    if (kernel) ring(surface, kernel, reader.kr, reader.kc, theme.meanings.pinned, 2.5);
  }
}

/** Draw the input cells that the focused kernel cell reads during the sweep. */
function drawReach(surface, board, place, focus, theme) {
  for (const [row, col] of board.reach(...focus.cell)) {
    surface.rect(...cellBox(place.input, row, col), { fill: theme.meanings.window, alpha: 0.45 });
    if (place.input.cell > 8) ring(surface, place.input, row, col, theme.meanings.window, 1.5);
  }
  if (place.kernel) ring(surface, place.kernel, ...focus.cell, theme.meanings.pinned);
}

/**
 * Draw everything of a board that moves: the sweep's progress and the focused cell.
 * @param {{panel: "input"|"kernel"|"output", cell: [number, number], pinned: boolean}} focus
 */
export function drawMoving(surface, board, place, focus, step, view, theme, scales) {
  const later = step < board.steps - 1 && !showsCounts(board, view, "output");
  if (later && focus.panel !== "input") cover(surface, board, place.output, step, theme);
  if (focus.panel === "output") drawWindow(surface, board, place, focus, view, theme, scales);
  else if (focus.panel === "input") drawReaders(surface, board, place, focus, view, theme, scales);
  else drawReach(surface, board, place, focus, theme);
}
