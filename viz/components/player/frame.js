// What stands around the boards: title, sentence, presets, tools, size formula, repairs. It is built
// from the page's data; a click only sends a message to the page.

import { keepFocus, showButton, showButtons } from "./buttons.js";

const element = (tag, properties) => Object.assign(document.createElement(tag), properties);
const NUMBERS = { 2: "Two", 3: "Three", 4: "Four" };
const lettered = (name, text) => `${name} ${text}`.trim();

/** The lines of the formula; after the last one whether torch agrees, or that it is not there yet. */
function formula({ name, formulas, verdict, agrees }) {
  const lines = formulas.map((text) =>
    element("div", { className: "formula", textContent: lettered(name, text) }),
  );
  const className = { true: "agrees", false: "differs", null: "waits" }[agrees];
  lines.at(-1).append(element("span", { className, textContent: verdict }));
  return lines;
}

/** Write a heading of a level, 1 for the page's own, into a container. */
export function showHeading(place, level, text) {
  const tag = `h${level}`;
  if (place.firstElementChild?.localName !== tag) place.replaceChildren(element(tag, {}));
  if (place.firstElementChild.textContent !== text) place.firstElementChild.textContent = text;
}

/** The choice of what is compared, with the chosen one. */
function showComparisons(select, comparisons, compare) {
  const entries = Object.entries(comparisons);
  if (select.options.length !== entries.length)
    select.replaceChildren(
      ...entries.map(([value, textContent]) => element("option", { value, textContent })),
    );
  select.value = compare;
  select.hidden = entries.length < 2;
}

/** Scroll a row sideways so that one of its children is in view; the page stays where it is. */
function scrollTo(row, child) {
  if (!child) return;
  const hidden = child.offsetLeft + child.offsetWidth - row.offsetLeft - row.clientWidth;
  if (hidden > row.scrollLeft || child.offsetLeft - row.offsetLeft < row.scrollLeft)
    row.scrollLeft = Math.max(0, hidden + 24);
}

/**
 * Fill the controls around the boards.
 * @param page the elements of template.js
 * @param data the page's data
 * @param {(name: string, value: any) => void} send
 * @param {(name: string) => void} change undo, redo or reset
 */
export function showFrame(page, data, send, change) {
  const { presets, preset, comparisons, compare, sizes, lead = "", offers = [] } = data;
  const chips = presets.map((label) => ({
    label,
    pressed: label === preset,
    act: () => send("preset", label),
  }));
  showButtons(page.presets, chips, page.stage);
  page.presets.hidden = !presets.length;
  if (page.presets.chosen !== preset)
    scrollTo(page.presets, page.presets.children[presets.indexOf(preset)]);
  page.presets.chosen = preset;
  page.lead.textContent = lead;
  page.lead.hidden = !lead;
  showComparisons(page.compare, comparisons, compare);
  page.compare.onchange = () => send("compare", page.compare.value);
  for (const name of ["undo", "redo", "reset"]) {
    showButton(page[name], offers.includes(name), page.stage);
    page[name].onclick = () => change(name);
  }
  page.size.replaceChildren(...sizes.flatMap(formula));
  page.notes.replaceChildren(
    ...sizes
      .filter(({ unread }) => unread)
      .map(({ name, unread }) => element("span", { textContent: lettered(name, unread) })),
  );
  const fixes = sizes
    .flatMap((each) => each.fixes)
    .map((label) => ({
      label,
      title: "Leaves no pixel unread",
      act: () => send("fix", label),
    }));
  showButtons(page.fixes, fixes, page.stage);
}

/** Show a choice between the planes of the input or the output; nothing if there is only one. */
export function showPlanes(page, place, names, chosen, act) {
  place.hidden = names.length < 2;
  const items = place.hidden
    ? []
    : names.map((label, i) => ({ label, pressed: i === chosen, act: () => act(i) }));
  showButtons(place.querySelector(".chips"), items, page.stage);
}

/** Show the sums below the boards. */
export function showSums(page, html) {
  if (page.sums.html === html) return;
  page.sums.html = html;
  keepFocus(page.sums, page.stage, () => {
    page.sums.innerHTML = html;
  });
}

/** Say something for a moment beside the tools. */
export function say(page, text) {
  page.toast.textContent = text;
  setTimeout(() => {
    page.toast.textContent = "";
  }, 2500);
}

/** Titles above several boards, as headings; a single board has the heading of the whole player. */
export function showTitles(page, boards, places, level) {
  const several = boards.length > 1;
  showHeading(
    page.title,
    level,
    several ? `${NUMBERS[boards.length]} layers on the same input` : boards[0].title,
  );
  page.titles.replaceChildren(
    ...(several ? boards : []).map((board, i) => {
      const heading = element(`h${level + 1}`, { textContent: board.title, title: board.title });
      const { x, y, width } = places[i];
      heading.style.cssText = `left:${x}px;top:${y}px;width:${width}px`;
      return heading;
    }),
  );
}

/** The lines of the formula as texts for a saved picture. */
export const frameLines = ({ sizes }) =>
  sizes.flatMap(({ name, formulas, verdict, agrees, unread }) =>
    [
      ...formulas.slice(0, -1),
      formulas.at(-1) + (agrees === null ? "" : `   ${verdict}`),
      ...(unread ? [unread] : []),
    ].map((text) => lettered(name, text)),
  );
