"""Records of what models answer beside play: probes, texts, consequences, what each word tells."""

import math
from dataclasses import dataclass
from typing import Annotated

from glam_eval.core.columns import Agent, Column, Frames, ModelName, RunId, SceneSeed, Seed


@dataclass(frozen=True, slots=True)
class ProbeRecord:
    """One action on one probe prompt at one update."""

    run_id: RunId
    agent: Agent
    model: ModelName
    seed: Seed
    frames: Frames
    probe: Annotated[str, Column("name of the probe prompt")]
    action: Annotated[str, Column("action offered")]
    expected: Annotated[bool, Column("whether it is the expected action of the probe")]
    probability: Annotated[float, Column("probability of the action", "fraction")]
    shift: Annotated[str, Column("lexical shift, none for the words of training", optional=True)] = "none"
    prompt: Annotated[str, Column("prompt as the agent read it", optional=True)] = ""
    entropy: Annotated[float, Column("entropy of the policy on the prompt", "nats", optional=True)] = math.nan
    kl: Annotated[
        float, Column("KL(policy || policy before training) on the prompt", "nats", optional=True)
    ] = math.nan
    value: Annotated[
        float, Column("critic's discounted, unscaled return, NaN without a critic", optional=True)
    ] = math.nan


@dataclass(frozen=True, slots=True)
class PretrainingRecord:
    """One stretch of a model's pretraining."""

    model: ModelName
    seed: Annotated[int, Column("seed of the first weights and of the data")]
    recipe: Annotated[str, Column("SHA-256 of the recipe, first 16 hexadecimal digits")]
    step: Annotated[int, Column("gradient steps taken", "steps")]
    tokens: Annotated[int, Column("tokens of sources and targets learned from", "tokens")]
    stage: Annotated[str, Column("stage of the curriculum")]
    stage_accuracy: Annotated[float, Column("share of the stage's held-out items answered rightly", "share")]
    learning_rate: Annotated[float, Column("learning rate of the stretch's last step")]
    loss: Annotated[float, Column("mean loss of target tokens in the stretch", "nats")]
    held_out_spans: Annotated[float, Column("loss of target tokens, held-out span corruption", "nats")]
    held_out_instructions: Annotated[float, Column("loss of target tokens, held-out items", "nats")]
    grad_norm: Annotated[float, Column("mean gradient norm before clipping")]
    seconds: Annotated[float, Column("wall-clock time of the stretch", "s", volatile=True)]


@dataclass(frozen=True, slots=True)
class LanguageRecord:
    """What a model makes of one kind of held-out text; nothing of it is an action of the world."""

    run_id: Annotated[str, Column("run that trained the agent; the model's name where none did")]
    model: ModelName
    seed: Seed
    frames: Frames
    objective: Annotated[str, Column("span_corruption, next_token, told_side, or a family of instructions")]
    items: Annotated[int, Column("held-out items", "items")]
    tokens: Annotated[int, Column("target tokens", "tokens")]
    loss: Annotated[float, Column("mean loss of target tokens; perplexity is its exponential", "nats")]
    accuracy: Annotated[
        float,
        Column("likeliest choice right, or text exact where none is given; NaN for text", "fraction"),
    ]
    chance: Annotated[float, Column("accuracy of a uniform choice; 0 where no choices are given", "fraction")]


@dataclass(frozen=True, slots=True)
class ConsequenceRecord:
    """What the language model behind an agent answers to one question on what actions do."""

    run_id: RunId
    agent: Agent
    model: ModelName
    seed: Seed
    frames: Frames
    question: Annotated[
        str,
        Column(
            "observation (which one follows an action), reached (is the goal?) or shorter (which of two "
            "goals takes fewer steps, by BabyAI's bot?)"
        ),
    ]
    scene_seed: SceneSeed
    asked: Annotated[str, Column("the action, the goal or the question on two goals that it is about")]
    prompt: Annotated[str, Column("prompt as the model read it, which the answer continues")]
    candidates: Annotated[list[str], Column("answers to choose from, all distinct")]
    answer: Annotated[int, Column("index of the right one")]
    scores: Annotated[list[float], Column("log-probability of each candidate after the prompt", "nats")]
    priors: Annotated[list[float], Column("the same after the prompt without the situation", "nats")]
    tokens: Annotated[list[int], Column("length of each candidate, its end counted", "tokens")]
    right: Annotated[bool, Column("whether the likeliest candidate is the right one")]
    right_per_token: Annotated[bool, Column("the same by log-probability a token")]
    right_calibrated: Annotated[bool, Column("the same by log-probability less the prior")]
    chance: Annotated[float, Column("chance of the right one without reading: 1 / candidates", "fraction")]


@dataclass(frozen=True, slots=True)
class SaliencyRecord:
    """What one part of a prompt changes in a policy: the whole prompt against that without the part."""

    run_id: RunId
    agent: Agent
    model: ModelName
    seed: Seed
    frames: Frames
    part: Annotated[
        str,
        Column("possible actions, goal, actions taken, observation now, observation 1 before, and so on"),
    ]
    scene_seed: SceneSeed
    prompt: Annotated[str, Column("whole prompt as the agent read it")]
    left_out: Annotated[str, Column("the part's text, empty where the agent is told none")]
    kl: Annotated[float, Column("KL(policy on the prompt || policy without the part)", "nats")]
    distance: Annotated[float, Column("total variation of the two", "fraction")]
    changed: Annotated[bool, Column("whether the likeliest action is another without the part")]
