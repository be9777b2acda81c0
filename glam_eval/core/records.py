"""Records of what was trained and played; each dataclass is a table, and its annotations are the schema.

``glam_eval.results`` derives the Parquet schema and the data dictionary from them, and from those of
``answer_records.py`` and ``comparison_records.py``.
"""

import math
from dataclasses import dataclass
from typing import Annotated

from glam_eval.core.columns import (
    Agent,
    Column,
    Frames,
    ModelName,
    Protocol,
    RunId,
    SceneSeed,
    Seed,
    Shift,
    Step,
)


@dataclass(frozen=True, slots=True)
class RunRecord:
    """One trained (or untrained) agent."""

    run_id: RunId
    suite: Annotated[str, Column("suite the run belongs to")]
    agent: Agent
    model: ModelName
    parameters: Annotated[int, Column("trainable and frozen parameters of the policy", "parameters")]
    level: Annotated[str, Column("level trained on")]
    language: Annotated[str, Column("language trained in")]
    seed: Seed
    frames: Frames
    config: Annotated[str, Column("complete configuration as JSON")]
    config_hash: Annotated[str, Column("SHA-256 of the configuration, first 16 hexadecimal digits")]
    code_version: Annotated[str, Column("version of glam-eval and, in a checkout, the commit")]
    packages: Annotated[str, Column("versions of the packages that numbers depend on, as JSON")]
    machine: Annotated[
        str, Column("processor, cores, memory, platform and kernels (compiled or torch), as JSON")
    ]
    device: Annotated[str, Column("device the run computed on")]
    started: Annotated[str, Column("start of the run, ISO 8601 UTC", volatile=True)]
    finished: Annotated[str, Column("end of the run, ISO 8601 UTC", volatile=True)]
    seconds: Annotated[float, Column("wall-clock time of the run", "s", volatile=True)]
    status: Annotated[str, Column("finished or failed")]


@dataclass(frozen=True, slots=True)
class TrainingRecord:
    """One update of a learner."""

    run_id: RunId
    agent: Agent
    model: ModelName
    seed: Seed
    update: Annotated[int, Column("number of the update, from 1")]
    frames: Frames
    episodes: Annotated[int, Column("episodes finished since the run began", "episodes")]
    success_rate: Annotated[
        float, Column("successes among the episodes that ended in this batch", "fraction")
    ]
    return_mean: Annotated[float, Column("mean unscaled return of those episodes")]
    length_mean: Annotated[float, Column("mean length of those episodes", "steps")]
    policy_loss: Annotated[float, Column("mean clipped surrogate loss")]
    value_loss: Annotated[float, Column("mean value (or temporal-difference) loss")]
    entropy: Annotated[float, Column("mean entropy of the policy over actions", "nats")]
    approx_kl: Annotated[float, Column("mean of (r - 1) - log r, the k3 estimate", "nats")]
    clip_fraction: Annotated[float, Column("share of samples whose ratio was clipped", "fraction")]
    explained_variance: Annotated[float, Column("1 - Var(return - value) / Var(return) before the update")]
    grad_norm: Annotated[float, Column("mean gradient norm before clipping")]
    learning_rate: Annotated[float, Column("learning rate of the update")]
    seconds: Annotated[float, Column("wall-clock time of batch and update", "s", volatile=True)]
    seconds_environment: Annotated[float, Column("of which: stepping the environments", "s", volatile=True)]
    seconds_policy: Annotated[float, Column("of which: scoring actions in rollouts", "s", volatile=True)]
    seconds_update: Annotated[float, Column("of which: gradient updates", "s", volatile=True)]
    seconds_tokenizing: Annotated[
        float, Column("of which: making the policy's inputs", "s", volatile=True, optional=True)
    ] = 0.0
    replay_bytes: Annotated[int, Column("memory of the replay, 0 without one", "bytes", optional=True)] = 0
    information: Annotated[
        float,
        Column(
            "mutual information of action and prompt over the batch, before the update: it goes to 0 in an "
            "agent that stops reading; NaN for who learns otherwise than by PPO",
            "nats",
            optional=True,
        ),
    ] = math.nan
    contrastive_loss: Annotated[
        float, Column("mean triplet loss of states under two prompts, NaN without one", optional=True)
    ] = math.nan


@dataclass(frozen=True, slots=True)
class EpisodeRecord:
    """One evaluation episode."""

    run_id: RunId
    agent: Agent
    model: ModelName
    seed: Seed
    frames: Frames
    protocol: Protocol
    shift: Shift
    language: Annotated[str, Column("language of goal and observations")]
    level: Annotated[str, Column("level played")]
    task: Annotated[str, Column("kind of task, for instance goto or pickup")]
    scene_seed: Annotated[int, Column("seed of the scene; equal seeds are equal scenes")]
    mission: Annotated[str, Column("goal as the agent read it")]
    success: Annotated[bool, Column("whether the scene's own goal was reached in time, whatever was told")]
    episode_return: Annotated[float, Column("1 - 0.9 t/T at success, else 0", name="return")]
    length: Annotated[int, Column("steps played", "steps")]
    bot_length: Annotated[int, Column("steps BabyAI's bot takes on this scene, -1 if it fails", "steps")]
    actions: Annotated[str, Column("action indices, one character of base 36 a step", optional=True)]
    steps_blocked: Annotated[int, Column("forward moves that something stopped", "steps", optional=True)]
    cells_visited: Annotated[int, Column("distinct cells the agent stood on", "cells", optional=True)]
    wrong_object: Annotated[bool, Column("touched an object that the goal does not name", optional=True)]
    wrong_order: Annotated[
        bool, Column("did a later part of a sequence before an earlier one", optional=True)
    ]
    discounted_return: Annotated[
        float, Column("discounted return from the first step, NaN without a critic", optional=True)
    ] = math.nan
    value: Annotated[float, Column("critic's estimate of it at the first step", optional=True)] = math.nan
    goal: Annotated[
        str,
        Column(
            "goal told: the scene's own (told), other things of the scene (swapped), what is not there "
            "(absent), none (hidden); an agent trained without one reads none: its mission is empty",
            optional=True,
        ),
    ] = "told"
    success_told: Annotated[
        bool,
        Column(
            "whether what was told was done in time: as success where the scene's own goal is told or none, "
            "false where it is absent; swapped, the episode ends with whichever of the two is done first",
            optional=True,
        ),
    ] = False
    first_thing: Annotated[
        str,
        Column(
            "first thing reached, walked into, picked up, opened or put, by the kind of task, in English; "
            "empty for none",
            optional=True,
        ),
    ] = ""
    first_told: Annotated[bool, Column("whether it is one that the goal told names first", optional=True)] = (
        False
    )
    first_meant: Annotated[
        bool, Column("whether it is one that the scene's own goal names first", optional=True)
    ] = False
    first_chance: Annotated[
        float,
        Column(
            "chance of first_told without reading: share of the scene's candidates, by colour and noun, that "
            "the goal told names first",
            "fraction",
            optional=True,
        ),
    ] = math.nan
    bot_first_meant: Annotated[
        bool, Column("first_meant of BabyAI's bot in this scene under its own goal", optional=True)
    ] = False


@dataclass(frozen=True, slots=True)
class StepRecord:
    """One step of an episode chosen for replay in the report."""

    run_id: RunId
    frames: Frames
    protocol: Protocol
    shift: Shift
    scene_seed: SceneSeed
    step: Step
    grid: Annotated[bytes, Column("whole grid, width x height x 3 uint8 (type, colour, state)")]
    width: Annotated[int, Column("columns of the grid", "cells")]
    agent_x: Annotated[int, Column("column of the agent", "cells")]
    agent_y: Annotated[int, Column("row of the agent", "cells")]
    agent_direction: Annotated[int, Column("0 right, 1 down, 2 left, 3 up")]
    sentences: Annotated[list[str], Column("observation as the agent read it")]
    action_names: Annotated[list[str], Column("actions offered")]
    probabilities: Annotated[list[float], Column("policy over the actions offered")]
    action: Annotated[int, Column("index of the action taken")]


@dataclass(frozen=True, slots=True)
class RequestRecord:
    """One request to the server of a chat agent: a step has one, or more where answers are invalid."""

    run_id: RunId
    frames: Frames
    protocol: Protocol
    shift: Shift
    scene_seed: SceneSeed
    step: Step
    attempt: Annotated[
        int, Column("request of the step, from 0: more than one where an invalid answer is asked again")
    ]
    answer: Annotated[str, Column("what the model wrote")]
    valid: Annotated[bool, Column("whether it names an action offered")]
    finish: Annotated[str, Column("why it ended, as the server says: stop, length and others")]
    prompt_tokens: Annotated[
        int, Column("tokens read, as the server counts, -1 if it does not tell", "tokens")
    ]
    completion_tokens: Annotated[
        int, Column("tokens written, hidden reasoning included, -1 if the server does not tell", "tokens")
    ]
    cost: Annotated[float, Column("by the prices of the configuration, NaN without them", "currency")]
    tries: Annotated[int, Column("times it was sent until an answer came whole", "requests", volatile=True)]
    seconds: Annotated[float, Column("from sending, the last time, to the whole answer", "s", volatile=True)]


@dataclass(frozen=True, slots=True)
class DemonstrationRecord:
    """One demonstrated action, for behavioural cloning."""

    level: Annotated[str, Column("level played")]
    scene_seed: SceneSeed
    step: Step
    prompt: Annotated[str, Column("prompt that the demonstrator faced")]
    actions: Annotated[list[str], Column("actions offered")]
    action: Annotated[int, Column("index of the action taken")]
    source: Annotated[str, Column("who chose the action: bot, random, or the run_id of a trained agent")]
