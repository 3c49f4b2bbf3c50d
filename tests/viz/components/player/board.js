// A board as Python sends it, made by a plain loop over the windows of a convolution.

import { decode, PAD } from "../../../../viz/components/player/model.js";

const base64 = (bytes) => Buffer.from(bytes).toString("base64");

/** An array as Python packs it. */
export const packed = (shape, values, kind = "f4") => {
  const types = { f4: Float32Array, i2: Int16Array, u1: Uint8Array };
  const bytes = new Uint8Array(types[kind].from(values).buffer);
  return { kind, shape, data: base64(bytes) };
};

/** One axis of `size` pixels under windows of `kernel` taps. */
function axis(size, kernel, stride, padding) {
  const source = Array.from({ length: size + 2 * padding }, (_, i) =>
    i < padding || i >= size + padding ? PAD : i - padding,
  );
  const starts = [];
  for (let start = 0; start + kernel <= source.length; start += stride) starts.push(start);
  const offsets = Array.from({ length: kernel }, (_, i) => i);
  const reads = source.map(
    (_, i) => starts.filter((start) => start <= i && i < start + kernel).length,
  );
  const writes = starts.map((start) => offsets.filter((o) => source[start + o] >= 0).length);
  return { source, values: source, starts, offsets, reads, writes };
}

/** A convolution of a square picture that counts up from 1, by a kernel that counts up from 1. */
export function convolution({ size, kernel, stride, padding }) {
  const line = axis(size, kernel, stride, padding);
  const out = line.starts.length;
  const input = Array.from({ length: size * size }, (_, i) => i + 1);
  const weight = Array.from({ length: kernel * kernel }, (_, i) => i + 1);
  const output = [];
  for (const top of line.starts)
    for (const left of line.starts) {
      let sum = 0;
      for (let r = 0; r < kernel; r++)
        for (let c = 0; c < kernel; c++) {
          const [row, col] = [line.source[top + r], line.source[left + c]];
          if (row >= 0 && col >= 0) sum += input[row * size + col] * weight[r * kernel + c];
        }
      output.push(sum);
    }
  return {
    ...{ title: "convolution", name: "A", reduce: "sum", groups: 1, fill: 0, captions: {} },
    ...{ planes: { input: [""], output: [""] } },
    ...{ channels: ["grey"], filters: ["0"], editable: { input: true, kernel: true } },
    ...{ transposed: false, counts_padding: true, rows: line, cols: line },
    input: packed([1, size, size], input),
    weight: packed([1, 1, kernel, kernel], weight),
    output: packed([1, out, out], output),
  };
}

/** The same convolution of two equal channels by two equal planes of the kernel. */
export function convolutionOfTwo(layer) {
  const one = convolution(layer),
    values = (name) => [...decode(one[name]).values];
  const double = (name, shape) => packed(shape, [...values(name), ...values(name)]);
  const [, size] = one.input.shape,
    [, , kernel] = one.weight.shape;
  return {
    ...one,
    channels: ["red", "green"],
    planes: { input: ["channel 0 of 2 (red)", "channel 1 of 2 (green)"], output: [""] },
    input: double("input", [2, size, size]),
    weight: double("weight", [1, 2, kernel, kernel]),
    output: packed(
      one.output.shape,
      values("output").map((value) => 2 * value),
    ),
  };
}
