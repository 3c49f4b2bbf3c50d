"""Convolutional layers and networks in numbers: receptive fields, gradients, costs and training.

In the checkout this package is called `core`; installed with pip it is called `strides`.

    import strides

    fields = strides.receptive_fields(network, (3, 224, 224))

Five names can be imported from the package itself, all others from their folders. Torch is
imported when one of the five is used. Nothing here depends on the app.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .cost import layer_costs
    from .erf import effective_receptive_field
    from .layer import LayerSpec
    from .receptive_field import measure_receptive_field, receptive_fields

__all__ = [
    "LayerSpec",
    "effective_receptive_field",
    "layer_costs",
    "measure_receptive_field",
    "receptive_fields",
]

_FOLDERS = {
    "LayerSpec": "layer",
    "effective_receptive_field": "erf",
    "layer_costs": "cost",
    "measure_receptive_field": "receptive_field",
    "receptive_fields": "receptive_field",
}
"""The folder from which each name is imported."""


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_FOLDERS[name]}", __name__), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
