// Which units depend on which, found by following core's exact maps in the browser. No size is
// computed here; maps, spans and centers come from core.receptive_field and its module outline.

/**
 * AxisMap: which input units each output unit reads, along one axis. Its `taps` are (first, count,
 * step) for the outputs of one period; the next period reads `advance` units further on. `whole`
 * means that every output reads every input, `causal` that it reads all inputs up to its own index.
 * Input: a line's input, with the index of the line it comes from, its position among the inputs,
 * and a map for each axis; null stands for the identity.
 * Line: one operation of the network, or the image, which is line 0.
 * @typedef {{n_in: number, n_out: number, advance: number, taps: number[][], edge: string, whole: boolean, causal: boolean}} AxisMap
 * @typedef {{line: number, place: number, maps: (AxisMap|null)[]}} Input
 * @typedef {{name: string, label: string, text: string, kind: string, shape: number[], grid: number[],
 *   size: number[], stride: number[], padding: number[], center: number[], aligned: boolean, note: string, bound: string,
 *   strided: boolean, branch: number|null, inputs: Input[], paths?: any}} Line
 */

/** The unit that a tap reads; outside the map it depends on the padding mode, null for zeros. */
function behindEdge(tap, { n_in: n, edge }) {
  if (tap >= 0 && tap < n) return tap;
  if (edge === "replicate") return Math.max(0, Math.min(n - 1, tap));
  if (edge === "circular") return ((tap % n) + n) % n;
  if (edge === "reflect") {
    const folded = Math.abs(tap),
      back = folded >= n ? 2 * (n - 1) - folded : folded;
    return back >= 0 && back < n ? back : null;
  }
  return null;
}

/** Call `visit(tap, real)` for each tap of an output unit; `real` is null in zero padding. */
function eachTap(map, unit, visit) {
  if (map === null) {
    visit(unit, unit);
    return;
  }
  if (map.causal) {
    for (let i = 0; i <= unit; i += 1) visit(i, i);
    return;
  }
  if (map.whole) {
    for (let i = 0; i < map.n_in; i += 1) visit(i, i);
    return;
  }
  const period = map.taps.length,
    [first, count, step] = map.taps[unit % period];
  const shift = Math.floor(unit / period) * map.advance;
  for (let i = 0; i < count; i += 1) {
    const tap = first + i * step + shift;
    visit(tap, behindEdge(tap, map));
  }
}

/** A network as core describes it, with the index and the position of every unit. */
export class Net {
  /** @param {Line[]} lines */
  constructor(lines) {
    this.lines = lines;
    this.image = lines[0].grid;
    this.pads = [0, 1].map((axis) => this.paddings(axis));
    this.readers = lines.map(() => []);
    lines.forEach((line, index) =>
      line.inputs.forEach((input) => this.readers[input.line].push([index, input])),
    );
  }

  /** Number of padding units [before, after] each line's map along an axis. */
  paddings(axis) {
    const pads = this.lines.map(() => [0, 0]);
    for (const line of this.lines)
      for (const { line: from, maps } of line.inputs) {
        const map = maps[axis];
        if (!map || map.whole || map.causal || map.edge !== "zero") continue;
        const extend = (unit) =>
          eachTap(map, unit, (tap) => {
            pads[from][0] = Math.max(pads[from][0], -tap);
            pads[from][1] = Math.max(pads[from][1], tap - map.n_in + 1);
          });
        for (let u = 0; u < Math.min(map.taps.length, map.n_out); u += 1) {
          extend(u);
          extend(map.n_out - 1 - u);
        }
      }
    return pads;
  }

  /** First and last image pixel that a unit's windows cover, padding included; null for none. */
  span(index, axis, unit) {
    const line = this.lines[index];
    if (!line.paths) {
      const first = unit * line.stride[axis] - line.padding[axis];
      return line.size[axis] > 0 ? [first, first + line.size[axis] - 1] : null;
    }
    let [low, high] = [Infinity, -Infinity];
    for (const { period, advance, spans, since } of line.paths[axis]) {
      const own = spans[unit % period],
        shift = Math.floor(unit / period) * advance;
      if (own) {
        low = Math.min(low, since[0] ?? own[0] + shift);
        high = Math.max(high, since[1] ?? own[1] + shift);
      }
    }
    return low <= high ? [low, high] : null;
  }

  /** Position of a unit's center in the image, in pixels. */
  place(index, axis, unit) {
    const span = this.span(index, axis, unit);
    return span
      ? (span[0] + span[1]) / 2
      : this.lines[index].center[axis] + unit * this.lines[index].stride[axis];
  }

  /** Index of the line's unit whose center is nearest to an image position. */
  nearest(index, axis, position) {
    const last = this.lines[index].grid[axis] - 1,
      apart = this.lines[index].stride[axis];
    if (!apart) return Math.floor(last / 2);
    const guess = Math.round((position - this.place(index, axis, 0)) / apart);
    let best = 0,
      least = Infinity;
    for (
      let u = Math.max(0, Math.min(last, guess - 3));
      u <= Math.min(last, Math.max(0, guess + 3));
      u += 1
    ) {
      const far = Math.abs(this.place(index, axis, u) - position);
      if (far < least) {
        best = u;
        least = far;
      }
    }
    return best;
  }

  /** The (row, column) of the unit in the middle of a line's map. */
  middle(index) {
    return this.lines[index].grid.map((n) => Math.floor(n / 2));
  }

  /**
   * The units on which a unit depends, along one axis.
   * @returns `marks`: for each line a byte per unit, or null if no unit is marked; `pads`: for
   *   each line the padding units that are read.
   */
  ancestors(index, axis, unit) {
    const marks = this.lines.map(() => null),
      pads = this.lines.map(() => new Set());
    marks[index] = new Uint8Array(this.lines[index].grid[axis]);
    marks[index][unit] = 1;
    for (let i = index; i > 0; i -= 1) {
      if (!marks[i]) continue;
      for (const { line: from, maps } of this.lines[i].inputs) {
        const own = (marks[from] ??= new Uint8Array(this.lines[from].grid[axis]));
        marks[i].forEach(
          (on, u) =>
            on &&
            eachTap(maps[axis], u, (tap, real) => {
              if (real !== null) own[real] = 1;
              else pads[from].add(tap);
            }),
        );
      }
    }
    return { marks: marks.map((own) => (own?.includes(1) ? own : null)), pads };
  }

  /** The units that depend on a unit, along one axis; the result is as in `ancestors`. */
  descendants(index, axis, unit) {
    const marks = this.lines.map(() => null);
    marks[index] = new Uint8Array(this.lines[index].grid[axis]);
    marks[index][unit] = 1;
    for (let i = index; i < this.lines.length; i += 1) {
      if (!marks[i]) continue;
      for (const [to, { maps }] of this.readers[i]) {
        const own = (marks[to] ??= new Uint8Array(this.lines[to].grid[axis]));
        for (let u = 0; u < own.length; u += 1)
          eachTap(maps[axis], u, (_tap, real) => {
            if (real !== null && marks[i][real]) own[u] = 1;
          });
      }
    }
    return {
      marks: marks.map((own) => (own?.includes(1) ? own : null)),
      pads: this.lines.map(() => new Set()),
    };
  }

  /** [first, last] image pixel on which a unit depends, for each axis; null for none. */
  seen(index, unit) {
    return [0, 1].map((axis) => {
      const own = this.ancestors(index, axis, unit[axis]).marks[0];
      return own && [own.indexOf(1), own.lastIndexOf(1)];
    });
  }

  /** Call `visit(to, unit, from, tap, real, input)` for each connection of marked units. */
  eachTie(marks, axis, visit) {
    this.lines.forEach((line, to) => {
      if (!marks[to]) return;
      for (const input of line.inputs) {
        if (!marks[input.line]) continue;
        marks[to].forEach(
          (on, u) =>
            on &&
            eachTap(input.maps[axis], u, (tap, real) => {
              if (real === null || marks[input.line][real])
                visit(to, u, input.line, tap, real, input);
            }),
        );
      }
    });
  }
}
