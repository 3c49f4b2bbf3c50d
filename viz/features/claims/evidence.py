"""HTML tables of a claim's evidence and of the settings in its grid."""

from __future__ import annotations

from collections.abc import Sequence

from viz.features.claims.compute import ClaimRun
from viz.features.claims.params import VERDICT_SIGNS
from viz.lessons.claims import claim
from viz.lessons.claims.claim import Evidence
from viz.lessons.claims.grid import settings_in_words
from viz.page.tables import Cell, table

AGREEMENT_SIGNS = {
    True: ("yes", "✓", "agrees"),
    False: ("no", "✗", "disagrees"),
    None: ("", "·", "informs"),
}


def evidence_table(evidence: Evidence) -> str:
    """Return the evidence as an HTML table; its first column says whether a row agrees."""
    rows = (
        [_agreement_cell(agrees), *map(_value_cell, row)]
        for row, agrees in zip(evidence.rows, evidence.agrees, strict=True)
    )
    return table("Evidence", ["agrees", *evidence.columns], rows)


def settings_table(runs: Sequence[ClaimRun]) -> str:
    """Return an HTML table with a row for each run: its settings, verdict and sentence."""
    rows = (
        [
            settings_in_words(claim(each.number), dict(each.settings)),
            f"{VERDICT_SIGNS[each.outcome.verdict]} {each.outcome.verdict}",
            each.outcome.sentence,
        ]
        for each in runs
        if each.outcome
    )
    return table("Settings tried", ["setting", "verdict", "result"], rows)


def _agreement_cell(agrees: bool | None) -> Cell:
    """Return the cell that says whether a row agrees with the statement."""
    name, sign, word = AGREEMENT_SIGNS[agrees]
    return Cell(sign, kind=name, title=word)


def _value_cell(value: str | int | float) -> Cell:
    """Return a value as a cell; floats have six significant digits."""
    if isinstance(value, str):
        return Cell(value)
    text = f"{value:,}" if isinstance(value, int) else f"{value:,.6g}"
    return Cell(text.replace("-", "−"), kind="number")
