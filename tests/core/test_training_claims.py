"""Claims 15, 20 and 26: verdicts that follow the runs, sabotaged ones too."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import pytest

from core.claims.claim import TOPICS, VERDICTS
from core.claims.training import TRAINING
from core.errors import SpecError
from core.training import studies
from core.training.loop import train

CLAIMS = {claim.number: claim for claim in TRAINING}
SHORT = {"steps": 30, "seeds": 1}


def test_the_rows_are_well_formed():
    assert sorted(CLAIMS) == [15, 20, 26]
    for claim in TRAINING:
        assert claim.topic in TOPICS
        assert claim.heavy
        assert claim.statement.endswith(".")
        assert {"seeds", "steps"} <= set(claim.defaults)
        for setting in claim.settings:
            assert setting.checked(setting.default) == setting.default
        with pytest.raises(SpecError):
            claim.run({"seeds": 4})


@pytest.fixture
def short(monkeypatch):
    """Small nets and three steps, as a stand-in: what is tested is how their numbers are worded."""

    def few(spec, **more):
        net = replace(spec.net, width=4, levels=1, depth=1)
        few = {"steps": 3, "warm_up": 0, "records": min(3, spec.records)}
        return train(replace(spec, net=net, batch=8, erf_draws=1, **few), **more)

    monkeypatch.setattr(studies, "train", few)


@pytest.mark.parametrize("number", [15, 20, 26])
def test_an_outcome_has_a_row_for_every_seed(short, number):
    outcome = CLAIMS[number].run(SHORT | {"seeds": 2})
    evidence = outcome.evidence
    assert outcome.verdict in VERDICTS
    assert bool(outcome.condition) == (outcome.verdict == "holds when")
    assert "over 2 seeds" in outcome.sentence
    assert outcome.sentence.startswith("In this run")
    assert outcome.sentence.endswith(".")
    assert len(evidence.rows) == len(evidence.agrees) == (4 if number == 20 else 2)
    assert all(len(row) == len(evidence.columns) for row in evidence.rows)
    assert outcome.chart.series


@pytest.mark.parametrize(
    ("number", "measure", "values", "verdict"),
    [
        (15, "widening", (1.2, 1.2), "holds"),
        (15, "widening", (1.2, 0.9), "holds when"),
        (15, "widening", (0.9, 1.0), "does not hold"),
        (20, "reaching", (1.0, 0.5), "holds when"),
        (26, "accuracy", (0.9, 0.9, 0.9, 0.9, 0.9, 0.9), "holds"),
        (26, "accuracy", (0.99, 0.90, 0.9, 0.99, 0.98, 0.9), "holds when"),
        (26, "accuracy", (0.99, 0.90, 0.9, 0.99, 0.80, 0.9), "does not hold"),
    ],
)
def test_the_verdict_follows_the_numbers(short, monkeypatch, number, measure, values, verdict):
    told = iter(values * 9)
    monkeypatch.setattr(studies, measure, lambda records: next(told))
    if number == 20:  # strides steadier in no seed: one half of the claim is left
        rough = iter((1.0, 2.0) * 9)
        monkeypatch.setattr(studies, "roughness", lambda records: next(rough))
    assert CLAIMS[number].run(SHORT | {"seeds": 2}).verdict == verdict


def test_a_run_that_learns_nothing_widens_nothing(monkeypatch):
    """Sabotage: the learning rate is as good as none, so no field grows by more than noise."""

    def idle(spec, **more):
        net = replace(spec.net, width=4, depth=1, batch_norm=False)
        few = {"steps": 3, "warm_up": 0, "learning_rate": 1e-6}
        return train(replace(spec, net=net, batch=8, **few), **more)

    monkeypatch.setattr(studies, "train", idle)
    found = CLAIMS[15].run(SHORT).evidence.rows[0]
    assert found[3] == pytest.approx(1, abs=0.001)


def test_importing_the_claims_needs_no_torch():
    script = "import sys, core.claims.training; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
