// A link as a QR code, always dark on white, as text, and with a button that copies it.

const QUIET = 4; // width of the quiet zone around the code in modules (ISO/IEC 18004)
const SVG = "http://www.w3.org/2000/svg";

/** SVG path data of all dark modules: a rectangle for each horizontal run of them. */
export function path(rows) {
  return rows
    .flatMap((row, y) =>
      [...row.matchAll(/1+/g)].map(
        ({ index, 0: run }) => `M${index + QUIET} ${y + QUIET}h${run.length}v1h${-run.length}z`,
      ),
    )
    .join("");
}

/** The QR code as an SVG element. */
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

/** Copy the field's text. Without https a browser may not allow that; then it stays selected. */
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
