"""How much of a test an agent met in training: the same scenes under other seeds, the same first prompts."""

import json
from collections.abc import Iterator
from functools import lru_cache

import pandas as pd

from glam_eval.config.environment import EnvironmentConfig
from glam_eval.config.run import RunConfig
from glam_eval.core.comparison_records import OverlapRecord
from glam_eval.core.errors import UserError
from glam_eval.core.seeds import training_scene_seeds
from glam_eval.environments import TextEnvironment, make_environment

# Of a scene: its layout with the goal, None where a world doesn't tell, and what is first told; as hashes.
Beginning = tuple[int | None, int]
REMEMBERED = 1 << 20  # scenes whose beginnings are kept


def overlap(runs: pd.DataFrame, training: pd.DataFrame, episodes: pd.DataFrame) -> Iterator[OverlapRecord]:
    """Yield for every run that learned by playing how many test scenes of each protocol its training met.

    Scenes of training are drawn again: as many as episodes were finished, and those under way, in equal
    shares from its environments' streams. Test scenes are those of the training level in the words of
    training. Later prompts depend on what the agent did, which training does not store: only the first
    prompt of each scene is compared. Worlds that don't tell what is in a scene have no rows.

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
        slots = getattr(config.learner, "environments", 0) if config else 0
        if config is None or not slots:  # clones are taught, and play none
            continue
        if _beginning(_world(config.environment), 0)[0] is None:
            continue
        learned = set(_trained(config, slots, int(ended[run_id])))
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


def _trained(config: RunConfig, slots: int, ended: int) -> Iterator[Beginning]:
    """Yield the beginnings of the scenes that a run was trained on, in so many environments."""
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
    (situation,) = environment.situations([0])
    told = situation.observation.mission, tuple(situation.observation.sentences)
    layout = environment.layout(0)
    return None if layout is None else hash(layout), hash(told)


@lru_cache(maxsize=4)
def _environment(world: str) -> TextEnvironment:
    return make_environment(EnvironmentConfig.model_validate_json(world), 1)
