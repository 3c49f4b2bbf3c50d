// The image with the receptive field of one unit, the part of it inside the image, and the centers
// of all units of the layer.

const DOTS_APART = 7,
  REACH = 1.2;

/** The geometry of the image in the given space, with room for the field of the selected unit. */
export function frame(net, kept, width, height, top = 34) {
  const ranges = [0, 1].map((axis) => {
    const n = net.image[axis],
      span = net.span(kept.line, axis, kept.unit[axis]) ?? [0, n - 1];
    const low = Math.min(0, span[0]),
      high = Math.max(n - 1, span[1]);
    return [Math.max(low, -REACH * n) - 0.5, Math.min(high, n - 1 + REACH * n) + 0.5];
  });
  const room = height - top - 30;
  const scale = Math.min(
    width / (ranges[1][1] - ranges[1][0]),
    room / (ranges[0][1] - ranges[0][0]),
  );
  const used = [0, 1].map((axis) => (ranges[axis][1] - ranges[axis][0]) * scale);
  const left = (width - used[1]) / 2;
  return {
    ranges,
    scale,
    width,
    height: top + used[0] + 30,
    top,
    left,
    right: left + used[1],
    bottom: top + used[0],
    x: (column) => left + (column - ranges[1][0]) * scale,
    y: (row) => top + (row - ranges[0][0]) * scale,
    column: (x) => ranges[1][0] + (x - left) / scale,
    row: (y) => ranges[0][0] + (y - top) / scale,
  };
}

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
  labels(surface, plan, theme, spans, seen);
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

/** Draw a dot at the center of each unit, or of every n-th if the dots would hide the image. */
function centers(surface, net, plan, theme, focus) {
  const [rows, cols] = net.lines[focus.line].grid;
  const every = net.lines[focus.line].stride.map((apart) =>
    Math.max(1, Math.ceil(DOTS_APART / Math.max(apart * plan.scale, 0.01))),
  );
  const side = Math.max(1.8, Math.min(4, plan.scale * 0.8));
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

/** Draw the size of the receptive field above the image, and of its part inside below. */
function labels(surface, plan, theme, spans, seen) {
  const style = { size: 12.5, fill: theme.text };
  surface.rect(2, 7, 14, 11, { stroke: theme.meanings.padding, width: 2, dash: [4, 3] });
  surface.text(`receptive field ${sides(spans)} px`, 22, 13, style);
  const y = plan.bottom + 16;
  surface.rect(2, y - 6, 14, 11, { stroke: theme.meanings.window, width: 2.5 });
  surface.text(`inside the image ${sides(seen)} px`, 22, y, style);
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
