// Keys of the page, whichever element has the focus: some press buttons, and those that nobody
// else needs act on the page's picture. This listens in the capture phase, before any element
// gets the event, because sliders handle Page Up and Page Down themselves.

/** @typedef {{buttons: Record<string, string[]>, play: string, presented: boolean}} Data */

/** Elements that need the keys themselves. */
export const TYPED =
  "input:not([type=range], [type=checkbox], [type=radio]), textarea, select, [contenteditable=true]";
const SLIDER = "input[type=range], [role=slider]";
const PICTURES = "[data-testid=sweep-player], [data-testid=cone]";
/** Elements that have the focus after a click on nothing. */
const BACKGROUND = "html, body, [data-testid=stMain]";
const MOVES = ["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown", "Home", "End"];
/** What a presenter's remote sends, and the keys that step a board. */
const REMOTE = { PageDown: "ArrowRight", PageUp: "ArrowLeft" };
/** Keys that do not scroll a page that is wider than it is high. */
const UNSCROLLED = [" ", "ArrowLeft", "ArrowRight"];

/** @type {WeakMap<object, Keys>} */
const mounted = new WeakMap();

/**
 * The element with the focus, inside of components as well; null for the background.
 * @returns {HTMLElement|null}
 */
function focused() {
  /** @type {any} */
  let element = document.activeElement;
  while (element?.shadowRoot?.activeElement) element = element.shadowRoot.activeElement;
  return element?.matches(BACKGROUND) ? null : element;
}

const inSight = (element) => element.getClientRects().length > 0;

/** The first board or cone of the page; undefined if it has none. */
function picture() {
  const hosts = document.querySelectorAll(
    "[data-testid=stMain] [data-testid=stBidiComponentIsolated]",
  );
  return [...hosts]
    .map((host) => host.shadowRoot?.querySelector(PICTURES))
    .find((each) => each && inSight(each));
}

/** The slider of the page; undefined if it has none, or several. */
function onlySlider() {
  const sliders = [...document.querySelectorAll(`[data-testid=stMain] :is(${SLIDER})`)].filter(
    inSight,
  );
  return sliders.length === 1 ? sliders[0] : undefined;
}

/** Let an element handle a key; returns whether it has done so. */
function send(element, key, bubbles) {
  const event = new KeyboardEvent("keydown", { key, bubbles, cancelable: true });
  const unused = element.dispatchEvent(event);
  element.dispatchEvent(new KeyboardEvent("keyup", { key, bubbles, cancelable: true }));
  return !unused;
}

/** One mounted component: its data, its listeners, and how the focus was last moved. */
class Keys {
  /** @type {Data} */
  data = { buttons: {}, play: "", presented: false };

  constructor(parentElement) {
    this.byTab = false;
    this.parentElement = parentElement;
    this.listeners = {
      keydown: (event) => this.press(event),
      pointerdown: () => {
        this.byTab = false;
      },
      pointerup: () => this.release(),
    };
    for (const [name, listener] of Object.entries(this.listeners))
      window.addEventListener(name, listener, { capture: true });
    this.close = () => {
      for (const [name, listener] of Object.entries(this.listeners))
        window.removeEventListener(name, listener, { capture: true });
      mounted.delete(this.parentElement);
    };
    parentElement.querySelector(".keys").dataset.ready = "true"; // tests wait for this
  }

  press(event) {
    if (event.key === "Tab") this.byTab = true;
    // Keys that this module sends to an element are not trusted, and pass.
    if (!event.isTrusted || event.ctrlKey || event.altKey || event.metaKey || event.shiftKey)
      return;
    if (!this.pressButton(event) && !this.act(event.key)) return;
    event.preventDefault();
    event.stopImmediatePropagation();
  }

  /** Press the first button of a key that is on the page; returns whether there is one. */
  pressButton(event) {
    if (event.composedPath()[0] instanceof HTMLTextAreaElement) return false;
    const button = (this.data.buttons[event.key] ?? [])
      .map((selector) => /** @type {HTMLButtonElement|null} */ (document.querySelector(selector)))
      .find(Boolean);
    if (button && !button.disabled && !event.repeat) button.click(); // held down, it counts once
    return Boolean(button);
  }

  /** Whether the element with the focus needs the keys itself. */
  get taken() {
    const element = focused();
    if (document.querySelector("[role=dialog]")) return true;
    return Boolean(element && (!this.data.presented || this.byTab || element.matches(TYPED)));
  }

  /** Let a key act on the board or cone of the page, else on its slider; returns whether it did. */
  act(key) {
    if (this.taken) return false;
    const { presented, play } = this.data;
    if (!presented && !UNSCROLLED.includes(key)) return false;
    const board = picture();
    if (board) {
      if (board.contains(focused()) && !REMOTE[key]) return false; // it gets the key anyway
      const step = board.matches("[data-testid=sweep-player]") ? REMOTE[key] : undefined;
      return key === " " || step || MOVES.includes(key) ? send(board, step ?? key, false) : false;
    }
    if (!presented) return false;
    const slider = onlySlider();
    if (slider && MOVES.includes(key)) return focused() !== slider && send(slider, key, true);
    /** @type {HTMLInputElement|null} */
    const toggle = key === " " ? document.querySelector(play) : null;
    toggle?.click();
    return Boolean(toggle);
  }

  /** Take the focus from a slider that the pointer releases, so that Page Down does not move it. */
  release() {
    setTimeout(() => {
      const element = focused();
      if (this.data.presented && !this.byTab && element?.matches(SLIDER)) element.blur();
    });
  }
}

/** @param {{data: Data, parentElement: HTMLElement}} component */
export default function mount({ data, parentElement }) {
  const keys = mounted.get(parentElement) ?? new Keys(parentElement);
  mounted.set(parentElement, keys);
  keys.data = data;
  return keys.close;
}
