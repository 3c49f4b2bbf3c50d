// One line of the table, whose elements are built once and then only updated.

import { isBlock, keyOf, wordsOf } from "./model.js";

const ICONS = {
  up: "M8 3l5 5-1.2 1.2L9 6.4V13H7V6.4L4.2 9.2 3 8z",
  down: "M8 13L3 8l1.2-1.2L7 9.6V3h2v6.6l2.8-2.8L13 8z",
  insert: "M7 3h2v4h4v2H9v4H7V9H3V7h4z",
  copy: "M2 2h8v2H4v6H2zM6 6h8v8H6zm2 2v4h4V8z",
  remove: "M4.2 3L8 6.8 11.8 3 13 4.2 9.2 8l3.8 3.8-1.2 1.2L8 9.2 4.2 13 3 11.8 6.8 8 3 4.2z",
  fold: "M5 3l6 5-6 5z",
};
const ACTIONS = {
  up: ["Move up", "Alt+↑"],
  down: ["Move down", "Alt+↓"],
  insert: ["Insert below", "Alt+Enter"],
  copy: ["Duplicate", ""],
  remove: ["Delete", "Alt+Delete"],
};
const EMPTY = { residual: "identity: the input as it is", concat: "empty: the input as it is" };

/** The SVG of an icon on a 16 × 16 grid. */
export const icon = (name) =>
  `<svg viewBox="0 0 16 16" aria-hidden="true"><path d="${ICONS[name]}"/></svg>`;

const button = (name) =>
  `<button type="button" class="icon" data-part="${name}">${icon(name)}</button>`;

const HTML = `<td class="index" role="cell"><span class="grip" draggable="true" aria-hidden="true"></span>
<button type="button" class="number" data-part="number"></button></td>
<td class="layer" role="cell"><div class="line"><span class="guides" aria-hidden="true"></span>
<button type="button" class="icon fold" data-part="fold">${icon("fold")}</button>
<input class="text" data-part="text" type="text" list="suggestions" spellcheck="false" autocomplete="off" autocapitalize="off"
  autocorrect="off" enterkeyhint="done"><span class="branch"></span><span class="note"></span></div><div class="says"></div></td>
<td class="actions" role="cell">${Object.keys(ACTIONS).map(button).join("")}</td>`;

let counted = 0;

/** Set a property only if it changes, because assigning a field's value moves its caret. */
function put(target, name, value) {
  if (target[name] !== value) target[name] = value;
}

/** Set an attribute only if it changes; null and false remove it. */
function attribute(target, name, value) {
  if (value === null || value === false) target.removeAttribute(name);
  else if (target.getAttribute(name) !== String(value)) target.setAttribute(name, value);
}

/** The elements of one line of the table: a layer, or the heading of a branch. */
export class RowView {
  constructor() {
    this.root = document.createElement("tr");
    this.root.setAttribute("role", "row");
    this.root.innerHTML = HTML;
    const find = (name) => /** @type {HTMLElement} */ (this.root.querySelector(`.${name}`));
    this.number = find("number");
    this.fold = find("fold");
    this.text = find("text");
    this.guides = find("guides");
    this.branch = find("branch");
    this.note = find("note");
    this.says = find("says");
    this.grip = find("grip");
    this.line = find("line");
    this.actions = find("actions");
    this.says.id = `says-${counted++}`;
    this.cells = [];
  }

  /** The visible control with this name, or null. */
  part(name) {
    const control = /** @type {HTMLElement | null} */ (
      this.root.querySelector(`[data-part="${name}"]`)
    );
    return control && !control.hidden ? control : null;
  }

  /**
   * Show a line.
   * @param {import("./model.js").Line} line
   * @param {{table: Map<string, import("./model.js").Row>, columns: any[], folded: Set<string>,
   *   drafts: Map<string, {text: string}>, error: {key: string, sentence: string} | null,
   *   selected: string | null, current: string, longest: number}} state of the table
   */
  show(line, state) {
    this.item = line;
    this.path = line.branch ?? line.row.path;
    this.key = keyOf(this.path);
    const current = state.current === this.key;
    this.root.className =
      `${line.branch ? "of-branch" : "of-layer"}${current ? " current" : ""}` +
      `${state.selected === this.key ? " selected" : ""}`;
    this.root.dataset.path = this.key;
    attribute(this.root, "aria-current", state.selected === this.key && "true");
    put(this.guides.style, "width", `${line.depth * 18}px`);
    put(this.says.style, "paddingLeft", `${line.depth * 18 + 8}px`);
    for (const part of [this.number, this.text, this.grip])
      put(part, "hidden", Boolean(line.branch));
    this.showCells(line, state.columns);
    if (line.branch) this.showBranch(line);
    else this.showLayer(line, state);
    this.showError(state.error?.key === this.key ? state.error.sentence : "");
  }

  /** @param {import("./model.js").Line} line */
  showLayer({ row }, state) {
    const words = wordsOf(state.table, row.path),
      block = isBlock(row),
      folded = state.folded.has(this.key);
    this.base = folded && row.whole ? row.whole : row.text;
    put(this.number, "textContent", String(row.path.at(-1)));
    attribute(this.number, "aria-label", `Show ${words}`);
    attribute(this.number, "title", `Show ${words}`);
    attribute(this.text, "aria-label", `${words[0].toUpperCase()}${words.slice(1)}`);
    attribute(this.text, "maxlength", state.longest);
    put(this.text, "value", state.drafts.get(this.key)?.text ?? this.base);
    put(this.fold, "hidden", !block);
    attribute(this.fold, "aria-expanded", block && String(!folded));
    attribute(this.fold, "aria-label", `${folded ? "Unfold" : "Fold"} ${words}`);
    put(this.branch, "textContent", "");
    put(
      this.note,
      "textContent",
      folded && !row.whole ? "too long for one line: unfold to edit" : "",
    );
    const last = row.path.at(-1) === row.of - 1,
      outer = row.path.length === 1;
    this.showActions(words, {
      up: outer && row.path[0] === 0 ? "off" : "on",
      down: outer && last ? "off" : "on",
      insert: "on",
      copy: "on",
      remove: row.of === 1 && outer ? "off" : "on",
    });
  }

  /** @param {import("./model.js").Line} line */
  showBranch({ block, name, count, branch }) {
    this.base = null;
    put(this.fold, "hidden", true);
    attribute(this.text, "aria-label", null);
    put(this.branch, "textContent", name);
    put(this.note, "textContent", count ? "" : (EMPTY[block.kind] ?? ""));
    const spare =
      block.kind === "concat" ? block.branches.length > 2 : branch.at(-1) === 1 && count;
    this.showActions(`${name} of layer ${block.path.join(".")}`, {
      insert: "on",
      remove: spare ? "on" : null,
    });
  }

  /** Show each action as "on", "off" (visible without effect, so that it keeps the focus) or not. */
  showActions(words, states) {
    for (const [name, [label, keys]] of Object.entries(ACTIONS)) {
      const control = this.actions.querySelector(`[data-part="${name}"]`);
      put(control, "hidden", !states[name]);
      attribute(control, "aria-disabled", states[name] === "off" && "true");
      attribute(control, "aria-label", `${label}: ${words}`);
      attribute(control, "title", keys && this.item.row ? `${label} (${keys})` : label);
      if (name === "insert") attribute(control, "aria-haspopup", "menu");
    }
  }

  showCells(line, columns) {
    while (this.cells.length > columns.length) this.cells.pop().remove();
    while (this.cells.length < columns.length) {
      const cell = document.createElement("td");
      cell.setAttribute("role", "cell");
      this.cells.push(cell);
      this.actions.before(cell);
    }
    this.cells.forEach((cell, i) => {
      put(cell, "textContent", line.row?.cells[i] ?? "");
      put(cell, "className", `cell${columns[i].phone ? " phone" : ""}`);
    });
  }

  showError(sentence) {
    put(this.says, "textContent", sentence);
    attribute(this.text, "aria-invalid", sentence !== "" && "true");
    attribute(this.text, "aria-describedby", sentence !== "" && this.says.id);
  }
}
