"""Exact theoretical receptive fields of any network; see `core.receptive_field.fields`.

    fields = receptive_fields(resnet50(), (3, 224, 224))
    fields["layer4_2_conv3"].size  # (427, 427)

From the command line, for one's own code:

    python -m core.receptive_field package.module:callable --input 3,224,224 [--json|--csv]

torch is imported only on first use of one of these names.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .fields import (
        Box,
        Interval,
        MeasuredField,
        ReceptiveField,
        Recurrence,
        fields_of,
        measure_receptive_field,
        receptive_fields,
        recurrence,
    )

__all__ = [
    "Box",
    "Interval",
    "MeasuredField",
    "ReceptiveField",
    "Recurrence",
    "fields_of",
    "measure_receptive_field",
    "receptive_fields",
    "recurrence",
]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from . import fields

    return getattr(fields, name)
