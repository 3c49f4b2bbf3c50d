// Puts the keyboard where the page says, once for each token: into the answer field of a new
// question, on the button after an answer. The element may be drawn a moment after this is told.

const PATIENCE_MS = 3000;
const last = new WeakMap();

/** On a phone a focused field opens the keyboard over the question: there one taps it. */
const opensKeyboard = (target) =>
  target.matches("input") && matchMedia("(pointer: coarse)").matches;

export default function focus({ data: { selector, token }, parentElement }) {
  if (last.get(parentElement) === token) return;
  last.set(parentElement, token);
  const start = performance.now();
  const look = () => {
    if (last.get(parentElement) !== token) return; // another wish has come
    const target = document.querySelector(selector);
    if (target && !target.disabled) {
      if (!opensKeyboard(target)) target.focus();
    } else if (performance.now() - start < PATIENCE_MS) requestAnimationFrame(look);
  };
  look();
}
