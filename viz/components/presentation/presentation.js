// Presentation mode: a button for the full screen, and plots as high as the window has room for.

import { TYPED } from "../keys/keys.js";
import { followWindow } from "./room.js";

/** @type {Map<object, () => void>} How to undo each mounted component, by its parent element. */
const mounted = new Map();

const isFull = () => document.fullscreenElement !== null;

function toggle() {
  if (isFull()) document.exitFullscreen();
  else document.documentElement.requestFullscreen().catch(() => {}); // the browser says why
}

/** Let the button and the key F switch the full screen; returns how to undo it. */
function listen(parentElement) {
  const button = parentElement.querySelector("button"),
    status = parentElement.querySelector("[role=status]");
  if (!document.fullscreenEnabled) return () => {};
  button.hidden = false;
  button.onclick = toggle;
  const show = () => {
    button.setAttribute("aria-pressed", String(isFull()));
    status.textContent = isFull() ? "Full screen. Escape leaves it." : "The full screen has ended.";
  };
  const press = (event) => {
    const modified = event.ctrlKey || event.altKey || event.metaKey || event.shiftKey;
    if (event.key.toLowerCase() !== "f" || modified || event.repeat) return;
    if (!event.composedPath()[0].matches?.(TYPED)) toggle();
  };
  document.addEventListener("fullscreenchange", show);
  window.addEventListener("keydown", press);
  return () => {
    document.removeEventListener("fullscreenchange", show);
    window.removeEventListener("keydown", press);
  };
}

/** Leave the full screen if no component has been mounted again: presentation mode has ended. */
const leave = () => {
  if (!mounted.size && isFull()) document.exitFullscreen();
};

export default function mount({ parentElement }) {
  if (!mounted.has(parentElement)) {
    const endings = [listen(parentElement), followWindow()];
    mounted.set(parentElement, () => {
      for (const end of endings) end();
      mounted.delete(parentElement);
      setTimeout(leave, 500);
    });
  }
  return mounted.get(parentElement);
}
