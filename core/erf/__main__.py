"""python -m core.erf: see core.erf.cli."""

from __future__ import annotations

from .cli import main

if __name__ == "__main__":
    main()
