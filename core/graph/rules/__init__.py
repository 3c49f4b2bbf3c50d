"""What each operation of torch reads: one rule for every kind."""
