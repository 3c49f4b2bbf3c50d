"""The command line: links of every form, lectures, the tour; one sentence for what cannot be."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import SpecError
from viz import tour
from viz.pages import PAGES
from viz.slides.catalogue import PARAMETERS, opened
from viz.slides.cli import main
from viz.slides.lecture import Options, Slide, read, zipped
from viz.tour import TOUR

ROOT = Path(__file__).resolve().parents[3]
LINK = "sweep?input_height=5&input_width=5&padding=0"


@pytest.mark.parametrize(
    "link",
    [
        "?stride=3",
        "sweep?stride=3",
        "/sweep?stride=3",
        "http://localhost:8501/?stride=3",
        "http://localhost:8501?stride=3",
        "https://example.org/classes/sweep?stride=3#top",
    ],
)
def test_every_form_of_a_link_opens_its_page(link: str) -> None:
    shown = opened(link)
    assert (shown.page, shown.ignored) == ("sweep", ())
    assert shown.settings == "Sweep: stride 3"
    assert list(shown.pictures) == ["board"]


def test_every_page_with_pictures_can_be_opened() -> None:
    """A page is one of the catalogue as soon as it has pictures."""
    folder = ROOT / "viz" / "slides"
    with_pictures = {p.name for p in PAGES if (folder / f"of_{p.name}.py").is_file()}
    assert with_pictures == set(PARAMETERS)
    for page in PARAMETERS:
        shown = opened(page)
        assert shown.pictures
        assert all(name == picture.name for name, picture in shown.pictures.items())


@pytest.mark.parametrize("suffix", ["svg", "pdf", "png", "gif"])
def test_a_link_becomes_a_file(tmp_path: Path, suffix: str) -> None:
    out = tmp_path / f"board.{suffix}"
    assert main([LINK, str(out), "--size", "half", "--dark", "--dpi", "72"]) == 0
    start = {"svg": b"<?xml", "pdf": b"%PDF", "png": b"\x89PNG", "gif": b"GIF89a"}[suffix]
    assert out.read_bytes().startswith(start)


def test_settings_and_link_are_printed_on_request(tmp_path: Path) -> None:
    out = tmp_path / "board.svg"
    assert main([LINK, str(out), "--caption", "--site", "https://example.org/"]) == 0
    text = out.read_text()
    assert "https://example.org/sweep?" in text
    assert "input_height=5" in text
    assert "stride 2, padding 0; input 5×5" in text
    assert main([LINK, str(out)]) == 0
    assert "example.org" not in out.read_text()


def test_a_strip_is_a_still_of_several_steps(tmp_path: Path) -> None:
    out = tmp_path / "strip.svg"
    assert main([LINK, str(out), "--strip", "3"]) == 0
    assert out.read_text().count(">step ") == 3


def test_the_pictures_of_a_link_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--list", LINK]) == 0
    said = capsys.readouterr()
    assert said.out.split()[0] == "board"
    assert "gif" in said.out
    assert not said.err


def test_unknown_parameters_are_named_and_the_rest_is_drawn(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "board.svg"
    assert main([LINK + "&colour=red&stride=99", str(out)]) == 0
    said = capsys.readouterr().err
    assert "colour is no setting of this page" in said
    assert "stride must be from 1 to 8 (got 99)" in said
    assert len(said.strip().splitlines()) == 1
    assert out.is_file()


@pytest.mark.parametrize(
    "arguments, words",
    [
        ([], "required: what"),
        (["sweep"], "Out must name the file"),
        (["nowhere?a=1", "x.svg"], "one of the pages sweep"),
        (["http://[", "x.svg"], "cannot be read"),
        (["sweep", "x.doc"], "must end in .svg"),
        (["sweep", "x.svg", "--picture", "cone"], "must be one of board"),
        (["sweep", "x.svg", "--size", "huge"], "invalid choice"),
        (["sweep", "x.svg", "--dpi", "9000"], "from 72 to 400"),
        (["sweep", "x.gif", "--strip", "3"], "Strip of 'board'"),
        (["sizes", "x.gif"], "svg, pdf, png"),
        (["sweep", "no/such/folder/x.svg"], "No such file"),
        (["missing.txt", "out"], "No such file"),
        (["sweep?" + "&".join(f"a{i}=1" for i in range(999)), "x.svg"], "cannot be read"),
    ],
)
def test_what_cannot_be_is_one_sentence_and_2(
    arguments: list[str], words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    try:
        code = main(arguments)
    except SystemExit as exit:
        code = exit.code  # type: ignore[assignment]
    said = capsys.readouterr().err
    assert code == 2
    assert words in said
    assert len(said.strip().splitlines()) == 1
    assert not list(tmp_path.iterdir())


LECTURE = f"""# a lecture
a-stride  {LINK}
film.gif  "{LINK}"  dpi=72 size=half

two-steps.pdf {LINK} strip=3 dark=true picture=board
"""


def test_a_lecture_is_read_line_by_line() -> None:
    assert read(LECTURE) == [
        Slide("a-stride.svg", "svg", LINK),
        Slide("film.gif", "gif", LINK, Options(dpi=72, size="half")),
        Slide("two-steps.pdf", "pdf", LINK, Options("board", dark=True, strip=3)),
    ]
    assert read(f"a {LINK}", Options(dark=True), "png")[0] == Slide(
        "a.png", "png", LINK, Options(dark=True)
    )


@pytest.mark.parametrize(
    "line, words",
    [
        ("alone", "name  link"),
        ("a 'sweep", "name  link"),
        ("../a sweep", "plain file name"),
        (".a sweep", "plain file name"),
        ("a.doc sweep", "must end in"),
        ("a sweep shade=3", "must be one of picture"),
        ("a sweep dpi=many", "whole number"),
        ("a sweep dark=yes", "true or false"),
        ("a sweep\na sweep", "a name of its own"),
        ("# nothing", "from 1 to"),
    ],
)
def test_a_line_that_cannot_be_is_named(line: str, words: str) -> None:
    with pytest.raises(SpecError, match=words) as refused:
        read(line)
    assert "line" in str(refused.value) or "lecture" in str(refused.value)


@given(st.text(max_size=60))
def test_no_lecture_ends_in_anything_but_slides_or_a_sentence(text: str) -> None:
    try:
        slides = read(text)
    except SpecError:
        return
    assert all(Path(slide.file).name == slide.file for slide in slides)


def test_a_lecture_is_the_same_folder_and_zip_twice(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "lecture.txt"
    file.write_text(LECTURE)
    for out in ("a.zip", "b.zip", "folder"):
        assert main([str(file), str(tmp_path / out)]) == 0
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()
    with zipfile.ZipFile(tmp_path / "a.zip") as archive:
        assert archive.testzip() is None
        inside = {name: archive.read(name) for name in archive.namelist()}
    assert inside == {path.name: path.read_bytes() for path in (tmp_path / "folder").iterdir()}
    assert inside["lecture.txt"].decode() == LECTURE
    assert capsys.readouterr().out.split()[:3] == ["a-stride.svg", "film.gif", "two-steps.pdf"]


def test_a_slide_that_cannot_be_drawn_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "lecture.txt"
    file.write_text(f"good {LINK}\nbad nowhere")
    assert main([str(file), str(tmp_path / "out")]) == 2
    assert "Bad.svg: link must lead to" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_zip_says_nothing_of_when_it_was_made() -> None:
    files = {"a.svg": b"a" * 100, "b.png": b"b"}
    assert zipped(files) == zipped(dict(files))
    assert b"\x00\x00\x21\x00" in zipped(files)[:20], "1980-01-01"


def test_the_tour_is_a_lecture_of_pictures_that_are_there() -> None:
    slides = read(tour.lecture())
    assert len(slides) == len(TOUR) == len({stop.name for stop in TOUR})
    for slide, stop in zip(slides, TOUR, strict=True):
        shown = opened(stop.link)
        assert not shown.ignored
        assert (slide.link, slide.options.picture) == (stop.link, stop.picture)
        assert shown.picture(stop.picture).name == stop.picture
        assert stop.text.count(". ") == 1
        assert stop.text.endswith(".")


def test_it_runs_as_a_module(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "viz.slides", LINK, str(tmp_path / "a.svg")]
    run = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=120)
    assert (run.returncode, run.stderr) == (0, "")
    assert main([LINK, str(tmp_path / "b.svg")]) == 0
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()
