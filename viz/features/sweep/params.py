"""Settings of the sweep page: one or two layers on the same input, and the player's view."""

from __future__ import annotations

from dataclasses import dataclass

from viz.choices.layer import BoardSettings, LayerSettings, PlayerView, make_runnable
from viz.params import choice, group

PAGE = "sweep"
SECOND = "_b"
"""Suffix of the second layer's parameters in a link."""
COMPARE = {
    "off": "one layer",
    "second": "two layers",
    "classics": "stride × padding",
}
"""Label on the page by the name of a comparison in the URL."""


@dataclass(frozen=True)
class SweepSettings(PlayerView, BoardSettings):
    """All settings of the sweep page.

    Attributes:
        second: The second layer, with which the first one is compared.
        compare: A key of `COMPARE`.
    """

    second: LayerSettings = group(LayerSettings, SECOND)
    compare: str = choice("off", COMPARE)

    @property
    def layers(self) -> dict[str, BoardSettings]:
        """The one or two layers that a visitor sets, by the suffix of their names in a link."""
        first = BoardSettings.of(self.flat)
        if self.compare != "second":
            return {"": first}
        return {"": first, SECOND: first.updated(self.second.flat)}


def make_valid(values: SweepSettings) -> tuple[SweepSettings, list[str]]:
    """Settings whose layers can be run on the input, and a sentence for each change of them."""
    sentences: list[str] = []
    for suffix, before in values.layers.items():
        # The first layer may have changed the input's size, which both layers share.
        shared = {name: values[name] for name in ("input_height", "input_width", "in_channels")}
        after, changes = make_runnable(before.updated(shared))
        if changes:
            layer = {name + suffix: after[name] for name in LayerSettings.defaults()}
            values = values.updated(layer, **{name: after[name] for name in shared})
        prefix = "Layer B: " if suffix else ""
        sentences += [prefix + sentence for sentence in changes]
    return values, sentences
