"""What a run costs by nominal rates: enough to order runs, and to list suites at once; loads nothing heavy.

``glam-eval run-suite --dry-run`` measures instead (``glam_eval.suites.measure``).
"""

from collections.abc import Mapping

from glam_eval.config.agents import describe_agent
from glam_eval.config.demonstrations import DemonstrationsConfig
from glam_eval.config.graph import PlannedRun
from glam_eval.config.learners import CloningConfig, QLearningConfig
from glam_eval.config.ppo import PPOConfig
from glam_eval.config.protocols import CONSEQUENCES
from glam_eval.config.run import RunConfig

# Seconds of a forward pass for one prompt of one observation, on one core: of the embedded models measured in
# training on GoToLocalS5N2, of FLAN-T5 counted in operations at half of a core's matrix rate.
_PASS_SECONDS = {
    "t5-pico": 0.26e-3,
    "t5-nano": 0.62e-3,
    "t5-micro": 2.4e-3,
    "t5-mini": 9e-3,
    "smollm2-135m": 0.13,
    "flan-t5-small": 0.1,
    "flan-t5-base": 0.45,
    "flan-t5-large": 1.6,
    "flan-t5-xl": 6.5,
    "flan-t5-xxl": 25.0,
}
_ANY_MODEL = _PASS_SECONDS["flan-t5-base"]  # by directory or hub name: anything
_ANY_AGENT = 1000.0  # steps per second of a policy that nothing is known of
_EPISODE_STEPS = 25  # of an evaluation episode


def episodes_of(planned: PlannedRun) -> int:
    """Return the number of evaluation episodes that a run plays."""
    if not isinstance(planned.config, RunConfig):
        return 0
    points = len(planned.config.evaluation_updates())
    return sum(
        protocol.scenes * len(protocol.conditions) * (points if protocol.name == "sample-efficiency" else 1)
        for protocol in planned.protocols
        if protocol.plays
    )


def questions_of(planned: PlannedRun) -> int:
    """Return the forward passes of protocols that ask at two moments, of an agent that never learns at one.

    A question on consequences is asked with its situation and without. Of a prompt about every part is left
    out. What is known of language is asked of other texts, and not counted.
    """
    config = planned.config
    if not isinstance(config, RunConfig):
        return 0
    passes = {"consequences": 2 * len(CONSEQUENCES), "saliency": 3 + 2 * config.environment.remembered}
    asked = sum(each.items * passes.get(each.name, 0) for each in planned.protocols)
    return asked * len({0, config.updates})


def passes_per_frame(config: RunConfig) -> int:
    """Return the forward passes that a frame of training amounts to; a backward pass is two of them."""
    match config.learner:
        case PPOConfig(epochs=epochs):
            return 1 + 3 * epochs
        case QLearningConfig():
            return 1 + 3
        case CloningConfig():
            return 3
        case _:
            return 1


def nominal_seconds(planned: PlannedRun, agents: Mapping[str, RunConfig]) -> float:
    """Return about how long a run takes on one core of an ordinary machine.

    Args:
        planned: the run.
        agents: the study's runs of agents, teachers among them, by run_id.
    """
    config = planned.config
    if isinstance(config, DemonstrationsConfig):
        teacher = next((agents[need] for need in planned.needs), None)
        return config.transitions * (_step_seconds(teacher) if teacher else 1 / _ANY_AGENT)
    return _step_seconds(config) * (
        config.total_frames * passes_per_frame(config)
        + episodes_of(planned) * _EPISODE_STEPS
        + questions_of(planned)
    )


def _step_seconds(config: RunConfig) -> float:
    """Return the seconds of a forward pass for one step."""
    agent = describe_agent(config.agent)
    if not agent.uses_model:
        return 1 / (agent.steps_per_second or _ANY_AGENT) / passes_per_frame(config)
    name = config.model.rstrip("/").rsplit("/", 1)[-1]  # t5-nano-scratch and t5-nano-seed1 are t5-nano's size
    passes = (each for known, each in _PASS_SECONDS.items() if f"{name}-".startswith(f"{known}-"))
    longer = (1 + config.environment.remembered) / 2  # prompts: actions and goal, and each observation
    return next(passes, _ANY_MODEL) * longer
