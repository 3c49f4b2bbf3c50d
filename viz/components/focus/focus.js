// Focuses an element of the page, once for each token: the answer field of a new question, or the
// button after an answer. The element may appear a moment after this component.

/** Time for which the element is awaited, in milliseconds. */
const PATIENCE_MS = 3000;
/** The last token by selector; a component that was mounted anew does not move the focus again. */
const last = new Map();
/** The selector of the newest token. */
let newest = "";

/** Whether focusing the element would open a touch keyboard over the question. */
const opensKeyboard = (target) =>
  target.matches("input") && matchMedia("(pointer: coarse)").matches;

export default function focus({ data: { selector, token } }) {
  if (last.get(selector) === token) return;
  last.set(selector, token);
  newest = selector;
  const start = performance.now();
  const look = () => {
    if (newest !== selector || last.get(selector) !== token) return; // a newer one has taken over
    const target = document.querySelector(selector);
    if (target && !target.disabled) {
      if (target.tabIndex < 0) target.tabIndex = -1; // a text, which screen readers then read
      if (!opensKeyboard(target)) target.focus();
    } else if (performance.now() - start < PATIENCE_MS) requestAnimationFrame(look);
  };
  look();
}
