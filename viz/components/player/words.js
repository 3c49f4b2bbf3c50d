// The current step in words and in numbers, as text and safe HTML; no access to the page.

import { format, INSERTED, OUTSIDE, PAD } from "./model.js";

const escapeText = (text) => String(text).replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);
const bracket = (text) => (text.startsWith("−") ? `(${text})` : text);
const place = (row, col) => `(${row}, ${col})`;
const FOLD_ABOVE = 36;

/** Terms of an output without those of ceil_mode's overhang, and of padding that a mean ignores. */
function counted(board, filter, row, col, channel) {
  return board
    .terms(filter, row, col, channel)
    .filter(
      (t) =>
        t.kind !== "outside" &&
        (t.kind !== "pad" || board.reduce !== "mean" || board.countsPadding),
    );
}

function termText(term) {
  const value = format(term.value, 4);
  return term.weight === null
    ? bracket(value)
    : `${bracket(value)}·${bracket(format(term.weight, 4))}`;
}

function termHtml(term, index, channel, lit) {
  const marks = [
    ...(term.kind === "input" ? [] : ["pad"]),
    ...(term.wins ? ["wins"] : []),
    ...(lit.includes(index) ? ["meant"] : []),
  ].join(" ");
  return `<span class="term ${marks}" data-channel="${channel}" data-index="${index}">${termText(term)}</span>`;
}

function termsHtml(board, terms, channel, fold, lit) {
  const spans = terms.map((term) =>
    termHtml(term, term.kr * board.kernelCols + term.kc, channel, lit),
  );
  if (!fold)
    return `<div class="terms" style="--columns:${board.kernelCols}">${spans.join("")}</div>`;
  const hidden = spans.length - 6;
  return (
    `<div class="terms folded">${spans.slice(0, 4).join("")}` +
    `<button class="more" type="button">${hidden} more</button>${spans.slice(-2).join("")}</div>`
  );
}

/** The sum of some terms as text. */
const sumText = (terms) =>
  format(
    terms.reduce((sum, term) => sum + term.product, 0),
    5,
  );

const joinSum = (numbers) =>
  numbers.map((n, i) => (i ? (n.startsWith("−") ? ` − ${n.slice(1)}` : ` + ${n}`) : n)).join("");

/** Why the sum of an output stands below the picture when another cell is in focus. */
export function whichSum(focus, { cell, readers }) {
  const own = `output ${place(...cell)} =`;
  if (focus.panel === "output") return own;
  if (!readers) return `at this step ${own}`;
  return readers === 1 ? `the one that reads it: ${own}` : `one of these ${readers}: ${own}`;
}

/**
 * HTML of an output's sum, mean or maximum, term by term, with torch's result. Words stand before
 * it, and the terms of some taps of a channel are marked.
 */
export function arithmetic(board, filter, { cell, before, taps, channel }, expanded) {
  const [row, col] = cell;
  const channels = board.channelsOf(filter);
  const total = board.outputAt(filter, row, col);
  const lists = channels.map((channel) => counted(board, filter, row, col, channel));
  const count = lists.reduce((n, list) => n + list.length, 0);
  const fold = !expanded && count > FOLD_ABOVE && lists[0].length > 8;
  const several = channels.length > 1 || board.bias;
  const parts = lists.map((terms, i) => {
    const name =
      board.channels.length > 1
        ? `<span class="channel">${escapeText(board.channels[channels[i]])}</span>`
        : "";
    const end = several ? `<span class="part-sum">= ${sumText(terms)}</span>` : "";
    return `<div class="part">${name}${opening(board)}${termsHtml(board, terms, channels[i], fold, channels[i] === channel ? taps : [])}${closing(board, row, col)}${end}</div>`;
  });
  const sums = lists.map(sumText);
  const bias = board.bias ? board.bias.values[filter] : null;
  const summed =
    several && board.reduce === "sum"
      ? `${joinSum([...sums, ...(bias === null ? [] : [format(bias, 4)])])}${bias === null ? "" : " <small>(the last is the bias)</small>"} `
      : "";
  return (
    `<div class="which">${before}</div><div class="parts">${parts.join("")}</div>` +
    `<div class="total">${summed}= <b title="${total}">${format(total, 5)}</b></div>`
  );
}

const opening = (board) =>
  ({ max: '<span class="bracket">max(</span>', mean: '<span class="bracket">(</span>', sum: "" })[
    board.reduce
  ];

function closing(board, row, col) {
  if (board.reduce === "max") return '<span class="bracket">)</span>';
  if (board.reduce === "mean")
    return `<span class="bracket">) / ${board.divisor.values[row * board.outCols + col]}</span>`;
  return "";
}

/**
 * The same sum on one line, for a saved picture. If it adds up several channels, it is the sum of
 * their sums, and a second line has the terms of the channel that is drawn.
 */
export function arithmeticLines(board, { filter, channel }, row, col) {
  const channels = board.channelsOf(filter);
  const lists = channels.map((each) => counted(board, filter, row, col, each));
  const joined = (terms, mark) => {
    const texts = terms.map(termText);
    return (texts.length > 12 ? [...texts.slice(0, 9), "…", texts.at(-1)] : texts).join(mark);
  };
  const total = format(board.outputAt(filter, row, col), 5);
  if (board.reduce === "max") return [`max(${joined(lists[0], ", ")}) = ${total}`];
  if (board.reduce === "mean")
    return [
      `(${joined(lists[0], " + ")}) / ${board.divisor.values[row * board.outCols + col]} = ${total}`,
    ];
  const end = `${board.bias ? ` + ${bracket(format(board.bias.values[filter], 4))}` : ""} = ${total}`;
  if (lists.length === 1) return [joined(lists[0], " + ") + end];
  const own = lists[channels.indexOf(channel)];
  return [
    lists.map((terms) => bracket(sumText(terms))).join(" + ") + end,
    ...(own ? [`${board.planes.input[channel]}: ${joined(own, " + ")} = ${sumText(own)}`] : []),
  ];
}

/** A count with its noun, which gets an s unless the count is 1: "2 rows". */
const counts = (count, word) => `${count} ${word}${count === 1 ? "" : "s"}`;

/** An enumeration: "a", "a and b", "a, b and c". */
const listed = (parts) =>
  parts.length < 2 ? parts.join("") : `${parts.slice(0, -1).join(", ")} and ${parts.at(-1)}`;

/** Input rows or columns in words: "row 1", "rows 0 to 2", "rows 0, 2, 4". */
function indices(inside, word) {
  if (inside.length < 2) return inside.length ? [`${word} ${inside[0]}`] : [];
  const dense = inside.at(-1) - inside[0] === inside.length - 1;
  return [`${word}s ${dense ? `${inside[0]} to ${inside.at(-1)}` : inside.join(", ")}`];
}

/** What a window reads along one axis, in words: input rows by index, others by kind and count. */
function along(axis, out, word) {
  const sources = axis.offsets.map((offset) => axis.source[axis.starts[out] + offset]);
  const other = [
    [INSERTED, "of inserted zeros"],
    [PAD, "of padding"],
    [OUTSIDE, "past the padding"],
  ];
  return listed([
    ...indices(
      sources.filter((i) => i >= 0),
      word,
    ),
    ...other.flatMap(([mark, what]) => {
      const count = sources.filter((source) => source === mark).length;
      return count ? [`${counts(count, word)} ${what}`] : [];
    }),
  ]);
}

function outputWords(board, focus, view) {
  const [row, col] = focus.cell,
    value = format(board.outputAt(view.filter, row, col), 5);
  return (
    `Output ${place(row, col)} = ${value} reads ${along(board.rows, row, "row")}; ` +
    `${along(board.cols, col, "column")}.${countWords(board, view, row, col)}`
  );
}

/** The sentence that explains a count which is shown in place of an output's value. */
function countWords(board, view, row, col) {
  if (!view.reads || board.counted !== "output") return "";
  return ` It adds up ${counts(board.writes(row, col), "pixel")}.`;
}

function inputWords(board, focus, view) {
  const [row, col] = focus.cell,
    kind = board.kind(row, col);
  const value = format(board.value(view.channel, row, col), 6);
  const outputs = board.readers(row, col).map((reader) => place(reader.row, reader.col));
  const readers = new Set(outputs).size; // one output may read a pixel and its copies
  const [r, c] = [board.rows.source[row], board.cols.source[col]];
  if (kind === "outside") return "Cell past the padding: it counts in no output.";
  const name = { input: `Input ${place(r, c)}`, pad: "Padding cell", inserted: "Inserted zero" }[
    kind
  ];
  const read =
    readers === 0
      ? "no output reads it"
      : `${readers} ${readers === 1 ? "output reads" : "outputs read"} it`;
  return `${name} = ${value}: ${read}.`;
}

function kernelWords(board, focus, view) {
  const weight = board.weightAt(view.filter, view.channel, ...focus.cell);
  const what =
    weight === null
      ? `Kernel cell ${place(...focus.cell)}`
      : `Weight ${place(...focus.cell)} = ${format(weight, 6)}`;
  const cells = board.steps === 1 ? "the marked cell" : `the ${board.steps} marked cells`;
  return `${what} meets ${cells}, one for each output.`;
}

/** The sentence about the focused cell, below the picture and for screen readers. */
export function describe(board, focus, view) {
  const words = { output: outputWords, input: inputWords, kernel: kernelWords }[focus.panel];
  return (focus.pinned ? "Pinned. " : "") + words(board, focus, view);
}

/** The sweep's progress in words: the count of the longest board, and who is at its end before. */
export function progress(boards, step) {
  const most = Math.max(...boards.map((board) => board.steps));
  const ended = boards.filter((board) => board.steps < most && board.steps <= step + 1);
  const names = ended.length ? ` (${listed(ended.map((board) => board.name))} at the end)` : "";
  return `step ${step + 1} of ${most}${names}`;
}

/** The hint on mouse and keys. */
export function hint(boards, edits) {
  const some = (has, what) => (boards.some(has) ? [what] : []);
  const things = [
    "an input pixel",
    ...some((board) => board.weight, "a weight"),
    ...some((board) => !board.weight, "a cell of the window"),
  ];
  const typed = [
    ...some((board) => edits && board.editable.kernel, "a weight"),
    ...some((board) => edits && board.editable.input, "an input pixel"),
  ];
  return (
    `Point at ${things.join(", ")} or an output to see its connections. Click to pin (Esc unpins)` +
    `${typed.length ? `, double-click ${typed.join(" or ")} to change it` : ""}. Keys: space plays, ` +
    "arrows step, I K O pin the input, kernel or output."
  );
}
