// The data of one layer's sweep as core sent it, with lookups for drawing. No DOM, no drawing.
// Every value, window start and tap offset comes from core; the only arithmetic is the product of
// a value and its weight, for the terms of a sum whose total comes from torch.

/** Codes for grid rows and columns that are not part of the input, as in core.layer.window. */
export const PAD = -1,
  INSERTED = -2,
  OUTSIDE = -3;

const TYPES = { u1: Uint8Array, i2: Int16Array, f4: Float32Array };

/**
 * An array from its base64 text.
 * @param {{kind: string, shape: number[], data: string}} packed
 */
export function decode(packed) {
  const bytes = Uint8Array.from(atob(packed.data), (c) => c.charCodeAt(0));
  return { shape: packed.shape, values: new TYPES[packed.kind](bytes.buffer) };
}

/** Flat index of a cell in an array of this shape. */
const at = (shape, index) => index.reduce((flat, i, axis) => flat * shape[axis] + i, 0);

/**
 * The data of one axis, with the outputs that read each grid row or column, and the tap they use.
 * @typedef {{source: number[], values: number[], starts: number[], offsets: number[],
 *            reads: number[], writes: number[], used: boolean[], readers: {out: number, tap: number}[][]}} Axis
 * @returns {Axis}
 */
function axisOf(data) {
  const readers = data.source.map(() => []);
  data.starts.forEach((start, out) =>
    data.offsets.forEach((offset, tap) => readers[start + offset].push({ out, tap })),
  );
  const read = new Set(data.values.filter((_, i) => data.reads[i] > 0));
  const used = data.values.map((value, i) => data.reads[i] > 0 || (value >= 0 && read.has(value)));
  return { ...data, readers, used };
}

/** One layer on one input, with its diagram's three panels: input grid, kernel, output. */
export class Board {
  constructor(data) {
    this.title = data.title;
    this.name = data.name;
    this.reduce = data.reduce;
    this.groups = data.groups;
    this.channels = data.channels;
    this.filters = data.filters;
    this.editable = data.editable;
    this.signed = Boolean(data.signed);
    this.captions = data.captions;
    this.planes = data.planes;
    this.transposed = data.transposed;
    this.countsPadding = data.counts_padding;
    this.fill = data.fill === "-inf" ? -Infinity : data.fill;
    this.rows = axisOf(data.rows);
    this.cols = axisOf(data.cols);
    const array = (name) => (data[name] ? decode(data[name]) : null);
    this.input = array("input");
    this.output = array("output");
    this.weight = array("weight");
    this.bias = array("bias");
    this.winner = array("winner");
    this.divisor = array("divisor");
    this.outRows = this.output.shape[1];
    this.outCols = this.output.shape[2];
    this.gridRows = this.rows.source.length;
    this.gridCols = this.cols.source.length;
    this.kernelRows = this.rows.offsets.length;
    this.kernelCols = this.cols.offsets.length;
    this.steps = this.outRows * this.outCols;
    this.lengths = new Map();
    /** The panel that shows counts: windows per input cell, or inputs per output. */
    this.counted = this.transposed ? "output" : "input";
    const [down, across] = [this.rows, this.cols].map((axis) =>
      this.transposed ? axis.writes : axis.reads,
    );
    this.mostCounted = Math.max(1, ...down) * Math.max(1, ...across);
    /** Number of planes of each panel, of which one is drawn. */
    this.depths = {
      input: this.input.shape[0],
      kernel: this.weight?.shape[1] ?? 1,
      output: this.output.shape[0],
    };
    /** Rows and columns of each panel. */
    this.sizes = {
      input: [this.gridRows, this.gridCols],
      kernel: [this.kernelRows, this.kernelCols],
      output: [this.outRows, this.outCols],
    };
  }

  /** Whether a panel shows counts in place of its values. */
  showsCounts(name, view) {
    return view.reads && this.counted === name;
  }

  /** Captions of a panel, with the plane that is drawn of several; ever shorter ones. */
  captionsOf(name, view) {
    if (this.showsCounts(name, view)) return [this.captions.counts];
    const plane = this.planes[name]?.[name === "input" ? view.channel : view.filter];
    const caption = this.captions[name];
    const [short] = caption.split(",");
    const full = [caption, short].map((text) => (plane ? `${text}, ${plane}` : text));
    return [...full, short, short.split(" ")[0]];
  }

  /** The kind of a grid cell: "input", "pad", "inserted" or "outside". */
  kind(row, col) {
    const [r, c] = [this.rows.source[row], this.cols.source[col]];
    if (r >= 0 && c >= 0) return "input";
    if (r === OUTSIDE || c === OUTSIDE) return "outside";
    return r === PAD || c === PAD ? "pad" : "inserted";
  }

  /** The value that a window reads at a grid cell of an input channel. */
  value(channel, row, col) {
    const [r, c] = [this.rows.values[row], this.cols.values[col]];
    if (!(r >= 0 && c >= 0)) return this.fill;
    return this.input.values[at(this.input.shape, [channel, r, c])];
  }

  /** The number of windows that read a grid cell. */
  reads(row, col) {
    return this.rows.reads[row] * this.cols.reads[col];
  }

  /** The number of taps of an output's window that lie on input cells. */
  writes(row, col) {
    return this.rows.writes[row] * this.cols.writes[col];
  }

  outputAt(filter, row, col) {
    return this.output.values[at(this.output.shape, [filter, row, col])];
  }

  /** Length in characters of the longest number in a panel. */
  longest(name, view) {
    const key = `${name} ${view.channel} ${view.filter}`;
    if (!this.lengths.has(key))
      this.lengths.set(
        key,
        this.plane(name, view).reduce((most, value) => Math.max(most, format(value).length), 1),
      );
    return this.lengths.get(key);
  }

  /** The values of the plane of the input, the kernel or the output that is shown. */
  plane(name, { channel, filter }) {
    if (name === "kernel")
      return this.rows.offsets.flatMap((_down, row) =>
        this.cols.offsets.map((_right, col) => this.weightAt(filter, channel, row, col) ?? 0),
      );
    const { shape, values } = this[name],
      size = shape[1] * shape[2],
      index = name === "input" ? channel : filter;
    return Array.from(values.subarray(index * size, (index + 1) * size));
  }

  /** Whether any window reads a grid cell, or a copy of it in the padding. */
  isRead(row, col) {
    return this.rows.used[row] && this.cols.used[col];
  }

  /** The (row, column) of the output that a step computes. */
  place(step) {
    return [Math.floor(step / this.outCols), step % this.outCols];
  }

  /** Indices of the input channels that a filter reads. */
  channelsOf(filter) {
    const perGroup = this.input.shape[0] / this.groups;
    const group = Math.floor((filter * this.groups) / this.output.shape[0]);
    return Array.from({ length: perGroup }, (_, i) => group * perGroup + i);
  }

  /** The weight of a filter for a channel at a kernel cell; null if there is none. */
  weightAt(filter, channel, kr, kc) {
    const first = this.channelsOf(filter)[0];
    const inGroup = channel - first;
    if (!this.weight || inGroup < 0 || inGroup >= this.weight.shape[1]) return null;
    return this.weight.values[at(this.weight.shape, [filter, inGroup, kr, kc])];
  }

  readsChannel(filter, channel) {
    return this.channelsOf(filter).includes(channel);
  }

  /** Whether an input cell is the winner of an output's maximum. */
  wins(filter, out, row, col) {
    if (!this.winner || this.kind(row, col) !== "input") return false;
    const flat = this.rows.source[row] * this.input.shape[2] + this.cols.source[col];
    return this.winner.values[at(this.winner.shape, [filter, ...out])] === flat;
  }

  /** The grid cells that the window of an output reads, row by row. */
  window(row, col) {
    const cells = [];
    this.rows.offsets.forEach((down, kr) =>
      this.cols.offsets.forEach((right, kc) =>
        cells.push({
          kr,
          kc,
          row: this.rows.starts[row] + down,
          col: this.cols.starts[col] + right,
        }),
      ),
    );
    return cells;
  }

  /** Borders of an output's window on the grid: [top, left, bottom, right], the last two exclusive. */
  span(row, col) {
    const [top, left] = [this.rows.starts[row], this.cols.starts[col]];
    return [top, left, top + this.rows.offsets.at(-1) + 1, left + this.cols.offsets.at(-1) + 1];
  }

  /** The terms of an output's sum, mean or maximum in one input channel. */
  terms(filter, row, col, channel) {
    return this.window(row, col).map((cell) => {
      const value = this.value(channel, cell.row, cell.col);
      const weight = this.weightAt(filter, channel, cell.kr, cell.kc);
      return {
        ...cell,
        value,
        weight,
        kind: this.kind(cell.row, cell.col),
        product: weight === null ? value : value * weight,
        wins: this.wins(filter, [row, col], cell.row, cell.col),
      };
    });
  }

  /** All grid cells with the value of the same input cell: copies lie in non-zero padding. */
  copies(row, col) {
    const same = (axis, index) =>
      axis.values[index] < 0
        ? [index]
        : axis.values.flatMap((v, i) => (v === axis.values[index] ? [i] : []));
    return same(this.rows, row).flatMap((r) => same(this.cols, col).map((c) => [r, c]));
  }

  /** The outputs that read a grid cell or a copy of it, with the kernel cell they use. */
  readers(row, col) {
    return this.copies(row, col).flatMap(([r, c]) =>
      this.rows.readers[r].flatMap((down) =>
        this.cols.readers[c].map((right) => ({
          row: down.out,
          col: right.out,
          kr: down.tap,
          kc: right.tap,
          from: [r, c],
        })),
      ),
    );
  }

  /** All grid cells that a kernel cell reads during the sweep. */
  reach(kr, kc) {
    return this.rows.starts.flatMap((top) =>
      this.cols.starts.map((left) => [top + this.rows.offsets[kr], left + this.cols.offsets[kc]]),
    );
  }
}

/** A number with at most `digits` significant digits, integers in full, and a real minus sign. */
export function format(value, digits = 3) {
  if (value === Infinity) return "∞";
  if (value === -Infinity) return "−∞";
  const text =
    Number.isInteger(value) && Math.abs(value) < 1e6
      ? String(value)
      : String(Number(value.toPrecision(digits)));
  return text.replaceAll("-", "−");
}
