"""Remake the README's pictures, or those named: ``python -m tests.screenshots [NAME ...]``."""

from __future__ import annotations

import io
import sys
from pathlib import Path

from PIL import Image

from tests.benchmarks.harness import APP, ROOT, launched, serving

FOLDER = ROOT / ".readme"
PICTURES = {
    "sweep": "/?step=6",
    "pixel": "/?stride=1&pin=i4.4",
    "classics": "/?compare=classics&step=7",
    "sizes": "/sizes",
    "fields": "/fields",
    "erf": "/erf?draws=64",
    "gradients": "/gradients",
    "training": "/training",
}

START, STOP = ".st-key-training_start button", ".st-key-training_stop"
READY = f".player[data-ready=true], .cone[data-ready=true], .js-plotly-plot, .katex, {START}"


def save(png: bytes, path: Path) -> None:
    """Write a screenshot with 256 colours at two thirds of its size: small enough for git."""
    picture = Image.open(io.BytesIO(png)).convert("RGB")
    smaller = picture.resize(
        (picture.width * 2 // 3, picture.height * 2 // 3), Image.Resampling.LANCZOS
    )
    smaller.quantize(256, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE).save(
        path, optimize=True
    )


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    with launched() as browser, serving(APP) as server:
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        for name in sys.argv[1:] or PICTURES:
            page.goto(server.url + PICTURES[name])
            page.locator(READY).first.wait_for()
            if page.locator(START).count():
                page.locator(START).click()
                page.locator(STOP).wait_for()
                page.locator(STOP).wait_for(state="detached", timeout=600_000)
            page.wait_for_timeout(2500)
            page.get_by_text("torch is loading").wait_for(state="detached")
            save(page.screenshot(), FOLDER / f"{name}.png")


if __name__ == "__main__":
    main()
