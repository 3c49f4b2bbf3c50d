// Which units depend on which. Pointing at a unit must not wait for the server, so the cone is
// followed here, along the taps, paddings and paths that core sends; sizes and centers are core's.
// tests/browser/test_cone_model.py compares what this module answers with core's own cones.

/**
 * AxisMap: which input units each output unit reads, along one axis. Its `taps` are (first, count,
 * step) for the outputs of one period; the next period reads `advance` units further on. `copies`
 * has the unit that a tap outside the map reads, unless it reads zeros. `whole` means that every
 * output reads every input, `causal` that it reads all inputs up to its own index.
 * Input: a line's input, with the index of the line it comes from, the branch that it belongs to,
 * and a map for each axis; null stands for the identity.
 * Line: one operation of the network, or the image, which is line 0. Its `pads` are the units of
 * zero padding [before, after] its map for each axis, its `paths` those of `ReceptiveField.as_data`.
 * Bundle: connections from the units of one line to those of another one, [unit, tap, unit that the
 * tap reads, or null for padding] each.
 * @typedef {{to: number, from: number, branch: number|null, pairs: [number, number, number|null][]}} Bundle
 * @typedef {{n_in: number, n_out: number, advance: number, taps: number[][], copies: Object<string, number>, whole: boolean, causal: boolean}} AxisMap
 * @typedef {{line: number, branch: number|null, maps: (AxisMap|null)[]}} Input
 * @typedef {{name: string, label: string, text: string, short_text: string, kind: string, shape: number[], grid: number[],
 *   size: number[], stride: number[], padding: number[], center: number[], aligned: boolean, note: string, bound: string,
 *   strided: boolean, branch: number|null, inputs: Input[], pads: number[][], paths: any[][]}} Line
 */

/** Call `visit(tap, real)` for each tap of an output unit; `real` is null in zero padding. */
function eachTap(map, unit, visit) {
  if (map === null || map.whole || map.causal) {
    const first = map === null ? unit : 0,
      last = map?.whole ? map.n_in - 1 : unit;
    for (let i = first; i <= last; i += 1) visit(i, i);
    return;
  }
  const [first, count, step] = map.taps[unit % map.taps.length];
  const shift = Math.floor(unit / map.taps.length) * map.advance;
  for (let i = 0; i < count; i += 1) {
    const tap = first + i * step + shift;
    visit(tap, tap >= 0 && tap < map.n_in ? tap : (map.copies[tap] ?? null));
  }
}

/** The indices of marked units. */
const indices = (own) => [...own.keys()].filter((u) => own[u]);

/** The [unit, tap, null] of the taps of a unit that lie in padding that is read. */
function padding(map, unit, pads) {
  const pairs = [];
  eachTap(map, unit, (tap, real) => {
    if (real === null && pads.has(tap)) pairs.push([unit, tap, null]);
  });
  return pairs;
}

/** The marks of the `n` inputs that marked outputs of a map read; `pads` takes the padding read. */
function inputsRead(marked, map, n, pads) {
  if (map === null) return marked;
  const read = new Uint8Array(n);
  marked.forEach(
    (on, u) =>
      on &&
      eachTap(map, u, (tap, real) => {
        if (real === null) pads.add(tap);
        else read[real] = 1;
      }),
  );
  return read;
}

/** The marks of the `n` outputs of a map that read marked inputs. */
function outputsReading(marked, map, n) {
  if (map === null) return marked;
  const reading = new Uint8Array(n);
  for (let u = 0; u < n; u += 1)
    eachTap(map, u, (_tap, real) => {
      if (real !== null && marked[real]) reading[u] = 1;
    });
  return reading;
}

/** Mark more units of a line in the cones of both axes, unless there are none along one axis. */
function mark(cones, index, more) {
  if (!more.every((own) => own.includes(1))) return;
  cones.forEach(({ marks }, axis) => {
    marks[index] = marks[index]?.map((on, u) => on | more[axis][u]) ?? more[axis];
  });
}

/** A network as core describes it, with the index and the position of every unit. */
export class Net {
  /** @param {Line[]} lines */
  constructor(lines) {
    this.lines = lines;
    this.image = lines[0].grid;
    this.drawn = null;
    this.reads = new Map();
    this.readers = lines.map(() => []);
    lines.forEach((line, index) =>
      line.inputs.forEach((input) => this.readers[input.line].push([index, input])),
    );
  }

  /** First and last image pixel that a unit's windows cover, padding included; null for none. */
  span(index, axis, unit) {
    let [low, high] = [Infinity, -Infinity];
    for (const { period, advance, spans, since } of this.lines[index].paths[axis]) {
      const own = spans[unit % period],
        shift = Math.floor(unit / period) * advance;
      if (own) {
        low = Math.min(low, since[0] ?? own[0] + shift);
        high = Math.max(high, since[1] ?? own[1] + shift);
      }
    }
    return low <= high ? [low, high] : null;
  }

  /** Position of a unit's center in the image, in pixels; extrapolated beyond the map's ends. */
  place(index, axis, unit) {
    const { grid, stride, center } = this.lines[index];
    const inside = Math.max(0, Math.min(grid[axis] - 1, unit)),
      span = this.span(index, axis, inside);
    const middle = span ? (span[0] + span[1]) / 2 : center[axis] + inside * stride[axis];
    return middle + (unit - inside) * stride[axis];
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

  /** The cones of both axes with a single unit marked. */
  cones(index, unit) {
    const cones = unit.map(() => ({
      marks: this.lines.map(() => null),
      pads: this.lines.map(() => new Set()),
    }));
    const single = unit.map((u, axis) =>
      new Uint8Array(this.lines[index].grid[axis]).fill(1, u, u + 1),
    );
    mark(cones, index, single);
    return cones;
  }

  /**
   * The cones [along the height, along the width] of the units on which a unit depends.
   * @param {number[]} unit row and column
   * @returns `marks`: for each line a byte per unit, or null if no unit is marked; `pads`: for
   *   each line the padding units that are read.
   */
  ancestors(index, unit) {
    if (this.last?.key === `${index} ${unit}`) return this.last.cones; // each picture of a unit needs it
    const cones = this.cones(index, unit);
    this.last = { key: `${index} ${unit}`, cones };
    for (let i = index; i > 0; i -= 1)
      for (const { line: from, maps } of cones[0].marks[i] ? this.lines[i].inputs : []) {
        const { grid } = this.lines[from];
        const read = cones.map(({ marks, pads }, axis) =>
          inputsRead(marks[i], maps[axis], grid[axis], pads[from]),
        );
        mark(cones, from, read);
      }
    return cones;
  }

  /** The cones of the units that depend on a unit; the result is as in `ancestors`. */
  descendants(index, unit) {
    const cones = this.cones(index, unit);
    for (let i = index; i < this.lines.length; i += 1)
      for (const [to, { maps }] of cones[0].marks[i] ? this.readers[i] : []) {
        const { grid } = this.lines[to];
        const reading = cones.map(({ marks }, axis) =>
          outputsReading(marks[i], maps[axis], grid[axis]),
        );
        mark(cones, to, reading);
      }
    return cones;
  }

  /** [first, last] image pixel on which a unit depends, for each axis; null for none. */
  seen(index, unit) {
    return this.ancestors(index, unit).map(
      ({ marks: [own] }) => own && [own.indexOf(1), own.lastIndexOf(1)],
    );
  }

  /**
   * The connections of a cone between the lines that are drawn, through all others, and those to
   * the zero padding beside them.
   * @param {{marks: Uint8Array[], pads: Set<number>[]}} cone
   * @param {number} axis
   * @param {Set<number>} drawn
   * @returns {Bundle[]}
   */
  bundles({ marks, pads }, axis, drawn) {
    return [...drawn].flatMap((to) => {
      if (!marks[to]) return [];
      const units = indices(marks[to]),
        bundles = this.ties(to, units, axis, drawn);
      for (const input of this.lines[to].inputs) {
        const from = this.padded(input.line, drawn);
        const pairs = units.flatMap((u) => padding(input.maps[axis], u, pads[input.line]));
        if (drawn.has(from)) bundles.push({ to, from, branch: input.branch, pairs });
      }
      return bundles
        .map((each) => ({
          ...each,
          pairs: each.pairs.filter(([, , real]) => real === null || marks[each.from]?.[real]),
        }))
        .filter(({ pairs }) => pairs.length);
    });
  }

  /** The connections of a line's units to the lines drawn before it; one bundle if those are one. */
  ties(to, units, axis, drawn) {
    const { inputs, branch } = this.lines[to];
    const bundles = inputs.flatMap((input, own) => {
      const through = new Map();
      for (const u of units)
        for (const [from, tap, real] of this.read(to, own, axis, u, drawn)) {
          if (!through.has(from)) through.set(from, []);
          through.get(from).push([u, tap, real]);
        }
      return [...through].map(([from, pairs]) => ({ to, from, branch: input.branch, pairs }));
    });
    if (inputs.length < 2 || new Set(bundles.map(({ from }) => from)).size !== 1) return bundles;
    const all = new Map(bundles.flatMap(({ pairs }) => pairs.map((pair) => [`${pair}`, pair])));
    return [{ to, from: bundles[0].from, branch, pairs: [...all.values()] }];
  }

  /** The [line, tap, unit] of drawn lines that a unit reads through one input, however far. */
  read(to, own, axis, unit, drawn) {
    if (this.drawn !== drawn) Object.assign(this, { drawn, reads: new Map() });
    const key = `${to} ${own} ${axis} ${unit}`;
    if (!this.reads.has(key)) this.reads.set(key, this.readThrough(to, own, axis, unit, drawn));
    return this.reads.get(key);
  }

  readThrough(to, own, axis, unit, drawn) {
    const { line: source, maps } = this.lines[to].inputs[own],
      taps = [];
    eachTap(maps[axis], unit, (tap, real) => {
      if (real !== null) taps.push([source, tap, real]);
    });
    if (drawn.has(source)) return taps;
    const pending = new Map([[source, new Set(taps.map(([, , real]) => real))]]),
      reached = [];
    for (let at = source; at >= 0; at -= 1) {
      const units = pending.get(at) ?? [];
      if (drawn.has(at)) for (const u of units) reached.push([at, u, u]);
      else
        for (const input of this.lines[at].inputs) {
          const read = pending.get(input.line) ?? new Set();
          for (const u of units)
            eachTap(input.maps[axis], u, (_tap, real) => real !== null && read.add(real));
          pending.set(input.line, read);
        }
    }
    return reached;
  }

  /** The line beside which a line's padding is drawn: itself, or the one whose single units it reads. */
  padded(index, drawn) {
    const { inputs } = this.lines[index];
    const single = new Set(inputs.map(({ line }) => line)).size === 1;
    const same = single && inputs.every(({ maps }) => maps.every((map) => map === null));
    return drawn.has(index) || !same ? index : this.padded(inputs[0].line, drawn);
  }
}
