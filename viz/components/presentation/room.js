// The height of a plot's panels with which the page's main picture is seen whole. It is searched
// for, because titles and panels wrap as the window's width demands.

/** What has to be seen at once: a container that a page has for this, else its first plot. */
const PICTURES = [".st-key-main_picture", '[data-testid="stMain"] [class*="st-key-plot_"]'];
const CONTENT = '[data-testid="stMainBlockContainer"]';
/** Least height of a panel, and space below the picture, in pixels. */
const LEAST = 120,
  BELOW = 8;

/** The page's main picture; undefined if there is none. */
const mainPicture = () =>
  PICTURES.flatMap((selector) => [...document.querySelectorAll(selector)]).find(
    (element) => element.getClientRects().length,
  );

/** How far the page is scrolled, in pixels. */
const scrolled = () => document.querySelector('[data-testid="stMain"]').scrollTop;

/** The lower end of a picture without the notes below it, in pixels from the top of the page. */
function end(picture) {
  const notes = [...picture.querySelectorAll(".plot-notes")].at(-1),
    { top } = notes?.getBoundingClientRect() ?? { top: picture.getBoundingClientRect().bottom };
  return top + scrolled();
}

/**
 * Set the page's variable `--room`, or remove it if the picture fits without. A picture that begins
 * too low is fitted to a window that is scrolled to it; one that does not fit at all stays large.
 */
function fit() {
  const { style } = document.documentElement,
    picture = mainPicture();
  let start = 0;
  const fits = (room) => {
    style.setProperty("--room", `${room}px`);
    return end(picture) - start <= window.innerHeight - BELOW;
  };
  style.removeProperty("--room");
  if (!picture || end(picture) <= window.innerHeight - BELOW) return;
  if (!fits(LEAST)) start = picture.getBoundingClientRect().top + scrolled();
  let [low, high] = [LEAST, window.innerHeight];
  if (!fits(low)) {
    style.removeProperty("--room");
    return;
  }
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
