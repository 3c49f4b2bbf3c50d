// Moves the keyboard focus when the element that has it disappears or is disabled: the browser would
// leave it to the page's body, and the next Tab would start from the top of the page. It also tells
// screen readers what the page shows now.

/** Milliseconds between two looks at the focus. */
const INTERVAL_MS = 150;
/** Milliseconds for which an element may be absent while the page's script runs. */
const PATIENCE_MS = 1000;
/** Elements that a screen reader announces by name when they get the focus. */
const PLACES = "[role=tabpanel], [role=dialog], [data-testid=stMain]";
const CONTROLS = "input, button, textarea, select, a[href], [tabindex='0']";

/** The last focused element and all that contain it, from the inside out, across shadow roots. */
let path = [];
/** When the focus was first seen on the body, or 0. */
let lost = 0;

const usable = (element) =>
  element.isConnected && !element.disabled && element.getClientRects().length > 0;

/** A control of the widget with the same key, which Streamlit may have made anew. */
function successor(element) {
  const name = [...(element.classList ?? [])].find((each) => each.startsWith("st-key-"));
  const widget = name && document.getElementsByClassName(name)[0];
  return [...(widget?.querySelectorAll(CONTROLS) ?? [])].find(usable);
}

/** The place itself; of the whole page, its heading. */
function named(place) {
  return (place.dataset.testid === "stMain" && place.querySelector("h1")) || place;
}

/** The new focus: the same widget, else what contained it, else the page's heading. */
function destination() {
  for (const element of path.filter((each) => each instanceof HTMLElement)) {
    if (!element.isConnected) {
      const control = successor(element);
      if (control) return control;
    } else if (usable(element)) {
      if (element.matches(PLACES)) return named(element);
      if (element.tabIndex >= 0) return element;
    }
  }
  return named(document.querySelector("[data-testid=stMain]"));
}

function look() {
  if (document.activeElement !== document.body || !path.length) {
    lost = 0;
    return;
  }
  lost ||= performance.now();
  const running = document.querySelector("[data-test-script-state=running]");
  if (running && performance.now() - lost < PATIENCE_MS) return;
  const target = usable(path[0]) ? null : destination(); // null: a click beside the element
  path = [];
  if (!target) return;
  if (target.tabIndex < 0) target.tabIndex = -1;
  target.focus({ preventScroll: true });
  if (target.matches(":focus-visible")) target.scrollIntoView({ block: "nearest" });
}

window.addEventListener("focusin", (event) => (path = event.composedPath()), { capture: true });
setInterval(look, INTERVAL_MS);

export default function keeper({ data: { announcement }, parentElement }) {
  const spoken = parentElement.querySelector("[role=status]");
  if (spoken.textContent !== announcement) spoken.textContent = announcement;
}
