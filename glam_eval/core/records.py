"""The records that cross packages, and at once the schema of the results.

Each dataclass is one table; each field's annotation holds its description and unit, from which
``glam_eval.results`` derives the Parquet schema and the data dictionary.
"""

import math
from dataclasses import dataclass
from typing import Annotated


@dataclass(frozen=True)
class Column:
    """What a column holds: description, unit, its name where Python reserves the word, and two marks."""

    description: str
    unit: str = ""
    name: str | None = None
    volatile: bool = False  # seconds, rates, dates: may differ between two runs of one config
    optional: bool = False  # a table that comes from elsewhere may lack it


RunId = Annotated[str, Column("identifies the trained (or untrained) agent; key of the runs table")]
Agent = Annotated[str, Column("agent, for instance gflan, random or bot")]
ModelName = Annotated[str, Column("language model, or none")]
Seed = Annotated[int, Column("seed of the run: the unit of replication")]
Frames = Annotated[int, Column("environment steps the agent had been trained for", "steps")]
Protocol = Annotated[str, Column("protocol that asked for the episode")]
SceneSeed = Annotated[int, Column("seed of the scene")]
Step = Annotated[int, Column("step of the episode, from 0")]
Shift = Annotated[str, Column("lexical shift, none for the words of training")]


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
class DemonstrationRecord:
    """One demonstrated action, for behavioural cloning."""

    level: Annotated[str, Column("level played")]
    scene_seed: SceneSeed
    step: Step
    prompt: Annotated[str, Column("prompt that the demonstrator faced")]
    actions: Annotated[list[str], Column("actions offered")]
    action: Annotated[int, Column("index of the action taken")]
    source: Annotated[str, Column("who chose the action: bot, random, or the run_id of a trained agent")]


@dataclass(frozen=True, slots=True)
class ComparisonRecord:
    """One statistical comparison."""

    protocol: Annotated[str, Column("protocol the episodes come from")]
    shift: Annotated[str, Column("lexical shift compared")]
    measure: Annotated[str, Column("what is estimated, for instance success or area_under_curve")]
    a: Annotated[str, Column("first condition, agent/model")]
    b: Annotated[str, Column("second condition, agent/model, or the shift it is compared with")]
    estimate: Annotated[float, Column("estimate: of a alone where b is empty, else of a - b")]
    low: Annotated[float, Column("lower end of the interval: 95% for the n_tests of a family at once")]
    high: Annotated[float, Column("upper end of that interval")]
    p_value: Annotated[float, Column("two-sided p-value, NaN where no test is made")]
    p_adjusted: Annotated[float, Column("p-value adjusted over its family")]
    method: Annotated[str, Column("estimator, interval and test in words")]
    n_seeds: Annotated[int, Column("seeds per condition (the smaller)", "seeds")]
    n_episodes: Annotated[int, Column("episodes per seed and condition (the smaller)", "episodes")]
    family: Annotated[str, Column("tests adjusted together, empty where no test is made", optional=True)]
    p_exact: Annotated[float, Column("two-sided exact permutation p-value on seeds", optional=True)]
    p_equivalence: Annotated[float, Column("TOST p-value that |a - b| >= margin, adjusted", optional=True)]
    odds_ratio: Annotated[float, Column("odds of success of a over those of b", optional=True)]
    p_odds: Annotated[
        float, Column("p-value of the cluster-robust logistic model, from 20 seeds", optional=True)
    ]
    effect_size: Annotated[float, Column("difference in standard deviations of seeds", optional=True)]
    detectable: Annotated[
        float, Column("smallest difference seen with 80% power, tested with its family", optional=True)
    ]
    verdict: Annotated[str, Column("higher, lower, equivalent, no worse, undecided, untested", optional=True)]
    note: Annotated[str, Column("what limits the comparison, in words", optional=True)]
    n_tests: Annotated[int, Column("tests adjusted together, 0 where no test is made", optional=True)]
    n_collapsed: Annotated[int, Column("seeds whose success fell far below the others'", optional=True)]
    superiority: Annotated[
        float,
        Column(
            "probability that a does better than b on a scene, ties half; NaN but for success", optional=True
        ),
    ]
    superiority_low: Annotated[float, Column("lower end of its interval, as low's", optional=True)]
    superiority_high: Annotated[float, Column("upper end of its interval, as high's", optional=True)]
    sure_low: Annotated[
        float, Column("lower end of the 95% interval of a mean for any distribution of seeds", optional=True)
    ]
    sure_high: Annotated[float, Column("upper end of that interval", optional=True)]


@dataclass(frozen=True, slots=True)
class OverlapRecord:
    """How much of a protocol's test scenes one run met in training, on its level and in its words."""

    run_id: RunId
    protocol: Annotated[str, Column("protocol whose scenes they are")]
    training_scenes: Annotated[int, Column("distinct beginnings of scenes trained on", "scenes")]
    test_scenes: Annotated[int, Column("distinct test scenes", "scenes")]
    scenes_met: Annotated[
        int, Column("of them, equal to one trained on in walls, things, place and goal", "scenes")
    ]
    first_prompts_met: Annotated[
        int, Column("of them, whose goal and first observation began an episode of training", "scenes")
    ]


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


TABLES: dict[str, type] = {
    "runs": RunRecord,
    "training": TrainingRecord,
    "episodes": EpisodeRecord,
    "steps": StepRecord,
    "requests": RequestRecord,
    "probes": ProbeRecord,
    "demonstrations": DemonstrationRecord,
    "comparisons": ComparisonRecord,
    "overlap": OverlapRecord,
    "pretraining": PretrainingRecord,
    "language": LanguageRecord,
    "consequences": ConsequenceRecord,
    "saliency": SaliencyRecord,
}
