"""What stands on the claims page: the list of claims, one of them open, the results of all."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import streamlit as st

from viz.features.claims import compute, evidence
from viz.features.claims import print as claims_print
from viz.features.claims.compute import Ran, Tested
from viz.features.claims.params import (
    ALL,
    PAGE,
    SIGNS,
    Chosen,
    chosen,
    defaults,
    listed,
    opening,
    settings_text,
)
from viz.lessons.claims import CLAIMS, NUMBERS, VERDICTS, Claim, claim
from viz.lessons.claims.claim import Setting, Verdict
from viz.lessons.claims.grid import Across, tried
from viz.page import progress
from viz.page.session import change, give
from viz.page.widgets import widget
from viz.server.queue import View

Values = dict[str, Any]
SLOT, SLOT_GRID, SLOT_ALL = "claim", "claim grid", "claims"
ALL_KEY = "all claims"
PAGES_FOLDER = "../features"
COLOURS: dict[Verdict, Any] = {
    "holds": "green",
    "holds when": "orange",
    "does not hold": "red",
    "not decided here": "gray",
}
CONFIG = {"displaylogo": False, "toImageButtonOptions": {"format": "svg", "filename": "claim"}}


def verdicts() -> dict[int, Verdict]:
    """What this visit has seen of the claims."""
    stored: dict[int, Verdict] = st.session_state.setdefault("claims_tested", {})
    return stored


def _badge(verdict: Verdict) -> None:
    st.badge(f"{SIGNS[verdict]} {verdict}", color=COLOURS[verdict])


# --- The list -------------------------------------------------------------------------------------


def filters(values: Values) -> None:
    """Which claims are listed."""
    widget(values, "topic")
    widget(values, "verdict")


def claim_list(values: Values) -> None:
    """The claims that the filters let through, each a button that opens it."""
    selected = listed(values, verdicts())
    if not selected:
        st.info("No claim is left by these filters.")
        st.button(
            "Show all", on_click=change, args=(PAGE, {"topic": ALL, "verdict": ALL}), type="primary"
        )
    topic = ""
    with st.container(gap="xsmall"):
        for one in selected:
            if one.topic != topic:
                topic = one.topic
                st.markdown(f"##### {topic}")
            _line(one)


def _line(one: Claim) -> None:
    with st.container(
        key=f"claim_{one.number}", horizontal=True, vertical_alignment="center", gap="small"
    ):
        st.button(
            f"**{one.number}** · {_plain(one.statement)}",
            on_click=change,
            args=(PAGE, opening(one.number)),
            key=f"open_{one.number}",
            type="tertiary",
            wrap=True,
        )
        verdict = verdicts().get(one.number)
        if verdict:
            _badge(verdict)


def _plain(text: str) -> str:
    """A sentence that Markdown makes nothing of."""
    return "".join(f"\\{c}" if c in "\\`*_[]$:#<>~" else c for c in text)


# --- All of them ----------------------------------------------------------------------------------


def run_all(values: Values) -> None:
    """The button that runs all, how far it is, and the results as a table to print."""
    if not values["run"]:
        progress.leave(SLOT_ALL)
        st.button(
            f"Run all {len(CLAIMS)}",
            on_click=change,
            args=(PAGE, {"run": True}),
            icon=":material/play_arrow:",
            help="Every claim over all its settings, one after the other. Three of them train "
            "small networks, which takes a minute or two.",
        )
        return

    def draw(views: Mapping[Hashable, View]) -> None:
        view = views[ALL_KEY]
        progress.standing(SLOT_ALL, ALL_KEY, view, "Claims put to the test", "settings")

    view = progress.show(SLOT_ALL, {ALL_KEY: compute.all_work()}, draw)[ALL_KEY]
    done: Mapping[int, Tested] = view.result or view.partial or {}
    for tested in done.values():
        if across := tested.across:
            verdicts()[tested.number] = across.verdict
    if done and view.state in ("done", "failed"):
        _results(list(done.values()))


def _results(rows: list[Tested]) -> None:
    """All that was found, to look at and as files."""
    torch = compute.torch_version()
    records = [claims_print.record(each, torch) for each in rows]
    held = {verdict: sum(each["verdict"] == verdict for each in records) for verdict in VERDICTS}
    st.markdown(
        f"{len(rows)} of {len(NUMBERS)} claims put to the test with PyTorch {torch}: "
        + ", ".join(f"{count} {SIGNS[name]} {name}" for name, count in held.items())
        + "."
    )
    with st.container(horizontal=True):
        for label, make, name, mime in (
            ("To print (HTML)", claims_print.as_page, "claims.html", "text/html"),
            ("As CSV", claims_print.as_csv, "claims.csv", "text/csv"),
        ):
            st.download_button(
                label,
                data=make(rows, torch),
                file_name=name,
                mime=mime,
                on_click="ignore",
                icon=":material/download:",
                key=f"save_{name}",
            )
        st.button("Close the table", on_click=change, args=(PAGE, {"run": False}))
    with st.expander("The table"):
        st.html(claims_print.results(rows))


# --- One of them ----------------------------------------------------------------------------------


def open_claim(values: Values) -> None:
    """One claim, large enough for a wall: statement, verdict, settings, picture, evidence."""
    one = claim(values["claim"])
    _around(one)
    with st.container(key="statement"):
        st.markdown(f"## {one.number} · {_plain(one.statement)}")
    verdict = st.container()
    left, right = st.columns([1, 2.4], gap="large")
    with left:
        for setting in one.settings:
            _control(setting, values, one)
        settings = chosen(one, values)
        if settings != defaults(one):
            st.button(
                "The claim's own settings",
                on_click=change,
                args=(PAGE, opening(one.number)),
                key="as_told",
            )
    with right:
        _own(one, settings)
    with verdict:
        _over_the_grid(one)
    with st.expander("Why"):
        st.markdown(one.why)


def _around(one: Claim) -> None:
    """The way back to the list, and to the claims beside this one."""
    place = NUMBERS.index(one.number)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button("All claims", on_click=change, args=(PAGE, opening(0)), icon=":material/list:")
        for label, icon, other in (
            ("Previous", ":material/chevron_left:", place - 1),
            ("Next", ":material/chevron_right:", place + 1),
        ):
            there = 0 <= other < len(NUMBERS)
            st.button(
                label,
                on_click=change,
                args=(PAGE, opening(NUMBERS[other] if there else one.number)),
                icon=icon,
                disabled=not there,
            )
        st.caption(one.topic, width="content")


def _control(setting: Setting, values: Values, one: Claim) -> None:
    """The widget of one setting."""
    key = give(values, setting.name, one.number)
    if setting.options:
        st.pills(setting.label, setting.options, key=key, required=True, wrap=True)
        return
    assert setting.low is not None
    assert setting.high is not None
    st.slider(f"{setting.label}, {setting.low}–{setting.high}", setting.low, setting.high, key=key)


def _over_the_grid(one: Claim) -> None:
    """The claim's own verdict, by the queue."""
    key = (PAGE, "grid", one.number)

    def draw(views: Mapping[Hashable, View]) -> None:
        view = views[key]
        progress.standing(
            SLOT_GRID, key, view, "Put to the test over its settings", "settings",
            stopped="Stopped: the verdict of the claim takes all its settings.",
        )  # fmt: skip
        tested: Tested | None = view.result
        if tested and tested.across:
            verdicts()[one.number] = tested.across.verdict
            _verdict(one, tested, tested.across)

    progress.show(SLOT_GRID, {key: compute.grid_work(one.number)}, draw)


def _verdict(one: Claim, tested: Tested, across: Across) -> None:
    """What the claim comes to, in how many settings, and which these are."""
    st.markdown(f"### :{COLOURS[across.verdict]}[{SIGNS[across.verdict]} {across.verdict}]")
    condition = f" **Holds when** {_plain(across.condition)}." if across.condition else ""
    st.markdown(f"It holds in {across.count}.{condition}")
    with st.expander(f"Settings tried: {_plain(tried(one))}"):
        st.html(evidence.settings(tested.runs))


def _own(one: Claim, settings: Chosen) -> None:
    """The claim with the visitor's settings: at once where that is short, else by the queue."""
    if not one.heavy:
        progress.leave(SLOT)
        _outcome_view(one, compute.ran(one.number, settings))
        return
    key = (PAGE, one.number, settings)

    def draw(views: Mapping[Hashable, View]) -> None:
        view = views[key]
        progress.standing(SLOT, key, view, "The experiment runs")
        if view.result is not None:
            _outcome_view(one, view.result)

    progress.show(SLOT, {key: compute.work(one.number, settings)}, draw)


def _outcome_view(one: Claim, ran: Ran) -> None:
    """The result of one setting: verdict, sentence, picture, evidence, and where else to see it."""
    outcome = ran.outcome
    if outcome is None:
        st.warning(f"{ran.refusal[:1].upper()}{ran.refusal[1:]}.")
        return
    st.markdown(
        f"##### With this setting: :{COLOURS[outcome.verdict]}[{SIGNS[outcome.verdict]} {outcome.verdict}]"
    )
    condition = f" **Holds when** {_plain(outcome.condition)}." if outcome.condition else ""
    st.markdown(f"{_plain(outcome.sentence)}{condition}")
    from viz.features.claims.plots import claim_figure

    figure = claim_figure(outcome.chart)
    st.plotly_chart(figure, theme="streamlit", key=f"claim_chart_{one.number}", config=CONFIG)
    st.html(evidence.html(outcome.evidence))
    link = one.link(dict(ran.settings))
    st.page_link(
        f"{PAGES_FOLDER}/{link.page}/page.py",
        label=f"See it on {_title(link.page)}",
        icon=":material/open_in_new:",
        query_params=dict(link.query),
    )
    st.caption(
        f"Measured here with PyTorch {compute.torch_version()}: "
        f"{_plain(settings_text(ran.settings))}."
    )


def _title(page: str) -> str:
    from viz.pages import PAGES

    return next(each.title for each in PAGES if each.name == page)
