"""The evidence of a claim as a table, and its grid of settings as another."""

from __future__ import annotations

from collections.abc import Sequence

from viz.features.claims.compute import Ran
from viz.features.claims.params import SIGNS as OF_VERDICT
from viz.lessons.claims import claim
from viz.lessons.claims.claim import Evidence
from viz.lessons.claims.grid import point
from viz.page.tables import Cell, table

SIGNS = {True: ("yes", "✓", "agrees"), False: ("no", "✗", "disagrees"), None: ("", "·", "informs")}


def html(evidence: Evidence) -> str:
    """The evidence, each row with whether it agrees with the statement."""
    rows = (
        [_sign(agrees), *map(_cell, row)]
        for row, agrees in zip(evidence.rows, evidence.agrees, strict=True)
    )
    return table("Evidence", ["agrees", *evidence.columns], rows)


def settings(runs: Sequence[Ran]) -> str:
    """A row for each setting of a claim's grid: which it is, its verdict, and what it says."""
    rows = (
        [
            point(claim(each.number), dict(each.settings)),
            f"{OF_VERDICT[each.outcome.verdict]} {each.outcome.verdict}",
            each.outcome.sentence,
        ]
        for each in runs
        if each.outcome
    )
    return table("Settings tried", ["setting", "verdict", "result"], rows)


def _sign(agrees: bool | None) -> Cell:
    name, sign, word = SIGNS[agrees]
    return Cell(sign, kind=name, title=word)


def _cell(value: str | int | float) -> Cell:
    if isinstance(value, str):
        return Cell(value)
    text = f"{value:,}" if isinstance(value, int) else f"{value:,.6g}"
    return Cell(text.replace("-", "−"), kind="number")
