"""Hostile links on every page: an answer, never an exception, an empty page or raw markup."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cache
from html import escape
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st
from streamlit.testing.v1 import AppTest

from tests.examples import examples
from tests.viz.visit import MAIN, components_of, open_page
from viz.page import progress, session
from viz.page.session import PageState
from viz.pages import PAGES
from viz.params import Param, Settings
from viz.server import torch_start
from viz.server.queue import Jobs

MARK = "zq_x"  # in no base64
PAYLOADS = (
    f"<img src=x onerror={MARK}()>",
    f"<script>{MARK}()</script>",
    f"![{MARK}](http://{MARK}.invalid/a.png)",
    f"[{MARK}](javascript:{MARK}())",
    f"`]({MARK}:x) $\\href{{javascript:{MARK}()}}{{x}}$",
    f"</code></style><b id={MARK}>",
    f"conv3, <i>{MARK}</i>",
    f"nn.Sequential(nn.{MARK}('<b id={MARK}>'))",
)
BOMBS = (
    *("9" * 3999, "1e999", "-1", "nan", "inf", "\x00", "\u202e雪\ud7ff", "٣", "", " ", "None"),
    *("1000x[1000x[conv3]]", "residual[" * 300, "(" * 3000, "[" * 4001, "{}" * 2000),
    *("nn.Sequential(" * 40, "nn.Conv2d(3, 9**9**9, 3)", "lambda: 0", "__import__('os').abort()"),
    *("../../etc/passwd", "os:abort", "0.0.0:1e9", "0.0.0.0:" * 400, "o9999.9999", "99999.0"),
    *("60x[up2], 60x[conv1 s2]", "conv512 d9999", "4x[2x[conv3 p1 c512]]", "concat[relu | conv3]"),
)
FEW = examples(12, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])


@pytest.fixture(scope="module", autouse=True)
def nothing_computed_in_the_queue() -> Iterator[None]:
    torch_start.warm()
    queue = Jobs(workers=0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(progress, "queue", lambda: queue)
        yield


def visit(page: str, link: dict[str, str]) -> AppTest:
    at = AppTest.from_file(str(MAIN), default_timeout=60)
    if page != PAGES[0].name:
        open_page(at, page)
    at.query_params.update(link)
    at.run()
    assert not at.exception, at.exception[0].value
    return at


@cache
def params_of(page: str) -> Sequence[Param]:
    """The parameters of a page, as it declares them."""
    found: list[Sequence[Param]] = []
    with pytest.MonkeyPatch.context() as patch:
        usual = PageState.__init__

        def init(self: PageState[Any], name: str, settings: type[Settings]) -> None:
            found.append(settings.params())
            usual(self, name, settings)

        patch.setattr(session.PageState, "__init__", init)
        visit(page, {})
    return found[0]


def words_of(param: Param) -> list[str]:
    """Values of a parameter that may be read, out of the sentence that refuses another."""
    try:
        param.parse("\x00")
    except ValueError as refusal:
        words = re.findall(r"[\w.-]+", str(refusal))
    else:
        words = []
    return [word for word in words if readable(param, word)]


def readable(param: Param, text: str) -> bool:
    try:
        param.parse(text)
    except ValueError:
        return False
    return True


def links(page: str) -> st.SearchStrategy[dict[str, str]]:
    """Some of a page's parameters with values that fit, fit not, or attack; and unknown names."""
    params = {param.name: param for param in params_of(page)}
    nonsense = st.sampled_from([*PAYLOADS, *BOMBS]) | st.text(max_size=30)

    def value(name: str) -> st.SearchStrategy[tuple[str, str]]:
        fitting = words_of(params[name]) if name in params else []
        texts = st.sampled_from(fitting) | nonsense if fitting else nonsense
        return st.tuples(st.just(name), texts)

    names = st.sampled_from([*params, *params, MARK, PAYLOADS[0], "page", "__proto__"])
    return st.lists(names.flatmap(value), max_size=10).map(dict)


SAID = ("markdown", "caption", "warning", "error", "info", "html", "code", "latex")
LIVE = {
    # A plot's legend has pictures of its own, whose source is not a visitor's.
    "html": re.compile(rf'<[^>]*{MARK}|<img(?! alt="" src="data:image/svg\+xml;base64,)|<script'),
    "markdown": re.compile(rf"<[^>]*{MARK}|\]\([^)]*{MARK}|!\[|<img|<script|\${MARK}"),
}
"""What HTML or Markdown would make something of."""
DEAD = re.compile(r"`[^`\n]*`|\\.")
"""Code, and characters that are escaped."""


def raw_in(kind: str, text: str) -> re.Match[str] | None:
    """A visitor's markup where it would be taken for markup."""
    if kind == "code":
        return None
    return (
        LIVE["html"].search(text) if kind == "html" else LIVE["markdown"].search(DEAD.sub("", text))
    )


def test_the_guard_guards() -> None:
    for payload in PAYLOADS[:4]:
        assert raw_in("markdown", f"This is {payload}.")
        assert not raw_in("markdown", f"This is `{payload}`.")
    for payload in PAYLOADS[:2]:
        assert raw_in("html", f"<td>`{payload}`</td>")
        assert not raw_in("html", f"<td>{escape(payload)}</td>")


def check(at: AppTest) -> None:
    assert len(at.main) > 0
    said: list[tuple[str, str]] = []
    for kind in SAID:
        for element in at.get(kind):
            text = getattr(element, "value", None) or getattr(element.proto, "body", "")
            said.append((kind, str(text)))
    assert any(len(text) > 20 for _, text in said) or components_of(at), "an empty page"
    for kind, text in said:
        assert not raw_in(kind, text), (kind, text)
        assert "Traceback" not in text


@pytest.mark.parametrize("page", [page.name for page in PAGES])
def test_no_link_breaks_a_page_or_reaches_it_raw(page: str) -> None:
    @FEW
    @given(link=links(page))
    def every(link: dict[str, Any]) -> None:
        check(visit(page, link))

    every()


@pytest.mark.slow
@pytest.mark.parametrize("page", [page.name for page in PAGES])
def test_no_parameter_carries_markup_into_a_page(page: str) -> None:
    for param in params_of(page):
        if isinstance(param.default, str):
            for payload in PAYLOADS[::2]:
                check(visit(page, {"network": "own", "compare": "own", param.name: payload}))
