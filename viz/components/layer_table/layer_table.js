// The layer table's state: drafts, folded blocks, focus, and the queue of edits. Python holds the
// network: every edit is sent there, and the table shows the result.

import { listenToDrags } from "./drag.js";
import { openMenu } from "./menu.js";
import {
  byKey,
  destination,
  follow,
  isBlock,
  keyOf,
  lengthAt,
  linesOf,
  MOST,
  pathOf,
  wordsOf,
} from "./model.js";
import { Queue } from "./queue.js";
import { RowView } from "./row.js";
import { buildFrame, showHead } from "./template.js";

/** Largest number of lines with which a new network is shown unfolded. */
const OPEN = 60;
/** Milliseconds after the release of a pointer within which its click event comes. */
const CLICK = 50;

/** One mounted table: its state, its events and its redrawing. */
class Table {
  constructor(root) {
    this.root = root;
    this.page = buildFrame(root);
    this.body = this.page.body;
    this.views = [];
    this.viewsByElement = new WeakMap();
    this.folded = new Set();
    this.drafts = new Map();
    this.current = null;
    this.dismissed = false;
    this.holding = false;
    this.version = 0;
    this.queue = new Queue(
      (trigger, message) => {
        this.trigger(trigger, message);
        this.mark();
      },
      () => this.say("The server does not answer; the last edit may be lost."),
    );
    this.listen();
  }

  // ---- new data

  /** Take new data or a new theme; not before the pointer is released and no row is dragged. */
  update(component) {
    this.trigger = component.setTriggerValue;
    this.coming = component.data;
    if (!this.holding) this.take();
  }

  hold(on) {
    this.holding = on;
    if (on) return;
    this.paintCurrent();
    if (this.coming) this.take();
  }

  take() {
    const data = this.coming,
      before = this.table ?? new Map();
    this.coming = null;
    const focus = this.focusNow();
    this.table = byKey(data.rows);
    const signature = data.rows.map((row) => `${row.path}:${row.text}`).join("|");
    const changed = signature !== this.signature;
    this.data = data;
    this.signature = signature;
    const task = this.queue.answered(data.answered);
    if (task) this.dismissed = false;
    if (focus?.key && task?.from && focus.key !== keyOf(task.from)) task.wish = null; // the visitor is in another row
    if (changed && task?.trigger === "edit") this.carry(task, before, focus);
    else if (changed) this.start();
    this.takeError(data.error, task);
    if (task) this.settle(task.message);
    this.draw();
    this.refocus(focus, changed || task?.trigger === "select" ? task : null);
    this.queue.next();
    this.mark();
  }

  /** Write the table's state to data attributes, for tests. */
  mark() {
    Object.assign(this.root.dataset, {
      version: this.version,
      ready: "true",
      pending: this.queue.pending !== null,
    });
  }

  /** Start with a network that is no edit of the last one: drop drafts and folding. */
  start() {
    this.drafts.clear();
    this.folded.clear();
    this.current = null;
    if (linesOf(this.table, this.folded).length > OPEN) this.foldAll();
  }

  /** After an edit in this table, move drafts, folding and focus along with their rows. */
  carry({ message }, before, focus) {
    const grown = lengthAt(this.table, message.path) - lengthAt(before, message.path);
    const shifted = (key) => {
      const path = follow(pathOf(key), message, grown);
      return path && this.table.has(keyOf(path)) ? keyOf(path) : null;
    };
    const kept = (entries) =>
      entries.map(([key, value]) => [shifted(key), value]).filter(([key]) => key !== null);
    this.drafts = new Map(kept([...this.drafts]));
    this.folded = new Set(
      kept([...this.folded].map((key) => [key]))
        .map(([key]) => key)
        .filter((key) => isBlock(this.table.get(key))),
    );
    this.current = this.current && shifted(this.current);
    if (focus?.key) focus.key = shifted(focus.key) ?? focus.key;
    this.queue.follow(message, grown);
    this.say(this.announcement(message));
  }

  /** Drop the drafts that the network now contains; refused and newer texts stay drafts. */
  settle({ do: did, path, text }) {
    const key = keyOf(path);
    if (did === "set" && this.error?.key !== key && this.drafts.get(key)?.text === text)
      this.drafts.delete(key);
    for (const [each, draft] of this.drafts)
      if (draft.text === this.textOf(each)) this.drafts.delete(each);
  }

  /** The sentence for screen readers after an edit. */
  announcement({ do: did, path, to }) {
    if (did === "move") return `Moved to ${wordsOf(this.table, to)}`;
    return (
      { insert: "Inserted", remove: "Deleted", copy: "Duplicated", undo: "Undone", redo: "Redone" }[
        did
      ] ?? `Changed ${wordsOf(this.table, path)}`
    );
  }

  takeError(error, task) {
    if (!error || this.dismissed) {
      this.error = null;
      return;
    }
    this.error = { key: keyOf(error.path), sentence: error.sentence };
    const row = this.table.get(this.error.key);
    if (
      row &&
      (task || !this.version) &&
      typeof error.text === "string" &&
      !this.drafts.has(this.error.key)
    )
      this.drafts.set(this.error.key, { text: error.text, sent: error.text });
    if (task)
      for (let end = 1; end < error.path.length; end += 2)
        this.folded.delete(keyOf(error.path.slice(0, end)));
  }

  // ---- drawing

  draw() {
    const { data, page } = this;
    this.columns = data.columns.map((column, i) => ({
      ...column,
      phone: data.columns.some((each) => each.phone) ? Boolean(column.phone) : i === 0,
    }));
    const signature = JSON.stringify(this.columns);
    if (this.headed !== signature) showHead(page, this.columns, data.suggestions);
    this.headed = signature;
    const lines = linesOf(this.table, this.folded),
      shown = lines.slice(0, MOST);
    const state = {
      table: this.table,
      columns: this.columns,
      folded: this.folded,
      drafts: this.drafts,
      error: this.error,
      selected: data.selected && keyOf(data.selected),
      current: this.current,
      longest: data.longest,
    };
    while (this.views.length > shown.length) this.views.pop().root.remove();
    while (this.views.length < shown.length) this.addView();
    this.views.forEach((view, i) => view.show(shown[i], state));
    const lost = this.error && !this.views.some((view) => view.key === this.error.key);
    page.fault.textContent = lost ? this.error.sentence : "";
    page.more.textContent =
      lines.length > MOST
        ? `The first ${MOST} of ${lines.length.toLocaleString("en")} lines are shown. Fold blocks to reach the rest.`
        : "";
    const focused = this.root.getRootNode().activeElement;
    page.undo.disabled = !data.undo;
    page.redo.disabled = !data.redo;
    if (focused?.disabled) (focused === page.undo ? page.redo : page.undo).focus();
    const blocks = [...this.table.values()].some(isBlock);
    page.all.hidden = !blocks;
    page.all.textContent = this.folded.size ? "unfold all" : "fold all";
    page.count.textContent =
      this.table.size === 1 ? "1 row" : `${this.table.size.toLocaleString("en")} rows`;
    this.version += 1;
  }

  addView() {
    const view = new RowView();
    this.viewsByElement.set(view.root, view);
    this.views.push(view);
    this.body.append(view.root);
  }

  say(text) {
    this.page.spoken.textContent = text;
  }

  /** The text of a row's field without a draft. */
  textOf(key) {
    const row = this.table.get(key);
    return row && (this.folded.has(key) && row.whole ? row.whole : row.text);
  }

  viewAt(key) {
    return this.views.find((view) => view.key === key);
  }

  viewOf(target) {
    return this.viewsByElement.get(target?.closest?.("tr"));
  }

  // ---- focus

  focusNow() {
    const active = this.root.getRootNode().activeElement;
    if (!active || !this.root.contains(active)) return null;
    const { selectionStart: start, selectionEnd: end } = active;
    return {
      element: active,
      key: this.viewOf(active)?.key,
      part: active.dataset.part,
      start,
      end,
    };
  }

  /** Set the focus after new data: to the edit's wish, else to the same row and control as before. */
  refocus(focus, task) {
    const wish = task?.wish;
    const [key, part] = wish ? [keyOf(wish.path), wish.part] : [focus?.key, focus?.part];
    if (key === undefined || (!wish && !focus)) return;
    const view = this.viewAt(key) ?? (wish && this.viewAt(this.before(key)));
    const target = view?.part(part) ?? view?.part("number") ?? view?.part("insert");
    if (!target || target === this.root.getRootNode().activeElement) return;
    this.current = view.key;
    this.paintCurrent(); // so that the focused control is visible
    target.focus({ preventScroll: !wish });
    if (wish?.all) target.select();
    else if (part === "text" && focus?.part === "text")
      target.setSelectionRange(focus.start, focus.end);
  }

  /** The key of the row before a removed one, or of the block in which it was. */
  before(key) {
    const path = pathOf(key);
    if (path.at(-1) > 0) return keyOf([...path.slice(0, -1), path.at(-1) - 1]);
    return keyOf(path.slice(0, -1));
  }

  /**
   * Set the row in use, whose actions a phone shows. They appear after the current click, which
   * would otherwise hit a moved element.
   */
  setCurrent(key) {
    this.current = key;
    setTimeout(() => this.holding || this.paintCurrent());
  }

  paintCurrent() {
    for (const view of this.views) view.root.classList.toggle("current", view.key === this.current);
  }

  /** Focus the same control in the next line above (-1) or below (1) that has it. */
  go(view, by, part) {
    for (let at = this.views.indexOf(view) + by; this.views[at]; at += by) {
      const target = this.views[at].part(part);
      if (!target) continue;
      target.focus();
      if (part === "text") target.select();
      return;
    }
  }

  // ---- edits

  edit(message, more = {}) {
    const was =
      message.do === "insert" || message.path.length % 2 === 0
        ? {}
        : { complete: (filled) => this.filled(filled, more.by) };
    this.queue.add({ trigger: "edit", message, ...was, ...more });
  }

  /** A message with the row's current text and, for a step up or down, its destination. */
  filled(message, step) {
    const to = step ? destination(this.table, message.path, step[0], step[1]) : message.to;
    if (step && !to) return null;
    return { ...message, was: this.table.get(keyOf(message.path))?.text, ...(to ? { to } : {}) };
  }

  /** Send a row's draft to Python, but not the same text twice unless the visitor insists. */
  commit(view, insist) {
    const draft = this.drafts.get(view.key);
    if (!draft || this.queue.sends(view.path, draft.text) || (draft.sent === draft.text && !insist))
      return;
    draft.sent = draft.text;
    this.edit({ do: "set", path: view.path, text: draft.text });
  }

  restore(view) {
    this.dismiss(view);
    view.text.select();
  }

  dismiss(view) {
    this.drafts.delete(view.key);
    if (this.error?.key === view.key) {
      this.dismissed = true;
      this.error = null;
    }
    this.draw();
  }

  typed(view) {
    if (view.text.value === view.base) this.dismiss(view);
    else
      this.drafts.set(view.key, { text: view.text.value, sent: this.drafts.get(view.key)?.sent });
  }

  move(view, by, into, part) {
    if (!destination(this.table, view.path, by, into)) return;
    this.edit(
      { do: "move", path: view.path },
      { by: [by, into], from: view.path, wish: ({ to }) => ({ path: to, part }) },
    );
  }

  insert(path, text, from) {
    this.edit(
      { do: "insert", path, text },
      {
        from,
        wish: (message) => ({
          path: path.length % 2 ? message.path : [...message.path, 0],
          part: "text",
          all: true,
        }),
      },
    );
  }

  insertBelow(view, text) {
    this.insert([...view.path.slice(0, -1), view.path.at(-1) + 1], text, view.path);
  }

  act(view, name) {
    const { path } = view;
    if (name === "up" || name === "down") this.move(view, name === "up" ? -1 : 1, false, name);
    if (name === "insert") this.openMenu(view);
    if (name === "copy")
      this.edit(
        { do: "copy", path },
        {
          from: path,
          wish: (message) => ({
            path: [...message.path.slice(0, -1), message.path.at(-1) + 1],
            part: "copy",
          }),
        },
      );
    if (name === "remove") {
      this.drafts.delete(view.key);
      this.edit(
        { do: "remove", path },
        { from: path, wish: (message) => ({ path: message.path, part: "number" }) },
      );
    }
  }

  openMenu(view) {
    const entries = this.data.menu.map((text) => [text, text]);
    const branch = view.item.branch;
    if (branch && view.item.block.kind === "concat") entries.push(["a new branch below", null]);
    openMenu(this.root, view.part("insert"), entries, (text) => {
      if (text === null)
        this.insert([...branch.slice(0, -1), branch.at(-1) + 1], this.data.menu[0], branch);
      else if (branch) this.insert([...branch, 0], text, branch);
      else this.insertBelow(view, text);
    });
  }

  openMenuAtEnd() {
    const entries = this.data.menu.map((text) => [text, text]);
    openMenu(this.root, this.page.add, entries, (text) =>
      this.insert([this.table.get("0").of], text),
    );
  }

  history(name) {
    this.queue.add({ trigger: "edit", message: { do: name, path: [] } });
  }

  foldAll() {
    for (const [key, row] of this.table) if (isBlock(row)) this.folded.add(key);
  }

  fold(view) {
    this.commit(view);
    if (!this.folded.delete(view.key)) this.folded.add(view.key);
    this.draw();
    this.say(this.folded.has(view.key) ? "Folded" : "Unfolded");
  }

  // ---- events

  listen() {
    const { page, root, body } = this;
    page.undo.onclick = () => this.history("undo");
    page.redo.onclick = () => this.history("redo");
    page.add.onclick = () => this.openMenuAtEnd();
    page.all.onclick = () => {
      if (this.folded.size) this.folded.clear();
      else this.foldAll();
      this.draw();
    };
    body.addEventListener("input", (event) => this.typed(this.viewOf(event.target)));
    body.addEventListener("focusin", (event) =>
      this.setCurrent(this.viewOf(event.target)?.key ?? null),
    );
    body.addEventListener(
      "focusout",
      (event) => event.target.dataset.part === "text" && this.commit(this.viewOf(event.target)),
    );
    body.addEventListener("click", (event) => this.click(event));
    root.addEventListener("keydown", (event) => this.key(event));
    root.addEventListener("pointerdown", () => {
      clearTimeout(this.releasing);
      this.holding = true;
    });
    this.release = () => {
      clearTimeout(this.releasing);
      this.releasing = setTimeout(() => this.holding && !this.dragging && this.hold(false), CLICK);
    };
    for (const name of ["pointerup", "pointercancel"]) window.addEventListener(name, this.release);
    listenToDrags(body, (target) => this.viewOf(target), {
      folded: () => this.folded,
      hold: (on) => {
        this.dragging = on;
        this.hold(on);
      },
      drop: (path, to) =>
        this.edit(
          { do: "move", path, to },
          { from: path, wish: (message) => ({ path: message.to, part: "text" }) },
        ),
    });
  }

  close() {
    this.queue.stop();
    for (const name of ["pointerup", "pointercancel"])
      window.removeEventListener(name, this.release);
  }

  click(event) {
    const view = this.viewOf(event.target),
      name = event.target.closest("button")?.dataset.part;
    if (!view) return;
    this.setCurrent(view.key);
    if (!name || event.target.closest("[aria-disabled=true]")) return;
    if (name === "fold") this.fold(view);
    else if (name === "number") this.queue.add({ trigger: "select", message: { path: view.path } });
    else this.act(view, name);
  }

  key(event) {
    if (event.ctrlKey || event.metaKey) {
      this.historyKey(event);
      return;
    }
    event.stopPropagation(); // letters typed here must not trigger the page's shortcuts
    const view = this.viewOf(event.target),
      part = event.target.dataset?.part;
    const act =
      view && (event.altKey ? this.altKey(view, event) : this.plainKey(view, event, part));
    if (!act) return;
    event.preventDefault();
    act();
  }

  altKey(view, { key, shiftKey, target }) {
    if (view.item.branch) return null;
    const by = { ArrowUp: -1, ArrowDown: 1 }[key];
    const change = by
      ? () => this.move(view, by, shiftKey, target.dataset.part)
      : {
          Enter: () => this.insertBelow(view, this.data.menu[0]),
          Delete: () => this.act(view, "remove"),
        }[key];
    if (!change || (key === "Delete" && view.part("remove").ariaDisabled)) return null;
    return () => {
      if (key !== "Delete") this.commit(view);
      change();
    };
  }

  plainKey(view, { key, isComposing }, part) {
    const by = { ArrowUp: -1, ArrowDown: 1 }[key];
    const field = part === "text";
    if (by && !(field && this.drafts.has(view.key))) return () => this.go(view, by, part);
    if (!field || isComposing) return null;
    return { Enter: () => this.commit(view, true), Escape: () => this.restore(view) }[key];
  }

  /** Undo or redo in the table, unless the focused field has a draft with its own undo. */
  historyKey(event) {
    const key = event.key.toLowerCase(),
      view = this.viewOf(event.target);
    const name =
      key === "y" || (key === "z" && event.shiftKey) ? "redo" : key === "z" ? "undo" : null;
    if (!name || (view && this.drafts.has(view.key))) return;
    event.preventDefault();
    event.stopPropagation();
    this.history(name);
  }
}

/** @type {WeakMap<object, Table>} */
const tables = new WeakMap();

export default function mount(component) {
  const { parentElement } = component;
  let table = tables.get(parentElement);
  if (!table) {
    table = new Table(parentElement.querySelector("[data-testid=layer-table]"));
    tables.set(parentElement, table);
  }
  table.update(component);
  return () => {
    table.close();
    tables.delete(parentElement);
  };
}
