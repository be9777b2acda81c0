"""Test scenes that training met: known by taking them from training, and by MiniGrid's own grids."""

import json

import pandas as pd
import pytest

from glam_eval.core.seeds import training_scene_seeds
from glam_eval.environments.catalogue import make_scenes
from glam_eval.protocols.overlap import overlap


def tables(run, scenes, ended=40):
    rows = [
        {"run_id": run.run_id, "protocol": "generalization", "shift": shift, "level": "GoToLocalS5N2",
         "scene_seed": scene}
        for scene in scenes
        for shift in ("none", "none@fr")
    ]  # fmt: skip
    config = json.dumps(run.model_dump(mode="json"))
    runs = pd.DataFrame([{"run_id": run.run_id, "config": config, "level": "GoToLocalS5N2"}])
    return runs, pd.DataFrame({"run_id": [run.run_id] * 2, "episodes": [0, ended]}), pd.DataFrame(rows)


@pytest.fixture
def run(tiny_run):
    return tiny_run(learner={"preset": "small", "environments": 8, "steps": 10, "minibatch": 40})


def test_scenes_of_training_are_met_and_far_ones_are_not(run):
    trained = [next(training_scene_seeds(run.seed, slot)) for slot in range(8)]
    (known,) = overlap(*tables(run, trained))
    assert (known.test_scenes, known.scenes_met, known.first_prompts_met) == (8, 8, 8)
    assert known.training_scenes <= 48
    (others,) = overlap(*tables(run, [2**31 + k for k in range(30)]))
    assert others.scenes_met <= others.first_prompts_met < 30


def test_equal_scenes_are_those_that_minigrid_draws_alike(run):
    """Against MiniGrid's own grids, by hand, over scenes of many seeds in a small room."""

    def drawn(seed):
        env = make_scenes("GoToLocalS5N2")
        env.reset(seed=seed)
        return env.grid.encode().tobytes(), tuple(env.agent_pos), int(env.agent_dir), env.mission

    ended = 400
    streams = [training_scene_seeds(run.seed, slot) for slot in range(8)]
    learned = {drawn(next(stream)) for stream in streams for _ in range(51)}
    tested = [2**31 + k for k in range(120)]
    (found,) = overlap(*tables(run, tested, ended))
    assert found.training_scenes <= len(learned)
    assert found.scenes_met == sum(drawn(seed) in learned for seed in tested)


def test_runs_from_elsewhere_or_without_training_are_left_out(run):
    runs, training, episodes = tables(run, [1, 2])
    assert not list(overlap(runs.assign(config='{"a": 1}'), training, episodes))
    assert not list(overlap(runs, training.assign(run_id="another"), episodes))
