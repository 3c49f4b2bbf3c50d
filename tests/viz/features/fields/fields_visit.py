"""A visit to the receptive-field page without a browser."""

from __future__ import annotations

import json
from typing import Any

from streamlit.testing.v1 import AppTest

from tests.viz.html_tables import table_of
from tests.viz.visit import MAIN, link_of, open_page, run_until, text_of, warned
from viz.components.cone.cone import NAME
from viz.features.fields.params import TABS, FieldSettings

__all__ = [
    "again",
    "cones",
    "errors",
    "link_of",
    "said",
    "table",
    "text_of",
    "until_measured",
    "values",
    "visit",
    "warned",
]
DEFAULTS = FieldSettings()


def visit(**link: Any) -> AppTest:
    """The page, opened from a link."""
    at = AppTest.from_file(str(MAIN), default_timeout=60)
    open_page(at, "fields")
    at.query_params.update({name: str(value) for name, value in link.items()})
    return again(at)


def again(at: AppTest) -> AppTest:
    """Run the page, which must neither fail nor be empty."""
    at.run()
    assert not at.exception, at.exception[0].value
    with_cone = values(at)["tab"] in (TABS["layers"], TABS["edit"])
    assert cones(at) or at.warning or not with_cone, "a cone, or a sentence why there is none"
    return at


def cones(at: AppTest) -> list[dict[str, Any]]:
    """What the browser is sent of every cone, the page's own first."""
    protos = [each.proto for each in at.get("bidi_component")]
    return [json.loads(proto.json) for proto in protos if proto.component_name == NAME]


def table(at: AppTest) -> dict[str, list[Any]]:
    """The table of the tab that is open, by its headers."""
    return {head: list(cells) for head, cells in table_of(at).columns.items()}


def values(at: AppTest) -> dict[str, Any]:
    """The settings that the run ended with."""
    return dict(at.session_state["page:fields"]["published_values"])


def errors(at: AppTest) -> str:
    """What stands below a text that is no network."""
    return "\n".join(error.value for error in at.error)


def said(at: AppTest) -> str:
    """Every sentence of the page."""
    kinds = (at.title, at.header, at.markdown, at.caption, at.warning, at.error, at.info)
    return "\n".join(element.value for kind in kinds for element in kind)


def until_measured(at: AppTest) -> str:
    """Wait for torch's answer; the sentence that tells it."""

    def answer(at: AppTest) -> str:
        lines = [each.value for each in at.markdown]
        return next((line for line in lines if line.startswith("Backpropagation")), "")

    return answer(run_until(at, again, answer))
