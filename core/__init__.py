"""Convolutions, what their units see, and what they cost, in numbers. Knows no screen.

In the checkout this package is called `core`; installed with pip it is called `strides`.

    import strides

    fields = strides.receptive_fields(network, (3, 224, 224))

Five names stand here; all others are imported from the folder that they lie in. Torch is loaded
when one of these five is used.
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


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_FOLDERS[name]}", __name__), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
