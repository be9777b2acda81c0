"""``python -m glam_eval`` is ``glam-eval``."""

import sys

from glam_eval.cli import main

sys.exit(main())
