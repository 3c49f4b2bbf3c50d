"""Comparisons of blocks of layers on the same input. Only ``facts`` and ``probe`` need torch."""

from .comparisons import COMPARISONS as COMPARISONS
from .comparisons import MAX_BLOCKS as MAX_BLOCKS
from .comparisons import BlockComparison as BlockComparison
from .comparisons import NamedBlock as NamedBlock
