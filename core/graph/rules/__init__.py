"""Rules that say, for each torch operation, which input units an output unit reads."""
