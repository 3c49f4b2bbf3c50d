"""Entry point of ``python -m core.erf``; the command line is defined in `core.erf.cli`."""

from __future__ import annotations

from .cli import main

if __name__ == "__main__":
    main()
