// Two surfaces with the same drawing methods: a canvas for the screen and PNG, text for SVG.

const FALLBACK = "'Helvetica Neue', Arial, sans-serif";
let font = FALLBACK;

/** Set the font of all surfaces, in addition to a fallback. */
export function setFont(family) {
  font = family ? `${family}, ${FALLBACK}` : FALLBACK;
}

/** The CSS zoom of an element, which presentation mode enlarges. */
export const enlarged = (element) => element.currentCSSZoom ?? 1;

/** The pointer's position over an element, in the element's own pixels. */
export function pointer(event, element) {
  const box = element.getBoundingClientRect(),
    zoom = enlarged(element);
  return [(event.clientX - box.left) / zoom, (event.clientY - box.top) / zoom];
}

/** @typedef {{fill?: string, stroke?: string, width?: number, dash?: number[], alpha?: number}} Style */

/** A surface that draws on a canvas. */
export class CanvasSurface {
  /** @param {HTMLCanvasElement} canvas */
  constructor(canvas, width, height, scale) {
    scale *= enlarged(canvas);
    if (canvas.width !== Math.round(width * scale)) canvas.width = Math.round(width * scale);
    if (canvas.height !== Math.round(height * scale)) canvas.height = Math.round(height * scale);
    this.context = canvas.getContext("2d");
    this.context.setTransform(scale, 0, 0, scale, 0, 0);
    this.context.clearRect(0, 0, width, height);
  }

  /**
   * @param {number} x @param {number} y @param {number} w @param {number} h
   * @param {Style} style
   */
  rect(x, y, w, h, style) {
    const { fill, stroke, width = 1, dash = [], alpha = 1 } = style;
    const c = this.context;
    c.globalAlpha = alpha;
    if (fill) {
      c.fillStyle = fill;
      c.fillRect(x, y, w, h);
    }
    if (stroke) {
      c.strokeStyle = stroke;
      c.lineWidth = width;
      c.setLineDash(dash);
      c.strokeRect(x, y, w, h);
    }
    c.globalAlpha = 1;
  }

  /**
   * Draw separate strokes.
   * @param {[number, number][]} points two for each stroke
   */
  line(points, { stroke, width = 1, dash = [], alpha = 1 }) {
    const c = this.context;
    c.globalAlpha = alpha;
    c.strokeStyle = stroke;
    c.lineWidth = width;
    c.setLineDash(dash);
    c.beginPath();
    for (let i = 0; i < points.length; i += 2) {
      c.moveTo(...points[i]);
      c.lineTo(...points[i + 1]);
    }
    c.stroke();
    c.globalAlpha = 1;
  }

  /** @param {[number, number][]} points */
  polygon(points, { fill, alpha = 1 }) {
    const c = this.context;
    c.globalAlpha = alpha;
    c.fillStyle = fill;
    c.beginPath();
    points.forEach(([x, y], i) => (i ? c.lineTo(x, y) : c.moveTo(x, y)));
    c.fill();
    c.globalAlpha = 1;
  }

  /** @param {CanvasImageSource} image @param {string} _source its data URL, for a file */
  picture(image, _source, x, y, w, h) {
    this.context.imageSmoothingEnabled = false;
    this.context.drawImage(image, x, y, w, h);
  }

  /** `most` is the width to which a wider text is condensed, `halo` colors a line around letters. */
  text(text, x, y, { size, fill, align = "left", weight = 400, alpha = 1, most, halo }) {
    const c = this.context;
    c.globalAlpha = alpha;
    c.fillStyle = fill;
    c.textAlign = /** @type {CanvasTextAlign} */ (align);
    c.textBaseline = "middle";
    c.font = `${weight} ${size}px ${font}`;
    if (halo) {
      c.strokeStyle = halo;
      c.lineWidth = size / 3;
      c.lineJoin = "round";
      c.setLineDash([]);
      c.strokeText(text, x, y, most);
    }
    c.fillText(text, x, y, most);
    c.globalAlpha = 1;
  }
}

const escapeText = (text) => text.replace(/[&<>"]/g, (c) => `&#${c.charCodeAt(0)};`);
const short = (number) => String(Math.round(number * 100) / 100);

/** A surface that collects the elements of an SVG text. */
export class SvgSurface {
  constructor(width, height, background, description) {
    this.parts = [
      `<svg xmlns="http://www.w3.org/2000/svg" width="${short(width)}" height="${short(height)}" ` +
        `viewBox="0 0 ${short(width)} ${short(height)}" font-family="${escapeText(font)}" role="img">`,
      `<title>${escapeText(description)}</title>`,
      `<rect width="100%" height="100%" fill="${background}"/>`,
    ];
  }

  rect(x, y, w, h, { fill, stroke, width = 1, dash = [], alpha = 1 }) {
    this.parts.push(
      `<rect x="${short(x)}" y="${short(y)}" width="${short(w)}" height="${short(h)}" ` +
        `fill="${fill ?? "none"}"${this.stroke(stroke, width, dash)}${this.alpha(alpha)}/>`,
    );
  }

  line(points, { stroke, width = 1, dash = [], alpha = 1 }) {
    let path = "";
    for (let i = 0; i < points.length; i += 2)
      path += `M${points[i].map(short).join(" ")}L${points[i + 1].map(short).join(" ")}`;
    this.parts.push(
      `<path d="${path}" fill="none"${this.stroke(stroke, width, dash)}${this.alpha(alpha)}/>`,
    );
  }

  polygon(points, { fill, alpha = 1 }) {
    this.parts.push(
      `<polygon points="${points.map((point) => point.map(short).join(",")).join(" ")}" fill="${fill}"${this.alpha(alpha)}/>`,
    );
  }

  picture(_image, source, x, y, w, h) {
    this.parts.push(
      `<image href="${source}" x="${short(x)}" y="${short(y)}" width="${short(w)}" height="${short(h)}" ` +
        `preserveAspectRatio="none" style="image-rendering:pixelated"/>`,
    );
  }

  text(text, x, y, { size, fill, align = "left", weight = 400, alpha = 1, most, halo }) {
    const anchor = { left: "start", center: "middle", right: "end" }[align];
    const condensed = text.length * size * 0.5 > most;
    const width = condensed ? ` textLength="${short(most)}" lengthAdjust="spacingAndGlyphs"` : "";
    // The baseline is computed here, because slide programs ignore dominant-baseline.
    const element = (look) =>
      `<text x="${short(x)}" y="${short(y + 0.35 * size)}" font-size="${short(size)}" ${look} ` +
      `text-anchor="${anchor}" font-weight="${weight}"${width}` +
      `${this.alpha(alpha)}>${escapeText(text)}</text>`;
    if (halo)
      this.parts.push(
        element(`fill="${halo}"${this.stroke(halo, size / 3, [])} stroke-linejoin="round"`),
      );
    this.parts.push(element(`fill="${fill}"`));
  }

  stroke(stroke, width, dash) {
    if (!stroke) return "";
    const dashes = dash.length ? ` stroke-dasharray="${dash.join(" ")}"` : "";
    return ` stroke="${stroke}" stroke-width="${width}"${dashes}`;
  }

  alpha(alpha) {
    return alpha === 1 ? "" : ` opacity="${alpha}"`;
  }

  toString() {
    return [...this.parts, "</svg>"].join("\n");
  }
}
