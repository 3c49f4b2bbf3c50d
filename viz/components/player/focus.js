// What is pointed at or pinned: one cell of one panel of one board. Pure functions.

export const PANELS = { i: "input", k: "kernel", o: "output" };

/** "1:o3.4" is output (3, 4) of the second board; "" and what fits no board is null. */
export function readPin(text, boards) {
  const match = /^(?:(\d):)?([iko])(\d+)\.(\d+)$/.exec(text ?? "");
  if (!match) return null;
  const index = Number(match[1] ?? 0),
    board = boards[index],
    cell = [Number(match[3]), Number(match[4])];
  if (!board) return null;
  const [rows, cols] = board.sizes[PANELS[match[2]]];
  return cell[0] < rows && cell[1] < cols
    ? { board: index, panel: PANELS[match[2]], cell, pinned: true }
    : null;
}

export const writePin = (pin) =>
  pin ? `${pin.board ? `${pin.board}:` : ""}${pin.panel[0]}${pin.cell.join(".")}` : "";

/** The same input pixel or kernel cell on a board beside it, or null. */
export function sameElsewhere(boards, { board, panel, cell, pinned }, i) {
  const [from, to] = [boards[board], boards[i]];
  if (panel === "output" || (panel === "input" && from.kind(...cell) !== "input")) return null;
  const found =
    panel === "kernel"
      ? cell
      : [
          to.rows.source.indexOf(from.rows.source[cell[0]]),
          to.cols.source.indexOf(from.cols.source[cell[1]]),
        ];
  const [rows, cols] = to.sizes[panel];
  return found[0] >= 0 && found[1] >= 0 && found[0] < rows && found[1] < cols
    ? { panel, cell: found, pinned }
    : null;
}

/** Where a typed value goes, and the value there now; null where nothing can be typed. */
export function editable(board, { panel, cell: [row, col] }, view) {
  if (panel === "output" || !board.editable[panel]) return null;
  if (panel === "input")
    return board.kind(row, col) === "input"
      ? {
          value: board.value(view.channel, row, col),
          index: [view.channel, board.rows.source[row], board.cols.source[col]],
        }
      : null;
  const inGroup = board.channelsOf(view.filter).indexOf(view.channel);
  return inGroup < 0
    ? null
    : {
        value: board.weightAt(view.filter, view.channel, row, col),
        index: [view.filter, inGroup, row, col],
      };
}

/** The step at which a pinned output is made; null for any other pin. */
export function stepOf(pin, boards) {
  return pin?.panel === "output" ? pin.cell[0] * boards[pin.board].outCols + pin.cell[1] : null;
}
