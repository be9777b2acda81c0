"""Demonstrations: what the demonstrator does, exactly, wherever collecting was interrupted."""

import pytest

from glam_eval.config.demonstrations import DemonstrationsConfig
from glam_eval.core.errors import RunFailedError
from glam_eval.environments import make_environment
from glam_eval.training.checkpoints import CheckpointStore
from glam_eval.training.demonstrations import DemonstrationCollector
from glam_eval.training.run import TrainingRun


def config(source="bot", **values):
    world = {"level": "GoToLocalS5N2", "remembered": 1}
    settings = {"source": source, "transitions": 60, "environments": 4, "environment": world, **values}
    return DemonstrationsConfig.parse(settings, "test")


def all_of(collector):
    records = []
    while not collector.finished:
        records += collector.advance()
    return records


def test_the_bots_demonstrations_are_its_actions():
    records = all_of(DemonstrationCollector(config()))
    assert len(records) == 60 and {record.source for record in records} == {"bot"}
    assert records == all_of(DemonstrationCollector(config()))
    replay = make_environment(config().environment, 1)
    for first in (record for record in records if record.step == 0):
        played = [record for record in records if record.scene_seed == first.scene_seed]
        replay.start(0, first.scene_seed)
        for each in sorted(played, key=lambda record: record.step):
            situation = replay.situations()[0]
            assert (situation.prompt, situation.expert_action()) == (each.prompt, each.action)
            replay.step([each.action])


def test_a_share_of_the_steps_is_random():
    mixed = all_of(DemonstrationCollector(config(random_fraction=0.5, transitions=200)))
    at_random = [record for record in mixed if record.source == "random"]
    assert 70 < len(at_random) < 130
    assert len({record.action for record in at_random}) == 6


def test_episodes_that_failed_are_left_out_and_counted():
    """Random fails often: every scene that is shown is played again, to its goal."""
    collector = DemonstrationCollector(config("random", transitions=300))
    records = all_of(collector)
    replay = make_environment(config().environment, 1)
    scenes = list(dict.fromkeys(record.scene_seed for record in records))
    for scene in scenes[:-1]:  # the last may be cut
        replay.start(0, scene)
        for each in sorted((r for r in records if r.scene_seed == scene), key=lambda r: r.step):
            assert each.prompt == replay.situations()[0].prompt
            (result,) = replay.step([each.action])
        assert result.done and replay.summary(0).success
    assert len(records) == 300 and len(scenes) == collector.solved
    assert collector.failed > 10
    assert collector.left_out == 25 * collector.failed  # these fail by time alone


def test_a_demonstrator_that_solves_nothing_is_refused():
    """BabyAI's bot does not look into the box of KeyInBox."""
    world = {"level": "KeyInBox", "options": {"max_steps": 16}}
    with pytest.raises(RunFailedError, match=r"bot solved 0 of 5[0-9] episodes of KeyInBox: too few"):
        all_of(DemonstrationCollector(config(environment=world)))


@pytest.mark.parametrize("agent", ["bot", "random", "gflan", "symbolic-ppo"])
def test_collecting_goes_on_exactly_where_it_was_left(agent, tiny_run, tmp_path):
    teacher = None
    if agent not in ("bot", "random"):
        run = TrainingRun(tiny_run(agent))
        run.advance()
        store = CheckpointStore(tmp_path / "teacher")
        store.write(run.frames, run.save, run.state())
        teacher = store.latest()

    def collector():
        return DemonstrationCollector(config(agent, random_fraction=0.2), teacher=teacher)

    straight, broken, store = all_of(collector()), [], CheckpointStore(tmp_path / "own", counted="steps")
    one = collector()
    while not one.finished:  # a new collector for every four steps
        one = collector()
        if checkpoint := store.latest():
            one.restore(checkpoint)
        broken += [record for _ in range(4) if not one.finished for record in one.advance()]
        store.write(one.step, one.save, one.state())
    assert broken == straight
    assert {record.source for record in straight} == {"random", (teacher and run.config.run_id) or agent}
