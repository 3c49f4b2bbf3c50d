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
from viz.lessons import tour
from viz.lessons.tour import TOUR
from viz.pages import PAGES
from viz.slides.catalogue import SETTINGS, credit, open_link
from viz.slides.cli import main
from viz.slides.lecture import Options, Slide, parse_lecture, write_all_or_none, zip_bytes
from viz.slides.video import ffmpeg

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
    shown = open_link(link)
    assert shown.page == "sweep"
    assert shown.settings == "Sweep: stride 3"
    assert list(shown.pictures) == ["board"]


def test_every_page_with_pictures_can_be_opened() -> None:
    """A page is one of the catalogue as soon as it has pictures."""
    folder = ROOT / "viz" / "features"
    with_pictures = {p.name for p in PAGES if (folder / p.name / "export.py").is_file()}
    assert with_pictures == set(SETTINGS)
    for page in SETTINGS:
        shown = open_link(page)
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


UNFIT = {
    "sweep?colour=red": "colour is no setting of this page",
    "sweep?strid=2": "strid is no setting of this page",
    "sweep?stride=99": "stride must be from 1 to 8 (got 99)",
    "sweep?kernel_size=9&input_height=5&input_width=5&padding=0": "spans 9 pixels",
    "sweep?operation=max_pooling&convention=torch_same&stride=1": "PyTorch's for convolutions only",
    "sweep?compare=second&kernel_size_b=9&padding_b=0": "spans 9 pixels",
    "sweep?compare=classics&kernel_size=9": "Board A",
    "sweep?picture=upload": "cannot be carried by a link",
    "sweep?step=16": "step must be from 0 to 15",
    "sweep?pin=o9.9": "no board has the cell o9.9",
    "sweep?channel=1": "channel must be from 0 to 0",
    "sweep?filter=2": "filter must be from 0 to 0",
    "sweep?pixels=0.9.9:1": "the input has no pixel 0.9.9",
    "sweep?weights=0.0.5.5:1": "the layer has no weight 0.0.5.5",
    "sizes?operation=max_pooling&kernel_size=2&padding=4": "at most half its kernel",
    "sizes?solution=k9s9p9d9": "k9s9p9d9 does not give that size",
    "gradients?picture=upload": "cannot be carried by a link",
    "gradients?shown=own&operation=max_pooling&kernel_size=2&padding=4": "half its kernel",
    "fields?network=resnet5": "network must be",
    "fields?layer=nothing": "no layer nothing",
    "fields?unit=99.99": "has no unit 99.99, only",
    "fields?picture=upload": "cannot be carried by a link",
    "erf?layer=nothing": "no layer nothing",
    "erf?unit=99.99": "has no unit 99.99, only",
    "shift?side=48&shift=60": "shift must be at most 47",
    "shift?tab=network&layer=nothing": "no map of nothing fits",
    "training?net=3": "net must be at most",
    "training?at=200": "at must be at most",
}
"""A link that a page would mend or ignore in part, and what is wrong with it."""


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
        (["sweep?stride=2&stride=3", "x.svg"], "set every parameter once"),
        (["sweep", "x.svg", "--kind", "png"], "must be that of the file's name, svg"),
        (["sweep", "x.svg", "--trans"], "nrecognized arguments"),
        (["sweep", "x.mp4", "--transparent"], "no transparency"),
        (["sweep", "x.svg", "--strip", "13"], "from 2 to 12"),
        (["sweep", "x.svg", "--strip", "1"], "from 2 to 12"),
        (["sweep", "x.svg", "--strip", "-3"], "from 2 to 12"),
        (["sweep?input_height=3&input_width=3", "x.svg", "--strip", "9"], "at most 4 steps"),
        (["tour", "deck.pdf"], "must be a folder or end in .zip"),
        *((["--list", link], words) for link, words in UNFIT.items()),
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
    assert parse_lecture(LECTURE) == [
        Slide("a-stride.svg", "svg", LINK),
        Slide("film.gif", "gif", LINK, Options(dpi=72, size="half")),
        Slide("two-steps.pdf", "pdf", LINK, Options("board", dark=True, strip=3)),
    ]
    assert parse_lecture(f"a {LINK}", Options(dark=True), "png")[0] == Slide(
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
        parse_lecture(line)
    assert "line" in str(refused.value) or "lecture" in str(refused.value)


@given(st.text(max_size=60))
def test_no_lecture_ends_in_anything_but_slides_or_a_sentence(text: str) -> None:
    try:
        slides = parse_lecture(text)
    except SpecError:
        return
    assert all(Path(slide.file).name == slide.file for slide in slides)


@pytest.mark.slow
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
    with pytest.raises(SystemExit, match="2"):
        main([str(file), str(tmp_path / "out")])
    assert "Line 2, bad.svg: link must lead to" in capsys.readouterr().err
    file.write_text(f"# first\ngood {LINK}\n\nlong {LINK} strip=40\n")
    with pytest.raises(SystemExit, match="2"):
        main([str(file), str(tmp_path / "out.zip")])
    assert "Line 4, long.svg: strip must be from 2 to 12" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == [file]


def test_nothing_half_written_stays(tmp_path: Path) -> None:
    """The second file has no place: the first does not appear either."""
    good, bad = tmp_path / "a.svg", tmp_path / "missing" / "b.svg"
    with pytest.raises(FileNotFoundError, match=r"missing/b\.svg"):
        write_all_or_none({good: b"a", bad: b"b"})
    assert not list(tmp_path.iterdir())


def test_a_reader_that_has_enough_ends_it_quietly() -> None:
    command = f"{sys.executable} -m viz.slides --list sizes | head -c 1; exit ${{PIPESTATUS[0]}}"
    run = subprocess.run(
        ["bash", "-c", command], capture_output=True, text=True, cwd=ROOT, timeout=120
    )
    assert (run.returncode, run.stderr) == (0, "")


def test_a_zip_says_nothing_of_when_it_was_made() -> None:
    files = {"a.svg": b"a" * 100, "b.png": b"b"}
    assert zip_bytes(files) == zip_bytes(dict(files))
    assert b"\x00\x00\x21\x00" in zip_bytes(files)[:20], "1980-01-01"


def test_the_tour_is_a_lecture_of_pictures_that_are_there() -> None:
    slides = parse_lecture(tour.lecture_file_text())
    assert len(slides) == len(TOUR) == len({stop.name for stop in TOUR})
    for slide, stop in zip(slides, TOUR, strict=True):
        shown = open_link(stop.link)
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


@pytest.mark.parametrize("suffix", ["svg", "pdf", "png", "gif", "mp4"])
def test_a_file_carries_the_credit_of_its_photograph(tmp_path: Path, suffix: str) -> None:
    if suffix == "mp4" and not ffmpeg():
        pytest.skip("no ffmpeg")
    for picture, author in (("china", "danielbuechele"), ("flower", "vultilion"), ("ramp", "")):
        out = tmp_path / f"{picture}.{suffix}"
        assert main([f"{LINK}&picture={picture}", str(out), "--dpi", "72", "--size", "half"]) == 0
        data = out.read_bytes()
        assert (b"CC BY 2.0" in data) == bool(author)
        assert author.encode() in data


def test_only_a_link_that_sets_a_photograph_has_a_credit() -> None:
    assert "danielbuechele" in credit("https://example.org/")
    assert "vultilion" in credit("erf?picture=flower")
    for link in ("sweep?picture=digit", "fields?picture=upload", "sizes?stride=2", "training"):
        assert credit(link) == "", link
