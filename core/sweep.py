"""A short import path for the public names of `core.layer.sweep`."""

from .layer.sweep import Sweep as Sweep
from .layer.sweep import sweep as sweep
