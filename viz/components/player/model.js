// One sweep as core sent it, and the questions the picture asks of it. No DOM, no drawing.
// Every value, window start and tap offset comes from core; the only arithmetic is the
// product of a value and its weight, for the terms of a sum whose total is torch's.

/** Marks of a grid cell that is no input cell; the same numbers as core.layer.window. */
export const PAD = -1,
  INSERTED = -2,
  OUTSIDE = -3;

const TYPES = { u1: Uint8Array, i2: Int16Array, f4: Float32Array };

/** @param {{kind: string, shape: number[], data: string}} packed */
export function decode(packed) {
  const bytes = Uint8Array.from(atob(packed.data), (c) => c.charCodeAt(0));
  return { shape: packed.shape, values: new TYPES[packed.kind](bytes.buffer) };
}

/** Flat index of a cell in an array of this shape. */
const at = (shape, index) => index.reduce((flat, i, axis) => flat * shape[axis] + i, 0);

/**
 * One axis: which windows read a grid cell, and with which tap.
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
    /** What "read counts" counts: windows of each grid cell, or inputs of each output. */
    this.counted = this.transposed ? "output" : "input";
    const [down, across] = [this.rows, this.cols].map((axis) =>
      this.transposed ? axis.writes : axis.reads,
    );
    this.mostCounted = Math.max(1, ...down) * Math.max(1, ...across);
    /** Rows and columns of each panel. */
    this.sizes = {
      input: [this.gridRows, this.gridCols],
      kernel: [this.kernelRows, this.kernelCols],
      output: [this.outRows, this.outCols],
    };
  }

  /** What a grid cell is: "input", "pad", "inserted" or "outside". */
  kind(row, col) {
    const [r, c] = [this.rows.source[row], this.cols.source[col]];
    if (r >= 0 && c >= 0) return "input";
    if (r === OUTSIDE || c === OUTSIDE) return "outside";
    return r === PAD || c === PAD ? "pad" : "inserted";
  }

  /** What a window finds at a grid cell of an input channel. */
  value(channel, row, col) {
    const [r, c] = [this.rows.values[row], this.cols.values[col]];
    if (!(r >= 0 && c >= 0)) return this.fill;
    return this.input.values[at(this.input.shape, [channel, r, c])];
  }

  /** How many windows read a grid cell. */
  reads(row, col) {
    return this.rows.reads[row] * this.cols.reads[col];
  }

  /** How many taps of an output's window lie on input cells. */
  writes(row, col) {
    return this.rows.writes[row] * this.cols.writes[col];
  }

  outputAt(filter, row, col) {
    return this.output.values[at(this.output.shape, [filter, row, col])];
  }

  /** Length of the longest number on a plane of the input or the output, as it is written. */
  longest(name, index) {
    const key = name + index;
    if (!this.lengths.has(key)) {
      const { shape, values } = this[name],
        size = shape[1] * shape[2];
      const plane = values.subarray(index * size, (index + 1) * size);
      this.lengths.set(
        key,
        plane.reduce((most, value) => Math.max(most, format(value).length), 1),
      );
    }
    return this.lengths.get(key);
  }

  /** Whether any window reads a grid cell, or a copy of it in the padding. */
  isRead(row, col) {
    return this.rows.used[row] && this.cols.used[col];
  }

  place(step) {
    return [Math.floor(step / this.outCols), step % this.outCols];
  }

  /** Input channels that a filter reads. */
  channelsOf(filter) {
    const perGroup = this.input.shape[0] / this.groups;
    const group = Math.floor((filter * this.groups) / this.output.shape[0]);
    return Array.from({ length: perGroup }, (_, i) => group * perGroup + i);
  }

  /** The weight by which a filter multiplies a channel at a kernel cell; null where it has none. */
  weightAt(filter, channel, kr, kc) {
    const first = this.channelsOf(filter)[0];
    const inGroup = channel - first;
    if (!this.weight || inGroup < 0 || inGroup >= this.weight.shape[1]) return null;
    return this.weight.values[at(this.weight.shape, [filter, inGroup, kr, kc])];
  }

  readsChannel(filter, channel) {
    return this.channelsOf(filter).includes(channel);
  }

  /** Whether this input cell won the maximum of that output. */
  wins(filter, out, row, col) {
    if (!this.winner || this.kind(row, col) !== "input") return false;
    const flat = this.rows.source[row] * this.input.shape[2] + this.cols.source[col];
    return this.winner.values[at(this.winner.shape, [filter, ...out])] === flat;
  }

  /** Cells of one window on the grid, in reading order. */
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

  /** Corners of one window: [top, left, bottom, right], the last two past the end. */
  span(row, col) {
    const [top, left] = [this.rows.starts[row], this.cols.starts[col]];
    return [top, left, top + this.rows.offsets.at(-1) + 1, left + this.cols.offsets.at(-1) + 1];
  }

  /** The terms of one output in one channel. */
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

  /** Grid cells that show the same input cell: itself and the copies in reflected padding. */
  copies(row, col) {
    const same = (axis, index) =>
      axis.values[index] < 0
        ? [index]
        : axis.values.flatMap((v, i) => (v === axis.values[index] ? [i] : []));
    return same(this.rows, row).flatMap((r) => same(this.cols, col).map((c) => [r, c]));
  }

  /** Every output that reads a grid cell or a copy of it, with the kernel cell it uses. */
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

  /** Every grid cell that a kernel cell ever meets. */
  reach(kr, kc) {
    return this.rows.starts.flatMap((top) =>
      this.cols.starts.map((left) => [top + this.rows.offsets[kr], left + this.cols.offsets[kc]]),
    );
  }
}

/** At most `digits` significant digits, whole numbers in full, with a real minus sign. */
export function format(value, digits = 3) {
  if (value === Infinity) return "∞";
  if (value === -Infinity) return "−∞";
  const text =
    Number.isInteger(value) && Math.abs(value) < 1e6
      ? String(value)
      : String(Number(value.toPrecision(digits)));
  return text.replaceAll("-", "−");
}
