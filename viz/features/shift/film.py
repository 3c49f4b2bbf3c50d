"""The animation of the layers' outputs while the picture is shifted, as HTML with CSS only.

Each panel is one picture with all frames below each other, and a CSS animation moves it through
them: the server sends the frames once, and the browser computes nothing. A frame takes half a
second.
"""

from __future__ import annotations

from dataclasses import replace

from core.shift.layer import DownsamplingLayer
from viz.features.shift import compute
from viz.features.shift.compute import FRAMES
from viz.features.shift.params import BLUR_WORDS, LABELS, Scene

MAX_SIDE = 96
"""Longest side in pixels of the picture in the animation, which bounds the size of the page."""
SHIFTS = range(FRAMES)
STEPS = " ".join(
    f".film:has([value='{shift}']:checked) .reel {{ animation-delay: -{shift * 0.5 + 0.25}s; }}"
    for shift in SHIFTS
)
"""The frame of each choice, for visitors who want no motion: the animation stands in its middle."""
STYLE = f"""<style>
.film {{ display: flex; flex-wrap: wrap; gap: 1.2rem; font-variant-numeric: tabular-nums; }}
.film figure {{ margin: 0; }}
.film figcaption {{ font-size: 0.85rem; padding-bottom: 0.3rem; }}
.film .grid {{ display: grid; grid-template-columns: auto auto; gap: 0.3rem; }}
.film .reel {{
  width: 128px; height: 128px; image-rendering: pixelated;
  background-size: 100% {FRAMES * 100}%; border: 1px solid rgba(128,128,128,0.4);
  animation: reel {FRAMES * 0.5}s steps({FRAMES}, jump-none) infinite;
}}
.film .large {{ width: 200px; height: 200px; }}
@keyframes reel {{ from {{ background-position-y: 0; }} to {{ background-position-y: 100%; }} }}
.film fieldset {{ display: none; }}
@media (prefers-reduced-motion: reduce) {{
  .film fieldset {{ display: block; width: 100%; border: 0; padding: 0; margin: 0; }}
  .film fieldset label {{ padding-right: 0.8rem; }}
  .film .reel {{ animation-play-state: paused; }}
  {STEPS}
}}
@media (max-width: 640px) {{
  .film .reel {{ width: 40vw; height: 40vw; }} .film .large {{ width: 60vw; height: 60vw; }}
}}
</style>"""


def film_html(
    pairs: dict[str, tuple[DownsamplingLayer, DownsamplingLayer]], scene: Scene, direction: str
) -> str:
    """The animation of some layers, each without and with a blur.

    Args:
        pairs: The layer without and with a blur, by kind of layer.
        scene: The picture; at most `MAX_SIDE` pixels a side of it are used.
        direction: Direction of the shift, a key of `DIRECTIONS`.
    """
    scene = replace(scene, side=min(scene.side, MAX_SIDE))
    still = compute.film_data_url(None, scene, direction, "output")
    parts = [
        _figure_html(
            f"the picture, {scene.side}×{scene.side}", _panel_html(still, "picture", "large")
        )
    ]
    for kind, pair in pairs.items():
        reels = [
            _panel_html(
                compute.film_data_url(layer, scene, direction, what), f"{LABELS[kind]} {what}"
            )
            for what in ("output", "difference")
            for layer in pair
        ]
        caption = f"<b>{LABELS[kind]}</b>: no blur · blur {BLUR_WORDS[pair[1].taps]}"
        parts.append(_figure_html(caption, f'<div class="grid">{"".join(reels)}</div>'))
    parts.append(_steps_html())
    return f'{STYLE}<div class="film">{"".join(parts)}</div>'


def _steps_html() -> str:
    """HTML of the choice of a frame, which shows where the visitor's system asks for less motion."""
    choices = (
        f'<label><input type="radio" name="film_shift" value="{shift}"'
        f"{' checked' if not shift else ''}> {shift} px</label>"
        for shift in SHIFTS
    )
    return f"<fieldset><legend>shift, because your system asks for less motion</legend>{''.join(choices)}</fieldset>"


def _figure_html(caption: str, inner: str) -> str:
    """HTML of a figure with a caption above its content."""
    return f"<figure><figcaption>{caption}</figcaption>{inner}</figure>"


def _panel_html(picture: str, label: str, size: str = "") -> str:
    """HTML of one animated panel; ``picture`` is the data URL of its frames."""
    style = f"background-image: url({picture})"
    return f'<div class="reel {size}" role="img" aria-label="{label}" style="{style}"></div>'
