// The lines of the table and the effects of edits on paths, as functions of the rows from Python.
// A path is a list of numbers: a position, then for each block a branch and the position in it.

/**
 * @typedef {{path: number[], kind: string, text: string, whole: string,
 *   branches: [string, number][], of: number, cells: string[]}} Row
 * Row: a layer of the network, as `table_rows` in edits.py describes it. Line: a row, or the
 * heading of a block's branch. Message: an edit, as edits.py describes it, with its number `n`.
 * @typedef {{row?: Row, branch?: number[], name?: string, block?: Row, count?: number, depth: number}} Line
 * @typedef {{do?: string, path: number[], to?: number[], text?: string, was?: string, n?: number}} Message
 */

/** Largest number of lines on screen. */
export const MOST = 300;

/** @param {number[]} path */
export const keyOf = (path) => path.join(".");

/** @param {string} key */
export const pathOf = (key) => key.split(".").map(Number);

export const isBlock = (row) => row.branches.length > 0;

/** Whether a path equals `outer` or lies inside of it. */
export const within = (path, outer) => outer.every((step, i) => path[i] === step);

/** @param {Row[]} rows */
export const byKey = (rows) => new Map(rows.map((row) => [keyOf(row.path), row]));

/** The name of a branch on screen. */
const branchName = (block, index) =>
  block.kind === "concat" ? `branch ${index}` : block.branches[index][0];

/**
 * The lines in reading order, without the content of folded blocks. If a block has several
 * branches, each has a line of its own.
 * @param {Map<string, Row>} table
 * @param {Set<string>} folded
 * @returns {Line[]}
 */
export function linesOf(table, folded) {
  /** @type {Line[]} */
  const lines = [];
  const chain = (prefix, depth) => {
    for (let index = 0, row; (row = table.get(keyOf([...prefix, index]))); index++) {
      lines.push({ row, depth });
      if (isBlock(row) && !folded.has(keyOf(row.path))) open(row, depth + 1);
    }
  };
  const open = (block, depth) =>
    block.branches.forEach(([, count], index) => {
      const branch = [...block.path, index];
      if (block.branches.length > 1)
        lines.push({ branch, name: branchName(block, index), block, count, depth });
      chain(branch, depth);
    });
  chain([], 0);
  return lines;
}

/** The number of layers in the branch to which the last position of a path belongs. */
export function lengthAt(table, path) {
  if (path.length === 1) return table.get("0")?.of ?? 0;
  return table.get(keyOf(path.slice(0, -2)))?.branches[path.at(-2)]?.[1] ?? 0;
}

/** A path with the number at index `at` changed by `by`. */
const moved = (path, at, by) => path.map((step, i) => (i === at ? step + by : step));

/** A path after the row `gone` was removed; null if it is that row or lies inside of it. */
export function without(path, gone) {
  const last = gone.length - 1;
  if (within(path, gone)) return null;
  const later = within(path, gone.slice(0, -1)) && path[last] > gone[last];
  return later ? moved(path, last, -1) : path;
}

/** A path after `count` layers were inserted at `place`. */
export function behind(path, place, count) {
  const last = place.length - 1;
  const later = within(path, place.slice(0, -1)) && path[last] >= place[last];
  return later ? moved(path, last, count) : path;
}

/**
 * The path of a row after an edit; null if the row is removed.
 * @param {number[]} path
 * @param {Message} message
 * @param {number} grown number of layers by which the edited branch has grown
 */
export function follow(path, message, grown) {
  const at = message.path;
  if (message.do === "insert" && at.length % 2) return behind(path, at, grown);
  if (message.do === "insert") return behind(path, at, 1);
  if (message.do === "remove") return without(path, at);
  if (message.do === "copy") return within(path, at) ? path : behind(path, at, 1);
  if (message.do === "set") return within(path, at) ? path : behind(path, at, grown);
  if (message.do !== "move") return path;
  if (within(path, at)) return [...message.to, ...path.slice(at.length)];
  return behind(without(path, at), message.to, 1);
}

/**
 * The new path of a row that is moved one position up (-1) or down (1): past its neighbor, or at
 * the end of its branch into the next branch or out of the block; with `into` into the block next
 * to it. The path is valid in the table without the row; null if there is no such position.
 * @param {Map<string, Row>} table
 * @param {number[]} path
 */
export function destination(table, path, by, into) {
  const prefix = path.slice(0, -1),
    index = path.at(-1);
  const beside = table.get(keyOf([...prefix, index + by]));
  if (into) {
    if (!beside || !isBlock(beside)) return null;
    const branch = by > 0 ? 0 : beside.branches.length - 1;
    const block = by > 0 ? path : beside.path;
    return [...block, branch, by > 0 ? 0 : beside.branches[branch][1]];
  }
  if (beside) return [...prefix, index + by];
  if (path.length === 1) return null;
  const block = path.slice(0, -2),
    branch = path.at(-2) + by;
  const next = table.get(keyOf(block)).branches[branch];
  if (next) return [...block, branch, by > 0 ? 0 : next[1]];
  return moved(block, block.length - 1, by > 0 ? 1 : 0);
}

/** The new path of a row that is dropped before `place`; null if it cannot move or does not. */
export function landing(path, place) {
  if (within(place, path)) return null;
  const last = path.length - 1;
  const later = within(place, path.slice(0, -1)) && place[last] > path[last];
  const to = later ? moved(place, last, -1) : place;
  return keyOf(to) === keyOf(path) ? null : to;
}

/** A path in words, for labels. */
export function wordsOf(table, path) {
  const words = [`layer ${path[0]}`];
  for (let end = 1; end + 1 < path.length; end += 2) {
    const block = table.get(keyOf(path.slice(0, end)));
    const several = block && block.branches.length > 1;
    words.push(`${several ? `${branchName(block, path[end])} ` : ""}${path[end + 1]}`);
  }
  return words.join(", ");
}
