"""Small, real training, recorded: what downsampling changes in what a net learns.

    from core.training.loop import train

    for record in train(TrainingSpec(Net("strided"), Digits())):
        print(record.step, record.loss)

Close the generator to stop; ``train(spec, state=record.state)`` goes on. Needs torch once `train`
is used; the specs do not.
"""

from __future__ import annotations

from .spec import (
    DOWNSAMPLINGS,
    HEADS,
    OPTIMIZERS,
    Digits,
    LongRange,
    Net,
    OwnImages,
    Task,
    TrainingSpec,
)

__all__ = [
    "DOWNSAMPLINGS",
    "HEADS",
    "OPTIMIZERS",
    "Digits",
    "LongRange",
    "Net",
    "OwnImages",
    "Task",
    "TrainingSpec",
]
