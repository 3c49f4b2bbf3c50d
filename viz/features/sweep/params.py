"""Settings of the sweep page: one layer or two on one input, and what the player looks at."""

from __future__ import annotations

from dataclasses import dataclass

from viz.choices.layer import BoardSettings, LayerSettings, PlayerView, settle
from viz.params import choice, group

PAGE = "sweep"
SECOND = "_b"
"""Suffix of the second layer's parameters in a link."""
COMPARE = {"off": "one board", "second": "beside a second", "classics": "the four classics"}


@dataclass(frozen=True)
class SweepSettings(PlayerView, BoardSettings):
    """Everything that decides the sweep page. ``second`` is the layer that is compared."""

    second: LayerSettings = group(LayerSettings, SECOND)
    compare: str = choice("off", COMPARE)

    @property
    def layers(self) -> dict[str, BoardSettings]:
        """Each layer that a visitor sets, on the page's input, by the suffix of its names."""
        first = BoardSettings.of(self.flat)
        if self.compare != "second":
            return {"": first}
        return {"": first, SECOND: first.updated(self.second.flat)}


def settled(values: SweepSettings) -> tuple[SweepSettings, list[str]]:
    """Settings whose layers can be run on the input, and one sentence for each change."""
    sentences: list[str] = []
    for suffix, before in values.layers.items():
        # The first layer may have changed the input's size, which both layers share.
        shared = {name: values[name] for name in ("input_height", "input_width", "in_channels")}
        after, changes = settle(before.updated(shared))
        if changes:
            layer = {name + suffix: after[name] for name in LayerSettings.defaults()}
            values = values.updated(layer, **{name: after[name] for name in shared})
        prefix = "Layer B: " if suffix else ""
        sentences += [prefix + sentence for sentence in changes]
    return values, sentences
