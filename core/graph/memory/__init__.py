"""Follows tensors that share memory, and calls that write to a part of it."""
