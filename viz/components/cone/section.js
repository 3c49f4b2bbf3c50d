// The cross-section of a network: one row for each operation, or for each block that is folded,
// with the image at the bottom, and every unit above the center of its receptive field.

import { isTop } from "./rows.js";

/**
 * Text size in pixels, the mean width of a letter and how much wider it is in bold, the number of connections from which on their
 * areas are drawn too, and up to which they are drawn one by one, and the least width of the unit
 * whose cone is drawn: its outline must not hide its color.
 */
const LABEL = 12,
  LETTER = 6.1,
  BOLD = 1.06,
  FEW_TIES = 400,
  MOST_TIES = 5000,
  LEAST_FOCUS = 6;

/** Width in pixels of the triangle that folds or unfolds a row, for each row around it too. */
export const INDENT = 14;

/** The width from which on rows are described and not only named. */
const COMPACT = 480;

/**
 * The geometry of the cross-section in a box of this size.
 * @param {import("./rows.js").Entry[]} rows the rows that are drawn, from the image on
 * @param {[number, number]} [window] first and last image position to show; all by default
 */
export function layout(net, rows, axis, width, height, window) {
  const compact = width < COMPACT;
  const names = rows.map(
    (entry) => title(entry.row, compact).length * LETTER * BOLD + indent(entry) + 10,
  );
  const left = Math.min(Math.max(84, ...names), compact ? 118 : Math.max(150, width * 0.36));
  const right = compact ? 56 : 122,
    top = 30,
    bottom = 40;
  const pitch = Math.min(96, (height - top - bottom) / rows.length);
  const at = new Map(rows.map(({ row }, index) => [row.line, index]));
  const [low, high] = window ?? whole(net, axis);
  const scale = (width - left - right) / (high - low);
  const index = (y) =>
    Math.max(0, Math.min(rows.length - 1, rows.length - 1 - Math.floor((y - top) / pitch)));
  return {
    axis,
    rows,
    drawn: new Set(at.keys()),
    width,
    height: top + bottom + rows.length * pitch,
    left,
    right,
    top,
    pitch,
    low,
    high,
    scale,
    compact,
    x: (position) => left + (position - low) * scale,
    y: (line) => top + (rows.length - 1 - at.get(line) + 0.5) * pitch,
    entry: (y) => rows[index(y)],
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

/** The height of a line's units on screen, in pixels. */
const unitHeight = (plan) => Math.min(22, plan.pitch * 0.54);

/** First and last x of some units of a line, at least so wide; narrow neighbors become a band. */
function spans(net, plan, i, units, least = 1.5) {
  const own = unitWidth(net, plan, i),
    thin = own < 4;
  const wide = Math.max(least, own * (thin ? 1 : 0.84));
  return (thin ? runs(units) : units.map((u) => [u, u]))
    .map(([first, last]) => {
      const ends = [first, last].map((u) => plan.x(net.place(i, plan.axis, u)));
      return [
        Math.max(Math.min(...ends) - wide / 2, plan.left - 3),
        Math.min(Math.max(...ends) + wide / 2, plan.width - plan.right + 3),
      ];
    })
    .filter(([from, to]) => to > from);
}

/** Draw units of a line. */
function cells(surface, net, plan, i, units, style, least) {
  const tall = unitHeight(plan);
  for (const [from, to] of spans(net, plan, i, units, least))
    surface.rect(from, plan.y(i) - tall / 2, to - from, tall, style);
}

/** Draw a line through units of a branch with its dashes, which tell branches apart in gray. */
function stripe(surface, net, plan, i, units, stroke, dash) {
  const y = plan.y(i);
  for (const [from, to] of spans(net, plan, i, units))
    surface.line(
      [
        [from, y],
        [to, y],
      ],
      { stroke, dash, width: 2.5 },
    );
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

/**
 * Draw all units.
 * @returns {boolean} whether padding is in the picture
 */
export function drawUnits(surface, net, plan, theme) {
  let padded = false;
  for (const i of plan.drawn) {
    const line = net.lines[i],
      n = line.grid[plan.axis],
      [before, after] = line.pads[plan.axis];
    const image = { fill: theme.meanings.input, alpha: 0.5 };
    const units = range(0, line.stride[plan.axis] ? n : 1);
    cells(surface, net, plan, i, units, i === 0 ? image : { fill: theme.panel });
    cells(surface, net, plan, i, units, { stroke: i === 0 ? theme.meanings.input : theme.outline });
    if (unitWidth(net, plan, i) < 3) continue;
    const pads = [...range(-before, 0), ...range(n, n + after)];
    cells(surface, net, plan, i, pads, { stroke: theme.meanings.padding, dash: [2, 2] });
    padded ||= spans(net, plan, i, pads).length > 0;
  }
  return padded;
}

/** Draw names at the left, receptive fields at the right, and the image's pixels below. */
export function drawLabels(surface, net, plan, theme, focus) {
  const every = Math.max(1, Math.ceil(13 / plan.pitch));
  const focused = plan.rows.findIndex(({ row }) => row.line === focus.line);
  plan.rows.forEach((entry, index) => {
    const { row } = entry,
      chosen = index === focused,
      y = plan.y(row.line);
    const near = Math.abs(index - focused) < every && focused >= 0;
    toggle(surface, plan, theme, entry, y);
    if (!chosen && (index % every || near)) return;
    const style = {
      size: LABEL,
      fill: chosen ? theme.text : theme.muted,
      weight: chosen ? 600 : 400,
    };
    const letters = (plan.left - indent(entry) - 10) / LETTER;
    const room = Math.floor(letters / (chosen ? BOLD : 1));
    surface.text(fitted(row, room, plan.compact), plan.left - 8, y, { ...style, align: "right" });
    surface.text(sizeText(net, plan, row), plan.width - plan.right + 8, y, style);
  });
  const muted = { size: LABEL, fill: theme.muted };
  surface.text("layer", plan.left - 8, 13, { ...muted, align: "right" });
  const sees = plan.compact ? "RF (px)" : "receptive field (px)";
  surface.text(sees, plan.width - plan.right + 8, 13, muted);
  ruler(surface, net, plan, theme);
}

/** Draw the axis of the image's pixels below the rows. */
function ruler(surface, net, plan, theme) {
  const y = plan.height - 30,
    n = net.image[plan.axis],
    muted = { size: LABEL, fill: theme.muted };
  for (const at of ticks(plan, n)) {
    surface.line(
      [
        [plan.x(at), y],
        [plan.x(at), y + 5],
      ],
      { stroke: theme.muted },
    );
    surface.text(String(at), plan.x(at), y + 14, { ...muted, align: "center" });
  }
  const along = `${plan.compact ? "" : "image "}${plan.axis ? "column" : "row"} (px)`;
  surface.text(along, plan.left - 8, y + 14, { ...muted, align: "right" });
}

/** Draw the triangle that unfolds a row, and those and the brackets of the rows around it. */
function toggle(surface, plan, theme, entry, y) {
  const { row, within, depth } = entry,
    fill = theme.muted;
  const corners = (points) => points.map(([x, down]) => [INDENT * depth + x, y + down]);
  if (row.rows.length)
    surface.polygon(
      corners([
        [3, -5],
        [11, 0],
        [3, 5],
      ]),
      { fill },
    );
  if (!within) return;
  const x = 7 - INDENT;
  if (isTop(entry))
    surface.polygon(
      corners([
        [x - 5, -4],
        [x + 5, -4],
        [x, 4],
      ]),
      { fill },
    );
  const half = plan.pitch / 2;
  surface.line(
    corners([
      [x, isTop(entry) ? 4 : -half],
      [x, half],
    ]),
    { stroke: fill },
  );
}

/** The width of the triangles at the left of a row's name. */
const indent = ({ row, depth }) => INDENT * (depth + (row.rows.length ? 1 : 0));

/** The name of a row and what it does. */
function title(row, compact) {
  if (row.line === 0) return "image";
  return compact ? row.label : `${row.label}  ${what(row)}`;
}

/**
 * What a row does; a folded one also says how many layers it stands for. Its stride stands beside
 * the receptive field.
 */
function what({ rows, layers, text }) {
  const bare = text.replace(/, stride [\d×]+/g, "");
  return rows.length ? `${layers} layer${layers === 1 ? "" : "s"}: ${bare}` : bare;
}

/** The name of a row and what it does, in at most so many letters. */
function fitted(row, room, compact) {
  const full = title(row, compact);
  if (full.length <= room) return full;
  const name = shortName(row.label, compact ? room : Math.floor(room * 0.6));
  const rest = room - name.length - 2;
  return compact || rest < 5 ? name : `${name}  ${short(what(row), rest)}`;
}

/** A name without its first modules, so that its last ones stay whole where there is room. */
function shortName(name, most) {
  if (name.length <= most) return name;
  const parts = name.split(".");
  for (let from = 1; from < parts.length; from += 1) {
    const end = `…${parts.slice(from).join(".")}`;
    if (end.length <= most) return end;
  }
  return `…${parts.at(-1).slice(1 - most)}`;
}

/** A text with an ellipsis for its end if it has more letters than there is room for. */
const short = (text, most) => (text.length > most ? `${text.slice(0, most - 1)}…` : text);

/** The receptive field of a row's units along the axis, and the stride of the row. */
function sizeText(net, plan, row) {
  const { axis, compact } = plan,
    line = net.lines[row.line],
    apart = line.stride[axis];
  if (row.line === 0) return "";
  if (apart === 0) return "all";
  const source = net.lines[row.lines[0]].inputs[0].line;
  const stride = apart / net.lines[source].stride[axis];
  const strided = row.strided && stride > 1 && Number.isFinite(stride) && !compact;
  return `${line.size[axis]}${strided ? `, stride ${Math.round(stride * 100) / 100}` : ""}`;
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

/**
 * Draw the cone of a unit: connections, marked units and padding.
 * @param {number | null} reached the line up to which an animated cone has grown; null if complete
 * @returns {{padded: boolean, branches: Set<number>}} whether padding is read, and the branches
 */
export function drawCone(surface, net, plan, theme, cone, focus, reached) {
  const { marks } = cone,
    hidden = (i) => reached !== null && (cone.down ? i > reached : i < reached);
  const of = (list, branch) => list[(branch ?? 0) % list.length];
  const bundles = net.bundles(cone, plan.axis, plan.drawn);
  drawTies(
    surface,
    net,
    plan,
    theme,
    bundles.filter(({ to, from }) => !hidden(to) && !hidden(from)),
  );
  let padded = false;
  for (const i of plan.drawn) {
    const own = marks[i];
    if (!own || hidden(i)) continue;
    const { branch } = net.lines[i],
      fill = i === 0 ? theme.meanings.window : of(theme.branches, branch);
    cells(surface, net, plan, i, indices(own), { fill, stroke: theme.background, width: 0.5 });
    if (branch && i)
      stripe(surface, net, plan, i, indices(own), theme.background, of(theme.dashes, branch));
    const read = bundles.filter(({ from }) => from === i).flatMap(({ pairs }) => pairs);
    const pads = new Set(read.filter(([, , real]) => real === null).map(([, tap]) => tap));
    if (!pads.size || unitWidth(net, plan, i) < 3) continue;
    padded = true;
    cells(surface, net, plan, i, [...pads], {
      fill: theme.background,
      stroke: theme.meanings.padding,
      dash: [3, 2],
      width: 1.5,
    });
  }
  const own = { fill: theme.meanings.output, stroke: theme.text, width: 1.5 };
  cells(surface, net, plan, focus.line, [focus.unit[plan.axis]], own, LEAST_FOCUS);
  const lit = [...plan.drawn].filter((i) => i && marks[i]).map((i) => net.lines[i].branch ?? 0);
  return { padded, branches: new Set([...bundles.map(({ branch }) => branch ?? 0), ...lit]) };
}

/** Draw connections one by one; if they are many, also the area of each bundle of them. */
function drawTies(surface, net, plan, theme, bundles) {
  const count = bundles.reduce((sum, { pairs }) => sum + pairs.length, 0);
  const few = count < FEW_TIES;
  const end = (i, unit) => clip(plan, net.place(i, plan.axis, unit), plan.y(i));
  for (const { to, from, branch, pairs } of bundles) {
    const stroke = theme.branches[(branch ?? 0) % theme.branches.length],
      dash = theme.dashes[(branch ?? 0) % theme.dashes.length];
    if (count <= MOST_TIES) {
      const points = pairs.flatMap(([u, tap]) => [end(to, u), end(from, tap)]);
      surface.line(points, { stroke, dash, width: few ? 1.2 : 0.7, alpha: few ? 0.75 : 0.4 });
    }
    if (few) continue;
    const [own, read] = [0, 1].map((k) => pairs.map((pair) => pair[k]));
    surface.polygon(
      [
        end(to, Math.min(...own)),
        end(to, Math.max(...own)),
        end(from, Math.max(...read)),
        end(from, Math.min(...read)),
      ],
      { fill: stroke, alpha: count <= MOST_TIES ? 0.22 : 0.35 },
    );
  }
}

/** A point of the cross-section, moved to the border if it lies outside. */
const clip = (plan, position, y) => [
  Math.max(plan.left - 3, Math.min(plan.width - plan.right + 3, plan.x(position))),
  y,
];
