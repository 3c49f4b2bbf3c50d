// A link for the class: its QR code, always dark on white, the address in text, a button to copy.

const QUIET = 4; // modules around the code, as the standard asks
const SVG = "http://www.w3.org/2000/svg";

/** One path: a stroke of unit squares for each run of dark modules. */
export function path(rows) {
  return rows
    .flatMap((row, y) =>
      [...row.matchAll(/1+/g)].map(
        ({ index, 0: run }) => `M${index + QUIET} ${y + QUIET}h${run.length}v1h${-run.length}z`,
      ),
    )
    .join("");
}

function picture(rows, address) {
  const svg = document.createElementNS(SVG, "svg"),
    side = rows.length + 2 * QUIET;
  for (const [name, value] of Object.entries({
    viewBox: `0 0 ${side} ${side}`,
    role: "img",
    class: "code",
    "aria-label": `QR code of ${address}`,
    "shape-rendering": "crispEdges",
  }))
    svg.setAttribute(name, value);
  for (const [name, d, fill] of [
    ["ground", `M0 0h${side}v${side}h${-side}z`, "#fff"],
    ["dark", path(rows), "#000"],
  ]) {
    const shape = document.createElementNS(SVG, "path");
    for (const [key, value] of Object.entries({ class: name, d, fill }))
      shape.setAttribute(key, value);
    svg.append(shape);
  }
  return svg;
}

/** Without https a browser has no clipboard to write to: then the address is left selected. */
async function copy(field, toast) {
  field.select();
  try {
    await navigator.clipboard.writeText(field.value);
    toast.textContent = "Link copied";
  } catch {
    toast.textContent = document.execCommand("copy")
      ? "Link copied"
      : "Selected: press Ctrl or ⌘ and C";
  }
}

export default function share({ data: { address, rows }, parentElement }) {
  const root = parentElement.querySelector(".share");
  const line = document.createElement("div"),
    field = document.createElement("textarea");
  const button = document.createElement("button"),
    toast = document.createElement("span");
  Object.assign(line, { className: "line" });
  Object.assign(field, {
    className: "address",
    value: address,
    readOnly: true,
    rows: 2,
    ariaLabel: "The link",
  });
  Object.assign(button, {
    className: "copy",
    textContent: "Copy link",
    onclick: () => copy(field, toast),
  });
  Object.assign(toast, { className: "toast", role: "status" });
  line.append(button, toast);
  root.replaceChildren(...(rows.length ? [picture(rows, address)] : []), field, line);
}
