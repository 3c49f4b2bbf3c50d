"""The network that a page looks at: from the URL's plain values to something to build.

The same parameters serve every page that needs a network. What is built is a row of the
zoo, a text of layers, or, where the person who runs the server allows it, a module by name.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from core.errors import SpecError
from core.networks import NetworkSpec, build
from core.notation import parse_notation
from core.notation_zoo import NOTATIONS
from viz.settings import settings
from viz.shared import shared
from viz.url import Param, number

if TYPE_CHECKING:
    import torch
    from torch import nn

Values = Mapping[str, Any]
OWN, MODULE = "own", "module"
DEFAULT = "four_conv_pool"
MAX_SIDE, MAX_CHANNELS = 1024, 1024


def modules_allowed() -> bool:
    """Whether the person who started the server lets visitors load modules by name."""
    return settings().local_modules


def _network(text: str) -> str:
    from core.zoo import NAMES

    if text == OWN or text in NAMES or (text == MODULE and modules_allowed()):
        return text
    raise ValueError(f"must be {OWN} or an architecture of the list, such as {DEFAULT}")


def _layers(text: str) -> str:
    try:
        spec_of(text)
    except SpecError as error:
        raise ValueError(f"is no network: {error}") from None
    return text


def _module(text: str) -> str:
    if not re.fullmatch(r"[\w.]{1,200}:[\w.]{1,200}", text, re.ASCII):
        raise ValueError("must be package.module:callable")
    return text


@shared(256)
def spec_of(layers: str) -> NetworkSpec:
    """The network that a line of notation writes; SpecError when it is none."""
    return parse_notation(layers)


def params(network: str = DEFAULT, layers: str = NOTATIONS[DEFAULT]) -> list[Param]:
    """The choice of a network, with a page's own first one.

    An input size of 0 stands for the size the architecture was published for.
    """
    return [
        Param("network", network, _network),
        Param("layers", layers, _layers),
        Param("module", "", _module, typed=True),
        number("in_channels", 3, 1, MAX_CHANNELS),
        number("input_height", 0, 0, MAX_SIDE),
        number("input_width", 0, 0, MAX_SIDE),
    ]


PARAMS = params()


@dataclass(frozen=True)
class Network:
    """What is to be looked at; hashable, so that a class computes it once.

    Attributes:
        name: of the zoo, `OWN` or `MODULE`.
        spec: of the layers; None for the others.
        module: ``package.module:callable``; "" for the others.
        input_size: (C, H, W).
    """

    name: str
    spec: NetworkSpec | None
    module: str
    input_size: tuple[int, int, int]

    @property
    def title(self) -> str:
        """What people call it."""
        if self.name == OWN:
            return "Your network"
        return self.module or title(self.name)

    def build(self, device: str | torch.device = "meta") -> nn.Module:
        """The torch module. On ``"meta"`` it has shapes and no weights.

        Raises:
            SpecError: it cannot be built for this input.
        """
        if self.spec is not None:
            return build(self.spec, self.input_size[0], self.input_size[1:], device=device)
        if self.name == MODULE:
            from core.receptive_field_cli import load

            return load(self.module).to(device)
        from core import zoo

        return zoo.build(self.name, device=device)

    def at(self, height: int, width: int) -> Network:
        """The same network on another input."""
        return replace(self, input_size=(self.input_size[0], height, width))


def title(name: str) -> str:
    """An option of the picker in words."""
    from core.zoo import TABLE

    if name in TABLE:
        return TABLE[name].title
    return {OWN: "your own layers…", MODULE: "a module of this machine…"}[name]


def architectures() -> list[str]:
    """The zoo's names."""
    from core.zoo import NAMES

    return list(NAMES)


def options() -> list[str]:
    """What the picker offers."""
    return [*architectures(), OWN, *([MODULE] if modules_allowed() else [])]


def published(name: str) -> Network:
    """A row of the zoo on the input it was published for."""
    from core.zoo import entry

    return Network(name, None, "", entry(name).input_size)


def settle(values: dict[str, Any]) -> None:
    """Put the published sizes where the link says nothing; channels are the architecture's."""
    name = values["network"]
    shape = (3, 64, 64) if name in (OWN, MODULE) else published(name).input_size
    if name not in (OWN, MODULE):
        values["in_channels"] = shape[0]
    for key, side in zip(("input_height", "input_width"), shape[1:], strict=True):
        values[key] = values[key] or min(side, MAX_SIDE)


def network(values: Values) -> Network:
    """The network of settled values.

    Raises:
        SpecError: the layers are no network, or no module is named.
    """
    name = values["network"]
    size = (values["in_channels"], values["input_height"], values["input_width"])
    if name == MODULE and not values["module"]:
        raise SpecError("module", "must be named, as package.module:callable", "nothing")
    spec = spec_of(values["layers"]) if name == OWN else None
    return Network(name, spec, values["module"] if name == MODULE else "", size)
