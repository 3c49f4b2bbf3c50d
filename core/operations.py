"""A short import path for the public names of `core.layer.operations`."""

from .layer.operations import OPERATIONS as OPERATIONS
from .layer.operations import check as check
