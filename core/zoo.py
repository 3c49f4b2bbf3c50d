"""A short name for `core.networks.zoo`."""

from .networks.zoo import *  # noqa: F403
