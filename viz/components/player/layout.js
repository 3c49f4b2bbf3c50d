// The positions of all panels, computed from the boards' numbers of cells and the available space.

const TITLE = 32,
  CAPTION = 22,
  INDEX = 15,
  LEGEND = 26,
  GAP = 28,
  CLOSE = 16,
  BETWEEN = 18,
  BIGGEST = 46,
  READABLE = 26,
  NARROW = 620,
  ON_WALL = 0.6,
  TIGHT = 700,
  DIGIT = 6;
/** Smallest side of a cell that has a number, and of one whose row and column are numbered. */
export const NUMBERS_FROM = 22;
/** Offset of each plane behind a panel, in pixels, and the largest number of them. */
export const SHEET = 4,
  MOST_SHEETS = 3;

/**
 * Panel: a grid of cells, with its corner, the side of a cell in pixels, the height of what stands
 * above it, the space between row numbers and cells, the width that its caption may have, and the
 * enlargement by presentation mode. Place: the panels of one board; `inLine` if they stand side by
 * side.
 * @typedef {{x: number, y: number, rows: number, cols: number, cell: number,
 *            head: number, gap: number, room: number, zoom: number}} Panel
 * @typedef {{x: number, y: number, width: number, height: number, inLine: boolean,
 *            input: Panel, kernel: Panel, output: Panel}} Place
 */

export const panelWidth = (p) => p.cols * p.cell;
export const panelHeight = (p) => p.rows * p.cell;

/** Pixels by which the planes behind a panel stand out below it and on its right. */
export const behind = (board, name) => SHEET * Math.min(board.depths[name] - 1, MOST_SHEETS);

/** The height above a panel of its caption, and of its column numbers if its cells have numbers. */
const captionHeight = (cell) => CAPTION + (cell >= NUMBERS_FROM ? INDEX : 0);

/** The (row, column) of a panel's cell under a point, or null. */
export function cellAt(panel, x, y) {
  const [row, col] = [
    Math.floor((y - panel.y) / panel.cell),
    Math.floor((x - panel.x) / panel.cell),
  ];
  return row >= 0 && col >= 0 && row < panel.rows && col < panel.cols ? [row, col] : null;
}

/**
 * The height of a stage in a window of this height, in pixels, unless the window is narrow.
 * Enlarged by a zoom, the rows of a single board take `ON_WALL` of the window's height, and several
 * boards nearly all of it.
 */
export function stageHeight(boards, windowHeight, zoom = 1) {
  if (zoom > 1 && boards.length === 1) {
    const rows = Math.max(boards[0].gridRows, boards[0].outRows);
    const around = captionHeight(NUMBERS_FROM) + LEGEND + behind(boards[0], "input") + 1;
    return rows * Math.ceil((ON_WALL * windowHeight) / rows) + around;
  }
  if (zoom > 1) return Math.max(300, windowHeight * (boards.length > 2 ? 0.86 : 0.72));
  const [share, most] = boards.length > 2 ? [0.74, 700] : [0.54, 580];
  return Math.max(300, Math.min(most, windowHeight * share));
}

/** The largest side of a cell in pixels, which presentation mode does not limit. */
const biggest = (zoom) => (zoom > 1 ? 999 : BIGGEST);

/** The largest cell side in pixels up to `most` for which `fits` is true; an integer above 4. */
function largest(most, fits) {
  for (let cell = most; cell > 4; cell--) if (fits(cell)) return cell;
  for (let cell = 4; cell > 0.5; cell -= 0.25) if (fits(cell)) return cell;
  return 0.5;
}

/** Space between the row numbers and the panel, in pixels. */
const gapOf = (box) => (box.width < TIGHT ? 2 : 5);

/** Width of the row numbers with that space. */
const leftOf = (rows, box) => DIGIT * String(rows - 1).length + gapOf(box);

/**
 * A panel with what stands around it: its caption and numbers, the planes behind it, what is written below.
 * Its position is that of the whole block.
 */
function block(board, name, [rows, cols], cell, head, box) {
  const left = cell >= NUMBERS_FROM ? leftOf(rows, box) : 0;
  const more = behind(board, name) + 1;
  return {
    ...{ name, rows, cols, cell, left, head, x: 0, y: 0 },
    width: left + cols * cell + more,
    height: head + rows * cell + more + LEGEND,
  };
}

/** The blocks of a board whose input has cells of this side. */
function blocksOf(board, cell, box, outCell = cell) {
  const room = Math.min((box.width * 0.3) / board.kernelCols, box.height / board.kernelRows);
  const readable = box.width < TIGHT ? NUMBERS_FROM : READABLE;
  const kernelCell = Math.max(cell, Math.min(readable, Math.floor(room)));
  const head = captionHeight(Math.max(kernelCell, outCell));
  return {
    input: block(board, "input", [board.gridRows, board.gridCols], cell, head, box),
    kernel: block(board, "kernel", [board.kernelRows, board.kernelCols], kernelCell, head, box),
    output: block(board, "output", [board.outRows, board.outCols], outCell, head, box),
  };
}

const move = (blocks, name, x, y) => Object.assign(blocks[name], { x, y });

/** Arrangements of the blocks; each sets their positions. */
const ARRANGEMENTS = {
  /** Side by side. */
  line(blocks) {
    move(blocks, "kernel", blocks.input.width + GAP, 0);
    move(blocks, "output", blocks.kernel.x + blocks.kernel.width + GAP, 0);
  },
  /** The kernel above the output, on the right of the input. */
  corner(blocks) {
    move(blocks, "kernel", blocks.input.width + CLOSE, 0);
    move(blocks, "output", blocks.kernel.x, blocks.kernel.height);
  },
  /** The kernel beside the output, below the input. */
  stack(blocks) {
    move(blocks, "kernel", 0, blocks.input.height);
    move(blocks, "output", blocks.kernel.width + CLOSE, blocks.input.height);
  },
  /** Below each other. */
  tower(blocks) {
    move(blocks, "kernel", 0, blocks.input.height);
    move(blocks, "output", 0, blocks.kernel.y + blocks.kernel.height);
  },
};

/** The positioned blocks of an arrangement, with their extent. */
function arranged(name, blocks) {
  ARRANGEMENTS[name](blocks);
  const all = Object.values(blocks);
  return {
    blocks,
    inLine: name === "line",
    width: Math.max(...all.map((each) => each.x + each.width)),
    height: Math.max(...all.map((each) => each.y + each.height)),
  };
}

/** Arrange all boards alike and with cells of one size, as large as they fit into a box. */
function largestOf(boards, box) {
  const cellOf = (name) => (board) =>
    largest(biggest(box.zoom), (cell) => {
      const { width, height } = arranged(name, blocksOf(board, cell, box));
      return width <= box.width && height <= box.height;
    });
  const options = ["line", "corner"].map((name) => ({
    name,
    cell: Math.min(...boards.map(cellOf(name))),
  }));
  const { name, cell } = options.reduce((best, next) => (next.cell > best.cell ? next : best));
  return boards.map((board) => arranged(name, blocksOf(board, cell, box)));
}

/** Arrange a board on a narrow screen: its cells use the whole width, its height is not limited. */
function stacked(board, { width }) {
  const box = { width, height: Infinity };
  const fit = (name, rows, cols, room) => {
    const around = leftOf(rows, box) + behind(board, name) + 1;
    const cell = Math.min(BIGGEST, (room - around) / cols);
    return cell > 4 ? Math.floor(cell) : cell;
  };
  const cell = fit("input", board.gridRows, board.gridCols, width);
  const kernelCell = Math.min(cell, fit("kernel", board.kernelRows, board.kernelCols, width));
  const { kernel } = blocksOf(board, kernelCell, box);
  const outputIn = (room) => Math.min(cell, fit("output", board.outRows, board.outCols, room));
  const beside = outputIn(width - kernel.width - CLOSE);
  const apart = beside < Math.min(NUMBERS_FROM, cell);
  const blocks = { ...blocksOf(board, cell, box, apart ? outputIn(width) : beside), kernel };
  return arranged(apart ? "tower" : "stack", blocks);
}

/** A block as a panel at a place; its caption may reach to the next block on its right. */
function panelOf({ name, x, y, left, head, rows, cols, cell }, blocks, origin, { width, zoom }) {
  const others = Object.values(blocks).filter((each) => each.name !== name);
  const next = others.filter((each) => each.x > x && each.y <= y).map((each) => each.x - 6);
  return {
    x: Math.round(origin.x + x + left),
    y: Math.round(origin.y + y + head),
    ...{ rows, cols, cell, head, zoom, gap: gapOf({ width }) },
    room: Math.min(width, ...next) - x - left,
  };
}

/**
 * Place one board, or several in two columns; on a narrow screen all below each other.
 * @param {object} [options]
 * @param {boolean} [options.titled] whether each board has a title above it
 * @param {number} [options.zoom] enlargement by presentation mode
 * @returns {{width: number, height: number, places: Place[]}}
 */
export function layout(boards, width, height, options = {}) {
  const { titled = boards.length > 1, zoom = 1 } = options;
  const narrow = width < NARROW,
    head = titled ? TITLE : 0;
  const columns = boards.length > 1 && !narrow ? 2 : 1;
  const lines = Math.ceil(boards.length / columns);
  const box = {
    width: (width - BETWEEN * (columns - 1)) / columns,
    height: (height - BETWEEN * (lines - 1)) / lines - head,
    zoom,
  };
  const own = narrow ? boards.map((board) => stacked(board, box)) : largestOf(boards, box);
  const places = [];
  let y = 0;
  for (let line = 0; line < lines; line++) {
    const row = own.slice(line * columns, (line + 1) * columns);
    const tall = Math.max(...row.map((each) => each.height));
    row.forEach(({ blocks, inLine }, column) => {
      const x = column * (box.width + BETWEEN);
      const panels = Object.entries(blocks).map(([name, each]) => [
        name,
        panelOf(each, blocks, { x, y: y + head }, box),
      ]);
      places.push({
        ...{ x, y, width: box.width, height: head + tall, inLine },
        ...Object.fromEntries(panels),
      });
    });
    y += head + tall + (line < lines - 1 ? BETWEEN : 0);
  }
  return { width, height: y, places };
}
