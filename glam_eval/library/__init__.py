"""The program as functions, for scripts and notebooks: named as its commands, and a study as one object."""

from glam_eval.library.commands import compare, run_suite
from glam_eval.library.study import Study

__all__ = ["Study", "compare", "run_suite"]
