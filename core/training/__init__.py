"""Training of small networks that differ in how they downsample, with records of every run.

    from core.training.loop import train

    for record in train(TrainingSpec(Net("strided"), Digits())):
        print(record.step, record.loss)

Close the generator to stop; ``train(spec, state=record.state)`` resumes. The specs need no torch;
`train` does.
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
