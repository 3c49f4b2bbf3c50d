"""A short name for `core.layer.sweep`."""

from .layer.sweep import Sweep as Sweep
from .layer.sweep import sweep as sweep
