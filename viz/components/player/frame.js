// The controls around the boards: presets, the choice of comparison, the size formula, repairs.
// They are built from the page's data; a click only sends a message to the page.

const element = (tag, properties) => Object.assign(document.createElement(tag), properties);

function chips(place, names, chosen, act) {
  place.replaceChildren(
    ...names.map((name) => {
      const chip = element("button", {
        type: "button",
        textContent: name,
        onclick: () => act(name),
      });
      chip.setAttribute("aria-pressed", name === chosen);
      return chip;
    }),
  );
}

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

/**
 * Fill the controls around the boards.
 * @param page the elements of template.js
 * @param data the page's data
 * @param {(name: string, value: any) => void} send
 */
export function showFrame(page, { presets, preset, comparisons, compare, sizes }, send) {
  chips(page.presets, presets, preset, (name) => send("preset", name));
  page.compare.replaceChildren(
    ...Object.entries(comparisons).map(([value, textContent]) =>
      element("option", { value, textContent, selected: value === compare }),
    ),
  );
  page.compare.hidden = Object.keys(comparisons).length < 2;
  page.head.hidden = page.compare.hidden && !presets.length;
  page.compare.onchange = () => send("compare", page.compare.value);
  page.size.replaceChildren(...sizes.flatMap(formula));
  page.lost.replaceChildren(
    ...sizes.flatMap(({ name, unread, fixes }) => [
      ...(unread ? [element("span", { textContent: lettered(name, unread) })] : []),
      ...fixes.map((label) =>
        element("button", {
          type: "button",
          className: "fix",
          textContent: label,
          title: "Leaves no pixel unread",
          onclick: () => send("fix", label),
        }),
      ),
    ]),
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
