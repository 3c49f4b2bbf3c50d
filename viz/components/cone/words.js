// Sentences about the unit and the layer on screen.

import { alignment, round } from "./picture.js";

const span = ([a, b]) => (a === b ? round(a) : `${round(a)} to ${round(b)}`);
const times = (pair) =>
  pair[0] === pair[1] ? `${round(pair[0])}` : `${pair.map(round).join("×")}`;
const sides = (spans) => spans.map(([a, b]) => b - a + 1).join("×");

/** The sentence about a unit's receptive field. */
export function says(net, focus) {
  const line = net.lines[focus.line],
    [row, col] = focus.unit;
  const name =
    focus.line === 0
      ? `Image pixel (${row}, ${col})`
      : `Unit (${row}, ${col}) of ${line.label} (${line.text}, ${line.grid.join("×")} units)`;
  if (focus.line === 0) return `${name}. Choose a unit in a line above to see its cone.`;
  const spans = [0, 1].map((axis) => net.span(focus.line, axis, focus.unit[axis]));
  const seen = net.seen(focus.line, focus.unit);
  if (!spans[0] || !spans[1] || !seen[0] || !seen[1])
    return `${name} sees nothing of the image: no window reaches it.`;
  const inside =
    sides(seen) === sides(spans)
      ? "all of it inside the image"
      : `${sides(seen)} px of it inside the image`;
  return `${name} sees ${line.bound ? "at most " : ""}${sides(spans)} px: rows ${span(spans[0])}, columns ${span(spans[1])}, ${inside}.`;
}

/** The sentences that hold for all units of the layer; `row` is the one in which it is drawn. */
export function facts(net, focus, row) {
  const line = net.lines[focus.line];
  if (focus.line === 0) return [];
  const whole = line.stride.every((s) => s === 0);
  const sentences = whole
    ? [line.bound ? "A unit may see the whole image." : "Global: every unit sees the whole image."]
    : [
        `${line.grid.every((n) => n === 1) ? "It is the only unit; its field" : `The fields of neighboring units lie ${times(line.stride)} px apart (effective stride); that of unit (0, 0)`} starts ${times(line.padding)} px before the image (effective padding) and is centered on (${line.center.map(round).join(", ")}).`,
        alignment(net, focus.line),
      ];
  if (!whole && line.size.some((s, axis) => s > net.image[axis]))
    sentences.push(
      "The receptive field is larger than the image: what lies outside is padding, so no unit sees as much as its size says.",
    );
  if (line.bound) sentences.push(`These numbers are upper bounds: ${line.bound}.`);
  if (line.note) sentences.push(`Note: ${line.note}.`);
  if (row?.rows.length)
    sentences.push(
      `This row stands for ${row.lines.length} operations, ${row.layers === 1 ? "one layer" : `${row.layers} layers`} among them, of which the last one's units are drawn. Its triangle, or Enter, unfolds it.`,
    );
  return sentences;
}

/** The sentence about the later units that depend on the unit. */
export function followers(net, focus, marks) {
  const last = marks.findLastIndex(Boolean),
    own = marks[last];
  if (last <= focus.line) return "Nothing after it depends on this unit.";
  const count = own.reduce((sum, on) => sum + on, 0);
  return `It reaches ${count} of the ${own.length} units along this axis of ${net.lines[last].label}.`;
}
