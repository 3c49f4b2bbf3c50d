"""The network that a page looks at: from the URL's plain values to something to build.

The same parameters serve every page that needs a network. What is built is a row of the
zoo, a text of layers, a net of the training lab, or, where the person who runs the server allows
it, a module by name.
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
DEFAULT = "four_conv_pool"
MAX_SIDE, MAX_CHANNELS = 1024, 1024


def modules_allowed() -> bool:
    """Whether the person who started the server lets visitors load modules by name."""
    return settings().local_modules


def _layers(text: str) -> str:
    try:
        spec_of(text)
    except SpecError as error:
        raise ValueError(f"is no network: {error}") from None
    return text


def _run(text: str) -> str:
    """The line of a run that the training lab makes, as it writes it."""
    if not text:
        return ""
    try:
        spec = _lab_spec(text, _stand_in(text))
    except SpecError as error:
        raise ValueError(f"is no training run: {error}") from None
    line = to_text(spec)
    if wrong := decode(lab.TrainingSettings.params(), lab_query(line))[1]:
        raise ValueError(f"is none of the training lab: {'; '.join(wrong)}")
    return line


def _lab_spec(text: str, own: OwnImages | None) -> TrainingSpec:
    """The run, looked at as often as the training lab does: that changes nothing of its net."""
    as_usual = TrainingSpec()
    looks = {name: getattr(as_usual, name) for name in ("records", "snapshots", "erf_draws")}
    return replace(from_text(text, own), **looks)


def _stand_in(text: str) -> OwnImages | None:
    """For the images that a line names: it is read whether they are here or not."""
    digest = _digest(text)
    image, label = np.zeros((1, 1, 8, 8), np.float32), np.zeros(1, np.int64)
    return OwnImages(digest, image, label, (0, 1)) if digest else None


def _digest(text: str) -> str:
    told = [word for word in text.split(" ") if word.startswith("digest=")]
    return told[0].removeprefix("digest=") if told else ""


def lab_query(run: str) -> dict[str, str]:
    """The settings of the training lab with which it trains the net of that line, and no other."""
    kind, *words = run.split(" ")
    told = {name: text for name, _, text in (word.partition("=") for word in words)}
    # A head that is as a fresh net has it is not told, and the lab would take what suits the task.
    head = {"head": Net().head} if told.get("task") == LongRange.kind else {}
    return {"variants": kind, "seeds": "1", **head, **told}


def run_of(text: str) -> TrainingSpec:
    """The run of a line that `_run` has read. Of a visitor's images it holds one only: how many
    there are changes nothing of the net, and they are many.

    Raises:
        SpecError: no line, or images that are not here.
    """
    if not text:
        raise SpecError("run", "must name a run of the training lab", "nothing")
    digest = _digest(text)
    own = lab_store.uploaded_images(digest) if digest else None
    if digest and own is None:
        rule = "learned from images that are not here any more; give them to the training lab again"
        raise SpecError("run", rule, text)
    if own is not None:
        own = replace(own, images=own.images[:1].copy(), labels=own.labels[:1].copy())
    return from_text(text, own)


@computed_once(256)
def spec_of(layers: str) -> NetworkSpec:
    """The network that a line of notation writes; SpecError when it is none."""
    return parse_notation(layers)


def network_name(default: str = DEFAULT) -> Any:
    """A field for the choice of a network."""
    return choice(
        default,
        lambda: {name: title(name) for name in options(trained=True)},
        "network",
        f"{OWN} or an architecture of the list, such as {DEFAULT}",
        help="A published architecture, or layers of your own.",
    )


@dataclass(frozen=True)
class NetworkSettings(Settings):
    """The choice of a network and of its input; a page may declare another network as its first.

    An input size of 0 stands for the size the architecture was published for.
    """

    network: str = network_name()
    layers: str = text(NOTATIONS[DEFAULT], _layers)
    run: str = text("", _run)
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
    """The same, beginning with layers in notation; a page declares which."""

    network: str = network_name(OWN)


@dataclass(frozen=True)
class Network:
    """What is to be looked at; hashable, so that a class computes it once.

    Attributes:
        name: of the zoo, `OWN`, `TRAINED` or `MODULE`.
        spec: of the layers; None for the others.
        module: ``package.module:callable``; "" for the others.
        input_size: (C, H, W).
        line: of a run of the training lab; "" for the others.
        run: the same as a spec, see `run_of`; None for the others, and where there is none.
    """

    name: str
    spec: NetworkSpec | None
    module: str
    input_size: tuple[int, int, int]
    line: str = ""
    run: TrainingSpec | None = None

    @property
    def title(self) -> str:
        """What people call it."""
        if self.name == OWN:
            return "These layers"
        if self.name == TRAINED:
            return _trained_title(self.run)
        return self.module or title(self.name)

    def build(self, device: str | torch.device = "meta", seed: int = 0) -> nn.Module:
        """The torch module, its weights decided by the seed. On ``"meta"`` it has shapes and no
        weights. A net of the training lab has the weights that it begins with, whatever the seed;
        `viz.choices.network_analysis.module` gives those it comes to.

        Raises:
            SpecError: it cannot be built for this input; no run is named, or the images that it
                learned from are not here.
        """
        if self.spec is not None:
            channels, *size = self.input_size
            return build(self.spec, channels, (size[0], size[1]), device=device, seed=seed)
        if self.name == TRAINED:
            from core.training.nets import model

            run = self.run or run_of(self.line)
            return model(run.net, run.task, run.seed).to(device)
        if self.name == MODULE:
            from core.receptive_field.cli import load_network
            from core.seeded import seeded

            with seeded(seed):
                return load_network(self.module).to(device)
        from core.networks import zoo

        return zoo.build(self.name, device, seed=seed)

    def at(self, height: int, width: int) -> Network:
        """The same network on another input."""
        return replace(self, input_size=(self.input_size[0], height, width))


def _trained_title(run: TrainingSpec | None) -> str:
    if run is None:
        return "A trained net"
    kind = run.net.downsampling.replace("_", " ")
    return f"Trained: {kind}, seed {run.seed}, {run.steps:,} steps"


def title(name: str) -> str:
    """An option of the picker in words."""
    from core.networks.zoo import TABLE

    if name in TABLE:
        return TABLE[name].title
    return {
        OWN: "your own layers…",
        TRAINED: "a net from the training lab",
        MODULE: "a module of this machine…",
    }[name]


def architectures() -> list[str]:
    """The zoo's names."""
    from core.networks.zoo import NAMES

    return list(NAMES)


def options(trained: bool = False) -> list[str]:
    """What can be chosen; the picker offers a net of the training lab only where a link has
    named one."""
    also = [name for name, there in ((TRAINED, trained), (MODULE, modules_allowed())) if there]
    return [*architectures(), OWN, *also]


def published(name: str) -> Network:
    """A row of the zoo on the input it was published for."""
    from core.networks.zoo import entry

    return Network(name, None, "", entry(name).input_size)


S = TypeVar("S", bound=NetworkSettings)


def settle(values: S) -> S:
    """The settings with the published sizes where the link says nothing; channels are the
    architecture's. A trained net takes the images it learned from."""
    name = values.network
    if name == TRAINED:
        channels, height, width = (_found_run(values.run) or TrainingSpec()).task.shape
        return replace(values, in_channels=channels, input_height=height, input_width=width)
    own = name in (OWN, MODULE)
    channels, height, width = (3, 64, 64) if own else published(name).input_size
    return replace(
        values,
        in_channels=values.in_channels if own else channels,
        input_height=values.input_height or min(height, MAX_SIDE),
        input_width=values.input_width or min(width, MAX_SIDE),
    )


def _found_run(line: str) -> TrainingSpec | None:
    """None where `run_of` says why not, which `Network.build` tells."""
    try:
        return run_of(line)
    except SpecError:
        return None


def network(values: NetworkSettings) -> Network:
    """The network of settled values.

    Raises:
        SpecError: the layers are no network, or no module is named.
    """
    name = values.network
    size = (values.in_channels, values.input_height, values.input_width)
    if name == MODULE and not values.module:
        raise SpecError("module", "must be named, as package.module:callable", "nothing")
    spec = spec_of(values.layers) if name == OWN else None
    if name == TRAINED:
        return Network(name, None, "", size, values.run, _found_run(values.run))
    return Network(name, spec, values.module if name == MODULE else "", size)
