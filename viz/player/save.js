// The picture on screen as a file, on white paper, with the sum and the sentence below it;
// and as a link.

import { CanvasSurface, SvgSurface } from "./surface.js";
import { arithmeticText, describe } from "./words.js";

const MARGIN = 18, LINE = 20, PNG_SCALE = 3;

/** Sentences below the picture: what is seen, the sum of the window, the size formula. */
function lines({ boards, focus, views, extra }) {
  const said = boards.flatMap((board, i) => {
    const sentence = describe(board, { ...focus[i], pinned: false }, views[i]);
    return focus[i].panel === "output" && boards.length < 3
      ? [sentence, arithmeticText(board, views[i].filter, ...focus[i].cell)] : [sentence];
  });
  return [...said, ...extra];
}

function drawAll(surface, picture, sentences) {
  picture.paint(surface);
  sentences.forEach((text, i) => {
    const size = Math.min(13, (picture.plan.width / text.length) * 1.9);
    surface.text(text, 0, picture.plan.height + LINE * (i + 0.8), { size, fill: picture.theme.text });
  });
}

/** A surface whose origin lies inside the margin. */
function inset(surface) {
  const move = (points) => points.map(([x, y]) => [x + MARGIN, y + MARGIN]);
  return {
    rect: (x, y, ...rest) => surface.rect(x + MARGIN, y + MARGIN, ...rest),
    line: (points, style) => surface.line(move(points), style),
    text: (text, x, y, style) => surface.text(text, x + MARGIN, y + MARGIN, style),
  };
}

const sizeOf = ({ plan }, sentences) =>
  [plan.width + 2 * MARGIN, plan.height + LINE * (sentences.length + 0.5) + 2 * MARGIN];

function download(blob, title, extension) {
  const anchor = document.createElement("a");
  anchor.href = URL.createObjectURL(blob);
  anchor.download = `${title.replace(/[^\w]+/g, "-").replace(/^-|-$/g, "")}.${extension}`;
  anchor.click();
  setTimeout(() => URL.revokeObjectURL(anchor.href), 1000);
}

export function saveSvg(picture) {
  const sentences = lines(picture);
  const title = picture.boards[0].title;
  const surface = new SvgSurface(...sizeOf(picture, sentences), picture.theme.background, title);
  drawAll(inset(surface), picture, sentences);
  download(new Blob([surface.toString()], { type: "image/svg+xml" }), title, "svg");
}

export function savePng(picture) {
  const sentences = lines(picture), [width, height] = sizeOf(picture, sentences);
  const canvas = document.createElement("canvas");
  const surface = new CanvasSurface(canvas, width, height, PNG_SCALE);
  surface.rect(0, 0, width, height, { fill: picture.theme.background });
  drawAll(inset(surface), picture, sentences);
  canvas.toBlob((blob) => download(blob, picture.boards[0].title, "png"));
}

/** The address of exactly this picture, also where the server has not written it yet. */
export function linkTo(view) {
  const url = new URL(window.location.href);
  const wanted = { pin: view.pin, step: view.step >= 0 ? view.step : "" };
  for (const [name, value] of Object.entries(wanted))
    if (value === "") url.searchParams.delete(name);
    else url.searchParams.set(name, value);
  return url.href;
}
