"""A lecture: a list of links and names, drawn into a folder or a ZIP, the same bytes every time.

One picture a line, ``name  link  [option=value …]``; a line that begins with # says nothing:

    # the first hour
    stride          sweep?stride=2&step=5
    stride-film.gif sweep?stride=2          dpi=96
    steps           sweep?stride=2          strip=4 dark=true
    resnet.pdf      fields?network=resnet50 picture=cone caption=true

Without an ending a name becomes an SVG, or what ``--kind`` says. Options are those of the command line.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from io import BytesIO
from pathlib import Path
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from core.errors import SpecError
from viz.slides.catalogue import LinkContents, opened
from viz.slides.sheet import saved
from viz.slides.style import FILMS, KINDS, Kind, Style

FILM_DPI = 96
"""Dots an inch of a film for which none are told: 1280×720 on a whole slide."""
EPOCH = (1980, 1, 1, 0, 0, 0)
"""The date of everything in a ZIP."""
MOST_SLIDES = 500


@dataclass(frozen=True)
class Options:
    """How one picture is drawn; None where nothing was told.

    Attributes:
        picture: name of the picture on its page; "" for the first.
        caption: whether settings and link stand below it.
        strip: so many steps side by side; 0 for one.
        size, dpi, dark, transparent: of `Style`.
    """

    picture: str = ""
    size: str = "wide"
    dpi: int | None = None
    dark: bool = False
    transparent: bool = False
    caption: bool = False
    strip: int = 0


@dataclass(frozen=True)
class Slide:
    """One line of a lecture.

    Attributes:
        file: name of the file.
        kind: its format.
        link: what it shows.
        options: how.
        line: its number in the lecture; 0 for a slide of its own.
    """

    file: str
    kind: Kind
    link: str
    options: Options = Options()
    line: int = field(default=0, compare=False)


def kind_of(name: str) -> Kind:
    """The format that a file's name asks for.

    Raises:
        SpecError: none of them.
    """
    if kind := kind_named(name):
        return kind
    raise SpecError("file", f"must end in .{', .'.join((*KINDS, *FILMS))}", name)


def kind_named(name: str) -> Kind | None:
    """The format in which a file's name ends; None for another ending or none."""
    ending = Path(name).suffix.lower().removeprefix(".")
    return next((kind for kind in (*KINDS, *FILMS) if ending == kind), None)


def drawn(slide: Slide, site: str = "") -> tuple[bytes, LinkContents]:
    """One slide as the bytes of its file, and what its link shows.

    Raises:
        SpecError: the link or an option cannot be.
    """
    contents, options = opened(slide.link, site), slide.options
    picture = contents.picture(options.picture)
    usual = FILM_DPI if slide.kind in FILMS else Style().dpi
    style = Style(
        size=options.size,
        dpi=usual if options.dpi is None else options.dpi,
        dark=options.dark,
        transparent=options.transparent,
        caption=(picture.settings or contents.settings) if options.caption else "",
        link=contents.address if options.caption else "",
        credit=contents.credit,
    )
    return saved(picture, style, slide.kind, options.strip), contents


def read(text: str, usual: Options = Options(), kind: Kind = "svg") -> list[Slide]:
    """The slides of a lecture file.

    Args:
        text: its lines.
        usual: what holds where a line says nothing else.
        kind: the format of names without an ending.

    Raises:
        SpecError: a line that cannot be read; it names the line.
    """
    slides: list[Slide] = []
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip() and not line.lstrip().startswith("#"):
            slides.append(_slide(number, line, usual, kind))
            if slides[-1].file in [slide.file for slide in slides[:-1]]:
                raise SpecError(f"line {number}", "must have a name of its own", slides[-1].file)
    if not 0 < len(slides) <= MOST_SLIDES:
        raise SpecError("lecture", f"must have from 1 to {MOST_SLIDES} pictures", len(slides))
    return slides


def _slide(number: int, line: str, usual: Options, kind: Kind) -> Slide:
    try:
        name, link, *words = shlex.split(line)
    except ValueError:
        rule = "must be: name  link  [option=value …]"
        raise SpecError(f"line {number}", rule, line.strip()) from None
    if not re.fullmatch(r"[\w][\w .-]*", name):
        raise SpecError(f"line {number}", "must begin with a plain file name", name)
    file = name if "." in name else f"{name}.{kind}"
    try:
        options = replace(usual, **_options(words))
        return Slide(file, kind_of(file), link, options, number)
    except SpecError as error:
        raise SpecError(f"line {number}: {error.parameter}", error.rule, error.value) from None


def _options(words: Sequence[str]) -> dict[str, Any]:
    names = Options.__dataclass_fields__
    options: dict[str, Any] = {}
    for part in words:
        name, _, text = part.partition("=")
        if name not in names:
            raise SpecError("option", f"must be one of {', '.join(names)}", part)
        if name in ("picture", "size"):
            options[name] = text
        elif name in ("dpi", "strip"):
            if not re.fullmatch(r"[0-9]{1,6}", text):
                raise SpecError(name, "must be a whole number", text)
            options[name] = int(text)
        elif text in ("true", "false"):
            options[name] = text == "true"
        else:
            raise SpecError(name, "must be true or false", text)
    return options


def built(slides: Sequence[Slide], site: str = "") -> Iterator[tuple[Slide, bytes, LinkContents]]:
    """The slides, drawn one after the other.

    Raises:
        SpecError: a slide that cannot be drawn; it names the line and the file.
    """
    for slide in slides:
        try:
            yield slide, *drawn(slide, site)
        except SpecError as error:
            place = f"line {slide.line}, {slide.file}: {error.parameter}"
            raise SpecError(place, error.rule, error.value) from None


def zipped(files: Mapping[str, bytes]) -> bytes:
    """The files as a ZIP without dates."""
    whole = BytesIO()
    with ZipFile(whole, "w") as archive:
        for name, data in files.items():
            entry = ZipInfo(name, EPOCH)
            entry.compress_type, entry.create_system = ZIP_DEFLATED, 3
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, data, compresslevel=6)
    return whole.getvalue()


def written(files: Mapping[str, bytes], out: Path) -> None:
    """The files into a ZIP, where the name ends so, else into a folder, made if need be."""
    if out.suffix.lower() == ".zip":
        placed({out: zipped(files)})
        return
    out.mkdir(parents=True, exist_ok=True)
    placed({out / name: data for name, data in files.items()})


def placed(files: Mapping[Path, bytes]) -> None:
    """Write all files, or none: each takes its name when all of them are on the disk."""
    parts = {path: path.with_name(f".{path.name}.part") for path in files}
    try:
        for path, data in files.items():
            try:
                parts[path].write_bytes(data)
            except OSError as error:  # said of the file that was asked for
                raise OSError(error.errno, error.strerror, str(path)) from None
        for path, part in parts.items():
            part.replace(path)
    finally:
        for part in parts.values():
            with suppress(OSError):
                part.unlink()


def checked_target(out: Path) -> None:
    """Refuse a name that says another kind of file than a lecture becomes.

    Raises:
        SpecError: it names neither a folder nor a ZIP.
    """
    if out.suffix.lower() != ".zip" and not out.is_dir() and kind_named(out.name):
        raise SpecError("out", "of a lecture must be a folder or end in .zip", str(out))
