// The focused cell, which is pointed at or pinned: one cell of one panel of one board. Pure
// functions.

export const PANELS = { i: "input", k: "kernel", o: "output" };

/** A pin from its text: "1:o3.4" is output (3, 4) of the second board; null if it fits no board. */
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

/** The cell of another board with the same input pixel or kernel cell, or null. */
export function sameElsewhere(boards, { board, panel, cell, pinned }, i) {
  const [from, to] = [boards[board], boards[i]];
  if (panel === "output" || (panel === "input" && from.kind(...cell) !== "input")) return null;
  const position =
    panel === "kernel"
      ? cell
      : [
          to.rows.source.indexOf(from.rows.source[cell[0]]),
          to.cols.source.indexOf(from.cols.source[cell[1]]),
        ];
  const [rows, cols] = to.sizes[panel];
  return position[0] >= 0 && position[1] >= 0 && position[0] < rows && position[1] < cols
    ? { panel, cell: position, pinned }
    : null;
}

/** The index and the current value of an editable cell; null if the cell cannot be edited. */
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

/**
 * The output whose sum belongs to the focused cell: that output itself; of an input cell one that
 * reads it, if possible that of the sweep's step; of any other cell that of the step.
 * @returns {{cell: [number, number], readers: number, taps: number[]}} the output, how many outputs
 * read the focused input cell, and the indices of the terms with the focused cell
 */
export function summed(board, { panel, cell }, step) {
  if (panel === "output") return { cell, readers: 0, taps: [] };
  const own = board.place(step),
    tap = (kr, kc) => kr * board.kernelCols + kc;
  if (panel === "kernel") return { cell: own, readers: 0, taps: [tap(...cell)] };
  const readers = board.readers(...cell);
  if (!readers.length) return { cell: own, readers: 0, taps: [] };
  const at = ([row, col]) => readers.filter((each) => each.row === row && each.col === col);
  const chosen = at(own).length ? own : [readers[0].row, readers[0].col];
  return {
    cell: chosen,
    readers: new Set(readers.map((each) => `${each.row} ${each.col}`)).size,
    taps: at(chosen).map((each) => tap(each.kr, each.kc)),
  };
}

/** The step that computes a pinned output; null for any other pin. */
export function stepOf(pin, boards) {
  return pin?.panel === "output" ? pin.cell[0] * boards[pin.board].outCols + pin.cell[1] : null;
}
