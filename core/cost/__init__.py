"""Computes the costs of a network: parameters, multiply–accumulates, memory and time."""

from .layers import FLOAT32_BYTES as FLOAT32_BYTES
from .layers import CostTotals as CostTotals
from .layers import LayerCost as LayerCost
from .layers import layer_costs as layer_costs
from .layers import totals as totals
