"""python -m core.receptive_field: see core.receptive_field.cli."""

from __future__ import annotations

from .cli import main

if __name__ == "__main__":
    main()
