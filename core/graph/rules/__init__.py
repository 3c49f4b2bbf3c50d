"""Receptive-field rules: for each torch operation, which input units an output unit reads."""
