"""How one axis passes through an operation, in exact integers."""
