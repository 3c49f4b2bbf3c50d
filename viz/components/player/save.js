// Saving the picture on screen as a file, in light colors with sentences below it, and its link.

import { CanvasSurface, SvgSurface } from "./surface.js";
import { arithmeticLines, describe } from "./words.js";

const MARGIN = 18,
  LINE = 20,
  PNG_SCALE = 3;

/** The lines below the picture: the focused cell, the window's sum, the size formula. */
function lines({ boards, focus, views, extra }) {
  const said = boards.flatMap((board, i) => {
    const sentence = describe(board, { ...focus[i], pinned: false }, views[i]);
    return focus[i].panel === "output" && boards.length < 3 && !views[i].reads
      ? [sentence, ...arithmeticLines(board, views[i], ...focus[i].cell)]
      : [sentence];
  });
  return [...said, ...extra];
}

/**
 * A picture with sentences below it, in pixels; `paint` draws the picture on a surface.
 * @typedef {{title: string, width: number, height: number, theme: any, sentences: string[], paint: (surface) => void}} Sheet
 */

function drawAll(surface, sheet) {
  sheet.paint(surface);
  sheet.sentences.forEach((text, i) => {
    const size = Math.min(13, (sheet.width / text.length) * 1.9);
    surface.text(text, 0, sheet.height + LINE * (i + 0.8), { size, fill: sheet.theme.text });
  });
}

/** A surface whose origin lies inside the margin of another one. */
function inset(surface) {
  const move = (points) => points.map(([x, y]) => [x + MARGIN, y + MARGIN]);
  return {
    rect: (x, y, ...rest) => surface.rect(x + MARGIN, y + MARGIN, ...rest),
    line: (points, style) => surface.line(move(points), style),
    polygon: (points, style) => surface.polygon(move(points), style),
    picture: (image, source, x, y, ...rest) =>
      surface.picture(image, source, x + MARGIN, y + MARGIN, ...rest),
    text: (text, x, y, style) => surface.text(text, x + MARGIN, y + MARGIN, style),
  };
}

function download(blob, title, extension) {
  const anchor = document.createElement("a");
  anchor.href = URL.createObjectURL(blob);
  anchor.download = `${title.replace(/[^\w]+/g, "-").replace(/^-|-$/g, "")}.${extension}`;
  anchor.click();
  setTimeout(() => URL.revokeObjectURL(anchor.href), 1000);
}

/**
 * Save a sheet as a file.
 * @param {string} kind "svg" or "png"
 * @param {Sheet} sheet
 */
export function saveAs(kind, sheet) {
  const width = sheet.width + 2 * MARGIN,
    height = sheet.height + LINE * (sheet.sentences.length + 0.5) + 2 * MARGIN;
  if (kind === "svg") {
    const surface = new SvgSurface(width, height, sheet.theme.background, sheet.title);
    drawAll(inset(surface), sheet);
    download(new Blob([surface.toString()], { type: "image/svg+xml" }), sheet.title, "svg");
    return;
  }
  const canvas = document.createElement("canvas");
  const surface = new CanvasSurface(canvas, width, height, PNG_SCALE);
  surface.rect(0, 0, width, height, { fill: sheet.theme.background });
  drawAll(inset(surface), sheet);
  canvas.toBlob((blob) => download(blob, sheet.title, "png"));
}

/** The sheet of the sweep's picture. */
export function sheetOf(picture) {
  const { plan, theme, paint, boards } = picture;
  return {
    title: boards[0].title,
    width: plan.width,
    height: plan.height,
    theme,
    paint,
    sentences: lines(picture),
  };
}

/** The address of this view; the browser's own address may not have its pin and step yet. */
export function linkTo(view) {
  const url = new URL(window.location.href);
  const wanted = { pin: view.pin, step: view.step >= 0 ? view.step : "" };
  for (const [name, value] of Object.entries(wanted))
    if (value === "") url.searchParams.delete(name);
    else url.searchParams.set(name, value);
  return url.href;
}
