// Links with data-choice choose something on the page: a click, or Enter, sends the choice to the
// script instead of loading the link's address. In a table the whole row counts as its link. The
// link of the present choice is marked as current; the table itself stays, with focus and scrolling.

/** The state of each mounted component, by its parent element. */
const mounted = new WeakMap();

const linkOf = (target) =>
  target.closest("a[data-choice]") ?? target.closest("tr")?.querySelector("a[data-choice]");

/** Mark the link of the present choice, and show its row in the box that scrolls. */
function mark(state) {
  for (const link of state.box.querySelectorAll("a[data-choice]")) {
    const current = link.dataset.choice === state.chosen;
    if (current === link.hasAttribute("aria-current")) continue;
    if (!current) {
      link.removeAttribute("aria-current");
      continue;
    }
    link.setAttribute("aria-current", "true");
    const [row, frame] = [link.closest("tr"), link.closest(".long")];
    if (!row || !frame) continue;
    const top = row.offsetTop - frame.querySelector("thead").offsetHeight;
    const bottom = row.offsetTop + row.offsetHeight - frame.clientHeight;
    if (frame.scrollTop > top || frame.scrollTop < bottom) frame.scrollTop = top;
  }
}

/** Give the focus back to the link that had it, after the links have been replaced. */
function keepFocus(state) {
  const lost = state.focused !== undefined && document.activeElement === document.body;
  if (!lost) return;
  for (const link of state.box.querySelectorAll("a[data-choice]"))
    if (link.dataset.choice === state.focused) link.focus({ preventScroll: true });
}

/** Add the listeners to the element with the links; returns the component's state. */
function listen(parentElement, box) {
  const state = { box, chosen: "", focused: undefined, send: null };
  const onClick = (event) => {
    const link = linkOf(event.target);
    const modified = event.ctrlKey || event.metaKey || event.shiftKey || event.button !== 0;
    const selecting = !link?.contains(event.target) && String(getSelection()); // text of a row
    if (!link || modified || selecting) return;
    event.preventDefault();
    link.focus({ preventScroll: true });
    state.send("choice", link.dataset.choice);
  };
  const onFocus = (event) => {
    state.focused = event.target.dataset?.choice;
  };
  const onBlur = (event) => {
    if (event.relatedTarget) state.focused = undefined;
  };
  box.addEventListener("click", onClick);
  box.addEventListener("focusin", onFocus);
  box.addEventListener("focusout", onBlur);
  const watcher = new MutationObserver(() => {
    mark(state);
    keepFocus(state);
  });
  watcher.observe(box, { childList: true, subtree: true });
  state.close = () => {
    watcher.disconnect();
    box.removeEventListener("click", onClick);
    box.removeEventListener("focusin", onFocus);
    box.removeEventListener("focusout", onBlur);
    mounted.delete(parentElement);
  };
  mounted.set(parentElement, state);
  parentElement.querySelector(".row-links").dataset.ready = "true"; // tests wait for this
  return state;
}

export default function rowLinks({ data: { selector, chosen }, parentElement, setTriggerValue }) {
  const box = document.querySelector(selector);
  if (!box) return undefined;
  let state = mounted.get(parentElement);
  if (state && state.box !== box) state.close();
  if (state?.box !== box) state = listen(parentElement, box);
  state.send = setTriggerValue;
  state.chosen = chosen;
  mark(state);
  return state.close;
}
