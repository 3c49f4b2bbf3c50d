// What the player's keys do. Keys in fields, lists and buttons are theirs, except on the slider.

import { PANELS } from "./focus.js";

const MOVES = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };

/** What a key with Ctrl or Cmd does. */
function withControl(player, { key, shiftKey }) {
  const name = { z: shiftKey ? "redo" : "undo", y: "redo" }[key.toLowerCase()];
  return name && (() => player.change(name));
}

/** What a key does; undefined if it means nothing here. */
function actionOf(player, event) {
  if (event.ctrlKey || event.metaKey) return withControl(player, event);
  const move = MOVES[event.key];
  if (move && player.pin) return () => player.movePin(move);
  if (move) return () => player.go(player.step + move[0] * player.boards[0].outCols + move[1]);
  const panel = PANELS[event.key.toLowerCase()];
  if (panel) return () => player.setPin({ board: 0, panel, cell: [0, 0] });
  return {
    " ": () => player.toggle(),
    Home: () => player.go(0),
    End: () => player.go(player.total - 1),
    Escape: () => player.setPin(null),
    Enter: () => player.enter(),
  }[event.key];
}

/** Act on a key of the player, unless it belongs to the control that has the focus. */
export function pressed(player, event) {
  const typing =
    /^(INPUT|SELECT)$/.test(event.target.tagName) && event.target !== player.page.scrub;
  const undo = event.ctrlKey || event.metaKey;
  if (typing || (event.target.tagName === "BUTTON" && !undo) || event.altKey) return;
  const act = actionOf(player, event);
  if (!act) return;
  act();
  player.hover = null; // a pointer that rests on the board counts again when it moves
  player.drawMoving();
  event.preventDefault();
  event.stopPropagation();
}
