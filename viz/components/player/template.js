// The player's page elements, which are built once and found by name; they have no behavior.

const ICONS = {
  first: "M1 2h2v12H1zM9 2v12L3 8zM15 2v12L9 8z",
  back: "M12 2v12L6 8zM3 2h2v12H3z",
  play: "M4 2l9 6-9 6z",
  pause: "M3 2h4v12H3zM9 2h4v12H9z",
  forward: "M4 2l6 6-6 6zM11 2h2v12h-2z",
  final: "M13 2h2v12h-2zM7 2v12l6-6zM1 2v12l6-6z",
};
const LABELS = {
  first: "First step (Home)",
  back: "Step back (left arrow)",
  play: "Play (space)",
  forward: "Step forward (right arrow)",
  final: "Last step (End)",
};

const icon = (name) =>
  `<button type="button" class="icon" name="${name}" aria-label="${LABELS[name]}" ` +
  `title="${LABELS[name]}"><svg viewBox="0 0 16 16" aria-hidden="true"><path d="${ICONS[name]}"/></svg></button>`;

const SPEEDS = [
  [0, "auto speed"],
  ...[1, 2, 4, 8, 15, 30, 60, 120].map((n) => [n, `${n} steps/s`]),
];

const HTML = `
<div class="head"><div class="title"></div>
<div class="tools" role="group" aria-label="Tools">
  <button type="button" class="undo" title="Undo the last typed value (Ctrl+Z)">Undo</button>
  <button type="button" class="redo" title="Type the value again (Ctrl+Shift+Z)">Redo</button>
  <button type="button" class="reset" title="Back to the layer, the kernel and the input with which this page opens">Reset</button>
  <select class="compare" aria-label="Compare" title="Boards step together, on the same input"></select>
  <button type="button" class="link">Copy link</button>
  <select class="save" aria-label="Save this view" title="As it is on the screen"><option value="">Save view</option><option value="svg">as SVG</option><option value="png">as PNG</option></select>
  <span class="toast" role="status"></span>
</div></div>
<p class="lead"></p>
<div class="presets" role="group" aria-label="Presets"></div>
<div class="planes"><span class="channels" role="group" aria-label="Input channel">input channel <span class="chips"></span></span>
<span class="filters" role="group" aria-label="Filter">filter <span class="chips"></span></span></div>
<div class="stage" tabindex="0" role="application"><canvas class="still" aria-hidden="true"></canvas><canvas class="moving" aria-hidden="true"></canvas><div class="titles"></div></div>
<div class="bar" role="group" aria-label="Playback">
  ${["first", "back", "play", "forward", "final"].map(icon).join("")}
  <input class="scrub" type="range" min="0" step="1" value="0" aria-label="Step">
  <span class="count"></span>
  <select class="speed" aria-label="Speed">${SPEEDS.map(([value, name]) => `<option value="${value}">${name}</option>`).join("")}</select>
  <button type="button" class="loop" aria-pressed="false">loop</button>
  <button type="button" class="reads" aria-pressed="false" title="How many windows read each pixel; of a transposed convolution, how many pixels each output adds up">read counts</button>
</div>
<div class="refused" role="alert"></div>
<div class="says" aria-live="polite"></div>
<div class="sums"></div>
<div class="size"></div>
<div class="lost"><span class="notes"></span><span class="fixes" role="group" aria-label="Repairs"></span></div>
<div class="hint"></div>
<div class="unseen tables"></div>`;

/** Build the elements under `root` and return them by name. */
export function buildPage(root) {
  root.innerHTML = HTML;
  const find = (selector) => root.querySelector(selector);
  /** @type {Record<string, any>} */
  const page = Object.fromEntries(
    [
      "title",
      "undo",
      "redo",
      "reset",
      "lead",
      "channels",
      "filters",
      "titles",
      "tables",
      "notes",
      "fixes",
      "stage",
      "still",
      "moving",
      "scrub",
      "count",
      "speed",
      "loop",
      "reads",
      "save",
      "link",
      "toast",
      "says",
      "sums",
      "refused",
      "hint",
      "presets",
      "compare",
      "size",
    ].map((name) => [name, find(`.${name}`)]),
  );
  for (const name of Object.keys(LABELS)) page[name] = find(`button[name=${name}]`);
  page.showPlaying = (on) => {
    page.play.querySelector("path").setAttribute("d", on ? ICONS.pause : ICONS.play);
    page.play.ariaLabel = page.play.title = on ? "Pause (space)" : "Play (space)";
  };
  page.typeOver = (panel, cell, value, done) => typeOver(page, panel, cell, value, done);
  return page;
}

const LARGEST = 1000;

/** The typed number, null for an empty text, or a sentence on why the text is not a number. */
function readNumber(text) {
  const trimmed = text.trim(),
    number = Number(trimmed.replace(",", ".").replace("−", "-"));
  if (trimmed === "") return null;
  if (Number.isFinite(number) && Math.abs(number) <= LARGEST) return number;
  return `The value must be a number from −${LARGEST} to ${LARGEST} (got ${trimmed.slice(0, 20)}).`;
}

/**
 * Show a number field over one cell. `done` gets the number, or null if the old one stays. A text
 * that is not a number is refused in a sentence; the field then stays open after Enter, and closes
 * when it loses the focus.
 */
function typeOver(page, panel, [row, col], value, done) {
  const { stage, refused } = page;
  const field = document.createElement("input");
  const width = Math.max(64, panel.cell),
    height = Math.max(30, panel.cell);
  field.inputMode = "decimal";
  field.value = String(Number(value.toPrecision(6)));
  field.setAttribute("aria-label", `New value, from −${LARGEST} to ${LARGEST}`);
  field.style.cssText =
    `left:${panel.x + (col + 0.5) * panel.cell - width / 2}px;` +
    `top:${panel.y + (row + 0.5) * panel.cell - height / 2}px;width:${width}px;height:${height}px`;
  let open = true;
  const close = (result, sentence = "") => {
    if (!open) return;
    open = false;
    field.remove();
    refused.textContent = sentence;
    done(result);
  };
  const take = (leaving) => {
    const typed = readNumber(field.value);
    if (typeof typed !== "string") close(typed);
    else if (leaving) close(null, `${typed} The old value stays.`);
    else refused.textContent = `${typed} Esc keeps the old value.`;
    field.setAttribute("aria-invalid", String(typeof typed === "string"));
  };
  field.onkeydown = (event) => {
    event.stopPropagation();
    if (event.key === "Enter") take(false);
    if (event.key === "Escape") close(null);
  };
  field.onblur = () => take(true);
  stage.append(field);
  field.focus();
  field.select();
}
