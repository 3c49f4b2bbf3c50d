// The sweep player's state and events; model, layout, drawing and sentences are separate modules.
// Nothing is sent to the server while it plays; the view on which a visitor settles is sent for
// the URL.

import { readTheme, scalesOf } from "./color.js";
import { drawMoving, drawStill } from "./draw.js";
import { editable, PANELS, readPin, sameElsewhere, stepOf, writePin } from "./focus.js";
import { frameLines, showFrame } from "./frame.js";
import { cellAt, layout } from "./layout.js";
import { Board, format } from "./model.js";
import { linkTo, saveAs, sheetOf } from "./save.js";
import { CanvasSurface, enlarged, pointer } from "./surface.js";
import { buildPage } from "./template.js";
import { arithmetic, describe, hint, progress } from "./words.js";

const SPEEDS = [1, 2, 4, 8, 15, 30, 60, 120];
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
    showFrame(this.page, data.frame, (name, value) => this.sendNow(name, value));
    this.palette = data.palette;
    this.theme = readTheme(this.root, this.palette);
    if (data.id !== this.id) this.load(data);
    if (data.token !== this.token) this.adopt(data);
    this.resize();
    this.version = (this.version ?? 0) + 1;
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
    const width = this.page.stage.clientWidth;
    if (!width || !this.boards.length) return;
    const [share, most] = this.boards.length > 1 ? [0.7, 680] : [0.52, 560];
    const height = Math.max(
      300,
      Math.min(most, (window.innerHeight / enlarged(this.root)) * share),
    );
    this.plan = layout(this.boards, width, height);
    this.page.stage.style.height = `${this.plan.height}px`;
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
    this.paint(this.page.moving, (surface, board, place, i) =>
      drawMoving(
        surface,
        board,
        place,
        this.focusOf(i),
        this.stepOf(i),
        this.viewOf(board),
        this.theme,
        this.scales[i],
      ),
    );
    this.showTexts();
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
    const { scrub, count, says, sums } = this.page;
    scrub.value = this.step;
    count.textContent = progress(this.boards, this.step);
    const index = (this.hover ?? this.pin)?.board ?? 0,
      board = this.boards[index];
    const focus = this.focusOf(index),
      view = this.viewOf(board);
    says.setAttribute("aria-live", this.playing ? "off" : "polite");
    says.textContent =
      (this.boards.length > 1 ? `${board.name}: ` : "") + describe(board, focus, view);
    sums.innerHTML = this.view.reads ? "" : this.boards.map((b, i) => this.sum(b, i)).join("");
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
      view = this.viewOf(board);
    const [row, col] = focus.panel === "output" ? focus.cell : board.place(this.stepOf(i));
    const name = this.boards.length > 1 ? `<span class="name">${board.name}</span>` : "";
    const body =
      this.boards.length > 2
        ? `<span class="total">output (${row}, ${col}) = <b>${format(board.outputAt(view.filter, row, col), 5)}</b></span>`
        : arithmetic(board, view.filter, row, col, this.expanded);
    return `<div class="sum ${board.reduce}" data-board="${i}">${name}${body}</div>`;
  }

  showPlanes() {
    const { planes } = this.page,
      [board] = this.boards;
    const chips = (what, label, names) =>
      names.length < 2
        ? ""
        : `<span>${label}${names
            .map(
              (_name, i) =>
                `<button type="button" data-${what}="${i}" aria-pressed="${this.view[what] === i}"></button>`,
            )
            .join("")}</span>`;
    planes.innerHTML =
      chips("channel", "input channel", board.channels) + chips("filter", "filter", board.filters);
    for (const button of planes.querySelectorAll("button"))
      button.textContent = button.dataset.channel
        ? board.channels[button.dataset.channel]
        : board.filters[button.dataset.filter];
    this.page.reads.setAttribute("aria-pressed", this.view.reads);
    this.page.loop.setAttribute("aria-pressed", this.loop);
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
    page.planes.onclick = (event) => this.choosePlane(event.target.dataset);
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
    root.onkeydown = (event) => this.key(event);
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
    this.root.focus({ preventScroll: true });
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

  key(event) {
    if (/^(INPUT|SELECT|BUTTON)$/.test(event.target.tagName) && event.target !== this.page.scrub)
      return;
    const across = this.boards[0].outCols;
    const move = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] }[
      event.key
    ];
    const act =
      {
        " ": () => this.toggle(),
        Home: () => this.go(0),
        End: () => this.go(this.total - 1),
        Escape: () => this.setPin(null),
        Enter: () => this.enter(),
      }[event.key] ??
      (PANELS[event.key] && !event.ctrlKey && !event.metaKey
        ? () => this.setPin({ board: 0, panel: PANELS[event.key], cell: [0, 0] })
        : null);
    if (move && this.pin) this.movePin(move);
    else if (move) this.go(this.step + move[0] * across + move[1]);
    else if (act) act();
    else return;
    this.hover = null; // a pointer that rests on the board counts again when it moves
    this.drawMoving();
    event.preventDefault();
    event.stopPropagation();
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

  choosePlane({ channel, filter }) {
    if (channel !== undefined) this.view.channel = Number(channel);
    if (filter !== undefined) this.view.filter = Number(filter);
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
      const focus = this.focusOf(board);
      const cell =
        focus.panel === "output" ? focus.cell : this.boards[board].place(this.stepOf(board));
      this.term = this.boards[board].window(...cell)[Number(index)];
    }
    this.paint(this.page.moving, (surface, b, place, i) =>
      drawMoving(
        surface,
        b,
        place,
        this.focusOf(i),
        this.stepOf(i),
        this.viewOf(b),
        this.theme,
        this.scales[i],
      ),
    );
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
        this.root.focus({ preventScroll: true });
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
    const paint = (surface) =>
      this.boards.forEach((board, i) => {
        const view = this.viewOf(board),
          place = this.plan.places[i];
        drawStill(surface, board, place, view, theme, this.scales[i]);
        drawMoving(
          surface,
          board,
          place,
          this.focusOf(i),
          this.stepOf(i),
          view,
          theme,
          this.scales[i],
        );
      });
    const picture = {
      paint,
      extra: frameLines(this.frame),
      plan: this.plan,
      theme,
      boards: this.boards,
      focus: this.boards.map((_b, i) => this.focusOf(i)),
      views: this.boards.map((b) => this.viewOf(b)),
    };
    saveAs(kind, sheetOf(picture));
  }

  copyLink() {
    const link = linkTo({ ...this.state(), step: this.finished ? -1 : this.state().step });
    const say = (text) => {
      this.page.toast.textContent = text;
      setTimeout(() => text && say(""), 2500);
    };
    const refused = () => say("Copy the address bar instead");
    navigator.clipboard
      ? navigator.clipboard.writeText(link).then(() => say("Link copied"), refused)
      : refused();
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
