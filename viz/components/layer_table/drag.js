// Dragging rows by their grip, with a line that shows where the row would land.

import { isBlock, landing } from "./model.js";

/** The path before which a row lands if it is dropped on the upper or lower half of a line. */
function placeAt(view, lower, folded) {
  const { item, path } = view;
  if (item.branch) return [...path, 0];
  if (!lower) return path;
  if (isBlock(item.row) && !folded.has(view.key)) return [...path, 0, 0];
  return [...path.slice(0, -1), path.at(-1) + 1];
}

/**
 * Let rows be dragged.
 * @param {HTMLElement} body the table's body
 * @param {(target: EventTarget) => import("./row.js").RowView} viewOf
 * @param {{folded: () => Set<string>, hold: (on: boolean) => void, drop: (path: number[], to: number[]) => void}} table
 */
export function listenToDrags(body, viewOf, table) {
  let dragged = null,
    over = null,
    to = null;
  const clear = () => over?.root.classList.remove("drop-before", "drop-after");

  body.addEventListener("dragstart", (event) => {
    const view = viewOf(event.target);
    const grip = /** @type {HTMLElement} */ (event.target);
    if (!grip.classList?.contains("grip") || !view) return;
    dragged = view.path;
    event.dataTransfer.setData("text/plain", view.item.row.whole || view.item.row.text);
    event.dataTransfer.effectAllowed = "move";
    table.hold(true);
  });
  body.addEventListener("dragover", (event) => {
    const view = dragged && viewOf(event.target);
    clear();
    if (!view) return;
    const box = view.root.getBoundingClientRect();
    const lower = view.item.branch !== undefined || event.clientY > box.top + box.height / 2;
    over = view;
    to = landing(dragged, placeAt(view, lower, table.folded()));
    if (!to) return;
    event.preventDefault();
    view.root.classList.add(lower ? "drop-after" : "drop-before");
  });
  body.addEventListener("drop", (event) => {
    event.preventDefault();
    if (dragged && to) table.drop(dragged, to);
  });
  body.addEventListener("dragend", () => {
    clear();
    dragged = over = to = null;
    table.hold(false);
  });
}
