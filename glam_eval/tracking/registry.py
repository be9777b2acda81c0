"""Trackers by name: those that come with the program, and users' own by entry point."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec

from glam_eval.core.entry_points import load_entry
from glam_eval.core.errors import UserError
from glam_eval.tracking.protocol import MakeTracker

ENTRY_POINTS = "glam_eval.trackers"
# An environment variable, because it reaches a study's processes by any launcher; names, between commas.
VARIABLE = "GLAM_EVAL_TRACKERS"

# By name: the function that makes one, the package that it needs, which is also the extra's name.
TRACKERS = {
    "tensorboard": ("glam_eval.tracking.tensorboard:TensorBoard", "tensorboard"),
    "wandb": ("glam_eval.tracking.weights_and_biases:WeightsAndBiases", "wandb"),
}


def tracker_names() -> list[str]:
    """Return the names that the environment asks for, none by default."""
    return [name.strip() for name in os.environ.get(VARIABLE, "").split(",") if name.strip()]


def make_tracker(name: str) -> MakeTracker:
    """Return what makes a tracker of a name.

    Raises:
        UserError: There is none (the nearest is named), its package is missing, or it can't be loaded.
    """
    if name in TRACKERS:
        where, package = TRACKERS[name]
        if find_spec(package) is None:
            raise UserError(f"tracker {name!r} needs the package {package}: pip install 'glam-eval[{name}]'")
        module, _, made = where.partition(":")
        maker: MakeTracker = getattr(import_module(module), made)
        return maker
    loaded: MakeTracker
    loaded, _ = load_entry("tracker", ENTRY_POINTS, name, TRACKERS)
    return loaded


@contextmanager
def tracked_by(names: Sequence[str]) -> Iterator[None]:
    """Have the runs that begin meanwhile tracked, also those of processes that are started.

    Args:
        names: Trackers; none leaves what the environment asks for.

    Raises:
        UserError: As ``make_tracker`` does, before anything starts.
    """
    wanted = list(names) or tracker_names()
    for name in wanted:
        make_tracker(name)
    before = os.environ.get(VARIABLE)
    os.environ[VARIABLE] = ",".join(wanted)
    try:
        yield
    finally:
        os.environ.pop(VARIABLE, None)
        if before is not None:
            os.environ[VARIABLE] = before
