"""How much of a test an agent met in training: the same scenes under other seeds, the same first prompts."""

import json
from collections.abc import Iterator
from functools import lru_cache

import pandas as pd

from glam_eval.config.environment import EnvironmentConfig
from glam_eval.config.run import RunConfig
from glam_eval.core.errors import UserError
from glam_eval.core.records import OverlapRecord
from glam_eval.core.seeds import training_scene_seeds
from glam_eval.environments import make_environment
from glam_eval.environments.vector import VectorEnvironment

Beginning = tuple[int, int]  # of a scene: its layout with the goal, and what is first told of it, as hashes
REMEMBERED = 1 << 20  # scenes whose beginnings are kept


def overlap(runs: pd.DataFrame, training: pd.DataFrame, episodes: pd.DataFrame) -> Iterator[OverlapRecord]:
    """Yield for every trained run and protocol how many of its test scenes its training met.

    Scenes of training are drawn again: as many as episodes were finished, and those under way, in equal
    shares from its environments' streams. Test scenes are those of the training level in the words of
    training. Later prompts depend on what the agent did, which training does not store: only the first
    prompt of each scene is compared.

    Args:
        runs: the table of runs.
        training: the table of updates, which tells how many episodes ended.
        episodes: the table of evaluation episodes.
    """
    ended = training.groupby(training["run_id"].astype(str), observed=True)["episodes"].max()
    usual = episodes[episodes["shift"] == "none"]
    for run_id, text, level in zip(runs["run_id"].astype(str), runs["config"], runs["level"], strict=True):
        if run_id not in ended.index:
            continue
        config = _config(str(text))
        if config is None:
            continue
        learned = set(_trained(config, int(ended[run_id])))
        scenes, prompts = {scene for scene, _ in learned}, {prompt for _, prompt in learned}
        own = usual[(usual["run_id"] == run_id) & (usual["level"] == level)]
        for protocol, played in own.groupby(own["protocol"].astype(str), observed=True):
            tested = [_beginning(_world(config.environment), int(s)) for s in played["scene_seed"].unique()]
            yield OverlapRecord(
                run_id=run_id,
                protocol=str(protocol),
                training_scenes=len(learned),
                test_scenes=len(tested),
                scenes_met=sum(scene in scenes for scene, _ in tested),
                first_prompts_met=sum(prompt in prompts for _, prompt in tested),
            )


def _config(text: str) -> RunConfig | None:
    """Return a run's configuration; None where it is not one of ours, as in tables from elsewhere."""
    try:
        return RunConfig.parse(json.loads(text), source="runs table")
    except (UserError, ValueError):
        return None


def _trained(config: RunConfig, ended: int) -> Iterator[Beginning]:
    """Yield the beginnings of the scenes that a run was trained on."""
    slots = config.learner.environments
    share = -(-(ended + slots) // slots)
    world = _world(config.environment)
    for slot in range(slots):
        seeds = training_scene_seeds(config.seed, slot)
        yield from (_beginning(world, next(seeds)) for _ in range(share))


def _world(environment: EnvironmentConfig) -> str:
    """Return an environment as a text, by which beginnings are remembered."""
    return environment.model_dump_json()


@lru_cache(maxsize=REMEMBERED)
def _beginning(world: str, scene: int) -> Beginning:
    environment = _environment(world)
    environment.start(0, scene)
    (situation,), placed = environment.situations([0]), environment.snapshot(0)
    told = situation.observation.mission, tuple(situation.observation.sentences)
    where = placed.agent_x, placed.agent_y, placed.agent_direction
    return hash((placed.grid, where, told[0])), hash(told)


@lru_cache(maxsize=4)
def _environment(world: str) -> VectorEnvironment:
    return make_environment(EnvironmentConfig.model_validate_json(world), 1)
