"""The results of the claims as files: a page to print, and comma-separated values."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from html import escape
from io import StringIO

from viz.features.claims.compute import Tested
from viz.features.claims.params import SIGNS
from viz.lessons.claims import claim
from viz.lessons.claims.grid import tried

STYLE = """
@page { margin: 14mm; }
body { font: 10.5pt/1.4 system-ui, sans-serif; color: #1A1A1A; background: #FFFFFF;
  max-width: 60rem; margin: 1.5rem auto; padding: 0 1rem; }
h1 { font-size: 16pt; margin: 0 0 .2rem; }
p { margin: 0 0 .8rem; color: #666666; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; vertical-align: top; padding: .35rem .5rem;
  border-bottom: 1px solid #D5D5D5; }
tr { break-inside: avoid; }
thead { display: table-header-group; }
td:first-child { text-align: right; font-variant-numeric: tabular-nums; }
td.verdict { font-weight: 600; }
td.verdict small { font-weight: 400; }
small { color: #666666; }
"""
TITLE = "Claims, tested"
HEAD = (
    *("number", "topic", "statement", "verdict", "holds in", "settings", "condition"),
    *("tried", "result", "torch"),
)


def record(tested: Tested, torch: str = "") -> dict[str, str]:
    """One claim as a row of the file; ``torch``: its version."""
    one, across, first = claim(tested.number), tested.across, tested.runs[0]
    return dict(
        zip(
            HEAD,
            (
                str(tested.number),
                one.topic,
                one.statement,
                across.verdict if across else "not run to the end",
                str(across.holds) if across else "",
                str(across.settings) if across else "",
                across.condition if across else "",
                tried(one),
                first.outcome.sentence if first.outcome else first.refusal,
                torch,
            ),
            strict=True,
        )
    )


def as_csv(rows: Iterable[Tested], torch: str) -> str:
    """The results with a heading."""
    text = StringIO()
    writer = csv.DictWriter(text, HEAD, lineterminator="\n")
    writer.writeheader()
    writer.writerows(record(each, torch) for each in rows)
    return text.getvalue()


def as_page(rows: Iterable[Tested], torch: str) -> str:
    """The results as one HTML page that needs nothing else; rows stay whole on paper."""
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f"<title>{TITLE}</title><style>{STYLE}</style></head><body><h1>{TITLE}</h1>"
        f"<p>Every verdict was measured with PyTorch {escape(torch)}, over the settings named "
        f"below it; the numbers are those of the first of them.</p>{table(rows)}</body></html>"
    )


def table(rows: Iterable[Tested]) -> str:
    """The results as an HTML table."""
    lines = "".join(_row(each) for each in rows)
    return (
        "<div class='evidence'><table><thead><tr><th>No.</th><th>Statement</th><th>Verdict</th>"
        f"<th>What was found</th></tr></thead><tbody>{lines}</tbody></table></div>"
    )


def _row(tested: Tested) -> str:
    safe = {name: escape(text) for name, text in record(tested).items()}
    across = tested.across
    condition = f" Holds when {safe['condition']}." if across and across.condition else ""
    sign = SIGNS.get(safe["verdict"], "–")
    count = f"<br><small>in {escape(across.count)}</small>" if across else ""
    return (
        f"<tr><td>{safe['number']}</td><td>{safe['statement']}</td>"
        f'<td class="verdict">{sign} {safe["verdict"]}{count}</td>'
        f"<td>{safe['result']}{condition}<br><small>{safe['tried']}</small></td></tr>"
    )
