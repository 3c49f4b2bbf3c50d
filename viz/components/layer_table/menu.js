// The menu of layers to insert. A choice, Escape or a click elsewhere closes it.

/**
 * Open the menu and focus its first item.
 * @param {HTMLElement} frame the element in which the menu is placed; its position is relative
 * @param {HTMLElement} button the element that opened the menu and gets the focus back
 * @param {[string, any][]} entries label and value
 * @param {(value: any) => void} choose
 */
export function openMenu(frame, button, entries, choose) {
  const menu = document.createElement("div");
  menu.className = "menu";
  menu.setAttribute("role", "menu");
  menu.setAttribute("aria-label", "Insert");
  const items = entries.map(([label, value]) => {
    const item = document.createElement("button");
    Object.assign(item, { type: "button", textContent: label, tabIndex: -1 });
    item.setAttribute("role", "menuitem");
    item.onclick = () => {
      close(true);
      choose(value);
    };
    return item;
  });
  menu.append(...items);
  const close = (back) => {
    menu.removeEventListener("focusout", leave);
    menu.remove();
    button.setAttribute("aria-expanded", "false");
    if (back) button.focus({ preventScroll: true });
  };
  /** @param {FocusEvent} event */
  const leave = (event) => {
    if (!menu.contains(/** @type {Node | null} */ (event.relatedTarget))) close(false);
  };
  menu.addEventListener("focusout", leave);
  menu.onmousedown = (event) => event.preventDefault(); // keeps the focus where it is
  menu.onkeydown = (event) => {
    event.stopPropagation();
    const at = items.indexOf(/** @type {HTMLButtonElement} */ (event.target)),
      count = items.length;
    const next = {
      ArrowDown: (at + 1) % count,
      ArrowUp: (at + count - 1) % count,
      Home: 0,
      End: count - 1,
    }[event.key];
    if (next !== undefined) items[next].focus();
    else if (event.key === "Escape" || event.key === "Tab") close(true);
    else return;
    event.preventDefault();
  };
  frame.append(menu);
  place(frame, button, menu);
  button.setAttribute("aria-expanded", "true");
  items[0].focus({ preventScroll: true });
}

/** Place the menu below the button, or above it if there is more room, within the frame's sides. */
function place(frame, button, menu) {
  const outer = frame.getBoundingClientRect(),
    box = button.getBoundingClientRect();
  const [above, below] = [box.top - 8, window.innerHeight - box.bottom - 8];
  const under = below >= Math.min(menu.offsetHeight, above);
  menu.style.maxHeight = `${Math.max(160, under ? below : above)}px`;
  menu.style.left = `${Math.max(0, box.right - outer.left - menu.offsetWidth)}px`;
  menu.style.top = `${under ? box.bottom - outer.top + 2 : box.top - outer.top - menu.offsetHeight - 2}px`;
}
