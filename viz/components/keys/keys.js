// Keys press buttons of the page, whichever element has the focus. Sliders handle Page Up and Page
// Down themselves, so this listens in the capture phase, before any element gets the event.

/** The state of each mounted component, by its parent element. */
const mounted = new WeakMap();

/** Whether the event comes from a field of several lines, in which page keys scroll the text. */
const keepsItsKeys = (event) => event.composedPath()[0] instanceof HTMLTextAreaElement;

/** Add the key listener for a component; returns its state. */
function listen(parentElement) {
  const state = { buttons: {} };
  const press = (event) => {
    const selector = state.buttons[event.key];
    const modified = event.ctrlKey || event.altKey || event.metaKey || event.shiftKey;
    if (!selector || modified || keepsItsKeys(event)) return;
    const button = document.querySelector(selector);
    if (!button) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    if (!button.disabled && !event.repeat) button.click(); // a key that is held down counts once
  };
  window.addEventListener("keydown", press, { capture: true });
  state.close = () => {
    window.removeEventListener("keydown", press, { capture: true });
    mounted.delete(parentElement);
  };
  mounted.set(parentElement, state);
  parentElement.querySelector(".keys").dataset.ready = "true"; // tests wait for this
  return state;
}

export default function keys({ data: { buttons }, parentElement }) {
  const state = mounted.get(parentElement) ?? listen(parentElement);
  state.buttons = buttons;
  return state.close;
}
