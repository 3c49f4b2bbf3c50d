"""A short import path for the public names of `core.networks.zoo`."""

from .networks.zoo import *  # noqa: F403
