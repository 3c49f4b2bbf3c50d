"""Runs a module on tensors without data and reports each of its torch calls."""
