"""The last job of a suite that an engine carries out by itself: few files, and what is made of them.

``python -m glam_eval.suites.last_job DIRECTORY [--no-summary]``
"""

import sys
from collections.abc import Sequence
from pathlib import Path

from glam_eval.core.console import Console
from glam_eval.core.errors import UserError
from glam_eval.execution.owed import owed
from glam_eval.execution.study import read_suite
from glam_eval.results import finished_runs
from glam_eval.suites.directory import claimed
from glam_eval.suites.summary import conclude


def main(arguments: Sequence[str]) -> int:
    """Conclude the study in a directory as far as it got; return the exit code."""
    out, summary = Path(arguments[-1]), "--no-summary" not in arguments
    try:
        suite = read_suite(out)
        with claimed(out, suite, shared=True):
            if finished_runs(out):
                conclude(out, Console(), complete=not owed(out, suite.graph), summary=summary)
    except UserError as error:
        print(f"glam-eval: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
