"""The command line that writes a link's or a lecture's pictures to files."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from core.command_line import CommandParser, exit_with_error, ignoring_broken_pipe
from core.errors import SpecError
from viz.slides.lecture import (
    Options,
    Slide,
    check_target,
    draw_slide,
    draw_slides,
    kind_of,
    parse_lecture,
    write_all_or_none,
    write_lecture,
)
from viz.slides.style import FILMS, KINDS, SIZES

EXAMPLES = """examples:
  python -m viz.slides "sweep?stride=2&step=5" stride.svg
  python -m viz.slides "https://example.org/erf?network=vgg16" map.png --dark --caption
  python -m viz.slides "sweep?stride=2" stride.gif
  python -m viz.slides --list "fields?network=resnet50"
  python -m viz.slides lecture.txt slides/
  python -m viz.slides tour slides.zip

a lecture file has one picture a line: name  link  [option=value …]
"""
"""Text at the end of the command line's help."""


def _parser() -> CommandParser:
    """The command line's arguments."""
    usual = Options()
    parser = CommandParser(
        "python -m viz.slides",
        "The pictures of a link, of a lecture file, or of the guided tour, as files.",
        EXAMPLES,
    )
    parser.add_argument("what", help="a link, its part from the page's name on, a file, or tour")
    parser.add_argument(
        "out", nargs="?", help="a file (.svg .pdf .png .gif .mp4); of a lecture a folder or .zip"
    )
    parser.add_argument("--list", action="store_true", help="name the pictures of the link")
    parser.add_argument("--picture", default="", help="which of them; else the first")
    parser.add_argument("--size", choices=list(SIZES), default=usual.size, help="of the slide")
    parser.add_argument("--dpi", type=int, help="dots an inch: 150, of films 96")
    parser.add_argument("--dark", action="store_true", help="light type on dark paper")
    parser.add_argument("--transparent", action="store_true", help="no paper")
    parser.add_argument("--caption", action="store_true", help="settings and link below")
    parser.add_argument(
        "--kind", choices=[*KINDS, *FILMS], help="of a lecture's plain names; svg without it"
    )
    parser.add_argument("--site", default="", help="address that short links are printed with")
    parser.add_argument(
        "--strip", type=int, default=0, metavar="N", help="N steps side by side, in one still"
    )
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; an error becomes a sentence on stderr and exit status 2."""
    parsed = _parser().parse_args(arguments)
    try:
        with ignoring_broken_pipe():
            _run(parsed)
    except SpecError as error:
        exit_with_error(error)
    except OSError as error:
        exit_with_error(f"{error.filename or 'A file'}: {error.strerror or error}")
    return 0


def _run(parsed: argparse.Namespace) -> None:
    """List pictures, write one, or write a lecture, as the arguments say."""
    options = Options(
        parsed.picture,
        parsed.size,
        parsed.dpi,
        parsed.dark,
        parsed.transparent,
        parsed.caption,
        parsed.strip,
    )
    if parsed.list:
        _list(parsed.what, parsed.site)
    elif parsed.out is None:
        raise SpecError("out", "must name the file to write", "nothing")
    elif (text := _lecture(parsed.what)) is not None:
        check_target(Path(parsed.out))
        slides = parse_lecture(text, options, parsed.kind or "svg")
        _write_lecture(slides, text, Path(parsed.out), parsed.site)
    else:
        kind = kind_of(parsed.out)
        if parsed.kind not in (None, kind):
            raise SpecError("kind", f"must be that of the file's name, {kind}", parsed.kind)
        slide = Slide(Path(parsed.out).name, kind, parsed.what, options)
        write_all_or_none({Path(parsed.out): draw_slide(slide, parsed.site)[0]})


def _lecture(what: str) -> str | None:
    """The text of the tour or of a lecture file; None if the argument is a link."""
    if what == "tour":
        from viz.lessons.tour import lecture_file_text

        return lecture_file_text()
    path = Path(what)
    if "?" in what or not (path.is_file() or path.suffix == ".txt"):
        return None
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise SpecError("lecture", "must be a text file", what) from None


def _list(link: str, site: str) -> None:
    """Print the name, label and formats of each picture that a link opens."""
    from viz.slides.catalogue import open_link

    contents = open_link(link, site)
    wide = max(map(len, contents.pictures))
    for name, picture in contents.pictures.items():
        kinds = " ".join(picture.kinds())
        print(f"{name:{wide}}  {picture.label}  [{kinds}]")


def _write_lecture(slides: Sequence[Slide], text: str, out: Path, site: str) -> None:
    """Draw all slides, printing the name of each, and write them with the lecture's text."""
    files = {}
    for slide, data, _ in draw_slides(slides, site):
        print(slide.file, flush=True)
        files[slide.file] = data
    write_lecture(files | {"lecture.txt": text.encode()}, out)
