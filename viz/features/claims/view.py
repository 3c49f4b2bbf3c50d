"""The content of the claims page: the list of claims, an open claim, and the results of all."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import streamlit as st

from viz.features.claims import compute, evidence
from viz.features.claims import print as claims_print
from viz.features.claims.compute import ClaimRun, GridRuns
from viz.features.claims.params import (
    ALL,
    PAGE,
    VERDICT_SIGNS,
    ChosenSettings,
    ClaimSettings,
    chosen_settings,
    default_settings,
    filtered_claims,
    opening_changes,
    settings_text,
)
from viz.lessons.claims import CLAIMS, NUMBERS, VERDICTS, Claim, claim
from viz.lessons.claims.claim import Setting, Verdict
from viz.lessons.claims.grid import GridVerdict, grid_in_words
from viz.page import progress
from viz.page.plots import show_plot
from viz.page.session import bind_widget, change_settings
from viz.page.widgets import widget
from viz.pages import PAGES, tab_title
from viz.server.queue import View

SLOT, SLOT_GRID, SLOT_ALL = "claim", "claim grid", "claims"
"""Progress slots: the claim with the visitor's settings, over its grid, and all claims."""
ALL_KEY = "all claims"
"""Key of the job that runs all claims."""
PAGES_FOLDER = "../features"
"""Folder of all pages, relative to the app's main script."""
COLORS: dict[Verdict, Any] = {
    "holds": "green",
    "holds when": "orange",
    "does not hold": "red",
    "not decided here": "gray",
}


def verdicts() -> dict[int, Verdict]:
    """Return the verdicts that this session has computed, by the claim's number."""
    stored: dict[int, Verdict] = st.session_state.setdefault("claims_tested", {})
    return stored


def _badge(verdict: Verdict) -> None:
    """Show a verdict as a colored badge."""
    st.badge(f"{VERDICT_SIGNS[verdict]} {verdict}", color=COLORS[verdict])


# --- The list -------------------------------------------------------------------------------------


def filters(values: ClaimSettings) -> None:
    """Show the controls that choose which claims are listed."""
    widget(values, "topic")
    widget(values, "verdict")


def claim_list(values: ClaimSettings) -> None:
    """Show the claims that pass the filters, each as a button that opens it."""
    selected = filtered_claims(values, verdicts())
    if not selected:
        st.info("No claim is left by these filters.")
        st.button(
            "Show all",
            on_click=change_settings,
            args=(PAGE, {"topic": ALL, "verdict": ALL}),
            type="primary",
        )
    topic = ""
    with st.container(gap="xsmall"):
        for one in selected:
            if one.topic != topic:
                topic = one.topic
                st.header(topic, anchor=False)
            _claim_row(one)


def _claim_row(one: Claim) -> None:
    """Show a claim in the list: a button that opens it, and its verdict if it was run."""
    with st.container(
        key=f"claim_{one.number}", horizontal=True, vertical_alignment="center", gap="small"
    ):
        st.button(
            f"**{one.number}** · {_escaped_markdown(one.statement)}",
            on_click=change_settings,
            args=(PAGE, opening_changes(one.number)),
            key=f"open_{one.number}",
            type="tertiary",
            wrap=True,
        )
        verdict = verdicts().get(one.number)
        if verdict:
            _badge(verdict)


def _escaped_markdown(text: str) -> str:
    """Return the text with all characters escaped that have a meaning in Markdown."""
    return "".join(f"\\{c}" if c in "\\`*_[]$:#<>~" else c for c in text)


# --- All of them ----------------------------------------------------------------------------------


def run_all(values: ClaimSettings) -> None:
    """Show the button that runs all claims, or the progress and the results of this run."""
    if not values.run:
        progress.withdraw_requests(SLOT_ALL)
        st.button(
            f"Run all {len(CLAIMS)}",
            on_click=change_settings,
            args=(PAGE, {"run": True}),
            icon=":material/play_arrow:",
            help="Every claim over all its settings, one after the other. Three of them train "
            "small networks, which takes a minute or two.",
        )
        return

    def draw(views: Mapping[Hashable, View]) -> None:
        view = views[ALL_KEY]
        progress.status_line(SLOT_ALL, ALL_KEY, view, "Claims put to the test", "settings")

    view = progress.request_and_draw(SLOT_ALL, {ALL_KEY: compute.all_work()}, draw)[ALL_KEY]
    done: Mapping[int, GridRuns] = view.result or view.partial or {}
    for tested in done.values():
        if grid_verdict := tested.grid_verdict:
            verdicts()[tested.number] = grid_verdict.verdict
    if done and view.state in ("done", "failed"):
        _results_view(list(done.values()))


def _results_view(rows: list[GridRuns]) -> None:
    """Show the verdicts of all claims as a summary, a table, and files to download."""
    torch = compute.torch_version()
    records = [claims_print.claim_record(each, torch) for each in rows]
    count_of_verdict = {
        verdict: sum(each["verdict"] == verdict for each in records) for verdict in VERDICTS
    }
    st.markdown(
        f"{len(rows)} of {len(NUMBERS)} claims put to the test with PyTorch {torch}: "
        + ", ".join(
            f"{count} {VERDICT_SIGNS[name]} {name}" for name, count in count_of_verdict.items()
        )
        + "."
    )
    with st.container(horizontal=True):
        for label, make, name, mime in (
            ("To print (HTML)", claims_print.as_html, "claims.html", "text/html"),
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
        st.button("Close the table", on_click=change_settings, args=(PAGE, {"run": False}))
    with st.expander("The table"):
        st.html(claims_print.results_table(rows))


# --- One of them ----------------------------------------------------------------------------------


def open_claim(values: ClaimSettings) -> None:
    """Show one claim in large type: statement, verdict, settings, chart and evidence."""
    one = claim(values.claim)
    st.set_page_config(page_title=tab_title(f"Claim {one.number}", _page_title(PAGE)))
    _claim_navigation(one)
    with st.container(key="statement"):
        st.title(f"{one.number} · {_escaped_markdown(one.statement)}", anchor=False)
    verdict = st.container()
    left, right = st.columns([1, 2.4], gap="large")
    with left:
        for setting in one.settings:
            _setting_widget(setting, values, one)
        settings = chosen_settings(one, values)
        if settings != default_settings(one):
            st.button(
                "The claim's own settings",
                on_click=change_settings,
                args=(PAGE, opening_changes(one.number)),
                key="as_told",
            )
    with right:
        _visitor_outcome(one, settings)
    with verdict:
        _grid_verdict_view(one)
    with st.expander("Why"):
        st.markdown(one.why)


def _claim_navigation(one: Claim) -> None:
    """Show buttons that lead to the list, the previous and the next claim."""
    index = NUMBERS.index(one.number)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(
            "All claims",
            on_click=change_settings,
            args=(PAGE, opening_changes(0)),
            icon=":material/list:",
        )
        for label, icon, other in (
            ("Previous", ":material/chevron_left:", index - 1),
            ("Next", ":material/chevron_right:", index + 1),
        ):
            exists = 0 <= other < len(NUMBERS)
            st.button(
                label,
                on_click=change_settings,
                args=(PAGE, opening_changes(NUMBERS[other] if exists else one.number)),
                key=f"claim_{label.lower()}",
                icon=icon,
                disabled=not exists,
            )
        st.caption(one.topic, width="content")


def _setting_widget(setting: Setting, values: ClaimSettings, one: Claim) -> None:
    """Show the widget of one setting."""
    key = bind_widget(setting.name, values[setting.name], one.number)
    if setting.options:
        st.pills(setting.label, setting.options, key=key, required=True, wrap=True)
        return
    assert setting.low is not None
    assert setting.high is not None
    st.slider(f"{setting.label}, {setting.low}–{setting.high}", setting.low, setting.high, key=key)


def _grid_verdict_view(one: Claim) -> None:
    """Show the verdict on the claim over its grid, which the queue computes."""
    key = (PAGE, "grid", one.number)

    def draw(views: Mapping[Hashable, View]) -> None:
        view = views[key]
        progress.status_line(
            SLOT_GRID, key, view, "Put to the test over its settings", "settings",
            stopped="Stopped: the verdict of the claim takes all its settings.",
        )  # fmt: skip
        tested: GridRuns | None = view.result
        if tested and tested.grid_verdict:
            verdicts()[one.number] = tested.grid_verdict.verdict
            _draw_verdict(one, tested, tested.grid_verdict)

    progress.request_and_draw(SLOT_GRID, {key: compute.grid_work(one.number)}, draw)


def _draw_verdict(one: Claim, tested: GridRuns, grid_verdict: GridVerdict) -> None:
    """Show the verdict on the claim, in how many settings it holds, and a table of all settings."""
    st.header(
        f":{COLORS[grid_verdict.verdict]}[{VERDICT_SIGNS[grid_verdict.verdict]} {grid_verdict.verdict}]",
        anchor=False,
    )
    condition = (
        f" **Holds when** {_escaped_markdown(grid_verdict.condition)}."
        if grid_verdict.condition
        else ""
    )
    st.markdown(f"It holds in {grid_verdict.counts_in_words}.{condition}")
    with st.expander(f"Settings tried: {_escaped_markdown(grid_in_words(one))}"):
        st.html(evidence.settings_table(tested.runs))


def _visitor_outcome(one: Claim, settings: ChosenSettings) -> None:
    """Show the claim's outcome with the visitor's settings; a heavy claim runs in the queue."""
    if not one.heavy:
        progress.withdraw_requests(SLOT)
        _outcome_view(one, compute.run_claim(one.number, settings))
        return
    key = (PAGE, one.number, settings)

    def draw(views: Mapping[Hashable, View]) -> None:
        view = views[key]
        progress.status_line(SLOT, key, view, "The experiment runs")
        if view.result is not None:
            _outcome_view(one, view.result)

    progress.request_and_draw(SLOT, {key: compute.claim_work(one.number, settings)}, draw)


def _outcome_view(one: Claim, claim_run: ClaimRun) -> None:
    """Show one outcome: verdict, sentence, chart, evidence, and a link to the page about it."""
    outcome = claim_run.outcome
    if outcome is None:
        st.warning(f"{claim_run.refusal[:1].upper()}{claim_run.refusal[1:]}.")
        return
    st.header(
        f"With this setting: :{COLORS[outcome.verdict]}[{VERDICT_SIGNS[outcome.verdict]} {outcome.verdict}]",
        anchor=False,
    )
    condition = (
        f" **Holds when** {_escaped_markdown(outcome.condition)}." if outcome.condition else ""
    )
    st.markdown(f"{_escaped_markdown(outcome.sentence)}{condition}")
    show_plot(outcome.chart, f"claim_chart_{one.number}")
    st.html(evidence.evidence_table(outcome.evidence))
    link = one.link(dict(claim_run.settings))
    st.page_link(
        f"{PAGES_FOLDER}/{link.page}/page.py",
        label=f"See it on {_page_title(link.page)}",
        icon=":material/open_in_new:",
        query_params=dict(link.query),
    )
    st.caption(
        f"Measured here with PyTorch {compute.torch_version()}: "
        f"{_escaped_markdown(settings_text(claim_run.settings))}."
    )


def _page_title(page: str) -> str:
    """Return the title of the page with this name."""
    return next(each.title for each in PAGES if each.name == page)
