"""TensorBoard's event files, ``<study>/tensorboard/<run_id>/``, written by its own package."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from tensorboard.compat.proto.event_pb2 import Event, SessionLog
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.plugins.scalar.metadata import create_summary_metadata
from tensorboard.summary.writer.event_file_writer import EventFileWriter
from tensorboard.util.tensor_util import make_tensor_proto

from glam_eval.tracking.protocol import TrackedRun

FOLDER = "tensorboard"


class TensorBoard:
    """Scalars over environment steps, in double precision: what is read back is what the tables hold."""

    def __init__(self, run: TrackedRun) -> None:
        self._writer = EventFileWriter(str(Path(run.directory) / FOLDER / run.run_id))
        # Readers forget what they have of this step and later ones: the run tells it again.
        anew = 0 if run.frames is None else run.frames + 1
        self._writer.add_event(Event(step=anew, session_log=SessionLog(status=SessionLog.START)))
        self._writer.flush()

    def log(self, frames: int, values: Mapping[str, float]) -> None:
        """Write the values of one step, so that they can be seen at once."""
        scalars = [
            Summary.Value(
                tag=name,
                tensor=make_tensor_proto(np.float64(value)),
                metadata=create_summary_metadata(display_name=name, description=""),
            )
            for name, value in values.items()
        ]
        self._writer.add_event(Event(step=frames, summary=Summary(value=scalars)))
        self._writer.flush()

    def close(self) -> None:
        """Write what is not written yet."""
        self._writer.close()
