"""Behavioural cloning: the loss, the schedule, the demonstrations and where they come from."""

import math

import numpy as np
import pytest
import torch

from glam_eval.core.errors import UserError
from glam_eval.core.records import DemonstrationRecord
from glam_eval.environments import make_environment
from glam_eval.results import write_table
from glam_eval.training.actors import Actors
from glam_eval.training.checkpoints import CheckpointStore
from glam_eval.training.demonstrations import find_demonstrations
from glam_eval.training.run import TrainingRun

ACTIONS = ["turn left", "turn right", "go forward", "pick up", "drop", "toggle"]


def cloning(tiny_run, agent="bc-bot", frames=240, **values):
    settings = {"environments": 4, "minibatch": 8, "steps": 10, "transitions": 60, **values}
    return tiny_run(agent=agent, frames=frames, cloning=settings)


@pytest.fixture
def stored(tmp_path):
    def store(actions=ACTIONS, count=20):
        records = [
            DemonstrationRecord(
                "GoToLocalS5N2", 1, step, f"Goal of the agent: go {step}", actions, step % 3, "bot"
            )
            for step in range(count)
        ]
        write_table(tmp_path, "demonstrations", records, "some")
        return str(tmp_path)

    return store


def cloner_of(config):
    return TrainingRun(config)._learner


def test_the_first_loss_is_the_mean_cross_entropy_of_the_policy(tiny_run, stored):
    config = cloning(
        tiny_run, source=stored(), transitions=None, minibatch=20, steps=1, micro_batch_tokens=30
    )
    cloner = cloner_of(config)
    with torch.no_grad():
        scores = cloner._policy.evaluate(cloner._inputs).log_probabilities
    expected = -sum(scores[row, row % 3].item() for row in range(20)) / 20
    entropy = torch.distributions.Categorical(logits=scores).entropy().mean().item()
    learned = cloner.update(1)
    assert learned.policy_loss == pytest.approx(expected, rel=1e-5)
    assert learned.entropy == pytest.approx(entropy, rel=1e-5)


def test_demonstrations_are_learned(tiny_run, stored):
    settings = {"source": stored(), "transitions": None, "steps": 5, "learning_rate": 5e-3}
    run = TrainingRun(cloning(tiny_run, frames=600, **settings))
    losses = [run.advance().policy_loss for _ in range(15)]
    assert losses[-1] < 0.3 < losses[0]


def test_warm_up_then_cosine_to_nothing(tiny_run):
    cloner = cloner_of(cloning(tiny_run, warmup=0.1, learning_rate=1.0))  # 3 updates of 10 steps
    rates = [cloner.learning_rate(step) for step in range(1, 31)]
    assert rates[:3] == pytest.approx([1 / 3, 2 / 3, 1])
    assert rates[3:] == pytest.approx([0.5 * (1 + math.cos(math.pi * k / 27)) for k in range(1, 28)])


def test_each_demonstration_is_seen_once_before_any_twice(tiny_run):
    cloner = cloner_of(cloning(tiny_run))
    seen = np.concatenate([cloner._minibatch(step) for step in range(1, 16)])  # 120 of 60
    assert sorted(seen[:60]) == sorted(seen[60:]) == list(range(60))
    assert seen[:60].tolist() != seen[60:].tolist()


def test_the_bots_demonstrations_are_its_actions(tiny_run):
    def collected(config):
        actors = Actors(make_environment(config.environment, 4), 4, config.seed)
        return find_demonstrations(config, actors, "cpu")

    config = cloning(tiny_run)
    records = collected(config)
    assert len(records) == 60 and {record.source for record in records} == {"bot"}
    assert records == collected(config)
    replay = make_environment(config.environment, 1)
    for record in records:
        if record.step == 0:
            played = sorted((r for r in records if r.scene_seed == record.scene_seed), key=lambda r: r.step)
            replay.start(0, record.scene_seed)
            for each in played:
                situation = replay.situations()[0]
                assert (situation.prompt, situation.expert_action()) == (each.prompt, each.action)
                replay.step([each.action])
    mixed = collected(cloning(tiny_run, random_fraction=0.5))
    assert 15 < sum(record.source == "random" for record in mixed) < 45


def test_gflan_is_trained_first_where_it_demonstrates(tiny_run):
    teacher = TrainingRun(tiny_run())
    while not teacher.finished:
        teacher.advance()
    run = TrainingRun(cloning(tiny_run, agent="bc-gflan", source="gflan", transitions=8))
    demonstrations = find_demonstrations(run.config, run._actors, "cpu")
    assert {each.source for each in demonstrations} == {teacher.config.run_id}


def test_stored_demonstrations_are_subsampled(tiny_run, stored):
    source = stored()
    few = cloner_of(cloning(tiny_run, source=source, transitions=7))
    assert len(few._inputs) == 7
    with pytest.raises(UserError, match=r"cloning\.transitions = 21, but .* holds 20"):
        cloner_of(cloning(tiny_run, source=source, transitions=21))


def test_demonstrations_of_another_action_set_are_one_clear_line(tiny_run, stored):
    with pytest.raises(UserError, match="offer turn left, turn right; this run offers turn left") as raised:
        cloner_of(cloning(tiny_run, source=stored(ACTIONS[:2]), transitions=None))
    assert "\n" not in str(raised.value)


def test_a_trained_agent_is_cloned_from_its_checkpoint(tiny_run, tmp_path):
    teacher = TrainingRun(tiny_run())
    store = CheckpointStore(tmp_path)
    checkpoint = store.write(0, teacher.save, teacher.state())
    run = TrainingRun(cloning(tiny_run, agent="bc-gflan", source=str(checkpoint)))
    assert len(run._learner._inputs) == 60
    with pytest.raises(UserError, match="'bc-bot' clones the bot"):
        TrainingRun(cloning(tiny_run, agent="bc-bot", source=str(checkpoint)))
    french = cloning(tiny_run, agent="bc-gflan", source=str(checkpoint)).changed(
        environment={"level": "GoToLocalS5N2", "remembered": 1, "language": "fr"}
    )
    with pytest.raises(UserError, match=r"environment\.language = 'en', this run has 'fr'"):
        TrainingRun(french)
    with pytest.raises(UserError, match=r"no cloning\.source './nowhere'"):
        TrainingRun(cloning(tiny_run, source="./nowhere"))
