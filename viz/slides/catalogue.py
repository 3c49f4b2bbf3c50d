"""The pictures that a link opens, for the command line and for lectures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from urllib.parse import parse_qsl, urlencode, urlsplit

from core.data import PICTURES
from core.errors import SpecError
from viz.pages import PAGES
from viz.params import Settings
from viz.slides.style import Picture, UnfitLinkError, refuse_unfit

SETTINGS: Mapping[str, tuple[str, str]] = {
    "sweep": ("viz.features.sweep.params", "SweepSettings"),
    "sizes": ("viz.features.sizes.params", "SizesSettings"),
    "fields": ("viz.features.fields.params", "FieldSettings"),
    "erf": ("viz.features.erf.params", "ErfSettings"),
    "blocks": ("viz.features.blocks.params", "BlockSettings"),
    "gradients": ("viz.features.gradients.params", "GradientSettings"),
    "shift": ("viz.features.shift.params", "ShiftSettings"),
    "architectures": ("viz.features.blocks.params", "ArchitectureSettings"),
    "training": ("viz.features.training.params", "LabSettings"),
}
"""Module and class of each page's settings; its pictures are in ``viz.features.<page>.export``."""


@dataclass(frozen=True)
class LinkContents:
    """The pictures that a link opens.

    Attributes:
        page: Name of the page.
        address: The link as it is printed below a picture.
        settings: The settings in the link, in words.
        credit: Credit of the chosen photograph; "" without one.
        pictures: Pictures by name; the first one is the default.
    """

    page: str
    address: str
    settings: str
    credit: str
    pictures: Mapping[str, Picture]

    def picture(self, name: str) -> Picture:
        """The picture with this name, or the first one for "".

        Raises:
            SpecError: The page has no picture with this name.
        """
        if name and name not in self.pictures:
            raise SpecError("picture", f"must be one of {', '.join(self.pictures)}", name)
        return self.pictures[name or next(iter(self.pictures))]


def open_link(link: str, site: str = "") -> LinkContents:
    """The pictures that a link opens.

    Args:
        link: ``https://…/erf?network=vgg16``, ``/erf?…``, ``erf?…``, or ``?stride=2`` for the
            page that opens first.
        site: The address to print before the page's name if the link has none.

    Raises:
        SpecError: There is no such page, it has no pictures, or it would ignore or change a
            setting of the link.
    """
    page, link_params = _split_link(link)
    values, ignored = settings_of(page).decoded(link_params)
    try:
        refuse_unfit(ignored)
        pictures = {
            p.name: p for p in import_module(f"viz.features.{page}.export").pictures(values)
        }
    except UnfitLinkError as error:
        raise SpecError(error.parameter, error.rule, link) from None
    written = values.query()
    address = link
    if "://" not in link:
        tail = f"?{urlencode(written)}" if written else ""
        address = f"{site.rstrip('/')}/{page}{tail}"
    return LinkContents(page, address, _settings_text(page, written), _credit(values), pictures)


def credit(link: str) -> str:
    """Credit of the photograph that a link chooses; "" without one.

    Raises:
        SpecError: There is no such page, or it has no pictures.
    """
    page, settings = _split_link(link)
    return _credit(settings_of(page).decoded(settings)[0])


def _credit(values: Settings) -> str:
    """Credit of the photograph that the settings choose; "" without one."""
    picture = PICTURES.get(getattr(values, "picture", ""))  # None for uploads
    return (
        f"Picture of these settings: {picture.label}, {picture.credit}"
        if picture and picture.credit
        else ""
    )


def settings_of(page: str) -> type[Settings]:
    """The class of a page's settings; raises KeyError if the page has no pictures."""
    module, name = SETTINGS[page]
    settings: type[Settings] = getattr(import_module(module), name)
    return settings


def _split_link(link: str) -> tuple[str, dict[str, str]]:
    """The page's name and the parameters of a link; SpecError if there is no such page."""
    try:
        parts = urlsplit(link.strip())
        pairs = parse_qsl(parts.query, keep_blank_values=True, max_num_fields=200)
    except ValueError as error:
        raise SpecError("link", f"cannot be read ({error})", link) from None
    link_params = dict(pairs)
    if len(link_params) < len(pairs):
        raise SpecError("link", "must set every parameter once", link)
    if not (parts.query or parts.path or parts.netloc):
        raise SpecError("link", "must be like erf?network=vgg16", link)
    page = parts.path.rstrip("/").rpartition("/")[2] or PAGES[0].name
    if page not in SETTINGS or find_spec(f"viz.features.{page}.export") is None:
        raise SpecError("link", f"must lead to one of the pages {', '.join(SETTINGS)}", page)
    return page, link_params


def _settings_text(page: str, written: Mapping[str, str]) -> str:
    """The page's title, and the settings in a link, in words."""
    title = next(row.title for row in PAGES if row.name == page)
    text = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in written.items())
    return f"{title}: {text}" if text else title
