"""HTML tables of a claim's evidence and of the settings in its grid."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from viz.features.claims.compute import ClaimRun
from viz.features.claims.params import VERDICT_LOOKS
from viz.lessons.claims import claim
from viz.lessons.claims.claim import Evidence
from viz.lessons.claims.grid import settings_in_words
from viz.page.tables import Cell, column_table, table

AGREEMENT = {True: ("yes", "agrees"), False: ("no", "disagrees"), None: ("", "informs")}
"""Look and word of a cell that says whether a row agrees with the statement."""


def evidence_table(evidence: Evidence) -> str:
    """Return the evidence as an HTML table; its last column says whether a row agrees."""
    columns = dict(zip(evidence.columns, map(list, zip(*evidence.rows, strict=True)), strict=True))
    agreement = [
        Cell(word, kind=look) for look, word in map(AGREEMENT.__getitem__, evidence.agrees)
    ]
    return column_table("Evidence", {**columns, "with the statement": agreement}, digits=4)


def settings_table(runs: Sequence[ClaimRun]) -> str:
    """Return an HTML table with a row for each run: its settings, verdict and sentence."""
    rows: Iterable[list[str | Cell]] = (
        [
            settings_in_words(claim(each.number), dict(each.settings)),
            Cell(each.outcome.verdict, kind=VERDICT_LOOKS[each.outcome.verdict]),
            each.outcome.sentence,
        ]
        for each in runs
        if each.outcome
    )
    return table("Settings tried", ["setting", "verdict", "result"], rows)
