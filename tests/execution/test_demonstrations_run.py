"""Demonstrations as a run of the study: collected once, stopped anywhere, read by every clone."""

import pytest

from glam_eval.config.loading import make_suite
from glam_eval.core.errors import UserError
from glam_eval.core.records import DemonstrationRecord
from glam_eval.execution.carry_out import carry_out
from glam_eval.execution.demonstrations import (
    check_demonstrations,
    collected_demonstrations,
    demonstrations_of,
    describe_demonstrations,
)
from glam_eval.execution.owed import owed
from glam_eval.execution.progress import COLLECTING, StoppedError
from glam_eval.execution.study import checkpoints, write_suite
from glam_eval.results import write_table

ACTIONS = ["turn left", "turn right", "go forward", "pick up", "drop", "toggle"]


def study(*agents, **cloning):
    return make_suite(
        {
            "name": "demonstrated",
            "title": "t",
            "question": "q",
            "seeds": 1,
            "frames": 160,
            "evaluations": 1,
            "environment": {"level": "GoToLocalS5N2", "remembered": 1},
            "policy": {"head_hidden": 8},
            "cloning": {"environments": 4, "transitions": 60, "minibatch": 8, "steps": 10, **cloning},
            "agents": [{"agent": agent, "model": model} for agent, model in agents],
            "protocols": [{"name": "sample-efficiency", "scenes": 2}],
        }
    )


def begin(suite, out):
    out.mkdir(exist_ok=True)
    write_suite(out, suite)


def go_on(suite, out, after=None):
    """Carry out what remains; with ``after``, stop at the n-th time that a run asks."""
    told, asked = [], []

    def stop():
        asked.append(None)
        return after is not None and len(asked) > after

    for run_id in owed(out, suite.graph):
        carry_out(out, run_id, "cpu", told.append, stop)
    return told


def test_clones_of_one_demonstrator_read_the_same_stored_set(tmp_path):
    suite = study(("bc-bot", "t5-pico"), ("bc-bot", "t5-pico-scratch"))
    begin(suite, tmp_path)
    go_on(suite, tmp_path)
    (stored,) = (tmp_path / "demonstrations").glob("*.parquet")
    first, second = (demonstrations_of(run, tmp_path) for run in suite.runs())
    assert first == second == collected_demonstrations(tmp_path, stored.stem)
    assert len(first) == 60
    assert owed(tmp_path, suite.graph) == {}
    assert not checkpoints(tmp_path, stored.stem).exists()  # the table is all that is needed


def test_a_collection_stopped_again_and_again_is_the_same(tmp_path):
    suite = study(("bc-bot", "t5-pico"))
    for name in ("straight", "stopped"):
        begin(suite, tmp_path / name)
    go_on(suite, tmp_path / "straight")
    for _ in range(20):
        try:
            go_on(suite, tmp_path / "stopped", after=3)
        except StoppedError:
            continue
        break
    (stored,) = (tmp_path / "straight" / "demonstrations").glob("*.parquet")
    straight, stopped = (collected_demonstrations(tmp_path / n, stored.stem) for n in ("straight", "stopped"))
    assert straight == stopped


def test_collecting_tells_how_far_it_is(tmp_path):
    suite = study(("bc-bot", "t5-pico"), transitions=400)
    begin(suite, tmp_path)
    told = [each for each in go_on(suite, tmp_path) if each.phase == COLLECTING]
    counts = [each.frames for each in told]
    assert len(counts) >= 10 and counts == sorted(counts) and counts[-1] == 400
    assert all(each.total_frames == 400 and each.frames_per_second > 0 for each in told)


@pytest.fixture
def stored(tmp_path):
    def store(actions=ACTIONS, sources=("bot",)):
        records = [
            DemonstrationRecord(
                "GoToLocalS5N2", 1, step, f"go {step}", actions, step % 2, sources[step % len(sources)]
            )
            for step in range(20)
        ]
        write_table(tmp_path / "stored", "demonstrations", records, "some")
        return str(tmp_path / "stored")

    return store


def test_stored_demonstrations_are_subsampled(stored, tmp_path):
    (few,) = study(("bc-bot", "t5-pico"), source=stored(), transitions=7).runs()
    chosen = demonstrations_of(few, tmp_path)
    assert len(chosen) == 7 and [each.step for each in chosen] == sorted(each.step for each in chosen)
    (many,) = study(("bc-bot", "t5-pico"), source=stored(), transitions=21).runs()
    with pytest.raises(UserError, match=r"cloning\.transitions = 21, but .* holds 20"):
        demonstrations_of(many, tmp_path)


def test_demonstrations_of_another_action_set_are_one_clear_line(stored):
    (run,) = study(("bc-bot", "t5-pico"), source=stored(ACTIONS[:2])).runs()
    with pytest.raises(UserError, match="offer turn left, turn right; this run offers turn left") as raised:
        check_demonstrations(run)
    assert "\n" not in str(raised.value)


def test_who_demonstrated_is_told(stored):
    from pathlib import Path

    assert describe_demonstrations(Path(stored(sources=("bot", "random")))) == (20, True)


def test_a_trained_agent_is_cloned_from_its_checkpoint(tmp_path, tiny_run, begin):
    from glam_eval.training.checkpoints import CheckpointStore

    teacher = begin(tiny_run(environment={"level": "GoToLocalS5N2", "remembered": 1}))
    checkpoint = CheckpointStore(tmp_path / "teacher").write(0, teacher.save, teacher.state())
    suite = study(("bc-gflan", "t5-pico"), source=str(checkpoint))
    out = tmp_path / "out"
    out.mkdir()
    write_suite(out, suite)
    go_on(suite, out)
    shown = demonstrations_of(suite.runs()[0], out)
    assert {each.source for each in shown} == {teacher.config.run_id}
    other = suite.graph[0].config.changed(environment={"level": "GoToLocalS5N2", "language": "fr"})
    with pytest.raises(UserError, match=r"environment\.language = 'en', this run has 'fr'"):
        check_demonstrations(other)
