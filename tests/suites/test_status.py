"""Where runs stand, as files tell it, while they go on."""

import subprocess
import sys

from six_runs import SIX_RUNS
from tables import finish, zeros

from glam_eval.config.loading import load_suite
from glam_eval.core.records import EpisodeRecord
from glam_eval.execution.study import write_suite
from glam_eval.results import write_table
from glam_eval.suites import status

ALONE = """
import sys
from pathlib import Path
from glam_eval.suites.status import study_status
print(study_status(Path(sys.argv[1])).counts(), "torch" in sys.modules)
"""


def test_a_run_that_ends_meanwhile_has_finished(tiny_suite, tmp_path, monkeypatch):
    out = tmp_path / "out"
    protocol = "protocols=[{name='sample-efficiency', scenes=1, replays=0}]"
    suite = load_suite(str(tiny_suite), ["agents=[{agent='random'}]", "seeds=1", protocol])
    write_suite(out, suite)
    (run,) = suite.runs()

    def ends(_):
        known = {"run_id": run.run_id, "protocol": "sample-efficiency", "shift": "none", "frames": 0}
        write_table(out, "episodes", [zeros(EpisodeRecord, **known)], run.run_id)
        finish(out, run.run_id)
        return {}

    monkeypatch.setattr(status, "claims", ends)
    assert status.study_status(out).counts() == {"finished": 1}


def test_looking_loads_nothing_heavy(tmp_path):
    (tmp_path / "six.toml").write_text(SIX_RUNS.format(frames=800))
    write_suite(tmp_path / "out", load_suite(str(tmp_path / "six.toml")))
    said = subprocess.run(
        [sys.executable, "-c", ALONE, tmp_path / "out"], capture_output=True, text=True, timeout=300
    )
    assert said.stdout.strip() == "{'owed': 6} False", said.stderr
