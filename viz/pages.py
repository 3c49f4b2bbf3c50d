"""The pages of the app: each is a folder of `viz.features` and an entry of `PAGES`."""

from __future__ import annotations

from dataclasses import dataclass

APP_TITLE = "Strides and receptive fields"
GROUPS = ("One layer", "Networks", "Downsampling", "Classroom")
"""Sections of the navigation, in order; a section without pages is left out."""


@dataclass(frozen=True)
class Page:
    """An entry of the navigation.

    Attributes:
        name: Folder of `viz.features` with the script ``page.py``, and path of the page's URL.
        title: Name of the page in the navigation.
        group: One of `GROUPS`.
        help: What the page shows, in one sentence.
    """

    name: str
    title: str
    group: str
    help: str


def tab_title(*parts: str) -> str:
    """The title of a browser tab: what is open, from the most particular to the name of the app."""
    return " · ".join((*parts, APP_TITLE))


PAGES: tuple[Page, ...] = (
    Page(
        "sweep",
        "Sweep",
        "One layer",
        "Watch a kernel slide over a picture: every window, every product, every unread pixel.",
    ),
    Page(
        "sizes",
        "Sizes",
        "One layer",
        "Output sizes: the formula, tables of common layers, padding conventions, the inverse.",
    ),
    Page(
        "fields",
        "Receptive fields",
        "Networks",
        "What each unit of a network sees of the image: the cone, the numbers, the proof.",
    ),
    Page(
        "erf",
        "Effective fields",
        "Networks",
        "Which pixels really move a unit: gradients, averaged over draws, against theory.",
    ),
    Page(
        "blocks",
        "Stride or pool?",
        "Downsampling",
        "Blocks that downsample, side by side: cost, time, memory, gradients, shifts.",
    ),
    Page(
        "gradients",
        "Gradients",
        "Downsampling",
        "Where the gradient goes: input gradients side by side, backward by hand, through depth.",
    ),
    Page(
        "shift",
        "Shift and aliasing",
        "Downsampling",
        "Slide a picture by single pixels: what strides make of it, and what a blur restores.",
    ),
    Page(
        "architectures",
        "Architectures",
        "Downsampling",
        "Stems, ResNet's reducing blocks and whole networks, stage by stage, measured.",
    ),
    Page(
        "training",
        "Training lab",
        "Downsampling",
        "Train small nets side by side and see what a stride changes: accuracy, gradients, fields.",
    ),
    Page(
        "tour",
        "Guided tour",
        "Classroom",
        "Twelve stops, from what a stride is to what a ResNet unit sees.",
    ),
    Page(
        "exercises",
        "Exercises",
        "Classroom",
        "Questions without end: predict, then see it worked out and watch it move.",
    ),
    Page(
        "claims",
        "Claims",
        "Classroom",
        "What textbooks say about strides, put to the test with PyTorch while you watch.",
    ),
)
"""All pages in the order of the navigation; the first one is the home page."""


def title_of(name: str) -> str:
    """The title of the page with this name."""
    return next(page.title for page in PAGES if page.name == name)
