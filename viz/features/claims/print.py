"""The results of all claims as files: a printable HTML page and a CSV table."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from html import escape
from io import StringIO

from viz.features.claims.compute import GridRuns
from viz.features.claims.params import VERDICT_LOOKS
from viz.lessons.claims import claim
from viz.lessons.claims.grid import grid_in_words
from viz.page.tables import Cell, table

STYLE = """
@page { margin: 14mm; }
body { font: 10.5pt/1.4 system-ui, sans-serif; color: #1A1A1A; background: #FFFFFF;
  max-width: 60rem; margin: 1.5rem auto; padding: 0 1rem; }
h1 { font-size: 16pt; margin: 0 0 .2rem; }
p { margin: 0 0 .8rem; color: #666666; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; font-weight: 400; vertical-align: top; padding: .35rem .5rem;
  border-bottom: 1px solid #D5D5D5; }
tr { break-inside: avoid; }
thead { display: table-header-group; }
thead th { font-weight: 600; }
td.verdict { font-weight: 600; }
td.verdict small { font-weight: 400; }
small { color: #666666; display: block; }
"""
TITLE = "Claims, tested"
HEAD = (
    *("number", "topic", "statement", "verdict", "holds in", "settings", "condition"),
    *("tried", "result", "torch"),
)


def claim_record(tested: GridRuns, torch: str = "") -> dict[str, str]:
    """Return one claim as a row of the file, by column name; ``torch`` is torch's version."""
    one, grid_verdict, first = claim(tested.number), tested.grid_verdict, tested.runs[0]
    return dict(
        zip(
            HEAD,
            (
                str(tested.number),
                one.topic,
                one.statement,
                grid_verdict.verdict if grid_verdict else "not run to the end",
                str(grid_verdict.holds) if grid_verdict else "",
                str(grid_verdict.settings) if grid_verdict else "",
                grid_verdict.condition if grid_verdict else "",
                grid_in_words(one),
                first.outcome.sentence if first.outcome else first.refusal,
                torch,
            ),
            strict=True,
        )
    )


def as_csv(rows: Iterable[GridRuns], torch: str) -> str:
    """Return the results as CSV text with a header row; ``torch`` is torch's version."""
    text = StringIO()
    writer = csv.DictWriter(text, HEAD, lineterminator="\n")
    writer.writeheader()
    writer.writerows(claim_record(each, torch) for each in rows)
    return text.getvalue()


def as_html(rows: Iterable[GridRuns], torch: str) -> str:
    """Return the results as a self-contained HTML page, printed without page breaks inside rows."""
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f"<title>{TITLE}</title><style>{STYLE}</style></head><body><h1>{TITLE}</h1>"
        f"<p>Every verdict was measured with PyTorch {escape(torch)}, over the settings named "
        f"below it; the numbers are those of the first of them.</p>{results_table(rows)}</body></html>"
    )


def results_table(rows: Iterable[GridRuns]) -> str:
    """Return the results as an HTML table."""
    heads = ("statement", "verdict", "result")
    return table("Results", heads, map(_table_row, rows))


def _table_row(tested: GridRuns) -> list[str | Cell]:
    """Return one claim as a row of the HTML table."""
    text, grid_verdict = claim_record(tested), tested.grid_verdict
    condition = (
        f" Holds when {text['condition']}." if grid_verdict and grid_verdict.condition else ""
    )
    look = f"verdict {VERDICT_LOOKS.get(text['verdict'], '')}".strip()
    counts = f"in {grid_verdict.counts_in_words}" if grid_verdict else ""
    return [
        f"{text['number']} · {text['statement']}",
        Cell(text["verdict"], counts, kind=look),
        Cell(f"{text['result']}{condition}", text["tried"]),
    ]
