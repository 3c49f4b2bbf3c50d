"""Torch's own count of floating point operations, for programs that use several threads."""

from __future__ import annotations

from torch.utils.flop_counter import FlopCounterMode
from torch.utils.module_tracker import ModuleTracker


class _NoModules(ModuleTracker):
    """Stands in for torch's tracker of modules, which hooks into every module of the process:
    a backward pass of another thread fails while it is there. All is counted as one."""

    def __enter__(self) -> _NoModules:
        """Nothing is hooked into."""
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing is to be undone."""


class FlopCounter(FlopCounterMode):
    """Counts what this thread runs inside a ``with``; ``get_total_flops()`` tells.

    Source: ``torch.utils.flop_counter.FlopCounterMode``, here without the share of each module.
    """

    def __init__(self) -> None:
        super().__init__(display=False)
        self.mod_tracker = _NoModules()
