"""The evidence of a claim as a table, and its grid of settings as another."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from viz.features.claims.compute import Ran
from viz.features.claims.params import SIGNS as OF_VERDICT
from viz.lessons.claims import claim
from viz.lessons.claims.claim import Evidence
from viz.lessons.claims.grid import point

STYLE = """<style>
.evidence { overflow-x: auto; }
.evidence table { border-collapse: collapse; font-size: .92rem; }
.evidence th, .evidence td { padding: .3rem .7rem; text-align: left; vertical-align: top;
  border-bottom: 1px solid color-mix(in srgb, currentColor 18%, transparent); }
.evidence th { font-weight: 600; }
.evidence td.number { text-align: right; font-variant-numeric: tabular-nums; }
.evidence td.yes { color: var(--st-green-color, #009E73); font-weight: 700; }
.evidence td.no { color: var(--st-red-color, #D55E00); font-weight: 700; }
</style>"""
SIGNS = {True: ("yes", "✓", "agrees"), False: ("no", "✗", "disagrees"), None: ("", "·", "informs")}


def html(evidence: Evidence) -> str:
    """The table, wide ones to be scrolled within their own frame."""
    heads = "".join(f"<th scope='col'>{escape(name)}</th>" for name in evidence.columns)
    rows = "".join(
        f"<tr>{_sign(agrees)}{''.join(map(_cell, row))}</tr>"
        for row, agrees in zip(evidence.rows, evidence.agrees, strict=True)
    )
    return (
        f"{STYLE}<div class='evidence' tabindex='0' role='region' aria-label='Evidence'><table>"
        f"<thead><tr><th scope='col'>agrees</th>{heads}</tr></thead><tbody>{rows}</tbody></table>"
        "</div>"
    )


def settings(runs: Sequence[Ran]) -> str:
    """A row for each setting of a claim's grid: which it is, its verdict, and what it says."""
    rows = "".join(
        f"<tr><td>{escape(point(claim(each.number), dict(each.settings)))}</td>"
        f"<td>{OF_VERDICT[each.outcome.verdict]} {each.outcome.verdict}</td>"
        f"<td>{escape(each.outcome.sentence)}</td></tr>"
        for each in runs
        if each.outcome
    )
    return (
        f"{STYLE}<div class='evidence' tabindex='0' role='region' aria-label='Settings tried'>"
        "<table><thead><tr><th scope='col'>setting</th><th scope='col'>verdict</th>"
        f"<th scope='col'>result</th></tr></thead><tbody>{rows}</tbody></table></div>"
    )


def _sign(agrees: bool | None) -> str:
    name, sign, word = SIGNS[agrees]
    return f"<td class='{name}' title='{word}'>{sign}</td>"


def _cell(value: str | int | float) -> str:
    if isinstance(value, str):
        return f"<td>{escape(value)}</td>"
    text = f"{value:,}" if isinstance(value, int) else f"{value:,.6g}"
    return f"<td class='number'>{text.replace('-', '−')}</td>"
