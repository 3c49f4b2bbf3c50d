"""Runs the command line `core.receptive_field.cli` for ``python -m core.receptive_field``."""

from __future__ import annotations

from .cli import main

if __name__ == "__main__":
    main()
