// Focuses an element of the page, once for each token: the answer field of a new question, or the
// button after an answer. The element may appear a moment after this component.

/** Time for which the element is awaited, in milliseconds. */
const PATIENCE_MS = 3000;
/** The last token, by the component's parent element. */
const last = new WeakMap();

/** Whether focusing the element would open a touch keyboard over the question. */
const opensKeyboard = (target) =>
  target.matches("input") && matchMedia("(pointer: coarse)").matches;

export default function focus({ data: { selector, token }, parentElement }) {
  if (last.get(parentElement) === token) return;
  last.set(parentElement, token);
  const start = performance.now();
  const look = () => {
    if (last.get(parentElement) !== token) return; // a newer token has taken over
    const target = document.querySelector(selector);
    if (target && !target.disabled) {
      if (!opensKeyboard(target)) target.focus();
    } else if (performance.now() - start < PATIENCE_MS) requestAnimationFrame(look);
  };
  look();
}
