"""The content of the claims page: the list of claims, an open claim, and the results of all."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from html import escape
from itertools import groupby

import streamlit as st

from viz.features.claims import compute, evidence
from viz.features.claims import print as claims_print
from viz.features.claims.compute import ClaimRun, GridRuns
from viz.features.claims.params import (
    ALL,
    PAGE,
    VERDICT_LOOKS,
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
from viz.page.rows import choice_rows, link_to
from viz.page.save_menu import save_table
from viz.page.session import bind_widget, change_settings
from viz.page.widgets import choice_method, widget
from viz.pages import tab_title, title_of
from viz.server.queue import View, Work

SLOT, SLOT_GRID, SLOT_ALL = "claim", "claim grid", "claims"
"""Progress slots: the claim with the visitor's settings, over its grid, and all claims."""
ALL_KEY = "all claims"
"""Key of the job that runs all claims."""
PAGES_FOLDER = "../features"
"""Folder of all pages, relative to the app's main script."""


def verdicts() -> dict[int, Verdict]:
    """Return the verdicts that this session has computed, by the claim's number."""
    stored: dict[int, Verdict] = st.session_state.setdefault("claims_tested", {})
    return stored


def _verdict_html(verdict: Verdict) -> str:
    """Return a verdict with its icon as HTML."""
    return f"<span class='verdict {VERDICT_LOOKS[verdict]}'>{verdict}</span>"


# --- The list -------------------------------------------------------------------------------------


def filters(values: ClaimSettings) -> None:
    """Show the controls that choose which claims are listed."""
    widget(values, "topic", width=220)
    widget(values, "verdict", width=220)


def claim_list(values: ClaimSettings) -> None:
    """Show the claims that pass the filters by topic, each as a link that opens it."""
    selected = filtered_claims(values, verdicts())
    if not selected:
        st.info("No claim is left by these filters.")
        st.button(
            "Show all",
            on_click=change_settings,
            args=(PAGE, {"topic": ALL, "verdict": ALL}),
            type="primary",
        )
        return
    html = ""
    for topic, claims in groupby(selected, key=lambda one: one.topic):
        rows = "".join(_claim_row(one, values) for one in claims)
        html += f"<h2>{escape(topic)}</h2><ul>{rows}</ul>"
    choices = [str(one.number) for one in selected]
    choice_rows(f"<div class='claims'>{html}</div>", "claims", choices, "", _on_claim)


def _claim_row(one: Claim, values: ClaimSettings) -> str:
    """Return a claim as an item of the list: number, statement, and its verdict if it was run."""
    verdict = verdicts().get(one.number)
    href = link_to(values.updated(opening_changes(one.number)))
    return (
        f"<li><a data-choice='{one.number}' href='{escape(href)}'><b>{one.number}</b>"
        f"<span>{escape(one.statement)}</span>{_verdict_html(verdict) if verdict else ''}</a></li>"
    )


def _on_claim(number: str) -> None:
    """Open the claim that was chosen in the list; a callback."""
    change_settings(PAGE, opening_changes(int(number)))


def _escaped_markdown(text: str) -> str:
    """Return the text with all characters escaped that have a meaning in Markdown."""
    return "".join(f"\\{c}" if c in "\\`*_[]$:#<>~" else c for c in text)


# --- All of them ----------------------------------------------------------------------------------


def run_all_button() -> None:
    """Show the button that runs all claims."""
    st.button(
        f"Run all {len(CLAIMS)}",
        on_click=change_settings,
        args=(PAGE, {"run": True}),
        icon=":material/play_arrow:",
        help="Every claim over all its settings, one after the other. Three of them train "
        "small networks, which takes a minute or two.",
    )


def run_all() -> None:
    """Show the progress and the results of a run of all claims."""

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
        + ", ".join(f"{count} {name}" for name, count in count_of_verdict.items())
        + "."
    )
    with st.expander("The table"):
        st.html(claims_print.results_table(rows))
    with st.container(horizontal=True, gap="medium"):
        save_table(claims_print.as_csv(rows, torch), "claims")
        st.download_button(
            "Save page for print",
            data=claims_print.as_html(rows, torch),
            file_name="claims.html",
            mime="text/html",
            on_click="ignore",
            icon=":material/download:",
            type="tertiary",
            key="save_claims.html",
        )
        st.button(
            "Close the table",
            on_click=change_settings,
            args=(PAGE, {"run": False}),
            icon=":material/close:",
            type="tertiary",
        )


# --- One of them ----------------------------------------------------------------------------------


def open_claim(values: ClaimSettings) -> None:
    """Show one claim in large type: statement, verdict, settings, chart and evidence."""
    one = claim(values.claim)
    st.set_page_config(page_title=tab_title(f"Claim {one.number}", title_of(PAGE)))
    _claim_navigation(one)
    with st.container(key="statement"):
        st.title(f"{one.number} · {_escaped_markdown(one.statement)}", anchor=False)
    verdict = st.container()
    left, right = st.columns([1, 2.4], gap="large")
    with left:
        for setting in one.settings:
            _setting_widget(setting, values, one)
        settings = chosen_settings(one, values)
        if one.settings:
            st.button(
                "Reset",
                on_click=change_settings,
                args=(PAGE, opening_changes(one.number)),
                icon=":material/restart_alt:",
                type="tertiary",
                disabled=settings == default_settings(one),
                help="The settings with which the claim opens.",
                key="reset",
            )
    with right:
        _visitor_outcome(one, settings)
    with verdict:
        tested = _grid_verdict_view(one)
    if tested:
        with st.expander(f"Settings tried: {_escaped_markdown(grid_in_words(one))}"):
            st.html(evidence.settings_table(tested.runs))
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
            type="tertiary",
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
                type="tertiary",
                disabled=not exists,
            )
        st.caption(one.topic, width="content")


def _setting_widget(setting: Setting, values: ClaimSettings, one: Claim) -> None:
    """Show the widget of one setting."""
    key = bind_widget(setting.name, values[setting.name], one.number)
    if setting.options:
        draw, more = choice_method(setting.options)
        getattr(st, draw)(setting.label, setting.options, key=key, **more)
        return
    assert setting.low is not None
    assert setting.high is not None
    st.slider(f"{setting.label}, {setting.low}–{setting.high}", setting.low, setting.high, key=key)


def _grid_verdict_view(one: Claim) -> GridRuns | None:
    """Show the verdict on the claim over its grid, which the queue computes; return its runs."""
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
            _draw_verdict(tested.grid_verdict)

    works: dict[Hashable, Work] = {key: compute.grid_work(one.number)}
    tested: GridRuns | None = progress.request_and_draw(SLOT_GRID, works, draw)[key].result
    return tested


def _draw_verdict(grid_verdict: GridVerdict) -> None:
    """Show the verdict on the claim, and in how many settings it holds."""
    condition = f" Holds when {grid_verdict.condition}." if grid_verdict.condition else ""
    st.html(
        f"<h2 class='verdict-line'>Over its settings: {_verdict_html(grid_verdict.verdict)}</h2>"
        f"<p class='verdict-line'>It holds in {grid_verdict.counts_in_words}.{escape(condition)}</p>"
    )


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
    condition = f" Holds when {outcome.condition}." if outcome.condition else ""
    st.html(
        f"<h2 class='verdict-line'>With this setting: {_verdict_html(outcome.verdict)}</h2>"
        f"<p class='verdict-line'>{escape(outcome.sentence)}{escape(condition)}</p>"
    )
    show_plot(outcome.chart, f"claim_chart_{one.number}")
    st.html(evidence.evidence_table(outcome.evidence))
    link = one.link(dict(claim_run.settings))
    st.page_link(
        f"{PAGES_FOLDER}/{link.page}/page.py",
        label=f"See it on {title_of(link.page)}",
        icon=":material/open_in_new:",
        query_params=dict(link.query),
    )
    st.caption(
        f"Measured here with PyTorch {compute.torch_version()}: "
        f"{_escaped_markdown(settings_text(claim_run.settings))}."
    )
