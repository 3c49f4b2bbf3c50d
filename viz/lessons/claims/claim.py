"""What a claim is: a statement, an experiment with settings, and what came out of it.

An experiment computes; its verdict follows from the numbers it returns, never from the text
of the claim. An outcome is that of one choice of settings; the verdict of the claim itself is
taken over its grid of settings (`viz.lessons.claims.grid`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from core.errors import SpecError

Verdict = Literal["holds", "holds when", "does not hold", "not decided here"]
VERDICTS: tuple[Verdict, ...] = ("holds", "holds when", "does not hold", "not decided here")
"""The last one: what was measured lies within what chance alone can do."""

Value = int | str
"""A setting's value: a whole number or one of the named options."""
Values = Mapping[str, Value]
Rows = Sequence[Sequence[Any]]
"""Rows of evidence in the making."""
Block = tuple[tuple[str, tuple[Value, ...]], ...]
"""Names of settings, each with the values that it takes: every combination of them is meant."""
Piece = Callable[[], object]
"""A part of an experiment that is kept once it was computed."""
Rule = tuple[str, Callable[[Values], bool]]
"""A condition in words, as the rest of "holds when …", and whether settings fulfil it."""

TOPICS = (
    "Sizes and coverage",
    "Cost",
    "Receptive field",
    "Gradients",
    "Shift and aliasing",
    "Architectures",
)


@dataclass(frozen=True)
class Setting:
    """One thing the reader may change.

    Attributes:
        name: torch's name where it has one (``stride``); the key in the URL.
        label: for the control, with its unit.
        default: where the claim is told.
        low, high: bounds of a whole number; both None for a choice.
        options: the choices.
    """

    name: str
    label: str
    default: Value
    low: int | None = None
    high: int | None = None
    options: tuple[str, ...] = ()

    def checked(self, value: Value) -> Value:
        """The value; SpecError when it breaks the setting's bounds."""
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
    """The numbers of an experiment as a table: column names with units, one row a case.

    ``agrees``: for each row, whether it bears the claim out; None where a row only informs.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[str | int | float, ...], ...]
    agrees: tuple[bool | None, ...]


@dataclass(frozen=True)
class Series:
    """One line or one set of bars of a chart."""

    name: str
    x: tuple[float | str, ...]
    y: tuple[float, ...]


@dataclass(frozen=True)
class Chart:
    """The picture of an experiment.

    Attributes:
        kind: "lines", "bars" or "map"; a map shows ``cells``, the others ``series``.
        title, x, y: with units.
        log: whether the value axis is logarithmic.
        cells: rows of values, for a map; NaN is "not read".
    """

    kind: Literal["lines", "bars", "map"]
    title: str
    x: str
    y: str
    series: tuple[Series, ...] = ()
    log: bool = False
    cells: tuple[tuple[float, ...], ...] = ()


@dataclass(frozen=True)
class Outcome:
    """What came out of an experiment.

    Attributes:
        verdict: computed from the evidence.
        sentence: the verdict in words with this run's numbers, one or two sentences.
        evidence: every number it rests on.
        chart: the picture.
        condition: for "holds when": when; "" otherwise.
    """

    verdict: Verdict
    sentence: str
    evidence: Evidence
    chart: Chart
    condition: str = ""


@dataclass(frozen=True)
class Link:
    """A page of the app and its settings: where to see the claim."""

    page: str
    query: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Claim:
    """One row of the table.

    Attributes:
        number: stable; in the URL.
        topic: one of `TOPICS`.
        statement: as textbooks put it, one or two sentences.
        settings: what the reader may change.
        experiment: values of all settings → outcome; runs torch.
        link: the page that shows it, for these values.
        why: the reason, two or three sentences of Markdown with the formula.
        heavy: one outcome takes longer than about half a second; it waits in the queue.
        grid: the settings over which the claim is judged; what a block does not name is at its
            default.
        rules: conditions on the settings that may part where the claim holds from where it does
            not; the first that does is named.
        pieces: of a long experiment, to be called one after the other before it is run, so that
            it can be stopped between them.
    """

    number: int
    topic: str
    statement: str
    settings: tuple[Setting, ...]
    experiment: Callable[[Values], Outcome]
    link: Callable[[Values], Link]
    why: str
    heavy: bool = False
    grid: tuple[Block, ...] = ()
    rules: tuple[Rule, ...] = ()
    pieces: Callable[[Values], Sequence[Piece]] = lambda values: ()

    @property
    def defaults(self) -> dict[str, Value]:
        """Where the claim is told."""
        return {setting.name: setting.default for setting in self.settings}

    def run(self, values: Mapping[str, Any] | None = None) -> Outcome:
        """The experiment at its defaults, changed by ``values``.

        Raises:
            SpecError: an unknown setting, a value out of bounds, or a combination that the
                experiment refuses.
        """
        settings = {setting.name: setting for setting in self.settings}
        for name in values or {}:
            if name not in settings:
                raise SpecError(name, f"must be one of {', '.join(settings) or 'none'}", name)
        chosen = self.defaults | dict(values or {})
        return self.experiment({n: settings[n].checked(v) for n, v in chosen.items()})


def block(**values: tuple[Value, ...]) -> Block:
    """A part of a grid: ``block(kernel_size=(2, 3), stride=(1, 2))`` is four settings."""
    return tuple(values.items())


def verdict_of(agrees: Iterable[bool | None]) -> Verdict:
    """All rows that judge agree: holds; none: does not hold; some: holds when."""
    judging = [each for each in agrees if each is not None]
    if judging and all(judging):
        return "holds"
    return "holds when" if any(judging) else "does not hold"


def outcome(
    sentence: str,
    columns: tuple[str, ...],
    rows: Rows,
    agrees: Sequence[bool | None],
    chart: Chart,
    condition: str = "",
    verdict: Verdict | None = None,
) -> Outcome:
    """The outcome of an experiment; arguments as of `Outcome` and `Evidence`.

    Args:
        condition: said only of "holds when".
        verdict: where it does not follow from the rows alone, as that of `verdict_of` does.
    """
    verdict = verdict or verdict_of(agrees)
    evidence = Evidence(columns, tuple(map(tuple, rows)), tuple(agrees))
    return Outcome(verdict, sentence, evidence, chart, condition if verdict == "holds when" else "")


def decided(parts: Iterable[bool | None]) -> Verdict:
    """The verdict of parts of which some may be undecided, which None stands for.

    One part that is borne out and one that is not make "holds when", whatever the others are.
    """
    verdicts = set(parts)
    if {True, False} <= verdicts:
        return "holds when"
    if None in verdicts:
        return "not decided here"
    return "holds" if True in verdicts else "does not hold"
