"""HTML of training images side by side with their labels; imports no Streamlit."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from html import escape
from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image


def image_strip(images: NDArray[np.float32], names: Sequence[str], side: int = 56) -> str:
    """The images (N, C, H, W) on one gray scale, ``side`` pixels high, each above its name."""
    wide = round(side * images.shape[3] / images.shape[2])
    size = f"width: {wide}px; height: {side}px"
    figures = "".join(
        f'<figure><i role="img" aria-label="{escape(name)}" style="{size}; '
        f'background-image: url({png(image)})"></i><figcaption>{escape(name)}</figcaption></figure>'
        for image, name in zip(gray_levels(images), names, strict=True)
    )
    return f'<div class="samples">{figures}</div>'


def gray_levels(images: NDArray[np.float32]) -> NDArray[np.uint8]:
    """The images on one scale from black, their lowest value, to white, their highest."""
    low, high = float(images.min()), float(images.max())
    return np.rint((images - low) * (255 / max(high - low, 1e-6))).astype(np.uint8)


def png(planes: NDArray[np.uint8]) -> str:
    """The image (C, H, W) as a data URL of a PNG: the first 3 channels in color, or 1 in gray."""
    image = Image.fromarray(planes[:3].transpose(1, 2, 0) if len(planes) > 2 else planes[0])
    file = BytesIO()
    image.save(file, "PNG")
    return f"data:image/png;base64,{b64encode(file.getvalue()).decode()}"
