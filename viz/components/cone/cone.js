// The receptive-field cone: a cross-section through all layers beside the image. This module holds
// state and events; model, drawing and sentences are separate modules.

import { readTheme } from "../player/color.js";
import { CanvasSurface, enlarged, pointer, SvgSurface } from "../player/surface.js";
import { Net } from "./model.js";
import { dense, drawPicture, frame } from "./picture.js";
import { drawnRows, pathTo, pathToLine, rowsOf } from "./rows.js";
import { drawCone, drawLabels, drawUnits, INDENT, layout } from "./section.js";
import { facts, followers, says } from "./words.js";

/**
 * Milliseconds in which the cone grows, the width from which on the image stands beside it, the room
 * that its key and its sentence take below it, and its least height.
 */
const GROWS_MS = 1100,
  WIDE = 860,
  BELOW = 84,
  LEAST = 280;
const still = window.matchMedia("(prefers-reduced-motion: reduce)");

const SCROLLS = "[data-testid=stMain]",
  KEYS = "left and right move the unit, up and down change the layer, Enter unfolds a row";
const HTML = `
<div class="tools" role="group" aria-label="Cone">
  <span class="seg" role="group" aria-label="Axis"><button type="button" name="width">width</button><button type="button" name="height">height</button></span>
  <span class="seg" role="group" aria-label="Direction"><button type="button" name="ancestors" title="The units and pixels this unit depends on">what it sees</button><button type="button" name="descendants" title="The later units that depend on this unit">what sees it</button></span>
  <button type="button" name="zoom" title="Fill the width with this unit's receptive field">zoom</button>
  <button type="button" name="grid" title="The centers of the layer's units, on the image">unit centers</button>
  <button type="button" name="replay" title="Let the cone grow again">replay</button>
</div>
<div class="views"><div class="section" tabindex="0" role="application" aria-roledescription="cone"><div class="inner"><canvas class="units" aria-hidden="true"></canvas><canvas class="marks" aria-hidden="true"></canvas></div></div>
<div class="photo"><canvas class="image" aria-hidden="true"></canvas></div></div>
<div class="key"></div>
<div class="says" aria-live="polite"></div><div class="facts"></div>
<div class="hint">Point at a unit, or at the image, to see its cone; click to keep it. Arrow keys move the unit, up and down change the layer, Enter unfolds a row.</div>`;

/** One mounted cone: its state, its events and its redrawing. */
class Cone {
  constructor(root) {
    root.innerHTML = HTML;
    this.root = root;
    this.find = (selector) => root.querySelector(selector);
    this.button = (name) => this.find(`button[name=${name}]`);
    this.hover = null;
    this.axis = 1;
    this.down = false;
    this.zoom = false;
    this.grid = null;
    this.open = [];
    this.reached = null;
    this.token = null;
    this.listen();
    this.refit = () => this.resize();
    this.resizing = new ResizeObserver(this.refit);
    this.resizing.observe(this.find(".views"));
    window.addEventListener("resize", this.refit);
  }

  close() {
    this.resizing.disconnect();
    window.removeEventListener("resize", this.refit);
    cancelAnimationFrame(this.request);
    clearTimeout(this.reporting);
  }

  update({ data, setTriggerValue }) {
    this.trigger = setTriggerValue;
    const theme = readTheme(this.root, data.palette);
    this.theme = {
      ...theme,
      branches: data.palette.branches,
      dashes: data.palette.dashes,
      outline: `color-mix(in srgb, ${theme.text} 52%, ${theme.background})`,
    };
    this.find(".section").setAttribute("aria-label", `${data.title}: ${KEYS}`);
    const other = data.id !== this.id;
    if (other) {
      this.id = data.id;
      this.net = new Net(data.lines);
      this.rows = rowsOf(data.rows, data.lines);
      this.hover = null;
    }
    if (data.picture !== this.source) this.load(data.picture);
    const led = other || data.token !== this.token;
    if (led) this.adopt(data.view, data.token);
    this.resize();
    Object.assign(this.root.dataset, {
      ready: "true",
      title: data.title,
      version: Number(this.root.dataset.version ?? 0) + 1,
    });
    if (other) this.replay();
  }

  load(source) {
    this.source = source;
    this.image = new Image();
    this.image.onload = () => this.draw();
    this.image.src = source;
  }

  adopt(view, token) {
    this.token = token;
    const line = Math.max(
      0,
      this.net.lines.findIndex(({ name }) => name === view.layer),
    );
    const middle = this.net.middle(line),
      fits = view.unit?.every((u, axis) => u < this.net.lines[line].grid[axis]);
    this.focus = { line, unit: fits ? [...view.unit] : middle };
    if (!drawnRows(this.rows, this.open).some(({ row }) => row.line === line))
      this.open = pathToLine(this.rows, line);
    Object.assign(this, {
      axis: view.axis,
      down: view.down,
      zoom: view.zoom,
      grid: view.grid,
      reached: null,
    });
  }

  // ---- drawing

  get now() {
    return this.hover ?? this.focus;
  }

  resize() {
    const wide = this.find(".views").clientWidth;
    if (!wide || !this.net) return;
    const beside = wide >= WIDE,
      height = this.room();
    this.root.classList.toggle("beside", beside);
    this.measures = {
      section: beside ? wide * 0.66 : wide,
      photo: beside ? wide * 0.34 - 18 : Math.min(wide, 360),
      height,
      tall: beside ? height : Math.min(wide, 360) + 64,
    };
    this.draw();
  }

  /** The height that is left in the window below the tools; a share of it where that is little. */
  room() {
    const zoom = enlarged(this.root),
      all = window.innerHeight / zoom;
    const main = /** @type {ShadowRoot} */ (this.root.getRootNode()).host?.closest(SCROLLS);
    const top = (this.find(".views").getBoundingClientRect().top + (main?.scrollTop ?? 0)) / zoom;
    const left = all - top - BELOW;
    return left >= LEAST ? left : Math.max(LEAST, Math.min(540, all * 0.56));
  }

  plan() {
    const { section, height } = this.measures;
    let window;
    if (this.zoom) {
      const span = this.net.span(this.focus.line, this.axis, this.focus.unit[this.axis]);
      const n = this.net.image[this.axis];
      if (span) window = [Math.max(span[0], -0.3 * n) - 1.5, Math.min(span[1], 1.3 * n) + 1.5];
    }
    return layout(this.net, drawnRows(this.rows, this.open), this.axis, section, height, window);
  }

  draw() {
    if (!this.measures || !this.net) return;
    const plan = (this.drawn = this.plan());
    Object.assign(this.find(".inner").style, {
      width: `${plan.width}px`,
      height: `${plan.height}px`,
    });
    Object.assign(this.find(".section").style, {
      width: `${plan.width}px`,
      height: `${plan.height}px`,
    });
    const units = this.surface(".units", plan.width, plan.height);
    this.padded = drawUnits(units, this.net, plan, this.theme);
    this.drawFocus();
  }

  surface(name, width, height) {
    const canvas = this.find(name);
    Object.assign(canvas.style, { width: `${width}px`, height: `${height}px` });
    return new CanvasSurface(canvas, width, height, window.devicePixelRatio || 1);
  }

  drawFocus() {
    if (!this.drawn) return;
    const { drawn, now } = this;
    const marks = this.surface(".marks", drawn.width, drawn.height);
    this.cone = this.follow(now);
    const read = drawCone(marks, this.net, drawn, this.theme, this.cone, now, this.reached);
    drawLabels(marks, this.net, drawn, this.theme, now);
    this.photo = frame(this.net, this.focus, this.measures.photo, this.measures.tall);
    const surface = this.surface(".image", this.measures.photo, this.photo.height);
    const { net, photo, theme, image, source } = this;
    drawPicture(surface, net, photo, theme, now, image, source, this.centers);
    this.showKey(read.padded || this.padded, read.branches);
    this.showTexts();
  }

  /** Whether the centers of units are drawn: by choice, else where they do not hide the image. */
  get centers() {
    return this.grid ?? !dense(this.net, this.photo, this.focus.line);
  }

  follow({ line, unit }) {
    const way = this.down ? "descendants" : "ancestors";
    return { ...this.net[way](line, unit)[this.axis], down: this.down };
  }

  /** Write the sentences, the legend and the state for tests. */
  showTexts() {
    const { net, now, cone, drawn } = this,
      { row } = drawn.rows.find((entry) => entry.row.line === now.line),
      first = says(net, now);
    this.find(".says").textContent = this.down
      ? `${first} ${followers(net, now, cone.marks)}`
      : first;
    this.find(".facts").replaceChildren(
      ...facts(net, now, row).map((text) =>
        Object.assign(document.createElement("p"), { textContent: text }),
      ),
    );
    const pressed = {
      width: this.axis === 1,
      height: this.axis === 0,
      ancestors: !this.down,
      descendants: this.down,
      zoom: this.zoom,
      grid: this.centers,
    };
    for (const [name, on] of Object.entries(pressed))
      this.button(name).setAttribute("aria-pressed", on);
    const seen = net.seen(now.line, now.unit),
      spans = [0, 1].map((axis) => net.span(now.line, axis, now.unit[axis]));
    this.root.dataset.state = JSON.stringify({
      layer: net.lines[now.line].name,
      unit: now.unit,
      axis: this.axis,
      down: this.down,
      seen,
      spans,
      kept: this.hover === null,
      marked: cone.marks.map(
        (own) => own && [own.indexOf(1), own.lastIndexOf(1), own.reduce((a, b) => a + b, 0)],
      ),
      column: { x: drawn.x(0), scale: drawn.scale },
      rows: drawn.rows.map(({ row }) => [
        net.lines[row.line].name,
        Math.round(drawn.y(row.line)),
        row.lines.length,
      ]),
    });
  }

  /** Show the legend: what is in the picture, as it is drawn there. */
  showKey(padded, used) {
    const { meanings, branches, dashes, text, background } = this.theme;
    /** @type {[Swatch, string][]} */
    const items = [
      [{ fill: meanings.output, stroke: text }, "the unit"],
      [{ fill: branches[0] }, this.down ? "depends on it" : "it depends on these"],
    ];
    for (const branch of [...used].sort())
      if (branch % branches.length) {
        const fill = branches[branch % branches.length],
          dash = dashes[branch % dashes.length];
        items.push([{ fill, dash, stripe: background }, `through branch ${branch + 1}`]);
      }
    if (padded) items.push([{ stroke: meanings.padding, dash: [3, 2] }, "padding (dashed)"]);
    const state = JSON.stringify(items);
    if (state === this.legend) return;
    this.legend = state;
    this.find(".key").replaceChildren(
      ...items.map(([style, words]) => {
        const item = document.createElement("span");
        item.innerHTML = swatch(style);
        item.firstElementChild.setAttribute("aria-hidden", "true"); // its words follow
        item.append(words);
        return item;
      }),
    );
  }

  // ---- motion

  /** Let the cone grow from its unit, layer by layer. */
  replay() {
    cancelAnimationFrame(this.request);
    const { focus, down } = this,
      steps = down ? this.net.lines.length - 1 - focus.line : focus.line;
    let began = null;
    const tick = (now) => {
      began ??= now;
      const share = still.matches ? 1 : (now - began) / GROWS_MS;
      this.reached =
        share < 1 && !this.hover ? focus.line + (down ? 1 : -1) * Math.round(share * steps) : null;
      this.drawFocus();
      if (this.reached !== null) this.request = requestAnimationFrame(tick);
    };
    this.request = requestAnimationFrame(tick);
  }

  // ---- events

  listen() {
    const marks = this.find(".marks"),
      image = this.find(".image");
    for (const [canvas, under] of [
      [marks, (e) => this.unitUnder(e)],
      [image, (e) => this.unitOnImage(e)],
    ]) {
      canvas.onpointermove = (event) => event.pointerType === "mouse" && this.point(under(event));
      canvas.onpointerleave = () => this.hover && this.point(null);
      canvas.onclick = (event) => {
        this.find(".section").focus({ preventScroll: true });
        const entry = canvas === marks && this.toggleUnder(event);
        if (entry) this.toggle(entry);
        else this.keep(under(event));
      };
    }
    const set = (values, settles = false) => {
      Object.assign(this, values);
      if (settles) this.reached = null;
      this.draw();
      this.report();
    };
    this.button("width").onclick = () => set({ axis: 1 });
    this.button("height").onclick = () => set({ axis: 0 });
    this.button("ancestors").onclick = () => set({ down: false }, true);
    this.button("descendants").onclick = () => set({ down: true }, true);
    this.button("zoom").onclick = () => set({ zoom: !this.zoom });
    this.button("grid").onclick = () => set({ grid: !this.centers });
    this.button("replay").onclick = () => this.replay();
    this.find(".section").onkeydown = (event) => this.key(event);
  }

  unitUnder(event) {
    const [x, y] = pointer(event, this.find(".marks")),
      { net, drawn, axis } = this,
      { line } = drawn.entry(y).row;
    if (x < drawn.left - 4 || x > drawn.width - drawn.right + 4)
      return x < drawn.left ? this.inLine(line) : null;
    const unit = this.inLine(line).unit;
    unit[axis] = net.nearest(line, axis, drawn.position(x));
    return { line, unit };
  }

  /** The row to unfold, or that to fold again, whose name or triangle is under the pointer. */
  toggleUnder(event) {
    const [x, y] = pointer(event, this.find(".marks")),
      { row, within, depth } = this.drawn.entry(y);
    if (x >= this.drawn.left - 4) return null;
    if (within && (x < INDENT * depth || (within.line === row.line && !row.rows.length)))
      return within;
    return row.rows.length ? row : null;
  }

  /** Unfold a row, which folds those that are open beside it; or fold it again. */
  toggle(row) {
    const around = pathTo(this.rows, row);
    this.open = this.open.includes(row) ? around : [...around, row];
    const own = drawnRows(this.rows, this.open).find((entry) =>
      entry.row.lines.includes(this.focus.line),
    );
    Object.assign(this, { hover: null, reached: null });
    if (own.row.line === this.focus.line) this.draw();
    else this.keep(this.inLine(own.row.line));
  }

  /** The unit of another line that is nearest to the selected one's position in the image. */
  inLine(line) {
    const { net, focus } = this;
    return {
      line,
      unit: [0, 1].map((axis) =>
        net.nearest(line, axis, net.place(focus.line, axis, focus.unit[axis])),
      ),
    };
  }

  unitOnImage(event) {
    const [x, y] = pointer(event, this.find(".image")),
      { net, photo, focus } = this;
    const position = [photo.row(y), photo.column(x)];
    return {
      line: focus.line,
      unit: position.map((at, axis) => net.nearest(focus.line, axis, at)),
    };
  }

  point(target) {
    const keyOf = (f) => f && `${f.line}.${f.unit}`;
    if (keyOf(target) === keyOf(this.hover)) return;
    this.hover = target;
    this.reached = null;
    this.drawFocus();
  }

  keep(target) {
    if (!target) return;
    Object.assign(this, { focus: target, hover: null, reached: null });
    this.draw();
    this.report();
  }

  key(event) {
    const { net, axis, focus, drawn } = this,
      { rows } = drawn,
      at = rows.findIndex(({ row }) => row.line === focus.line);
    const along = { ArrowLeft: -1, ArrowRight: 1 }[event.key],
      layer = { ArrowUp: 1, ArrowDown: -1 }[event.key];
    if (along) {
      const turned = event.shiftKey ? 1 - axis : axis,
        unit = [...focus.unit];
      unit[turned] = Math.max(
        0,
        Math.min(net.lines[focus.line].grid[turned] - 1, unit[turned] + along),
      );
      this.keep({ line: focus.line, unit });
    } else if (layer) {
      const next = rows[Math.max(0, Math.min(rows.length - 1, at + layer))];
      this.keep(this.inLine(next.row.line));
    } else if (event.key === "Enter") {
      const { row, within } = rows[at],
        toggled = row.rows.length && !event.shiftKey ? row : within;
      if (toggled) this.toggle(toggled);
    } else if (event.key === "d") this.button(this.down ? "ancestors" : "descendants").click();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  /** Send the view to the server after a short pause; it becomes part of the URL. */
  report() {
    clearTimeout(this.reporting);
    this.reporting = setTimeout(() => this.trigger("view", this.state()), 250);
  }

  state() {
    const { focus, axis, down, zoom, grid } = this;
    return { layer: this.net.lines[focus.line].name, unit: focus.unit, axis, down, zoom, grid };
  }
}

/** @typedef {{fill?: string, stroke?: string, dash?: number[], stripe?: string}} Swatch */

/**
 * A swatch of the key as SVG: a unit as it is drawn in the picture, or an outline.
 * @param {Swatch} style
 */
function swatch({ fill, stroke, dash = [], stripe }) {
  const surface = new SvgSurface(18, 13, "none", "");
  surface.rect(1, 1, 16, 11, { fill, stroke, width: 1.5, dash: stripe ? [] : dash });
  if (stripe)
    surface.line(
      [
        [1, 6.5],
        [17, 6.5],
      ],
      { stroke: stripe, dash, width: 2.5 },
    );
  return surface.toString();
}

/** @type {WeakMap<object, Cone>} */
const cones = new WeakMap();

export default function mount(component) {
  const { parentElement } = component;
  let cone = cones.get(parentElement);
  if (!cone) {
    cone = new Cone(parentElement.querySelector("[data-testid=cone]"));
    cones.set(parentElement, cone);
  }
  cone.update(component);
  return () => {
    cone.close();
    cones.delete(parentElement);
  };
}
