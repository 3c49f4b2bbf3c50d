// Keys of the page press its buttons wherever the keyboard is. Sliders take Page Up and Page Down
// for themselves, so these keys are read on their way down, before any element gets them.

const mounted = new WeakMap();

/** In a field of several lines the page keys move the text. */
const keepsItsKeys = (event) => event.composedPath()[0] instanceof HTMLTextAreaElement;

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
    if (!button.disabled && !event.repeat) button.click(); // a key held down repeats: it is one step
  };
  window.addEventListener("keydown", press, { capture: true });
  state.close = () => {
    window.removeEventListener("keydown", press, { capture: true });
    mounted.delete(parentElement);
  };
  mounted.set(parentElement, state);
  parentElement.querySelector(".keys").dataset.ready = "true"; // for tests: keys are read from now on
  return state;
}

export default function keys({ data: { buttons }, parentElement }) {
  const state = mounted.get(parentElement) ?? listen(parentElement);
  state.buttons = buttons;
  return state.close;
}
