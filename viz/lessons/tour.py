"""The guided tour: from "what is a stride" to "what does a ResNet unit see".

Each stop opens a page with given settings, and names the picture of that page that becomes its
slide in the default lecture: ``python -m viz.slides tour slides.zip``.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Stop:
    """One stop of the tour.

    Attributes:
        name: A short, unique name for links and files.
        title: The question that the stop answers.
        text: Two sentences to read beside the picture.
        page: Name of the page that the stop opens.
        query: Query string with the page's settings, as the page itself writes it.
        picture: Name of the page's picture that is exported as the stop's slide.
    """

    name: str
    title: str
    text: str
    page: str
    query: str
    picture: str

    @property
    def link(self) -> str:
        """Page and query in one text, such as ``sweep?stride=2``."""
        return f"{self.page}?{self.query}" if self.query else self.page


TOUR: tuple[Stop, ...] = (
    Stop(
        "stride",
        "What is a stride?",
        "The window reads a 3×3 patch, turns it into one number, and moves on by two pixels. "
        "Here it stops at 3 places in each direction; in steps of one it would stop at 5.",
        "sweep",
        "input_height=7&input_width=7&padding=0&step=4",
        "board",
    ),
    Stop(
        "padding",
        "What does padding add?",
        "A frame of zeros lets the window stand over the edge, and with stride 1 the output is "
        "as large as the input. Every zero is multiplied like a pixel.",
        "sweep",
        "input_height=6&input_width=6&stride=1&step=5",
        "board",
    ),
    Stop(
        "unread",
        "Which pixels does nobody read?",
        "Each number counts the windows that read its pixel: without padding the last row and "
        "column leave no room for one more step of two. The hatched pixels change no output, so no gradient ever reaches them.",
        "sweep",
        "padding=0&reads=true",
        "board",
    ),
    Stop(
        "sizes",
        "How large is the output?",
        "One formula counts the places where the window fits, and rounds down. "
        "What the rounding drops is the remainder: rows and columns past the last window.",
        "sizes",
        "input_height=32&input_width=32",
        "stride_padding",
    ),
    Stop(
        "pooling",
        "What does pooling keep?",
        "Max pooling takes the largest number of its window, and only that one. "
        "In the backward pass that pixel alone gets the window's gradient.",
        "sweep",
        "operation=max_pooling&kernel_size=2&padding=0&input_height=6&input_width=6&step=4",
        "board",
    ),
    Stop(
        "dilation",
        "What does dilation reach?",
        "Nine weights with holes between them span five pixels. "
        "With stride 2 as well, every window meets the even rows and columns alone, and the odd "
        "ones are never read.",
        "sweep",
        "dilation=2&padding=0&input_height=9&input_width=9&step=4",
        "board",
    ),
    Stop(
        "cone",
        "What does a unit of a deep layer see?",
        "Follow one unit back to the image: every window on the way widens what it sees. After "
        "each stride of two a window adds twice as much, and the sizes beside the layers are the "
        "sum.",
        "fields",
        "network=vgg16&input_height=224&input_width=224",
        "cone",
    ),
    Stop(
        "effective",
        "Which of these pixels really matter?",
        "The gradient of one unit, squared and averaged over draws, is bright in the middle and "
        "fades towards the field's border. The field grows linearly with depth, the bright spot "
        "only like its square root.",
        "erf",
        "draws=64&input_height=64&input_width=64",
        "map",
    ),
    Stop(
        "gradients",
        "Where does the gradient go?",
        "With a stride of two a pixel is read four times, twice, once or never, so the gradient "
        "comes back as a grid: a sum of so many terms. Average pooling spreads it evenly, max "
        "pooling hands all of it to the winner.",
        "gradients",
        "arriving=all",
        "layers",
    ),
    Stop(
        "shift",
        "What if the picture moves by one pixel?",
        "A stride of two keeps every second number, and a shift by one exchanges them for the "
        "others. With a blur before the stride the output follows the picture much better.",
        "shift",
        "",
        "curve",
    ),
    Stop(
        "stride-or-pool",
        "Stride or pool?",
        "Blocks that downsample their input, on the same picture: what one keeps, another has lost. "
        "Their numbers, times and properties are under the other tabs.",
        "blocks",
        "in_channels=64&input_height=56&input_width=56&batch=32",
        "maps",
    ),
    Stop(
        "resnet",
        "What does a ResNet unit see?",
        "A unit of the last stage has a view wider than the image it is shown. "
        "Everything it reads outside of the image is padding.",
        "fields",
        "network=resnet50&input_height=224&input_width=224",
        "view",
    ),
)
"""All stops in the order of a first lecture."""


def lecture_file_text() -> str:
    """Return the tour as a lecture file for `viz.slides.lecture`, with a slide for each stop."""
    lines = ["# The guided tour, one picture a stop."]
    for number, stop in enumerate(TOUR, 1):
        lines += [f"# {stop.title}", f"{number:02}-{stop.name} {stop.link} picture={stop.picture}"]
    return "\n".join(lines) + "\n"
