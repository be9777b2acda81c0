"""The checkpoints that help and README name are those that the suite ``quick`` writes."""

import re
from pathlib import Path

import glam_eval.cli
from glam_eval.config.loading import load_suite

COMMANDS = Path(glam_eval.cli.__file__).parent
README = Path(__file__).parents[2] / "README.md"
CHECKPOINT = re.compile(r"results/quick/checkpoints/RUN/(frames-\d+)")
CLONED = re.compile(r"clone results/quick/checkpoints/RUN/.* --set environment\.remembered=(\d+)")


def test_examples_name_the_last_checkpoint_of_quick():
    runs = [run for run in load_suite("quick").runs() if run.frames]
    written = {f"frames-{run.updates * run.frames_per_update:010d}" for run in runs}
    named = {
        file.name: set(CHECKPOINT.findall(file.read_text())) for file in (*COMMANDS.glob("*.py"), README)
    }
    assert {name: found for name, found in named.items() if found} == dict.fromkeys(
        ("clone.py", "evaluate.py", "README.md"), written
    )


def test_the_agent_that_the_example_clones_reads_as_many_observations():
    remembered = {run.environment.remembered for run in load_suite("quick").runs() if run.policy}
    assert {int(found) for found in CLONED.findall((COMMANDS / "clone.py").read_text())} == remembered
