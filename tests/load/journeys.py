"""What a visitor does on each page: one row of `JOURNEYS` for each row of `PAGES`."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count

from tests.load.visitor import Visitor
from tests.load.widgets import Widget


@dataclass(frozen=True)
class Journey:
    """A visit to one page.

    Attributes:
        page: its name.
        light: keys of the controls that are answered at once; moved in turn, where present.
            Without any, the page is only read.
        once: keys of the controls whose answer takes a moment, and is then kept for all.
        link: the query that opens it.
        heavy: tabs, by the start of their labels, that ask for a long computation.
        queues: whether the page as it opens asks for one.
    """

    page: str
    light: tuple[str, ...]
    once: tuple[str, ...] = ()
    link: str = ""
    heavy: tuple[str, ...] = ()
    queues: bool = False


_LAYER = ("stride", "padding", "kernel_size", "dilation")
JOURNEYS: tuple[Journey, ...] = (
    Journey("sweep", _LAYER, link="stride=1&kernel_size=2"),
    Journey("sizes", _LAYER, link="input_height=32"),
    Journey("fields", ("input_height", "input_width"), ("network",), "input_height=96"),
    Journey("erf", ("log", "over"), (), "draws=4", ("Compare", "Studies"), True),
    Journey("blocks", ("batch",), ("compare",), "compare=layers", ("Time", "Properties"), True),
    Journey(
        "gradients",
        ("picture", "unit", "arriving", "input_height"),
        link="input_height=10",
        heavy=("Through",),
    ),
    Journey(
        "shift",
        ("shift", "direction", "kernel_size", "stride", "blur", "kernel"),
        link="shift=3",
        heavy=("A network",),
    ),
    Journey("architectures", ("picture",), ("network",), "view=stages", ("Stems", "ResNet")),
    Journey("training", ("levels", "distractors"), link="seeds=2"),
    Journey("tour", ()),
    Journey("exercises", ("level", "code"), link="level=2"),
    Journey("claims", ("topic", "verdict"), link="topic=Cost"),
)


def journey(page: str) -> Journey:
    """The journey over a page. Raises StopIteration: it has none."""
    return next(each for each in JOURNEYS if each.page == page)


def moves(visitor: Visitor, light: tuple[str, ...], rng: random.Random) -> Iterator[Widget]:
    """One light control after another, moved; without any named, all that can be moved.

    Raises:
        LookupError: the page has none of them.
    """
    for turn in count():
        keys = light or tuple(visitor.controls())
        found = [widget for key in keys if (widget := visitor.find(key))]
        if not found:
            have = ", ".join(widget.key for widget in visitor.widgets.values())
            raise LookupError(f"no widget to move named {keys}; the page has: {have}")
        widget = found[turn % len(found)]
        widget.move(rng)
        yield widget
