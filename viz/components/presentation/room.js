// The height of a plot's panels with which the first plot of the page is seen whole. It is searched
// for, because titles and panels wrap as the window's width demands.

const PLOT = '[data-testid="stMain"] [class*="st-key-plot_"]';
const CONTENT = '[data-testid="stMainBlockContainer"]';
/** Least height of a panel, and space below the plot, in pixels. */
const LEAST = 150,
  BELOW = 8;

/** The first plot in sight of the layout; undefined if there is none. */
const firstPlot = () =>
  [...document.querySelectorAll(PLOT)].find((plot) => plot.getClientRects().length);

/** The lower end of a plot without its notes, in pixels from the top of the page. */
function end(plot) {
  const notes = plot.querySelector(".plot-notes"),
    scrolled = document.querySelector('[data-testid="stMain"]').scrollTop;
  return (notes?.getBoundingClientRect().top ?? plot.getBoundingClientRect().bottom) + scrolled;
}

/** Set the page's variable `--room`, or remove it if the plot fits without. */
function fit() {
  const { style } = document.documentElement,
    plot = firstPlot();
  const fits = (room) => {
    style.setProperty("--room", `${room}px`);
    return end(plot) <= window.innerHeight - BELOW;
  };
  style.removeProperty("--room");
  if (!plot || end(plot) <= window.innerHeight - BELOW) return;
  let [low, high] = [LEAST, window.innerHeight];
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (fits(middle)) low = middle;
    else high = middle;
  }
  style.setProperty("--room", `${low}px`);
}

/** Fit the plots now, and whenever the window or the page changes its size; returns how to undo it. */
export function followWindow() {
  const resizing = new ResizeObserver(fit);
  resizing.observe(document.documentElement);
  resizing.observe(document.querySelector(CONTENT));
  return () => {
    resizing.disconnect();
    document.documentElement.style.removeProperty("--room");
  };
}
