"""Weights & Biases: on disk until ``wandb sync`` or ``WANDB_MODE=online`` sends it.

Its files hold symbolic links, which results directories do not: they lie beside one, ``<study>-wandb/``, or
where ``WANDB_DIR`` says.
"""

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path

import wandb

from glam_eval.tracking.protocol import TrackedRun

_ID = 16  # hexadecimal digits; the service takes names of runs that are longer only as names


class WeightsAndBiases:
    """One run of a project that is named as the suite; its steps are environment steps."""

    def __init__(self, run: TrackedRun) -> None:
        study = Path(run.directory).absolute()
        folder = Path(os.environ.get("WANDB_DIR") or study.with_name(f"{study.name}-wandb"))
        folder.mkdir(parents=True, exist_ok=True)
        self._run = wandb.init(
            project=os.environ.get("WANDB_PROJECT", run.suite),
            id=hashlib.sha256(run.run_id.encode()).hexdigest()[:_ID],
            name=run.run_id,
            config=dict(run.config),
            dir=str(folder),
            mode=os.environ.get("WANDB_MODE", "offline"),  # type: ignore[arg-type]
            resume="allow",
            reinit="create_new",  # a worker's earlier run may still be closing
            settings=wandb.Settings(
                silent=True,
                console="off",  # what the program prints is not its business
                disable_code=True,
                disable_git=True,
                x_disable_stats=True,
                x_save_requirements=False,
            ),
        )

    def log(self, frames: int, values: Mapping[str, float]) -> None:
        """Take the values of one step."""
        self._run.log(dict(values), step=frames)

    def close(self) -> None:
        """Write what is not written yet."""
        self._run.finish()
