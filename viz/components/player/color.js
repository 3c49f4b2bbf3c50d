// Color scales for values, and the colors of Streamlit's theme. Values without a sign are gray;
// signed values go from blue over white at zero to red.

import { setFont } from "./surface.js";

const STEPS = 256;

/** Red, green and blue from 0 to 255 of a color as Streamlit's themes write it. */
function channels(color) {
  if (!color.startsWith("#")) return (color.match(/[\d.]+/g) ?? [0, 0, 0]).slice(0, 3).map(Number);
  const hex = color.length < 7 ? color.replace(/[^#]/g, "$&$&") : color;
  return [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16));
}

/** The color of an opaque ground below another color with an opacity, `share`. */
export function mixed(ground, color, share) {
  const [below, above] = [channels(ground), channels(color)];
  return `rgb(${below.map((v, i) => Math.round(v + (above[i] - v) * share)).join(",")})`;
}

/** Relative luminance of WCAG 2.2, from 0 to 1. */
function luminance(color) {
  const [red, green, blue] = channels(color).map((value) => {
    const share = value / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

/** @type {Map<string, string>} */
const inks = new Map();

/** Black or white, whichever contrasts more with a color: at least 4.58:1 with any. */
export function inkOn(color) {
  if (inks.size > 4096) inks.clear();
  if (!inks.has(color)) inks.set(color, luminance(color) > 0.1791 ? "#000000" : "#ffffff");
  return inks.get(color);
}

/** A table of `STEPS` colors between the stops. */
function ramp(stops) {
  const rgb = stops.map(channels);
  return Array.from({ length: STEPS }, (_, i) => {
    const place = (i / (STEPS - 1)) * (rgb.length - 1);
    const low = Math.min(Math.floor(place), rgb.length - 2);
    const between = rgb[low].map((v, c) => Math.round(v + (rgb[low + 1][c] - v) * (place - low)));
    return `rgb(${between.join(",")})`;
  });
}

/** @typedef {{low: number, high: number, signed: boolean, at: (value: number) => string, stops: string[]}} Scale */

/** @returns {Scale} */
function scale(low, high, stops, signed) {
  const table = ramp(stops);
  const at = (value) => {
    const share = high > low ? (value - low) / (high - low) : 0.5;
    return table[Math.max(0, Math.min(STEPS - 1, Math.round(share * (STEPS - 1)) || 0))];
  };
  return { low, high, signed, at, stops };
}

/** The smallest and the largest finite value; [0, 0] if there is none. */
function extent(arrays) {
  let [low, high] = [Infinity, -Infinity];
  for (const array of arrays)
    for (const value of array)
      if (Number.isFinite(value)) {
        low = Math.min(low, value);
        high = Math.max(high, value);
      }
  return low <= high ? [low, high] : [0, 0];
}

/**
 * One scale for all arrays. It is symmetric around zero if a value is negative or `signed` is true,
 * as for gradients; otherwise it is gray from 0 to at least `white`.
 */
function scaleFor(arrays, palette, white, signed) {
  const [low, high] = extent(arrays);
  if (low < 0 || signed) {
    const most = Math.max(-low, high) || 1;
    return scale(-most, most, palette.signed, true);
  }
  return scale(0, Math.max(high, white), palette.grey, false);
}

/** A scale for weights, which is always symmetric around zero. */
function weightScale(arrays, palette) {
  const [low, high] = extent(arrays);
  const most = Math.max(Math.abs(low), Math.abs(high)) || 1;
  return scale(-most, most, palette.signed, true);
}

/** The scales of all boards; equal values have equal colors on boards that are compared. */
export function scalesOf(boards, palette) {
  const most = Math.max(...boards.map((b) => b.mostCounted));
  const counts = scale(0, most, palette.counts, false);
  const { signed } = boards[0];
  const output = scaleFor(
    boards.map((b) => b.output.values),
    palette,
    255,
    signed,
  );
  const input = scaleFor([boards[0].input.values], palette, 255, signed);
  return boards.map((b) => ({
    input,
    output,
    counts,
    weight: weightScale(b.weight ? [b.weight.values] : [], palette),
  }));
}

/** Read colors and font of Streamlit's current theme. */
export function readTheme(root, palette) {
  const style = getComputedStyle(root);
  const read = (name, fallback) => style.getPropertyValue(name).trim() || fallback;
  const text = read("--st-text-color", "#222222");
  const mix = (share) => `color-mix(in srgb, ${text} ${share}%, transparent)`;
  root.style.setProperty("--pinned", palette.meanings.pinned);
  root.style.setProperty("--output", palette.meanings.output);
  setFont(read("--st-font", ""));
  return {
    text,
    muted: mix(80),
    line: mix(22),
    pending: mix(9),
    background: read("--st-background-color", "#ffffff"),
    panel: read("--st-secondary-background-color", "#f0f2f6"),
    meanings: palette.meanings,
  };
}
