import assert from "node:assert/strict";
import { test } from "node:test";
import { numberSize } from "../../../../viz/components/player/cells.js";
import { inkOn, mixed, scalesOf } from "../../../../viz/components/player/color.js";
import { drawStill } from "../../../../viz/components/player/draw.js";
import { layout } from "../../../../viz/components/player/layout.js";
import { drawMoving } from "../../../../viz/components/player/marks.js";
import { Board } from "../../../../viz/components/player/model.js";
import { convolution } from "./board.js";

const PALETTE = {
  signed: ["#2166AC", "#F7F7F7", "#B2182B"],
  grey: ["#000000", "#FFFFFF"],
  counts: ["#FFFFFF", "#E69F00"],
};
const MEANINGS = {
  ...{ input: "#0072B2", window: "#E69F00", output: "#009E73" },
  ...{ unread: "#D55E00", padding: "#8A8A8A", pinned: "#CC79A7" },
};
const THEMES = {
  light: { text: "#1A1A1A", background: "#FFFFFF", panel: "#F0F2F6" },
  dark: { text: "#F0F2F6", background: "#12161C", panel: "#1E242D" },
};
const CAPTIONS = { input: "input", kernel: "kernel", output: "output", counts: "counts" };
const VIEW = { channel: 0, filter: 0, reads: false };
const LAYER = { size: 8, kernel: 3, stride: 2, padding: 1 };
const FOCUSES = [
  { panel: "output", cell: [1, 2] },
  { panel: "input", cell: [3, 4] },
  { panel: "kernel", cell: [2, 0] },
];

/** Contrast by the formula of WCAG 2.2, of colors as lists of red, green and blue. */
function contrast(one, other) {
  const linear = (v) => (v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
  const light = (rgb) =>
    [0.2126, 0.7152, 0.0722].reduce((sum, w, i) => sum + w * linear(rgb[i] / 255), 0.05);
  const [high, low] = [light(one), light(other)].sort((a, b) => b - a);
  return high / low;
}
const rgb = (color) =>
  color.startsWith("#")
    ? [1, 3, 5].map((i) => parseInt(color.slice(i, i + 2), 16))
    : color.match(/\d+/g).map(Number);

/** What is drawn of a board, in order. */
function strokes(focus, name, width = 1100) {
  const board = new Board({ ...convolution(LAYER), captions: CAPTIONS });
  const theme = {
    ...THEMES[name],
    muted: THEMES[name].text,
    line: "",
    pending: "",
    meanings: MEANINGS,
  };
  const drawn = [];
  const surface = {
    rect: (x, y, w, h, style) => drawn.push({ x, y, w, h, ...style }),
    line() {},
    text: (text, x, y, style) => drawn.push({ text, x, y, ...style }),
  };
  const [place] = layout([board], width, 480).places;
  const [scales] = scalesOf([board], PALETTE);
  drawStill(surface, board, place, VIEW, theme, scales);
  drawMoving(surface, board, place, focus, board.steps - 1, VIEW, theme, scales);
  return drawn;
}

const holds = (rect, x, y) =>
  x >= rect.x && x <= rect.x + rect.w && y >= rect.y && y <= rect.y + rect.h;

for (const name of Object.keys(THEMES))
  for (const focus of FOCUSES)
    test(`numbers in cells have 4.5:1 with the ${focus.panel} in focus, ${name}`, () => {
      const drawn = strokes(focus, name);
      let seen = 0;
      for (const [i, { text, x, y, fill, align, alpha = 1 }] of drawn.entries()) {
        const below = drawn.slice(0, i).filter((each) => each.w && each.fill && holds(each, x, y));
        const ground = below.at(-1)?.fill;
        if (text === undefined || align !== "center" || !ground) continue;
        const ink = rgb(mixed(ground, fill, alpha));
        assert.ok(contrast(ink, rgb(ground)) >= 4.5, `${text}: ${fill} on ${ground}`);
        seen += 1;
      }
      assert.ok(seen > 90, `${seen}`);
    });

test("a mark has a line beside it that contrasts with the cell, in grey too", () => {
  for (const focus of FOCUSES) {
    const drawn = strokes(focus, "light");
    const marks = drawn.flatMap((each, i) =>
      [MEANINGS.pinned, MEANINGS.window].includes(each.stroke) && each.w < 60 ? [i] : [],
    );
    const cells = marks.filter((i) => drawn[i - 1].stroke?.match(/^#(000000|ffffff)$/));
    assert.ok(cells.length >= 1, focus.panel);
    for (const i of cells) {
      const [casing, mark] = [drawn[i - 1], drawn[i]];
      assert.ok(casing.width >= mark.width + 1.5);
      const [x, y] = [mark.x + mark.w / 2, mark.y + mark.h / 2];
      const ground = drawn.slice(0, i).findLast((each) => each.w && each.fill && holds(each, x, y));
      assert.ok(contrast(rgb(casing.stroke), rgb(ground.fill)) >= 3);
    }
  }
});

test("black or white has 4.5:1 on every color", () => {
  for (let red = 0; red < 256; red += 17)
    for (let green = 0; green < 256; green += 17)
      for (let blue = 0; blue < 256; blue += 17) {
        const color = `rgb(${red},${green},${blue})`;
        assert.ok(contrast(rgb(inkOn(color)), rgb(color)) >= 4.5, color);
      }
});

test("nothing is written smaller than 12 pixels", () => {
  for (const width of [299, 369, 560, 720, 1111])
    for (const focus of FOCUSES)
      for (const { text, size } of strokes(focus, "light", width))
        assert.ok(text === undefined || size >= 12, `${text}: ${size} at ${width}`);
  for (let cell = 5; cell < 50; cell++)
    for (let longest = 1; longest < 8; longest++) {
      const size = numberSize(cell, longest);
      assert.ok(size === 0 || size >= 12);
      if (cell >= 22 && longest <= 4) assert.ok(size >= 12, `${longest} characters in ${cell} px`);
    }
});
