// The positions of all panels, computed from the boards' numbers of cells and the available space.

const TITLE = 30,
  CAPTION = 22,
  LEGEND = 24,
  GAP = 52,
  BIGGEST = 46,
  READABLE = 26,
  NARROW = 620;
export const NUMBERS_FROM = 22;
/** Offset of each plane behind a panel, in pixels, and the largest number of them. */
export const SHEET = 4,
  MOST_SHEETS = 3;

/**
 * Panel: a grid of cells, with its corner and the side of a cell in pixels. Place: the panels of
 * one board.
 * @typedef {{x: number, y: number, rows: number, cols: number, cell: number}} Panel
 * @typedef {{x: number, y: number, width: number, height: number, title: [number, number],
 *            input: Panel, kernel: Panel, output: Panel, narrow: boolean}} Place
 */

export const panelWidth = (p) => p.cols * p.cell;
export const panelHeight = (p) => p.rows * p.cell;

/** Pixels by which the planes behind a panel stand out above it and on its right. */
export const behind = (board, name) => SHEET * Math.min(board.depths[name] - 1, MOST_SHEETS);

/** The height of the captions, and of the planes below them. */
const captionHeight = (board) =>
  CAPTION + Math.max(...Object.keys(board.depths).map((name) => behind(board, name)));

/** The (row, column) of a panel's cell under a point, or null. */
export function cellAt(panel, x, y) {
  const [row, col] = [
    Math.floor((y - panel.y) / panel.cell),
    Math.floor((x - panel.x) / panel.cell),
  ];
  return row >= 0 && col >= 0 && row < panel.rows && col < panel.cols ? [row, col] : null;
}

/** The largest cell side in pixels for which `fits` is true; an integer above 4. */
function largest(fits) {
  for (let cell = BIGGEST; cell > 4; cell--) if (fits(cell)) return cell;
  for (let cell = 4; cell > 0.5; cell -= 0.25) if (fits(cell)) return cell;
  return 0.5;
}

/** The side of kernel cells: that of other cells, or larger if there is room to make them legible. */
function kernelCell(board, cell, width, height) {
  const room = Math.min(width / board.kernelCols, height / board.kernelRows);
  return Math.max(cell, Math.min(READABLE, Math.floor(room)));
}

const panel = (x, y, rows, cols, cell) => ({
  x: Math.round(x),
  y: Math.round(y),
  rows,
  cols,
  cell,
});

/** Place the panels side by side, for wide screens. */
function wide(board, box) {
  const head = TITLE + captionHeight(board),
    height = box.height - head - LEGEND;
  const gap = box.width < NARROW ? GAP / 2 : GAP;
  const kernelOf = (cell) => kernelCell(board, cell, box.width * 0.3, height);
  const edge = behind(board, "output") + 2;
  const needed = (cell) =>
    (board.gridCols + board.outCols) * cell + board.kernelCols * kernelOf(cell) + gap * 2 + edge;
  const cell = largest(
    (c) =>
      needed(c) <= box.width &&
      Math.max(board.gridRows, board.outRows) * c <= height &&
      board.kernelRows * kernelOf(c) <= height,
  );
  const tall = Math.max(
    board.gridRows * cell,
    board.outRows * cell,
    board.kernelRows * kernelOf(cell),
  );
  const top = (rows, c) => box.y + head + (tall - rows * c) / 2;
  let x = box.x + Math.max(0, (box.width - needed(cell)) / 2);
  const input = panel(x, top(board.gridRows, cell), board.gridRows, board.gridCols, cell);
  x += panelWidth(input) + gap;
  const kernel = panel(
    x,
    top(board.kernelRows, kernelOf(cell)),
    board.kernelRows,
    board.kernelCols,
    kernelOf(cell),
  );
  x += panelWidth(kernel) + gap;
  const output = panel(x, top(board.outRows, cell), board.outRows, board.outCols, cell);
  return { input, kernel, output, height: head + tall + LEGEND };
}

/** Place the input above kernel and output, for narrow screens. */
function narrow(board, box) {
  const edge = 4,
    width = box.width - 2 * edge;
  const first = Math.min(BIGGEST, width / board.gridCols, (box.height * 0.62) / board.gridRows);
  const cell = first > 4 ? Math.floor(first) : first;
  const input = panel(
    box.x + (box.width - board.gridCols * cell) / 2,
    box.y + TITLE + captionHeight(board),
    board.gridRows,
    board.gridCols,
    cell,
  );
  const below = input.y + panelHeight(input) + LEGEND + captionHeight(board);
  const kc = kernelCell(board, Math.min(cell, 30), width * 0.42, 200);
  const left = board.kernelCols * kc + GAP * 0.7;
  const oc = Math.min(cell, (width - left) / board.outCols);
  const outCell = oc > 4 ? Math.floor(oc) : oc;
  const x = box.x + (box.width - left - board.outCols * outCell) / 2;
  const kernel = panel(x, below, board.kernelRows, board.kernelCols, kc);
  const output = panel(x + left, below, board.outRows, board.outCols, outCell);
  const tall = Math.max(panelHeight(kernel), panelHeight(output));
  return { input, kernel, output, height: below + tall + LEGEND - box.y };
}

/**
 * Place one board, two under each other, or more in two columns.
 * @returns {{width: number, height: number, places: Place[]}}
 */
export function layout(boards, width, height) {
  const isNarrow = width < NARROW;
  const columns = boards.length > 2 && !isNarrow ? 2 : 1;
  const lines = Math.ceil(boards.length / columns);
  const space = 18;
  const box = {
    width: (width - space * (columns - 1)) / columns,
    height: isNarrow ? height : height / lines,
  };
  const stacked = isNarrow && boards.length === 1;
  const places = [];
  let y = 0;
  for (let line = 0; line < lines; line++) {
    let tallest = 0;
    for (let column = 0; column < columns; column++) {
      const board = boards[line * columns + column];
      if (!board) break;
      const x = column * (box.width + space);
      const place = (stacked ? narrow : wide)(board, { ...box, x, y });
      places.push({ x, y, width: box.width, title: [x, y + TITLE / 2], narrow: stacked, ...place });
      tallest = Math.max(tallest, place.height);
    }
    y += tallest + (line < lines - 1 ? space : 0);
  }
  return { width, height: y, places };
}
