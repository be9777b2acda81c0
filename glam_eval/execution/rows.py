"""The row of a run in the table ``runs``, whether it finished or failed; loads nothing heavy."""

import json
import time
from datetime import UTC, datetime

from glam_eval.config.run import RunConfig
from glam_eval.config.worlds import package_versions_of
from glam_eval.core.provenance import code_version, machine, package_versions
from glam_eval.core.records import RunRecord


def run_record(
    suite: str,
    config: RunConfig,
    *,
    parameters: int,
    frames: int,
    device: str,
    started: str,
    seconds: float,
    status: str,
) -> RunRecord:
    """Return the row of a run of a suite that ended now, on this machine; ``started`` is a ``date``."""
    return RunRecord(
        run_id=config.run_id,
        suite=suite,
        agent=config.agent,
        model=config.model,
        parameters=parameters,
        level=config.environment.level,
        language=config.environment.language,
        seed=config.seed,
        frames=frames,
        config=config.canonical_json(),
        config_hash=config.digest(),
        code_version=code_version(),
        packages=json.dumps(json.loads(package_versions()) | package_versions_of(config.environment.level)),
        machine=machine(),
        device=device,
        started=started,
        finished=date(time.time()),
        seconds=seconds,
        status=status,
    )


def date(seconds: float) -> str:
    """Return a moment, in seconds since the epoch, in ISO 8601 UTC."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
