"""Exact maps that say which input units an operation reads along one axis."""
