"""Studies: effective receptive fields of several networks, with fitted power laws.

Each network is measured by backpropagation (`core.erf`) and compared with the closed form
(`core.erf.expected`). `compare` takes any networks, also trained ones; `core.erf.studies` builds
series of networks that differ in one setting.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from math import prod, sqrt

import numpy as np
from torch import nn

from ..cost.layers import layer_costs, totals
from ..errors import SpecError, whole
from ..layer.window import Pair
from ..networks.swaps import ACTIVATIONS
from . import EffectiveReceptiveField, Progress, Recipe, Stopped, effective_receptive_field
from .expected import HE_GAINS, UNIT_GAINS, ExpectedErf, Gains, expected_erf
from .recipe import Aggregate, Weights

MAX_MACS = 10**12
"""Largest number of multiply–accumulates of a study; a draw counts as three forward passes."""
MAX_CASES = 64
"""Largest number of networks in a study."""
MAX_CHANNELS = 64


@dataclass(frozen=True)
class StudySettings:
    """The settings that all networks of a study share.

    Attributes:
        channels: number of channels of every layer and of the image, 1 to `MAX_CHANNELS`. In deep
            networks with few channels, single draws vary strongly.
        activation: one of `core.networks.swaps.ACTIVATIONS`; there is none after the last layer.
        draws, weights, aggregate, seed: see `core.erf.effective_receptive_field`.
        device: see `core.device.pick`.

    Raises:
        SpecError: a setting out of range.
    """

    channels: int = 16
    activation: str = "relu"
    draws: int = 64
    weights: Weights = "he"
    aggregate: Aggregate = "energy"
    seed: int = 0
    device: str | None = None

    def __post_init__(self) -> None:
        if whole("channels", self.channels, 1) > MAX_CHANNELS:
            raise SpecError("channels", f"must be at most {MAX_CHANNELS}", self.channels)
        if self.activation not in ACTIVATIONS:
            raise SpecError(
                "activation", f"must be one of {', '.join(ACTIVATIONS)}", self.activation
            )
        Recipe(self.draws, "noise", self.weights, self.aggregate, self.seed)


DEFAULT_SETTINGS = StudySettings()
"""The default settings of the studies in `core.erf.studies`."""


@dataclass(frozen=True, eq=False)
class StudyRow:
    """One network of a study.

    Attributes:
        label: the setting in which the network differs from the others.
        x: this setting as a number; the row's index if it is none.
        erf: the measured effective receptive field.
        expected: the closed form for the same unit; None if there is none for these settings.
    """

    label: str
    x: float
    erf: EffectiveReceptiveField = field(repr=False)
    expected: ExpectedErf | None = field(repr=False)

    @property
    def reach(self) -> float:
        """Geometric mean of the height and width of the theoretical receptive field, in pixels."""
        return sqrt(prod(self.erf.theory.size))

    @property
    def sigma(self) -> float:
        """Root mean square of σ_y and σ_x, in pixels."""
        return sqrt(sum(s**2 for s in self.erf.sigma) / 2)

    @property
    def side(self) -> float:
        """Side of the area above 4.55 % of the peak, in pixels."""
        return self.erf.side

    @property
    def share(self) -> float:
        """``side`` divided by ``reach``."""
        return self.side / self.reach


@dataclass(frozen=True)
class Fit:
    """A power law fitted to the rows of a study: ``quantity = factor · x ** exponent``.

    Attributes:
        quantity: name of the attribute of `StudyRow`.
        exponent, factor: parameters by least squares of the logarithms.
        r_squared: share of the variance of the logarithms that is explained; 1 for no variance.
        law: the exponent that theory predicts for many layers.
    """

    quantity: str
    exponent: float
    factor: float
    r_squared: float
    law: float


@dataclass(frozen=True, eq=False)
class Study:
    """The rows of a study, and the power laws fitted to them.

    Attributes:
        name: name of the setting that varies.
        x_label: meaning of ``x`` of the rows.
        rows: one row for each network, in the order requested.
        fits: empty if theory predicts no law, or there are fewer than two different x.
    """

    name: str
    x_label: str
    rows: tuple[StudyRow, ...]
    fits: tuple[Fit, ...]

    def fit(self, quantity: str) -> Fit:
        """The fit of a quantity: ``"sigma"``, ``"side"`` or ``"share"``.

        Raises:
            SpecError: there is no such fit.
        """
        for fit in self.fits:
            if fit.quantity == quantity:
                return fit
        names = ", ".join(fit.quantity for fit in self.fits) or "nothing"
        raise SpecError("quantity", f"must have been fitted; here {names} was", quantity)


@dataclass(frozen=True)
class StudyProgress:
    """Progress of a study after a chunk of draws.

    Attributes:
        label: label of the network being measured.
        done, total: number of networks completed, and of all networks.
        inner: progress of the network being measured.
    """

    label: str
    done: int
    total: int
    inner: Progress


Report = Callable[[StudyProgress], bool | None]
"""Progress callback; if it returns False, the study stops."""


@dataclass(frozen=True, eq=False)
class Case:
    """One network of a study before it is measured.

    Attributes:
        label, x: see `StudyRow`.
        module: the network.
        input_size: (C, H, W) or (C, L).
        settings: settings of the measurement.
        layer, unit: what is measured, see `core.erf.effective_receptive_field`.
    """

    label: str
    x: float
    module: nn.Module
    input_size: tuple[int, ...]
    settings: StudySettings
    layer: str | None = None
    unit: Pair | None = None


def power_law(x: Sequence[float], y: Sequence[float]) -> tuple[float, float, float]:
    """Exponent, factor and R² of ``y = factor · x ** exponent``, fitted to the logarithms.

    Raises:
        SpecError: fewer than two different x, or a value that is not positive.
    """
    if len(set(x)) < 2 or min(x) <= 0 or min(y) <= 0:
        raise SpecError("x", "must have two different values, all positive", tuple(x))
    u, v = np.log(np.asarray(x, float)), np.log(np.asarray(y, float))
    exponent, offset = np.polyfit(u, v, 1)
    total = float(((v - v.mean()) ** 2).sum())
    residual = float(((v - exponent * u - offset) ** 2).sum())
    explained = 1 - residual / total if total > 1e-20 else 1.0
    return float(exponent), float(np.exp(offset)), explained


def run_study(
    name: str,
    x_label: str,
    cases: Sequence[Case],
    laws: Mapping[str, float] | None = None,
    progress: Report | None = None,
) -> Study:
    """Measure every case of a study and fit the power laws.

    Args:
        name, x_label: see `Study`.
        cases: the networks, at most `MAX_CASES`.
        laws: the exponent that theory predicts, by the attribute of `StudyRow`.
        progress: function called after every chunk of draws; if it returns False, the study stops.

    Raises:
        SpecError: no cases or too many; more work than `MAX_MACS` (raised before the study); or an
            error of `core.erf.effective_receptive_field`.
        Stopped: the progress callback returned False; contains the result of the current network.
    """
    if not 1 <= len(cases) <= MAX_CASES:
        raise SpecError("cases", f"must be 1 to {MAX_CASES} networks", len(cases))
    _check_macs(cases)
    rows = tuple(
        _measured_row(case, index, len(cases), progress) for index, case in enumerate(cases)
    )
    x = [row.x for row in rows]
    fits = []
    for quantity, law in (laws or {}).items() if len(set(x)) > 1 else ():
        values = [getattr(row, quantity) for row in rows]
        fits.append(Fit(quantity, *power_law(x, values), law))
    return Study(name, x_label, rows, tuple(fits))


def _check_macs(cases: Sequence[Case]) -> None:
    """Raise SpecError if the study takes more than `MAX_MACS` multiply–accumulates."""
    work = sum(
        3 * case.settings.draws * totals(layer_costs(case.module, case.input_size)).macs
        for case in cases
    )
    if work > MAX_MACS:
        draws = max(case.settings.draws for case in cases)
        rule = (
            f"must be fewer: this takes {work:.1e} multiply–accumulates of {MAX_MACS:.0e} allowed"
        )
        raise SpecError("draws", rule, draws)


def _measured_row(case: Case, index: int, total: int, progress: Report | None) -> StudyRow:
    """Measure one case; ``index`` and ``total`` are for the progress."""
    settings = case.settings
    answers: list[bool | None] = [True]

    def report(inner: Progress) -> bool | None:
        if progress is not None:
            answers.append(progress(StudyProgress(case.label, index, total, inner)))
        return answers[-1]

    erf = effective_receptive_field(
        case.module,
        case.input_size,
        case.layer,
        unit=case.unit,
        draws=settings.draws,
        weights=settings.weights,
        aggregate=settings.aggregate,
        seed=settings.seed,
        device=settings.device,
        progress=report,
    )
    if answers[-1] is False:  # stop before the next case
        raise Stopped(erf)
    return StudyRow(case.label, case.x, erf, _expected_erf_of_case(case, erf))


GAINS: Mapping[Weights, Gains] = {
    "he": HE_GAINS,
    "xavier": Gains(1.0, 0.5),
    "orthogonal": Gains(1.0, 0.5),
}
"""Gains of the closed form for each distribution of weights; others have `UNIT_GAINS`."""


def _expected_erf_of_case(case: Case, erf: EffectiveReceptiveField) -> ExpectedErf | None:
    """The closed form for a case; None if there is none for its settings."""
    settings = case.settings
    uniform = settings.weights == "uniform"
    if settings.aggregate == "signed" and not uniform:
        return None
    return expected_erf(
        case.module,
        case.input_size,
        erf.layer,
        erf.unit,
        weights="uniform" if uniform else "random",
        aggregate=settings.aggregate,
        gains=GAINS.get(settings.weights, UNIT_GAINS),
    )


TRAINED_SETTINGS = StudySettings(weights="as_is")
"""Settings for networks that are measured with their own weights."""


def compare(
    networks: Sequence[tuple[str, nn.Module]],
    input_size: tuple[int, ...],
    layer: str | None = None,
    unit: Pair | None = None,
    settings: StudySettings = TRAINED_SETTINGS,
    progress: Report | None = None,
) -> Study:
    """Measure any networks with the same settings, such as one before and after training.

    Args:
        networks: (label, module) of each network; the modules are not modified.
        input_size: (C, H, W) or (C, L) of all networks.
        layer, unit: layer and unit of all networks, see `core.erf.effective_receptive_field`.
        settings: settings of the measurement; its ``channels`` and ``activation`` are not used.
        progress: see `run_study`.

    Raises:
        SpecError, Stopped: see `run_study`.
    """
    cases = [
        Case(label, index, module, input_size, settings, layer, unit)
        for index, (label, module) in enumerate(networks)
    ]
    return run_study("networks", "network", cases, progress=progress)
