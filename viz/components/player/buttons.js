// Buttons that change while they may have the focus: it is never lost to the page's body.

/** The element with the focus in the player's own tree. */
const focused = (place) => place.getRootNode().activeElement;

/**
 * Show buttons in a container. Those that are there already are changed in place; if the focused
 * one goes or means something else, `home` gets the focus.
 * @param {Element} place
 * @param {{label: string, act: () => void, pressed?: boolean, title?: string}[]} items
 * @param {HTMLElement} home
 */
export function showButtons(place, items, home) {
  keepFocus(place, home, () => {
    while (place.children.length > items.length) place.lastElementChild.remove();
    for (const [i, { label, act, pressed, title = "" }] of items.entries()) {
      const button = /** @type {HTMLButtonElement} */ (
        place.children[i] ??
          place.appendChild(Object.assign(document.createElement("button"), { type: "button" }))
      );
      if (button.textContent !== label) button.textContent = label;
      Object.assign(button, { onclick: act, title });
      if (pressed !== undefined) button.ariaPressed = String(pressed);
    }
  });
}

/** Change what is in a container; if its focused button is then another one, `home` has the focus. */
export function keepFocus(place, home, change) {
  const button = place.contains(focused(place)) ? focused(place) : null,
    label = button?.textContent;
  change();
  if (button && (button.textContent !== label || button !== focused(place)))
    home.focus({ preventScroll: true });
}

/** Show a button, or hide it and give its focus to `home`. */
export function showButton(button, shown, home) {
  if (!shown && button === focused(button)) home.focus({ preventScroll: true });
  button.hidden = !shown;
}
