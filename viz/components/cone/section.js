// The cross-section of a network: one line for each operation with the image at the bottom, and
// every unit above the center of its receptive field.

/**
 * Text size in pixels, the largest number of connections that are drawn one by one, and the least
 * width of the unit whose cone is drawn: its outline must not hide its color.
 */
const LABEL = 11.5,
  MOST_TIES = 5000,
  LEAST_FOCUS = 6;

/**
 * The geometry of the cross-section. A long network may need more than the given height.
 * @param {[number, number]} [window] first and last image position to show; all by default
 */
export function layout(net, axis, width, height, window) {
  const compact = width < 620;
  const left = compact ? 92 : 226,
    right = compact ? 46 : 108,
    top = 34,
    bottom = 34;
  const rows = net.lines.length;
  const pitch = Math.max(9, Math.min(64, (height - top - bottom) / rows));
  const [low, high] = window ?? whole(net, axis);
  const scale = (width - left - right) / (high - low);
  return {
    axis,
    width,
    height: top + bottom + rows * pitch,
    left,
    right,
    top,
    pitch,
    low,
    high,
    scale,
    compact,
    x: (position) => left + (position - low) * scale,
    y: (line) => top + (rows - 1 - line + 0.5) * pitch,
    line: (y) => Math.max(0, Math.min(rows - 1, rows - 1 - Math.floor((y - top) / pitch))),
    position: (x) => low + (x - left) / scale,
  };
}

/** First and last image position with the image and its padding in view. */
function whole(net, axis) {
  const n = net.image[axis],
    [before, after] = net.lines[0].pads[axis];
  const room = (pad) => Math.min(pad, 0.2 * n) + 0.01 * n;
  return [-0.5 - room(before), n - 0.5 + room(after)];
}

/** Width of a line's units on screen, in pixels. */
const unitWidth = (net, plan, i) => {
  const apart = Math.abs(net.lines[i].stride[plan.axis]);
  return apart ? apart * plan.scale : net.image[plan.axis] * plan.scale;
};

/** Draw units of a line, at least so wide; where they are too narrow, neighbors become a band. */
function cells(surface, net, plan, i, units, style, least = 1.5) {
  const own = unitWidth(net, plan, i),
    thin = own < 2.4;
  const wide = Math.max(least, own * (thin ? 1 : 0.84)),
    tall = Math.min(18, plan.pitch * 0.56);
  for (const [first, last] of thin ? runs(units) : units.map((u) => [u, u])) {
    const ends = [first, last].map((u) => plan.x(net.place(i, plan.axis, u)));
    const from = Math.max(Math.min(...ends) - wide / 2, plan.left - 3),
      to = Math.min(Math.max(...ends) + wide / 2, plan.width - plan.right + 3);
    if (to > from) surface.rect(from, plan.y(i) - tall / 2, to - from, tall, style);
  }
}

/** Runs of consecutive units as [first, last]. */
function runs(units) {
  const spans = [];
  for (const u of units)
    if (spans.length && spans.at(-1)[1] === u - 1) spans.at(-1)[1] = u;
    else spans.push([u, u]);
  return spans;
}

/** The indices from one up to another, without it. */
const range = (from, to) => Array.from({ length: to - from }, (_, k) => from + k);
const indices = (own) => range(0, own.length).filter((u) => own[u]);

/** Draw all units; `faded` if a cone will be drawn over them. */
export function drawUnits(surface, net, plan, theme, faded) {
  const alpha = faded ? 0.6 : 1;
  net.lines.forEach((line, i) => {
    const style = {
      fill: i === 0 ? theme.meanings.input : theme.panel,
      stroke: i === 0 ? undefined : theme.line,
      alpha: i === 0 ? alpha * 0.5 : alpha,
    };
    const n = line.grid[plan.axis],
      [before, after] = line.pads[plan.axis];
    cells(surface, net, plan, i, range(0, line.stride[plan.axis] ? n : 1), style);
    const padding = { stroke: theme.meanings.padding, dash: [2, 2], alpha };
    padCells(surface, net, plan, i, [...range(-before, 0), ...range(n, n + after)], padding);
  });
}

/** Draw padding units beside a line's map, unless they are too narrow. */
function padCells(surface, net, plan, i, units, style) {
  if (unitWidth(net, plan, i) >= 3) cells(surface, net, plan, i, units, style);
}

/** Draw names at the left, receptive fields at the right, and the image's pixels below. */
export function drawLabels(surface, net, plan, theme, focus) {
  let free = Infinity;
  net.lines.forEach((line, i) => {
    const y = plan.y(i),
      chosen = i === focus.line;
    if (!chosen && (free - y < 12 || Math.abs(y - plan.y(focus.line)) < 12)) return;
    if (!chosen) free = y;
    const style = {
      size: LABEL,
      fill: chosen ? theme.text : theme.muted,
      weight: chosen ? 600 : 400,
    };
    const name = tail(line.label, plan.compact ? 13 : 20),
      room = (chosen ? 36 : 40) - name.length;
    const what = short(line.short_text, room);
    surface.text(i === 0 ? "image" : plan.compact ? name : `${name}  ${what}`, plan.left - 8, y, {
      ...style,
      align: "right",
    });
    const size = line.size[plan.axis],
      word = line.stride[plan.axis] === 0 && i ? "all" : `${size}`;
    surface.text(
      i === 0
        ? ""
        : plan.compact
          ? word
          : `${word}${word === "all" ? "" : " px"}${line.strided ? " · stride" : ""}`,
      plan.width - plan.right + 8,
      y,
      style,
    );
  });
  const along = plan.axis ? "column" : "row";
  surface.text("layer", plan.left - 8, 14, { size: LABEL, fill: theme.muted, align: "right" });
  surface.text(plan.compact ? "RF" : "receptive field", plan.width - plan.right + 8, 14, {
    size: LABEL,
    fill: theme.muted,
  });
  const y = plan.height - 14,
    n = net.image[plan.axis];
  for (const at of ticks(plan, n)) {
    surface.line(
      [
        [plan.x(at), y - 16],
        [plan.x(at), y - 11],
      ],
      { stroke: theme.muted },
    );
    surface.text(String(at), plan.x(at), y - 3, {
      size: LABEL - 1,
      fill: theme.muted,
      align: "center",
    });
  }
  surface.text(`${plan.compact ? "" : "image "}${along} (px)`, plan.left - 8, y - 3, {
    size: LABEL,
    fill: theme.muted,
    align: "right",
  });
}

/** Image positions for the ticks of the axis: multiples of 1, 2 or 5 times a power of ten. */
function ticks(plan, n) {
  const rough = (plan.high - plan.low) / (plan.compact ? 4 : 9),
    ten = 10 ** Math.floor(Math.log10(Math.max(1, rough)));
  const step = Math.max(
    1,
    [1, 2, 5, 10].map((k) => k * ten).find((k) => k >= rough),
  );
  const positions = [];
  for (
    let at = Math.max(0, Math.ceil(plan.low / step) * step);
    at <= Math.min(n - 1, plan.high);
    at += step
  )
    positions.push(at);
  return positions;
}

const tail = (text, most) => (text.length > most ? `…${text.slice(1 - most)}` : text);
export const short = (text, most) => (text.length > most ? `${text.slice(0, most - 1)}…` : text);

/**
 * Draw the cone of a unit: connections, marked units and padding.
 * @param {number | null} reached the line up to which an animated cone has grown; null if complete
 */
export function drawCone(surface, net, plan, theme, cone, focus, reached) {
  const { marks, pads } = cone,
    hidden = (i) => reached !== null && (cone.down ? i > reached : i < reached);
  const color = (branch) => theme.branches[(branch ?? 0) % theme.branches.length];
  let ties = 0;
  net.eachTie(cone, plan.axis, () => {
    ties += 1;
  });
  const few = ties < 400 ? { width: 1.2, alpha: 0.75 } : { width: 0.7, alpha: 0.4 };
  if (ties <= MOST_TIES) {
    net.eachTie(cone, plan.axis, (to, u, from, tap, { branch }) => {
      if (hidden(to) || hidden(from)) return;
      const end = (i, unit) => clip(plan, net.place(i, plan.axis, unit), plan.y(i));
      surface.line([end(to, u), end(from, tap)], {
        stroke: color(branch),
        dash: theme.dashes[(branch ?? 0) % theme.dashes.length],
        ...few,
      });
    });
  } else envelopes(surface, net, plan, marks, hidden, color);
  marks.forEach((own, i) => {
    if (!own || hidden(i)) return;
    const fill = i === 0 ? theme.meanings.window : color(net.lines[i].branch);
    cells(surface, net, plan, i, indices(own), { fill, stroke: theme.background, width: 0.5 });
    padCells(surface, net, plan, i, [...pads[i]], {
      fill: theme.background,
      stroke: theme.meanings.padding,
      dash: [3, 2],
      width: 1.5,
    });
  });
  const own = { fill: theme.meanings.output, stroke: theme.text, width: 1.5 };
  cells(surface, net, plan, focus.line, [focus.unit[plan.axis]], own, LEAST_FOCUS);
}

/** A point of the cross-section, moved to the border if it lies outside. */
const clip = (plan, position, y) => [
  Math.max(plan.left - 3, Math.min(plan.width - plan.right + 3, plan.x(position))),
  y,
];

/** Draw the area between the outermost connections of each pair of lines, if they are too many. */
function envelopes(surface, net, plan, marks, hidden, color) {
  net.lines.forEach((line, to) => {
    for (const input of marks[to] ? line.inputs : []) {
      const own = marks[input.line];
      if (!own || hidden(to) || hidden(input.line)) continue;
      const at = (i, u) => clip(plan, net.place(i, plan.axis, u), plan.y(i));
      surface.polygon(
        [
          at(to, marks[to].indexOf(1)),
          at(to, marks[to].lastIndexOf(1)),
          at(input.line, own.lastIndexOf(1)),
          at(input.line, own.indexOf(1)),
        ],
        { fill: color(input.branch), alpha: 0.35 },
      );
    }
  });
}
