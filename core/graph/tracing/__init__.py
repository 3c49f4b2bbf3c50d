"""A module run once on tensors without data, call by call."""
