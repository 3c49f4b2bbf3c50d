"""The settings of a network, the same on every page, and the network that they describe.

It is an architecture of the zoo, a text of layers, a net of the training lab, or, if the person
who runs the server allows it, a module by its import path.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from core.errors import SpecError
from core.networks import NetworkSpec, build
from core.networks.notation import parse_notation
from core.networks.zoo_lines import NOTATIONS
from core.training.spec import LongRange, Net, OwnImages, TrainingSpec
from core.training.text import from_text, to_text
from viz.choices import lab, lab_store
from viz.params import Settings, choice, decode, number, pattern, text
from viz.server.cache import computed_once
from viz.server.settings import settings

if TYPE_CHECKING:
    import torch
    from torch import nn

OWN, MODULE, TRAINED = "own", "module", "trained"
"""Values of ``network`` for a text of layers, a module, and a net of the training lab."""
DEFAULT = "four_conv_pool"
"""Name in the zoo of the network that pages start with."""
MAX_SIDE, MAX_CHANNELS = 1024, 1024
"""Largest height, width and number of channels of an input."""


def modules_allowed() -> bool:
    """Whether the person who runs the server lets visitors load modules by their import path."""
    return settings().local_modules


def _checked_layers(text: str) -> str:
    """Check a network in notation and return it; ValueError for a wrong one."""
    try:
        spec_from_notation(text)
    except SpecError as error:
        raise ValueError(f"is no network: {error}") from None
    return text


def _checked_run(text: str) -> str:
    """Check the text of a training run and return it in the form that the training lab writes.

    Raises:
        ValueError: The text is no run, or none that the training lab can train.
    """
    if not text:
        return ""
    try:
        spec = _lab_spec(text, _placeholder_images(text))
    except SpecError as error:
        raise ValueError(f"is no training run: {error}") from None
    line = to_text(spec)
    if wrong := decode(lab.TrainingSettings.params(), training_lab_query(line))[1]:
        raise ValueError(f"is none of the training lab: {'; '.join(wrong)}")
    return line


def _lab_spec(text: str, own: OwnImages | None) -> TrainingSpec:
    """The spec of a run's text, recorded as often as in the training lab, which does not affect
    the net."""
    lab_defaults = TrainingSpec()
    names = ("records", "snapshots", "erf_draws")
    return replace(from_text(text, own), **{name: getattr(lab_defaults, name) for name in names})


def _placeholder_images(text: str) -> OwnImages | None:
    """A blank image in place of the uploaded images that a run's text names; None without any.

    With it the text can be parsed even if the images are not in memory.
    """
    digest = _images_digest(text)
    image, label = np.zeros((1, 1, 8, 8), np.float32), np.zeros(1, np.int64)
    return OwnImages(digest, image, label, (0, 1)) if digest else None


def _images_digest(text: str) -> str:
    """The digest of the uploaded images that a run's text names; "" if it names none."""
    words = [word for word in text.split(" ") if word.startswith("digest=")]
    return words[0].removeprefix("digest=") if words else ""


def training_lab_query(run: str) -> dict[str, str]:
    """URL parameters with which the training lab trains only the net of a run's text."""
    kind, *words = run.split(" ")
    settings_of_run = {name: text for name, _, text in (word.partition("=") for word in words)}
    # The text leaves out a default head, for which the lab would take the one that suits the task.
    head = {"head": Net().head} if settings_of_run.get("task") == LongRange.kind else {}
    return {"variants": kind, "seeds": "1", **head, **settings_of_run}


def run_from_text(text: str) -> TrainingSpec:
    """The spec of a run from its text, which `_checked_run` has checked.

    Of uploaded images it has only the first one, because the net does not depend on their number.

    Raises:
        SpecError: The text is empty, or the uploaded images are not in memory.
    """
    if not text:
        raise SpecError("run", "must name a run of the training lab", "nothing")
    digest = _images_digest(text)
    own = lab_store.uploaded_images(digest) if digest else None
    if digest and own is None:
        rule = (
            "learned from images that are not here any more; upload them in the training lab again"
        )
        raise SpecError("run", rule, text)
    if own is not None:
        own = replace(own, images=own.images[:1].copy(), labels=own.labels[:1].copy())
    return from_text(text, own)


@computed_once(256)
def spec_from_notation(layers: str) -> NetworkSpec:
    """The network of a text in notation.

    Raises:
        SpecError: The text is no network.
    """
    return parse_notation(layers)


def network_setting(default: str = DEFAULT) -> Any:
    """A field for the name of a network: one of the zoo, `OWN`, `TRAINED` or `MODULE`."""
    return choice(
        default,
        lambda: {name: network_title(name) for name in network_options(trained=True)},
        "network",
        f"{OWN} or an architecture of the list, such as {DEFAULT}",
        help="A published architecture, or layers of your own.",
    )


@dataclass(frozen=True)
class NetworkSettings(Settings):
    """The settings of a network and its input; 0 stands for the input size of the publication."""

    network: str = network_setting()
    layers: str = text(NOTATIONS[DEFAULT], _checked_layers)
    run: str = text("", _checked_run)
    module: str = pattern(
        "",
        r"[\w.]{1,200}:[\w.]{1,200}",
        "package.module:callable",
        typed=True,
        kind="text",
        label="module — package.module:callable",
    )
    in_channels: int = number(3, 1, MAX_CHANNELS, "in_channels")
    input_height: int = number(0, 0, MAX_SIDE, "height", unit="px", help="Of the input.")
    input_width: int = number(0, 0, MAX_SIDE, "width", unit="px", help="Of the input.")


@dataclass(frozen=True)
class OwnLayers(NetworkSettings):
    """Settings of a network whose default is a text of layers; a page declares that text."""

    network: str = network_setting(OWN)


@dataclass(frozen=True)
class Network:
    """A network on an input size; hashable, so that results about it can be cached.

    Attributes:
        name: Name in the zoo, `OWN`, `TRAINED` or `MODULE`.
        spec: The layers of `OWN`; None for others.
        module: The ``package.module:callable`` of `MODULE`; "" for others.
        input_size: (C, H, W).
        line: Text of the training run of `TRAINED`; "" for others.
        run: Spec of that run; None for others, and if `run_from_text` refuses the text.
    """

    name: str
    spec: NetworkSpec | None
    module: str
    input_size: tuple[int, int, int]
    line: str = ""
    run: TrainingSpec | None = None

    @property
    def title(self) -> str:
        """Name of the network on the page."""
        if self.name == OWN:
            return "These layers"
        if self.name == TRAINED:
            return _trained_title(self.run)
        return self.module or network_title(self.name)

    def build(self, device: str | torch.device = "meta", seed: int = 0) -> nn.Module:
        """The torch module with random weights of a seed; on ``"meta"`` it has no weights.

        A net of the training lab has its initial weights, whatever the seed;
        `viz.choices.network_analysis.module` returns it with its trained ones.

        Raises:
            SpecError: The network cannot be built on this input, or `run_from_text` refuses its run.
        """
        if self.spec is not None:
            channels, *size = self.input_size
            return build(self.spec, channels, (size[0], size[1]), device=device, seed=seed)
        if self.name == TRAINED:
            from core.training.nets import model

            run = self.run or run_from_text(self.line)
            return model(run.net, run.task, run.seed).to(device)
        if self.name == MODULE:
            from core.receptive_field.cli import load_network
            from core.seeded import seeded

            with seeded(seed):
                return load_network(self.module).to(device)
        from core.networks import zoo

        return zoo.build(self.name, device, seed=seed)

    def with_image_size(self, height: int, width: int) -> Network:
        """The same network on an input of another size."""
        return replace(self, input_size=(self.input_size[0], height, width))


def _trained_title(run: TrainingSpec | None) -> str:
    """Name on the page of a net from the training lab."""
    if run is None:
        return "A trained net"
    kind = run.net.downsampling.replace("_", " ")
    return f"Trained: {kind}, seed {run.seed}, {run.steps:,} steps"


def network_title(name: str) -> str:
    """Name on the page of a value of ``network``."""
    from core.networks.zoo import TABLE

    if name in TABLE:
        return TABLE[name].title
    return {
        OWN: "your own layers…",
        TRAINED: "a net from the training lab",
        MODULE: "a module of this machine…",
    }[name]


def architectures() -> list[str]:
    """Names of the architectures in the zoo."""
    from core.networks.zoo import NAMES

    return list(NAMES)


def network_options(trained: bool = False) -> list[str]:
    """The values that ``network`` can have.

    Args:
        trained: Whether `TRAINED` is one; the picker offers it only if a link names a run.
    """
    modules = [MODULE] if modules_allowed() else []
    return [*architectures(), OWN, *([TRAINED] if trained else []), *modules]


def published_network(name: str) -> Network:
    """A network of the zoo on the input size of its publication."""
    from core.networks.zoo import entry

    return Network(name, None, "", entry(name).input_size)


S = TypeVar("S", bound=NetworkSettings)


def with_suitable_input(values: S) -> S:
    """Settings whose input has a number of channels and a size that suit the network.

    An architecture gets its own number of channels, and its published size where the size is 0.
    A net of the training lab gets the shape of the images it was trained on.
    """
    name = values.network
    if name == TRAINED:
        channels, height, width = (_run_or_none(values.run) or TrainingSpec()).task.shape
        return replace(values, in_channels=channels, input_height=height, input_width=width)
    own = name in (OWN, MODULE)
    channels, height, width = (3, 64, 64) if own else published_network(name).input_size
    return replace(
        values,
        in_channels=values.in_channels if own else channels,
        input_height=values.input_height or min(height, MAX_SIDE),
        input_width=values.input_width or min(width, MAX_SIDE),
    )


def _run_or_none(line: str) -> TrainingSpec | None:
    """The spec of a run's text; None if `run_from_text` refuses it. `Network.build` then raises
    the reason."""
    try:
        return run_from_text(line)
    except SpecError:
        return None


def network(values: NetworkSettings) -> Network:
    """The network of the settings that `with_suitable_input` returns.

    Raises:
        SpecError: The layers are no network, or no module is named.
    """
    name = values.network
    size = (values.in_channels, values.input_height, values.input_width)
    if name == MODULE and not values.module:
        raise SpecError("module", "must be named, as package.module:callable", "nothing")
    spec = spec_from_notation(values.layers) if name == OWN else None
    if name == TRAINED:
        return Network(name, None, "", size, values.run, _run_or_none(values.run))
    return Network(name, spec, values.module if name == MODULE else "", size)
