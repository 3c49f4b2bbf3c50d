"""A lecture: a text file of names and links, whose pictures are written to a folder or a ZIP file.

Each line is one picture, ``name  link  [option=value …]``; a line that begins with # is a comment:

    # the first hour
    stride          sweep?stride=2&step=5
    stride-film.gif sweep?stride=2          dpi=96
    steps           sweep?stride=2          strip=4 dark=true
    resnet.pdf      fields?network=resnet50 picture=cone caption=true

A name without an ending becomes an SVG, or what ``--kind`` says. Options are those of the command
line. Equal lectures give equal bytes.
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
from viz.slides.catalogue import LinkContents, open_link
from viz.slides.sheet import file_bytes
from viz.slides.style import FILMS, KINDS, Kind, Style

FILM_DPI = 96
"""Default dots per inch of a film, which give 1280×720 on a whole slide."""
EPOCH = (1980, 1, 1, 0, 0, 0)
"""Date of all entries in a ZIP file, so that its bytes are reproducible."""
MOST_SLIDES = 500
"""Largest number of pictures in a lecture."""


@dataclass(frozen=True)
class Options:
    """How one picture is drawn.

    Attributes:
        picture: Name of the picture on its page; "" for the first.
        size, dark, transparent: See `Style`.
        dpi: Dots per inch; None for the default of stills or films.
        caption: Whether the settings and the link are printed below the picture.
        strip: Number of steps side by side; 0 for a single picture.
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
        file: Name of the file.
        kind: Format of the file.
        link: Link whose picture is drawn.
        options: How it is drawn.
        line: Number of the line in the lecture; 0 for a single slide.
    """

    file: str
    kind: Kind
    link: str
    options: Options = Options()
    line: int = field(default=0, compare=False)


def kind_of(name: str) -> Kind:
    """The format of a file by the ending of its name.

    Raises:
        SpecError: The ending belongs to no format.
    """
    if kind := kind_named(name):
        return kind
    raise SpecError("file", f"must end in .{', .'.join((*KINDS, *FILMS))}", name)


def kind_named(name: str) -> Kind | None:
    """The format of a file by the ending of its name; None if the ending belongs to no format."""
    ending = Path(name).suffix.lower().removeprefix(".")
    return next((kind for kind in (*KINDS, *FILMS) if ending == kind), None)


def draw_slide(slide: Slide, site: str = "") -> tuple[bytes, LinkContents]:
    """Draw one slide; returns the bytes of its file, and what its link opens.

    Raises:
        SpecError: The link or an option is invalid.
    """
    contents, options = open_link(slide.link, site), slide.options
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
    return file_bytes(picture, style, slide.kind, options.strip), contents


def parse_lecture(text: str, usual: Options = Options(), kind: Kind = "svg") -> list[Slide]:
    """The slides of a lecture file.

    Args:
        text: Text of the file.
        usual: Options of lines that do not set them.
        kind: Format of names without an ending.

    Raises:
        SpecError: A line is invalid; the message names the line.
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
    """The slide of one line; SpecError with the line's number if it is invalid."""
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
    """The values of a line's ``option=value`` words, by option."""
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


def draw_slides(
    slides: Sequence[Slide], site: str = ""
) -> Iterator[tuple[Slide, bytes, LinkContents]]:
    """Draw the slides one after the other; yields the slide, its file, and what its link opens.

    Raises:
        SpecError: A slide cannot be drawn; the message names the line and the file.
    """
    for slide in slides:
        try:
            yield slide, *draw_slide(slide, site)
        except SpecError as error:
            where = f"line {slide.line}, {slide.file}: {error.parameter}"
            raise SpecError(where, error.rule, error.value) from None


def zip_bytes(files: Mapping[str, bytes]) -> bytes:
    """The bytes of a ZIP file with these files, all of the date `EPOCH`."""
    whole = BytesIO()
    with ZipFile(whole, "w") as archive:
        for name, data in files.items():
            entry = ZipInfo(name, EPOCH)
            entry.compress_type, entry.create_system = ZIP_DEFLATED, 3
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, data, compresslevel=6)
    return whole.getvalue()


def write_lecture(files: Mapping[str, bytes], out: Path) -> None:
    """Write the files into a ZIP file if ``out`` ends in .zip, else into a folder."""
    if out.suffix.lower() == ".zip":
        write_all_or_none({out: zip_bytes(files)})
        return
    out.mkdir(parents=True, exist_ok=True)
    write_all_or_none({out / name: data for name, data in files.items()})


def write_all_or_none(files: Mapping[Path, bytes]) -> None:
    """Write all files, or none if one fails: they are renamed after all of them are on the disk."""
    parts = {path: path.with_name(f".{path.name}.part") for path in files}
    try:
        for path, data in files.items():
            try:
                parts[path].write_bytes(data)
            except OSError as error:  # name the final file, not the temporary one
                raise OSError(error.errno, error.strerror, str(path)) from None
        for path, part in parts.items():
            part.replace(path)
    finally:
        for part in parts.values():
            with suppress(OSError):
                part.unlink()


def check_target(out: Path) -> None:
    """Check that a lecture can be written to this path.

    Raises:
        SpecError: The path's ending is that of a single picture.
    """
    if out.suffix.lower() != ".zip" and not out.is_dir() and kind_named(out.name):
        raise SpecError("out", "of a lecture must be a folder or end in .zip", str(out))
