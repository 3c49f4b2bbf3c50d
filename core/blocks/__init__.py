"""Blocks for comparison side by side. Only the modules that measure them need torch."""

from .comparisons import COMPARISONS as COMPARISONS
from .comparisons import MOST_BLOCKS as MOST_BLOCKS
from .comparisons import BlockComparison as BlockComparison
from .comparisons import NamedBlock as NamedBlock
