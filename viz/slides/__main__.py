"""``python -m viz.slides``: see `viz.slides.cli`."""

import sys

from viz.slides.cli import main

sys.exit(main())
