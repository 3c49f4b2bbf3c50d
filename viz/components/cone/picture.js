// The image with the receptive field of one unit, the part of it inside the image, and the centers
// of all units of the layer.

/**
 * Least distance of two centers in pixels, how far a receptive field is drawn beyond the image in
 * multiples of its side, room around the picture for its lines, and the height of a label below it.
 */
const DOTS_APART = 12,
  REACH = 1.2,
  EDGE = 3,
  LABEL = 20;

/** The geometry of the image in the given space, with room for the field of the selected unit. */
export function frame(net, kept, width, height) {
  const ranges = [0, 1].map((axis) => {
    const n = net.image[axis],
      span = net.span(kept.line, axis, kept.unit[axis]) ?? [0, n - 1];
    const low = Math.min(0, span[0]),
      high = Math.max(n - 1, span[1]);
    return [Math.max(low, -REACH * n) - 0.5, Math.min(high, n - 1 + REACH * n) + 0.5];
  });
  const texts = 3 * LABEL + EDGE;
  const scale = Math.min(
    (width - 2 * EDGE) / (ranges[1][1] - ranges[1][0]),
    (height - 2 * EDGE - texts) / (ranges[0][1] - ranges[0][0]),
  );
  const used = [0, 1].map((axis) => (ranges[axis][1] - ranges[axis][0]) * scale);
  return {
    ranges,
    scale,
    width,
    height: used[0] + 2 * EDGE + texts,
    top: EDGE,
    left: EDGE,
    right: EDGE + used[1],
    bottom: EDGE + used[0],
    x: (column) => EDGE + (column - ranges[1][0]) * scale,
    y: (row) => EDGE + (row - ranges[0][0]) * scale,
    column: (x) => ranges[1][0] + (x - EDGE) / scale,
    row: (y) => ranges[0][0] + (y - EDGE) / scale,
  };
}

/** Whether the centers of a layer's units stand too close to be drawn one by one. */
export const dense = (net, plan, line) => spacing(net, plan, line).some((every) => every > 1);

/** For each axis, of how many units one center is drawn, so that those stand apart. */
const spacing = (net, plan, line) =>
  net.lines[line].stride.map((apart, axis) =>
    net.lines[line].grid[axis] > 1 && apart
      ? Math.ceil(DOTS_APART / Math.max(Math.abs(apart) * plan.scale, 0.01))
      : 1,
  );

/**
 * Draw the image with the receptive field of a unit.
 * @param {HTMLImageElement|null} image
 */
export function drawPicture(surface, net, plan, theme, focus, image, source, grid) {
  const [rows, cols] = net.image,
    { scale } = plan;
  const at = [plan.x(-0.5), plan.y(-0.5), cols * scale, rows * scale];
  if (image?.complete && image.naturalWidth) surface.picture(image, source, ...at);
  surface.rect(...at, { stroke: theme.meanings.input, width: 2 });
  if (grid) centers(surface, net, plan, theme, focus);
  const spans = [0, 1].map((axis) => net.span(focus.line, axis, focus.unit[axis]));
  if (spans[0] && spans[1])
    box(surface, plan, spans, { stroke: theme.background, width: 5, alpha: 0.6 });
  if (spans[0] && spans[1])
    box(surface, plan, spans, { stroke: theme.meanings.padding, width: 2.5, dash: [6, 4] });
  const seen = net.seen(focus.line, focus.unit);
  if (seen[0] && seen[1]) {
    box(surface, plan, seen, { fill: theme.meanings.window, alpha: 0.22 });
    box(surface, plan, seen, { stroke: theme.meanings.window, width: 3 });
  }
  const middle = [0, 1].map((axis) => net.place(focus.line, axis, focus.unit[axis]));
  cross(surface, plan, middle, theme.meanings.output, theme.background);
  labels(surface, plan, theme, [
    ...sizes(net, theme, focus, spans, seen),
    ...(grid ? [centersLabel(theme, spacing(net, plan, focus.line))] : []),
  ]);
}

/**
 * Draw a box around rows and columns; edges out of view are omitted.
 * @param {number[][]} spans rows, columns: first and last each
 */
function box(surface, plan, spans, style) {
  const [[top, bottom], [left, right]] = spans;
  const x0 = Math.max(plan.left, plan.x(left - 0.5)),
    x1 = Math.min(plan.right, plan.x(right + 0.5));
  const y0 = Math.max(plan.top, plan.y(top - 0.5)),
    y1 = Math.min(plan.bottom, plan.y(bottom + 0.5));
  if (style.fill) {
    surface.rect(x0, y0, Math.max(1, x1 - x0), Math.max(1, y1 - y0), style);
    return;
  }
  const corners = [
    [x0, y0],
    [x1, y0],
    [x1, y1],
    [x0, y1],
  ];
  const inView = [
    plan.y(top - 0.5) >= plan.top - 1,
    plan.x(right + 0.5) <= plan.right + 1,
    plan.y(bottom + 0.5) <= plan.bottom + 1,
    plan.x(left - 0.5) >= plan.left - 1,
  ];
  const edges = corners.flatMap((corner, i) =>
    inView[i] ? [corner, corners[(i + 1) % corners.length]] : [],
  );
  surface.line(edges, style);
}

/**
 * Draw a cross, if it is in view.
 * @param {number[]} place row and column
 */
function cross(surface, plan, place, stroke, under) {
  const [row, col] = place;
  const x = plan.x(col),
    y = plan.y(row),
    r = 7;
  if (x < plan.left || x > plan.right || y < plan.top || y > plan.bottom) return;
  for (const [color, width] of [
    [under, 5],
    [stroke, 2.5],
  ])
    surface.line(
      [
        [x - r, y],
        [x + r, y],
        [x, y - r],
        [x, y + r],
      ],
      { stroke: color, width },
    );
}

/** Draw a dot at the center of each unit, or of every n-th one where they stand too close. */
function centers(surface, net, plan, theme, focus) {
  const [rows, cols] = net.lines[focus.line].grid;
  const every = spacing(net, plan, focus.line);
  const side = Math.max(3, Math.min(5, plan.scale * 0.8));
  for (let r = 0; r < rows; r += every[0]) {
    const y = plan.y(net.place(focus.line, 0, r));
    for (let c = 0; c < cols; c += every[1]) {
      const x = plan.x(net.place(focus.line, 1, c));
      surface.rect(x - side / 2 - 0.7, y - side / 2 - 0.7, side + 1.4, side + 1.4, {
        fill: theme.background,
        alpha: 0.55,
      });
      surface.rect(x - side / 2, y - side / 2, side, side, { fill: theme.meanings.output });
    }
  }
}

const sides = (spans) =>
  spans[0] && spans[1] ? spans.map(([a, b]) => b - a + 1).join("×") : "nothing";

/** The labels of the receptive field and of its part inside the image; one where they are equal. */
function sizes(net, theme, { line }, spans, seen) {
  const whole = { stroke: theme.meanings.padding, width: 2, dash: [4, 3] },
    inside = { stroke: theme.meanings.window, width: 2.5 };
  const field = `receptive field ${net.lines[line].bound ? "at most " : ""}${sides(spans)} px`;
  if (sides(seen) === "nothing") return [[null, "receptive field: nothing of the image"]];
  if (sides(spans) === sides(seen)) return [[inside, field]];
  return [
    [whole, field],
    [inside, `inside the image ${sides(seen)} px`],
  ];
}

/** The label of the dots, which says of how many units one is drawn. */
function centersLabel(theme, every) {
  const most = Math.max(...every);
  const text = most > 1 ? `center of every ${ordinal(most)} unit along a side` : "centers of units";
  return [{ fill: theme.meanings.output, dot: true }, text];
}

const ordinal = (n) =>
  `${n}${["th", "st", "nd", "rd"][n % 100 > 10 && n % 100 < 14 ? 0 : n % 10] ?? "th"}`;

/** Write the labels below the picture, each with the line or the dot that it explains. */
function labels(surface, plan, theme, list) {
  list.forEach(([mark, text], index) => {
    const y = plan.bottom + EDGE + LABEL * (index + 0.6);
    if (mark?.dot) surface.rect(7, y - 2.5, 5, 5, mark);
    else if (mark) surface.rect(3, y - 5, 14, 10, mark);
    surface.text(text, mark ? 24 : 3, y, { size: 12, fill: theme.text });
  });
}

/** The sentence about the position of a layer's grid of units over the image. */
export function alignment(net, index) {
  const off = [0, 1].map((axis) => {
    const last = net.lines[index].grid[axis] - 1;
    return (
      (net.place(index, axis, 0) + net.place(index, axis, last)) / 2 - (net.image[axis] - 1) / 2
    );
  });
  if (off.every((d) => Math.abs(d) < 1e-9)) return "The units stand centered over the image.";
  const words = ["down", "right"],
    back = ["up", "left"];
  const offsets = off
    .map((d, i) => (d ? `${round(Math.abs(d))} px ${d > 0 ? words[i] : back[i]}` : ""))
    .filter(Boolean);
  return `The units stand ${offsets.join(" and ")} of the image's center.`;
}

/** A number with at most two decimals and a real minus sign. */
export const round = (value) => String(Math.round(value * 100) / 100).replace("-", "−");
