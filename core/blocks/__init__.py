"""Blocks to be compared side by side. Works without torch, but for what measures them."""

from .comparisons import COMPARISONS as COMPARISONS
from .comparisons import MOST_BLOCKS as MOST_BLOCKS
from .comparisons import Comparison as Comparison
from .comparisons import NamedBlock as NamedBlock
