// The rows of the cross-section: single lines, and lines that are folded into one row. Core folds
// them; which rows are unfolded is state of the browser.

/**
 * Row: a single line, or several that are drawn as their last one. `rows` are those into which it
 * unfolds, none for a single line.
 * Entry: a row that is drawn, the innermost unfolded row that it belongs to, and how many those are.
 * @typedef {{line: number, lines: number[], label: string, text: string, layers: number, strided: boolean, rows: Row[]}} Row
 * @typedef {{row: Row, within: Row|null, depth: number}} Entry
 * @typedef {{label: string, text: string, layers: number, strided: boolean, rows: (number|Folded)[]}} Folded
 */

/**
 * The rows of a network.
 * @param {(number|Folded)[]} data from core's `rows_as_data`
 * @returns {Row[]}
 */
export const rowsOf = (data, lines) =>
  data.map((each) => {
    if (typeof each === "number") {
      const { label, short_text: text, strided } = lines[each];
      return { line: each, lines: [each], label, text, layers: 1, strided, rows: [] };
    }
    const rows = rowsOf(each.rows, lines),
      inside = rows.flatMap((row) => row.lines).sort((a, b) => a - b);
    return { ...each, line: inside.at(-1), lines: inside, rows };
  });

/**
 * The rows that are drawn, from the image on.
 * @param {Row[]} rows
 * @param {Row[]} open the rows that are unfolded
 * @returns {Entry[]}
 */
export const drawnRows = (rows, open, within = null, depth = 0) =>
  rows
    .flatMap((row) =>
      open.includes(row) ? drawnRows(row.rows, open, row, depth + 1) : [{ row, within, depth }],
    )
    .sort((a, b) => a.row.line - b.row.line);

/**
 * The rows to unfold, from the outermost on, so that a line is drawn.
 * @param {Row[]} rows
 * @returns {Row[]}
 */
export function pathToLine(rows, line) {
  const around = rows.find((row) => row.line !== line && row.lines.includes(line));
  return around ? [around, ...pathToLine(around.rows, line)] : [];
}

/**
 * The rows around a row, from the outermost on.
 * @param {Row[]} rows
 * @param {Row} wanted
 * @returns {Row[]}
 */
export function pathTo(rows, wanted) {
  if (rows.includes(wanted)) return [];
  const around = rows.find((row) => wanted.lines.every((line) => row.lines.includes(line)));
  return [around, ...pathTo(around.rows, wanted)];
}

/** Whether a row is the uppermost of an unfolded one. */
export const isTop = ({ row, within }) => within !== null && within.line === row.line;
