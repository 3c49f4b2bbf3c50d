// The cross-section of a network: one line for each operation with the image at the bottom, and
// every unit above the center of its receptive field.

/** Text size in pixels, and the largest number of connections that are drawn one by one. */
const LABEL = 11.5,
  MOST_TIES = 5000;

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
    [before, after] = net.pads[axis][0];
  const room = (pad) => Math.min(pad, 0.2 * n) + 0.01 * n;
  return [-0.5 - room(before), n - 0.5 + room(after)];
}

/** Width of a line's units on screen, in pixels. */
const unitWidth = (net, plan, i) => {
  const apart = Math.abs(net.lines[i].stride[plan.axis]);
  return apart ? apart * plan.scale : net.image[plan.axis] * plan.scale;
};

/** Draw a unit whose center lies at an image position. */
function cell(surface, net, plan, i, position, style) {
  const own = unitWidth(net, plan, i),
    wide = Math.max(1.5, own * 0.84),
    tall = Math.min(18, plan.pitch * 0.56);
  const x = plan.x(position) - wide / 2,
    from = Math.max(x, plan.left - 3),
    to = Math.min(x + wide, plan.width - plan.right + 3);
  if (to > from) surface.rect(from, plan.y(i) - tall / 2, to - from, tall, style);
}

/** Draw all units; `faded` if a cone will be drawn over them. */
export function drawUnits(surface, net, plan, theme, faded) {
  const alpha = faded ? 0.6 : 1;
  net.lines.forEach((line, i) => {
    const style = {
      fill: i === 0 ? theme.meanings.input : theme.panel,
      stroke: i === 0 ? undefined : theme.line,
      alpha: i === 0 ? alpha * 0.5 : alpha,
    };
    const n = line.stride[plan.axis] ? line.grid[plan.axis] : 1; // one center for all units
    if (unitWidth(net, plan, i) < 2.4) band(surface, net, plan, i, style);
    else
      for (let u = 0; u < n; u += 1) cell(surface, net, plan, i, net.place(i, plan.axis, u), style);
    padCells(surface, net, plan, i, null, { stroke: theme.meanings.padding, dash: [2, 2], alpha });
  });
}

/** Draw a line's units as one band, because single ones would be too narrow. */
function band(surface, net, plan, i, style) {
  const n = net.lines[i].grid[plan.axis],
    tall = Math.min(18, plan.pitch * 0.56);
  const from = Math.max(plan.left, plan.x(net.place(i, plan.axis, 0))),
    to = Math.min(plan.width - plan.right, plan.x(net.place(i, plan.axis, n - 1)));
  if (to > from) surface.rect(from, plan.y(i) - tall / 2, to - from, tall, style);
}

/** Draw padding units beside a line's map: the `chosen` ones, or all of them. */
function padCells(surface, net, plan, i, chosen, style) {
  if (unitWidth(net, plan, i) < 3) return;
  const [before, after] = net.pads[plan.axis][i],
    n = net.lines[i].grid[plan.axis];
  const all = [...Array(Math.min(before, 64)).keys()]
    .map((p) => -1 - p)
    .concat([...Array(Math.min(after, 64)).keys()].map((p) => n + p));
  for (const u of chosen ?? all) cell(surface, net, plan, i, outside(net, i, plan.axis, u), style);
}

/** Position in the image that a unit outside of the map would have. */
function outside(net, i, axis, u) {
  const n = net.lines[i].grid[axis],
    apart = net.lines[i].stride[axis];
  return u < 0
    ? net.place(i, axis, 0) + u * apart
    : net.place(i, axis, n - 1) + (u - n + 1) * apart;
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
      room = 40 - name.length;
    const what = short(line.text.replace(/2d\b/, "").replace(/, padding [^,]*/, ""), room);
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
  const color = (place) => theme.branches[(place ?? 0) % theme.branches.length];
  const tied = (input, to) =>
    net.lines[to].inputs.length > 1 ? input.place : net.lines[to].branch;
  let ties = 0;
  net.eachTie(marks, plan.axis, () => {
    ties += 1;
  });
  if (ties <= MOST_TIES) {
    net.eachTie(marks, plan.axis, (to, u, from, tap, real, input) => {
      if (hidden(to) || hidden(from)) return;
      const start =
        real === null || real !== tap
          ? outside(net, from, plan.axis, tap)
          : net.place(from, plan.axis, tap);
      const place = tied(input, to);
      surface.line(
        [clip(plan, net.place(to, plan.axis, u), plan.y(to)), clip(plan, start, plan.y(from))],
        {
          stroke: color(place),
          width: ties < 400 ? 1.2 : 0.7,
          alpha: ties < 400 ? 0.75 : 0.4,
          dash: theme.dashes[(place ?? 0) % theme.dashes.length],
        },
      );
    });
  } else envelopes(surface, net, plan, marks, hidden, color, tied);
  marks.forEach((own, i) => {
    if (!own || hidden(i)) return;
    const fill = i === 0 ? theme.meanings.window : color(net.lines[i].branch);
    if (unitWidth(net, plan, i) < 2.4)
      runs(own).forEach(([a, b]) => {
        const tall = Math.min(18, plan.pitch * 0.56),
          from = Math.max(plan.left, plan.x(net.place(i, plan.axis, a)) - 0.5),
          to = Math.min(plan.width - plan.right, plan.x(net.place(i, plan.axis, b)) + 0.5);
        if (to > from)
          surface.rect(from, plan.y(i) - tall / 2, Math.max(1.5, to - from), tall, { fill });
      });
    else
      own.forEach(
        (on, u) =>
          on &&
          cell(surface, net, plan, i, net.place(i, plan.axis, u), {
            fill,
            stroke: theme.background,
            width: 0.5,
          }),
      );
    padCells(surface, net, plan, i, pads[i], {
      fill: theme.background,
      stroke: theme.meanings.padding,
      dash: [3, 2],
      width: 1.5,
    });
  });
  const own = { fill: theme.meanings.output, stroke: theme.text, width: 1.5 };
  cell(
    surface,
    net,
    plan,
    focus.line,
    net.place(focus.line, plan.axis, focus.unit[plan.axis]),
    own,
  );
}

/** A point of the cross-section, moved to the border if it lies outside. */
const clip = (plan, position, y) => [
  Math.max(plan.left - 3, Math.min(plan.width - plan.right + 3, plan.x(position))),
  y,
];

/** Draw the area between the outermost connections of each pair of lines, if they are too many. */
function envelopes(surface, net, plan, marks, hidden, color, tied) {
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
        { fill: color(tied(input, to)), alpha: 0.35 },
      );
    }
  });
}

/** Runs of marked units as [first, last]. */
export function runs(own) {
  const spans = [];
  own.forEach((on, u) => {
    if (!on) return;
    if (spans.length && spans.at(-1)[1] === u - 1) spans.at(-1)[1] = u;
    else spans.push([u, u]);
  });
  return spans;
}
