// The sweep player's state and events; model, layout, drawing and sentences are separate modules.
// Nothing is sent to the server while it plays; the view on which a visitor settles is sent for
// the URL.

import { readTheme, scalesOf } from "./color.js";
import { drawStill, drawTitle } from "./draw.js";
import { editable, readPin, sameElsewhere, stepOf, summed, writePin } from "./focus.js";
import { frameLines, say, showFrame, showPlanes, showSums, showTitles } from "./frame.js";
import { pressed } from "./keys.js";
import { cellAt, layout, stageHeight } from "./layout.js";
import { drawMoving } from "./marks.js";
import { Board, format } from "./model.js";
import { linkTo, saveAs, sheetOf } from "./save.js";
import { CanvasSurface, enlarged, pointer } from "./surface.js";
import { boardTables } from "./table.js";
import { buildPage } from "./template.js";
import { arithmetic, describe, hint, progress, whichSum } from "./words.js";

const SPEEDS = [1, 2, 4, 8, 15, 30, 60, 120];
const KEYS =
  "Space plays, arrows step, I, K and O pin the input, kernel and output, Enter types, Escape unpins.";
const still = window.matchMedia("(prefers-reduced-motion: reduce)");

/** The speed, in steps per second, at which a whole sweep takes about ten seconds. */
const autoSpeed = (steps) => SPEEDS.find((speed) => speed >= steps / 10) ?? SPEEDS.at(-1);

/** One mounted player: its state, its events and its redrawing. */
class Player {
  constructor(root) {
    this.page = buildPage(root);
    this.root = root;
    this.boards = [];
    this.view = { channel: 0, filter: 0, reads: false };
    this.step = 0;
    this.playing = false;
    this.finished = false;
    this.hover = null;
    this.pin = null;
    this.term = null;
    this.expanded = false;
    this.speed = 0;
    this.loop = false;
    this.token = null;
    this.clock = 0;
    this.last = 0;
    this.frames = 0;
    this.tick = this.tick.bind(this);
    this.listen();
    this.resizing = new ResizeObserver(() => this.resize());
    this.resizing.observe(this.page.stage);
  }

  close() {
    this.resizing.disconnect();
    cancelAnimationFrame(this.request);
    clearTimeout(this.reporting);
  }

  /** Take new data or a new theme; the visitor's view stays. */
  update({ data, setTriggerValue }) {
    this.trigger = setTriggerValue;
    this.frame = data.frame;
    const send = (name, value) => this.sendNow(name, value);
    showFrame(this.page, data.frame, send, (name) => this.change(name));
    this.palette = data.palette;
    this.theme = readTheme(this.root, this.palette);
    if (data.id !== this.id) this.load(data);
    if (data.token !== this.token) this.adopt(data);
    this.resize();
    this.version = (this.version ?? 0) + 1;
    this.page.stage.ariaLabel = `${this.page.title.textContent}. ${KEYS}`;
    Object.assign(this.root.dataset, {
      version: this.version,
      ready: "true",
      title: this.boards.map((b) => b.title).join(" | "),
    });
  }

  load(data) {
    const before = this.boards.length ? this.total : null;
    this.id = data.id;
    this.pinText = writePin(this.pin);
    this.boards = data.boards.map((board) => new Board(board));
    this.scales = scalesOf(this.boards, this.palette);
    this.total = Math.max(...this.boards.map((b) => b.steps));
    this.view.channel = Math.min(this.view.channel, this.boards[0].input.shape[0] - 1);
    this.view.filter = Math.min(this.view.filter, this.boards[0].output.shape[0] - 1);
    this.pin = readPin(this.pinText, this.boards);
    this.hover = this.term = null;
    if (before !== null)
      this.step = this.finished ? this.total - 1 : Math.min(this.step, this.total - 1);
    this.page.scrub.max = this.total - 1;
    this.showPlanes();
  }

  adopt(data) {
    this.token = data.token;
    const view = data.view;
    this.speed = view.speed;
    this.loop = view.loop;
    Object.assign(this.view, {
      reads: view.reads,
      channel: Math.min(view.channel, this.boards[0].input.shape[0] - 1),
      filter: Math.min(view.filter, this.boards[0].output.shape[0] - 1),
    });
    this.pin = readPin(view.pin, this.boards);
    const automatic = view.step < 0 && this.pin?.panel !== "output";
    this.step = automatic
      ? still.matches
        ? this.total - 1
        : 0
      : Math.min(stepOf(this.pin, this.boards) ?? view.step, this.total - 1);
    this.finished = this.step === this.total - 1;
    this.page.speed.value = String(view.speed);
    this.showPlanes();
    this.play(automatic && !still.matches && !this.pin);
  }

  // ---- drawing

  resize() {
    this.root.dataset.boards = String(this.boards.length); // its style zooms several boards less
    const width = this.page.stage.clientWidth;
    if (!width || !this.boards.length) return;
    const zoom = enlarged(this.root);
    this.height = stageHeight(this.boards, window.innerHeight / zoom, zoom);
    this.plan = layout(this.boards, width, this.height, { zoom });
    this.page.stage.style.height = `${this.plan.height}px`;
    showTitles(this.page, this.boards, this.plan.places, this.frame.level ?? 2);
    this.page.hint.textContent = hint(this.boards, this.frame.edits);
    this.drawStill();
  }

  drawStill() {
    this.paint(this.page.still, (surface, board, place, i) =>
      drawStill(surface, board, place, this.viewOf(board), this.theme, this.scales[i]),
    );
    this.drawMoving();
  }

  drawMoving() {
    if (!this.plan) return;
    this.paintMoving();
    this.showTexts();
  }

  paintMoving() {
    this.paint(this.page.moving, (...each) => this.strokeMoving(...each, this.theme));
  }

  strokeMoving(surface, board, place, i, theme) {
    const [view, scales] = [this.viewOf(board), this.scales[i]];
    drawMoving(surface, board, place, this.focusOf(i), this.stepOf(i), view, theme, scales);
  }

  paint(canvas, stroke) {
    const surface = new CanvasSurface(
      canvas,
      this.plan.width,
      this.plan.height,
      window.devicePixelRatio || 1,
    );
    this.boards.forEach((board, i) => stroke(surface, board, this.plan.places[i], i));
  }

  viewOf(board) {
    return {
      ...this.view,
      channel: Math.min(this.view.channel, board.input.shape[0] - 1),
      filter: Math.min(this.view.filter, board.output.shape[0] - 1),
    };
  }

  stepOf(i) {
    return Math.min(this.step, this.boards[i].steps - 1);
  }

  /** The focus of board i: the cell that is pointed at, else the pinned one, else the sweep's. */
  focusOf(i) {
    const pointed = this.hover ?? this.pin;
    const own = {
      panel: "output",
      cell: this.boards[i].place(this.stepOf(i)),
      pinned: false,
      term: this.term,
    };
    if (!pointed) return own;
    if (pointed.board === i) return { ...pointed, term: this.term };
    return sameElsewhere(this.boards, pointed, i) ?? own;
  }

  /** Write the texts beside the picture: counter, sentence, arithmetic, and the state for tests. */
  showTexts() {
    const { scrub, count, says } = this.page;
    scrub.value = this.step;
    count.textContent = scrub.ariaValueText = progress(this.boards, this.step);
    const index = (this.hover ?? this.pin)?.board ?? 0,
      board = this.boards[index];
    const focus = this.focusOf(index),
      view = this.viewOf(board);
    says.setAttribute("aria-live", this.playing ? "off" : "polite");
    says.textContent =
      (this.boards.length > 1 ? `${board.name}: ` : "") + describe(board, focus, view);
    showSums(this.page, this.view.reads ? "" : this.boards.map((b, i) => this.sum(b, i)).join(""));
    this.root.dataset.state = JSON.stringify({
      step: this.step,
      steps: this.total,
      playing: this.playing,
      pin: writePin(this.pin),
      panel: focus.panel,
      cell: focus.cell,
      value: focus.panel === "output" ? board.outputAt(view.filter, ...focus.cell) : null,
      frames: this.frames,
    });
  }

  sum(board, i) {
    const focus = this.focusOf(i),
      { filter, channel } = this.viewOf(board);
    const output = summed(board, focus, this.stepOf(i)),
      before = whichSum(focus, output);
    const name = this.boards.length > 1 ? `<span class="name">${board.name}</span>` : "";
    const body =
      this.boards.length > 2
        ? `<span class="total">${before} <b>${format(board.outputAt(filter, ...output.cell), 5)}</b></span>`
        : arithmetic(board, filter, { ...output, before, channel }, this.expanded);
    return `<div class="sum ${board.reduce}" data-board="${i}">${name}${body}</div>`;
  }

  showPlanes() {
    const { page, view } = this,
      [board] = this.boards;
    const choose = (name) => (i) => this.choosePlane(name, i);
    showPlanes(page, page.channels, board.channels, view.channel, choose("channel"));
    showPlanes(page, page.filters, board.filters, view.filter, choose("filter"));
    page.reads.ariaPressed = String(view.reads);
    page.loop.ariaPressed = String(this.loop);
    page.tables.innerHTML = this.boards.map((b) => boardTables(b, this.viewOf(b))).join("");
  }

  // ---- time

  play(on) {
    this.setPlaying(on);
    cancelAnimationFrame(this.request);
    if (on && this.step >= this.total - 1) this.step = 0;
    this.finished = this.step === this.total - 1;
    this.last = 0;
    this.clock = 0;
    if (on) this.request = requestAnimationFrame(this.tick);
  }

  setPlaying(on) {
    this.playing = on;
    this.page.showPlaying(on);
  }

  tick(now) {
    if (!this.playing) return;
    this.frames += 1;
    const speed = this.speed || autoSpeed(this.total);
    this.clock += this.last && !this.hover ? ((now - this.last) / 1000) * speed : 0;
    this.last = now;
    const ahead = Math.floor(this.clock);
    if (ahead > 0) {
      this.clock -= ahead;
      this.step += ahead;
      if (this.step >= this.total - 1) this.atEnd();
      this.drawMoving();
    }
    if (this.playing) this.request = requestAnimationFrame(this.tick);
  }

  atEnd() {
    if (this.loop && this.step > this.total - 1) {
      this.step = 0;
      return;
    }
    this.step = this.total - 1;
    if (this.loop) return;
    this.finished = true;
    this.setPlaying(false);
  }

  go(step) {
    this.play(false);
    this.pin = null;
    this.step = Math.max(0, Math.min(this.total - 1, step));
    this.finished = this.step === this.total - 1;
    this.drawMoving();
    this.report();
  }

  toggle() {
    if (!this.playing) this.pin = null;
    this.play(!this.playing);
    this.drawMoving();
    if (!this.playing) this.report();
  }

  /** Send the view to the server after a short pause; it becomes part of the URL. */
  report() {
    clearTimeout(this.reporting);
    this.reporting = setTimeout(() => this.trigger("view", this.state()), 250);
  }

  /** Send a message at once, instead of a pending report: of two, Streamlit handles only the last. */
  sendNow(name, value) {
    clearTimeout(this.reporting);
    this.trigger(name, value);
  }

  state() {
    const { channel, filter, reads } = this.view;
    return {
      step: this.playing ? -1 : this.step,
      pin: writePin(this.pin),
      channel,
      filter,
      reads,
      speed: this.speed,
      loop: this.loop,
    };
  }

  // ---- events

  listen() {
    const { page, root } = this;
    page.first.onclick = () => this.go(0);
    page.back.onclick = () => this.go(this.step - 1);
    page.play.onclick = () => this.toggle();
    page.forward.onclick = () => this.go(this.step + 1);
    page.final.onclick = () => this.go(this.total - 1);
    page.scrub.oninput = () => this.go(Number(page.scrub.value));
    page.speed.onchange = () => {
      this.speed = Number(page.speed.value);
      this.report();
    };
    page.loop.onclick = () => {
      this.loop = !this.loop;
      this.showPlanes();
      this.report();
    };
    page.reads.onclick = () => {
      this.view.reads = !this.view.reads;
      this.showPlanes();
      this.drawStill();
      this.report();
    };
    page.save.onchange = () => this.save(page.save.value);
    page.link.onclick = () => this.copyLink();
    page.sums.onclick = (event) => this.unfold(event.target);
    page.sums.onpointermove = (event) => this.light(event.target);
    page.sums.onpointerleave = () => this.light(null);
    page.moving.onpointermove = (event) => event.pointerType === "mouse" && this.point(event);
    page.moving.onpointerleave = () => {
      this.pointer = null;
      if (this.hover) {
        this.hover = null;
        this.drawMoving();
      }
    };
    page.moving.onclick = (event) => this.click(event);
    page.moving.ondblclick = (event) => this.edit(this.cellUnder(event));
    root.onkeydown = (event) => pressed(this, event);
  }

  cellUnder(event) {
    const [x, y] = pointer(event, this.page.moving);
    for (const [board, place] of this.plan.places.entries())
      for (const panel of ["input", "kernel", "output"]) {
        const cell = cellAt(place[panel], x, y);
        if (cell) return { board, panel, cell, pinned: false };
      }
    return null;
  }

  point(event) {
    const { clientX, clientY } = event;
    if (this.pointer?.[0] === clientX && this.pointer[1] === clientY) return; // it has not moved
    this.pointer = [clientX, clientY];
    const target = this.cellUnder(event);
    if (writePin(target) !== writePin(this.hover)) {
      this.hover = target;
      this.drawMoving();
    }
  }

  click(event) {
    const target = this.cellUnder(event);
    this.page.stage.focus({ preventScroll: true });
    const same = !target || writePin(target) === writePin(this.pin);
    this.setPin(same ? null : target);
  }

  setPin(pin) {
    this.play(false);
    this.pin = pin && { ...pin, pinned: true };
    this.step = stepOf(this.pin, this.boards) ?? this.step;
    this.drawMoving();
    this.report();
  }

  movePin([down, right]) {
    const [rows, cols] = this.boards[this.pin.board].sizes[this.pin.panel];
    const [row, col] = this.pin.cell;
    this.setPin({
      ...this.pin,
      cell: [
        Math.max(0, Math.min(rows - 1, row + down)),
        Math.max(0, Math.min(cols - 1, col + right)),
      ],
    });
  }

  enter() {
    if (this.pin && this.pin.panel !== "output") this.edit(this.pin);
    else this.setPin({ board: 0, panel: "output", cell: this.boards[0].place(this.stepOf(0)) });
  }

  choosePlane(name, i) {
    this.view[name] = i;
    this.showPlanes();
    this.drawStill();
    this.report();
  }

  unfold(target) {
    if (target.classList.contains("more")) {
      this.expanded = true;
      this.drawMoving();
    }
  }

  /** Highlight the cells of the sum's term under the pointer. */
  light(target) {
    const index = target?.dataset?.index,
      board = Number(target?.closest(".sum")?.dataset.board ?? 0);
    const key = index === undefined ? null : `${board}.${target.dataset.channel}.${index}`;
    if (key === this.termKey) return;
    this.termKey = key;
    if (key === null) this.term = null;
    else {
      const { cell } = summed(this.boards[board], this.focusOf(board), this.stepOf(board));
      this.term = this.boards[board].window(...cell)[Number(index)];
    }
    this.paintMoving();
  }

  /** Let the visitor type a value into a kernel cell or an input cell, if it is editable. */
  edit(focus) {
    const board = focus && this.boards[focus.board];
    const target = board && this.frame.edits && editable(board, focus, this.viewOf(board));
    if (!target) return;
    this.page.typeOver(
      this.plan.places[focus.board][focus.panel],
      focus.cell,
      target.value,
      (typed) => {
        this.page.stage.focus({ preventScroll: true });
        if (typed !== null && typed !== target.value)
          this.sendNow("edit", {
            target: focus.panel,
            board: focus.board,
            index: target.index,
            value: typed,
            view: this.state(),
          });
      },
    );
  }

  save(kind) {
    this.page.save.value = "";
    const theme = { ...this.palette.paper, meanings: this.palette.meanings };
    const plan = layout(this.boards, this.plan.width, this.height, { titled: true });
    const paint = (surface) =>
      this.boards.forEach((board, i) => {
        const place = plan.places[i];
        drawTitle(surface, board, place, theme);
        drawStill(surface, board, place, this.viewOf(board), theme, this.scales[i]);
        this.strokeMoving(surface, board, place, i, theme);
      });
    const picture = {
      paint,
      extra: frameLines(this.frame),
      plan,
      theme,
      boards: this.boards,
      focus: this.boards.map((_b, i) => this.focusOf(i)),
      views: this.boards.map((b) => this.viewOf(b)),
    };
    saveAs(kind, sheetOf(picture));
  }

  copyLink() {
    const link = linkTo({ ...this.state(), step: this.finished ? -1 : this.state().step });
    const refused = () => say(this.page, "Copy the address bar instead");
    navigator.clipboard
      ? navigator.clipboard.writeText(link).then(() => say(this.page, "Link copied"), refused)
      : refused();
  }

  /** Undo or type again what was typed into cells, or reset the page, if the page offers it. */
  change(name) {
    if (this.frame.offers?.includes(name)) this.sendNow("change", { name, view: this.state() });
  }
}

/** @type {WeakMap<object, Player>} */
const players = new WeakMap();

export default function mount(component) {
  const { parentElement } = component;
  let player = players.get(parentElement);
  if (!player) {
    player = new Player(parentElement.querySelector("[data-testid=sweep-player]"));
    players.set(parentElement, player);
  }
  player.update(component);
  return () => {
    player.close();
    players.delete(parentElement);
  };
}
