// The values of small boards as tables for screen readers; they are not seen.

import { format, INSERTED, OUTSIDE, PAD } from "./model.js";

const MOST_CELLS = 256;

const escapeText = (text) => String(text).replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);

const OTHER = { [PAD]: "padding", [INSERTED]: "inserted zeros", [OUTSIDE]: "past the padding" };

/** The header of a row or column: its index, or what it is if it is no part of the input. */
const header = (scope, index) =>
  `<th scope="${scope}">${OTHER[index] ?? `${scope === "col" ? "column" : "row"} ${index}`}</th>`;

function table(caption, rows, cols, textOf) {
  const head = `<tr><td></td>${cols.map((index) => header("col", index)).join("")}</tr>`;
  const body = rows.map(
    (index, row) =>
      `<tr>${header("row", index)}${cols.map((_, col) => `<td>${textOf(row, col)}</td>`).join("")}</tr>`,
  );
  return `<table><caption>${escapeText(caption)}</caption>${head}${body.join("")}</table>`;
}

const counted = (count) => Array.from({ length: count }, (_, i) => i);

/** HTML of a board's input, kernel and output as tables; "" if the board is large. */
export function boardTables(board, view) {
  const { rows, cols } = board;
  const largest = Math.max(board.gridRows * board.gridCols, board.steps);
  if (largest > MOST_CELLS) return "";
  const named = (name) => `${board.name} ${board.captionsOf(name, { ...view, reads: false })[0]}`;
  const inputText = (row, col) => {
    const unread = board.isRead(row, col) ? "" : ", never read";
    return `${format(board.value(view.channel, row, col), 6)}${unread}`;
  };
  const weight = (row, col) => board.weightAt(view.filter, view.channel, row, col);
  const output = (row, col) => format(board.outputAt(view.filter, row, col), 6);
  return (
    table(named("input"), rows.source, cols.source, inputText) +
    (weight(0, 0) === null
      ? ""
      : table(named("kernel"), counted(board.kernelRows), counted(board.kernelCols), (row, col) =>
          format(weight(row, col), 6),
        )) +
    table(named("output"), counted(board.outRows), counted(board.outCols), output)
  );
}
