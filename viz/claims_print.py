"""The results of the claims as files: a page to print, and comma-separated values."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from html import escape
from io import StringIO

from core.claims import claim
from viz.claims_state import SIGNS, settings_text
from viz.compute_claims import Ran

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
td.verdict { font-weight: 600; white-space: nowrap; }
small { color: #666666; }
"""
TITLE = "Claims, tested"
HEAD = ("number", "topic", "statement", "verdict", "condition", "result", "settings", "torch")


def record(ran: Ran, torch: str = "") -> dict[str, str]:
    """One claim as a row of the file; ``torch``: its version."""
    one, found = claim(ran.number), ran.outcome
    return dict(
        zip(
            HEAD,
            (
                str(ran.number),
                one.topic,
                one.statement,
                found.verdict if found else "refused",
                found.condition if found else "",
                found.sentence if found else ran.refusal,
                settings_text(ran.settings),
                torch,
            ),
            strict=True,
        )
    )


def as_csv(rows: Iterable[Ran], torch: str) -> str:
    """The results with a heading."""
    text = StringIO()
    writer = csv.DictWriter(text, HEAD, lineterminator="\n")
    writer.writeheader()
    writer.writerows(record(ran, torch) for ran in rows)
    return text.getvalue()


def as_page(rows: Iterable[Ran], torch: str) -> str:
    """The results as one HTML page that needs nothing else; rows stay whole on paper."""
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f"<title>{TITLE}</title><style>{STYLE}</style></head><body><h1>{TITLE}</h1>"
        f"<p>Every verdict was measured with PyTorch {escape(torch)}, with the settings below "
        f"it.</p>{table(rows)}</body></html>"
    )


def table(rows: Iterable[Ran]) -> str:
    """The results as an HTML table."""
    lines = "".join(_row(record(ran)) for ran in rows)
    return (
        "<div class='evidence'><table><thead><tr><th>No.</th><th>Statement</th><th>Verdict</th>"
        f"<th>What was found</th></tr></thead><tbody>{lines}</tbody></table></div>"
    )


def _row(told: dict[str, str]) -> str:
    safe = {name: escape(text) for name, text in told.items()}
    condition = f" {safe['condition']}" if told["condition"] else ""
    sign = SIGNS.get(told["verdict"], "–")
    return (
        f"<tr><td>{safe['number']}</td><td>{safe['statement']}</td>"
        f'<td class="verdict">{sign} {safe["verdict"]}</td>'
        f"<td>{safe['result']}{f' Holds when{condition}.' if condition else ''}"
        f"<br><small>{safe['settings']}</small></td></tr>"
    )
