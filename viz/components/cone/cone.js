// The receptive-field cone: a cross-section through all layers beside the image. This module holds
// state and events; model, drawing and sentences are separate modules.

import { readTheme } from "../player/color.js";
import { saveAs } from "../player/save.js";
import { CanvasSurface, enlarged, pointer } from "../player/surface.js";
import { Net } from "./model.js";
import { drawPicture, frame } from "./picture.js";
import { drawCone, drawLabels, drawUnits, layout, short } from "./section.js";
import { facts, followers, says } from "./words.js";

const GROWS_MS = 1100,
  WIDE = 900;
const still = window.matchMedia("(prefers-reduced-motion: reduce)");

const HTML = `
<div class="tools" role="group" aria-label="Cone">
  <span class="seg" role="group" aria-label="Axis"><button type="button" name="width">width</button><button type="button" name="height">height</button></span>
  <span class="seg" role="group" aria-label="Direction"><button type="button" name="ancestors" title="The units and pixels this unit depends on">what it sees</button><button type="button" name="descendants" title="The later units that depend on this unit">what sees it</button></span>
  <button type="button" name="zoom" title="Fill the width with this unit's receptive field">zoom</button>
  <button type="button" name="grid" title="The centers of all units of the layer, on the image">unit centers</button>
  <button type="button" name="replay" title="Let the cone grow again">replay</button>
  <select class="save" aria-label="Save the picture"><option value="">save…</option><option value="svg">as SVG</option><option value="png">as PNG</option></select>
  <button type="button" name="link">copy link</button><span class="toast" role="status"></span>
</div>
<div class="views"><div class="section"><div class="inner"><canvas class="units" aria-hidden="true"></canvas><canvas class="marks" aria-hidden="true"></canvas></div></div>
<div class="photo"><canvas class="image" aria-hidden="true"></canvas></div></div>
<div class="key"></div>
<div class="says" aria-live="polite"></div><div class="facts"></div>
<div class="hint">Point at a unit, or at the image, to see its cone; click to keep it. Arrow keys move the unit, up and down change the layer.</div>`;

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
    this.grid = true;
    this.reached = null;
    this.token = null;
    this.listen();
    this.resizing = new ResizeObserver(() => this.resize());
    this.resizing.observe(this.find(".views"));
  }

  close() {
    this.resizing.disconnect();
    cancelAnimationFrame(this.request);
    clearTimeout(this.reporting);
  }

  update({ data, setTriggerValue }) {
    this.trigger = setTriggerValue;
    this.palette = data.palette;
    this.theme = {
      ...readTheme(this.root, data.palette),
      branches: data.palette.branches,
      dashes: data.palette.dashes,
    };
    this.title = data.title;
    const other = data.id !== this.id;
    if (other) {
      this.id = data.id;
      this.net = new Net(data.lines);
      this.hover = null;
    }
    if (data.picture !== this.source) this.load(data.picture);
    const led = other || data.token !== this.token;
    if (led) this.adopt(data.view, data.token);
    this.resize();
    if (led) this.reveal();
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
      height = Math.max(300, Math.min(540, (window.innerHeight / enlarged(this.root)) * 0.56));
    this.root.classList.toggle("beside", beside);
    this.measures = {
      section: beside ? wide * 0.64 : wide,
      photo: beside ? wide * 0.36 - 18 : Math.min(wide, 360),
      height,
      tall: beside ? height : Math.min(wide, 360) + 64,
    };
    this.draw();
  }

  /** Scroll to the line of the selected unit if it is out of view. */
  reveal() {
    if (!this.drawn) return;
    const section = this.find(".section"),
      y = this.drawn.y(this.focus.line),
      tall = section.clientHeight;
    if (y < section.scrollTop + 40 || y > section.scrollTop + tall - 20)
      section.scrollTop = y - tall / 2;
  }

  plan() {
    const { section, height } = this.measures;
    let window;
    if (this.zoom) {
      const span = this.net.span(this.focus.line, this.axis, this.focus.unit[this.axis]);
      const n = this.net.image[this.axis];
      if (span) window = [Math.max(span[0], -0.3 * n) - 1.5, Math.min(span[1], 1.3 * n) + 1.5];
    }
    return layout(this.net, this.axis, section, height, window);
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
      height: `${Math.min(plan.height, this.measures.height + 90)}px`,
    });
    drawUnits(this.surface(".units", plan.width, plan.height), this.net, plan, this.theme, true);
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
    drawCone(marks, this.net, drawn, this.theme, this.cone, now, this.reached);
    drawLabels(marks, this.net, drawn, this.theme, now);
    this.photo = frame(this.net, this.focus, this.measures.photo, this.measures.tall);
    const surface = this.surface(".image", this.measures.photo, this.photo.height);
    drawPicture(surface, this.net, this.photo, this.theme, now, this.image, this.source, this.grid);
    this.showTexts();
  }

  follow({ line, unit }) {
    const way = this.down ? "descendants" : "ancestors";
    return { ...this.net[way](line, unit)[this.axis], down: this.down };
  }

  /** Write the sentences, the legend and the state for tests. */
  showTexts() {
    const { net, now, cone } = this,
      first = says(net, now);
    this.find(".says").textContent = this.down
      ? `${first} ${followers(net, now, cone.marks)}`
      : first;
    this.find(".facts").replaceChildren(
      ...facts(net, now).map((text) =>
        Object.assign(document.createElement("p"), { textContent: text }),
      ),
    );
    const pressed = {
      width: this.axis === 1,
      height: this.axis === 0,
      ancestors: !this.down,
      descendants: this.down,
      zoom: this.zoom,
      grid: this.grid,
    };
    for (const [name, on] of Object.entries(pressed))
      this.button(name).setAttribute("aria-pressed", on);
    this.showKey();
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
    });
  }

  /** Show the legend: the meaning of the colors, and the branches. */
  showKey() {
    const { meanings, branches } = this.theme;
    const used = new Set(
      this.net.lines.flatMap(({ inputs }) =>
        inputs.map(({ branch }) => (branch ?? 0) % branches.length),
      ),
    );
    const items = [
      [meanings.output, "the unit"],
      [branches[0], this.down ? "depends on it" : "it depends on these"],
      [meanings.padding, "padding (dashed)", true],
    ];
    for (const branch of [...used].sort())
      if (branch) items.push([branches[branch], `through branch ${branch + 1}`]);
    this.find(".key").replaceChildren(
      ...items.map(([color, text, dashed]) => {
        const item = document.createElement("span"),
          swatch = document.createElement("i");
        swatch.style.cssText = dashed ? `border:1.5px dashed ${color}` : `background:${color}`;
        item.append(swatch, text);
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
        this.root.focus({ preventScroll: true });
        this.keep(under(event));
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
    this.button("grid").onclick = () => set({ grid: !this.grid });
    this.button("replay").onclick = () => this.replay();
    this.button("link").onclick = () => this.copyLink();
    this.find(".save").onchange = () => this.save();
    this.root.onkeydown = (event) => this.key(event);
  }

  unitUnder(event) {
    const [x, y] = pointer(event, this.find(".marks")),
      { net, drawn, axis } = this,
      line = drawn.line(y);
    if (x < drawn.left - 4 || x > drawn.width - drawn.right + 4)
      return x < drawn.left ? this.inLine(line) : null;
    const unit = this.inLine(line).unit;
    unit[axis] = net.nearest(line, axis, drawn.position(x));
    return { line, unit };
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
    if (/^(INPUT|SELECT|BUTTON)$/.test(event.target.tagName)) return;
    const { net, axis, focus } = this,
      last = net.lines.length - 1;
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
      this.keep(this.inLine(Math.max(0, Math.min(last, focus.line + layer))));
      this.reveal();
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

  save() {
    const select = this.find(".save"),
      kind = select.value;
    select.value = "";
    const theme = {
      ...this.palette.paper,
      meanings: this.palette.meanings,
      branches: this.palette.branches,
      dashes: this.palette.dashes,
    };
    const { net, drawn, photo, focus } = this,
      cone = this.follow(focus),
      apart = drawn.width + 30;
    const paint = (surface) => {
      surface.text(this.title, 0, 6, { size: 15, fill: theme.text, weight: 600 });
      const lower = shifted(surface, 0, 20);
      drawUnits(lower, net, drawn, theme, true);
      drawCone(lower, net, drawn, theme, cone, focus, null);
      drawLabels(lower, net, drawn, theme, focus);
      drawPicture(
        shifted(surface, apart, 20),
        net,
        photo,
        theme,
        focus,
        this.image,
        this.source,
        this.grid,
      );
    };
    saveAs(kind, {
      title: short(this.title, 80),
      width: apart + photo.width,
      height: Math.max(drawn.height, photo.height) + 20,
      theme,
      paint,
      sentences: [says(net, focus), ...facts(net, focus)],
    });
  }

  copyLink() {
    const toast = this.find(".toast"),
      say = (text) => {
        toast.textContent = text;
        setTimeout(() => {
          toast.textContent = "";
        }, 2500);
      };
    clearTimeout(this.reporting);
    this.trigger("view", this.state());
    const write = () =>
      navigator.clipboard?.writeText(window.location.href).then(
        () => say("Link copied"),
        () => say("Copy the address bar instead"),
      );
    navigator.clipboard ? setTimeout(write, 500) : say("Copy the address bar instead");
  }
}

/** A surface whose origin lies at (dx, dy) of another one. */
const shifted = (surface, dx, dy) => {
  const move = (points) => points.map(([x, y]) => [x + dx, y + dy]);
  return {
    rect: (x, y, ...rest) => surface.rect(x + dx, y + dy, ...rest),
    line: (points, style) => surface.line(move(points), style),
    polygon: (points, style) => surface.polygon(move(points), style),
    text: (text, x, y, style) => surface.text(text, x + dx, y + dy, style),
    picture: (image, source, x, y, ...rest) =>
      surface.picture(image, source, x + dx, y + dy, ...rest),
  };
};

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
