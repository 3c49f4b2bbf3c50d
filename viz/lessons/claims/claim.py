"""The data types of a claim: a textbook statement, an experiment with settings, and its outcome.

The verdict of an experiment follows from the numbers it computes, never from the text of the
claim. An `Outcome` belongs to one choice of settings; the verdict on the claim as a whole is
taken over its grid of settings (`viz.lessons.claims.grid`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from core.errors import SpecError
from core.plots.plot import Plot

Verdict = Literal["holds", "holds when", "does not hold", "not decided here"]
VERDICTS: tuple[Verdict, ...] = ("holds", "holds when", "does not hold", "not decided here")
"""The possible verdicts; "not decided here" means that chance alone may explain the numbers."""

Value = int | str
"""The value of a setting: a whole number or one of the named options."""
Values = Mapping[str, Value]
"""The value of each setting of a claim, by the setting's name."""
Rows = Sequence[Sequence[Any]]
"""The rows of an evidence table while they are built; a row has a cell for each column."""
GridBlock = tuple[tuple[str, tuple[Value, ...]], ...]
"""Names of settings, each with several values; the block stands for all their combinations."""
Piece = Callable[[], object]
"""A part of an experiment that computes a result and caches it for the experiment proper."""
Rule = tuple[str, Callable[[Values], bool]]
"""A condition in words, which completes "holds when …", and the test whether settings meet it."""

TOPICS = (
    "Sizes and coverage",
    "Cost",
    "Receptive field",
    "Gradients",
    "Shift and aliasing",
    "Architectures",
)
"""The topics under which the app lists the claims, in this order."""


@dataclass(frozen=True)
class Setting:
    """One parameter of an experiment that the reader may change: a whole number or a choice.

    Attributes:
        name: Torch's name where it has one (``stride``); also the key in the URL.
        label: Text beside the control, with the unit.
        default: The value for which the claim is stated.
        low, high: Inclusive bounds of a whole number; both are None for a choice.
        options: The named options of a choice; empty for a whole number.
    """

    name: str
    label: str
    default: Value
    low: int | None = None
    high: int | None = None
    options: tuple[str, ...] = ()

    def checked(self, value: Value) -> Value:
        """Return the value unchanged.

        Raises:
            SpecError: The value is not an option, or not a whole number within the bounds.
        """
        if self.options:
            if value not in self.options:
                raise SpecError(self.name, f"must be one of {', '.join(self.options)}", value)
            return value
        assert self.low is not None
        assert self.high is not None
        if isinstance(value, str) or not self.low <= value <= self.high:
            raise SpecError(self.name, f"must be from {self.low} to {self.high}", value)
        return value


@dataclass(frozen=True)
class Evidence:
    """The numbers of an experiment as a table.

    Attributes:
        columns: Column names with units.
        rows: One row for each case; each has a cell for each column.
        agrees: Whether each row supports the claim; None for a row that only informs.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[str | int | float, ...], ...]
    agrees: tuple[bool | None, ...]


@dataclass(frozen=True)
class Outcome:
    """The result of an experiment for one choice of settings.

    Attributes:
        verdict: The verdict, computed from the evidence.
        sentence: One or two sentences that state the result with this run's numbers.
        evidence: Every number on which the verdict rests.
        chart: The plot of these numbers. Outcomes are equal without it.
        condition: The words after "holds when"; "" for any other verdict.
    """

    verdict: Verdict
    sentence: str
    evidence: Evidence
    chart: Plot = field(compare=False)
    condition: str = ""


@dataclass(frozen=True)
class Link:
    """A page of the app and the query parameters with which it shows the claim."""

    page: str
    query: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Claim:
    """A textbook statement with the experiment that tests it.

    Attributes:
        number: Identifies the claim in links; it never changes.
        topic: One of `TOPICS`.
        statement: The claim as textbooks put it, in one or two sentences.
        settings: The parameters that the reader may change.
        experiment: Function from the values of all settings to the outcome; it runs torch.
        link: Function from the values of all settings to the page that shows the claim.
        why: The reason, in two or three sentences of Markdown with the formula.
        heavy: Whether one outcome takes longer than about half a second, so that it is computed
            in the queue.
        grid: The settings over which the claim is judged; a setting that a block does not name
            has its default.
        rules: Conditions on the settings that may separate where the claim holds from where it
            does not; the first one that does is named in the verdict.
        pieces: Function from the values to the parts of a long experiment. They are called one
            after the other before the experiment, which can be stopped between them.
    """

    number: int
    topic: str
    statement: str
    settings: tuple[Setting, ...]
    experiment: Callable[[Values], Outcome]
    link: Callable[[Values], Link]
    why: str
    heavy: bool = False
    grid: tuple[GridBlock, ...] = ()
    rules: tuple[Rule, ...] = ()
    pieces: Callable[[Values], Sequence[Piece]] = lambda values: ()

    @property
    def defaults(self) -> dict[str, Value]:
        """The values of all settings for which the claim is stated."""
        return {setting.name: setting.default for setting in self.settings}

    def run(self, values: Mapping[str, Any] | None = None) -> Outcome:
        """Run the experiment with the given values, and the defaults of all other settings.

        Raises:
            SpecError: A setting is unknown, a value is out of bounds, or the experiment refuses
                the combination.
        """
        settings = {setting.name: setting for setting in self.settings}
        for name in values or {}:
            if name not in settings:
                raise SpecError(name, f"must be one of {', '.join(settings) or 'none'}", name)
        chosen = self.defaults | dict(values or {})
        return self.experiment({n: settings[n].checked(v) for n, v in chosen.items()})


def grid_block(**values: tuple[Value, ...]) -> GridBlock:
    """Return a part of a grid: ``block(kernel_size=(2, 3), stride=(1, 2))`` means four choices."""
    return tuple(values.items())


def verdict_of_rows(agrees: Iterable[bool | None]) -> Verdict:
    """Return "holds", "holds when" or "does not hold" as all, some or no rows support the claim.

    Rows whose entry is None only inform and are left out.
    """
    judged = [agree for agree in agrees if agree is not None]
    if judged and all(judged):
        return "holds"
    return "holds when" if any(judged) else "does not hold"


def outcome(
    sentence: str,
    columns: tuple[str, ...],
    rows: Rows,
    agrees: Sequence[bool | None],
    chart: Plot,
    condition: str = "",
    verdict: Verdict | None = None,
) -> Outcome:
    """Build the outcome of an experiment; `Outcome` and `Evidence` describe the arguments.

    Args:
        condition: Kept only if the verdict is "holds when".
        verdict: Replaces the verdict that `verdict_of_rows` would derive from ``agrees``.
    """
    verdict = verdict or verdict_of_rows(agrees)
    evidence = Evidence(columns, tuple(map(tuple, rows)), tuple(agrees))
    return Outcome(verdict, sentence, evidence, chart, condition if verdict == "holds when" else "")


def combined_verdict(parts: Iterable[bool | None]) -> Verdict:
    """Return the verdict on a claim of several parts, each true, false or undecided (None).

    A true part and a false part together make "holds when", even if other parts are undecided.
    """
    verdicts = set(parts)
    if {True, False} <= verdicts:
        return "holds when"
    if None in verdicts:
        return "not decided here"
    return "holds" if True in verdicts else "does not hold"
