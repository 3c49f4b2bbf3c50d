"""A short name for `core.layer.operations`."""

from .layer.operations import OPERATIONS as OPERATIONS
from .layer.operations import check as check
