"""What a run costs by nominal rates: enough to order runs, and to list suites at once; loads nothing heavy.

``glam-eval run-suite --dry-run`` measures instead (``glam_eval.suites.measure``).
"""

from glam_eval.config.agents import describe_agent
from glam_eval.config.run import RunConfig
from glam_eval.suites.messages import Plan

# Seconds of a forward pass for one prompt of one observation, on one core: of the embedded models measured in
# training on GoToLocalS5N2, of FLAN-T5 counted in operations at half of a core's matrix rate.
_PASS_SECONDS = {
    "t5-pico": 0.26e-3,
    "t5-nano": 0.62e-3,
    "t5-micro": 2.4e-3,
    "t5-mini": 9e-3,
    "flan-t5-small": 0.1,
    "flan-t5-base": 0.45,
    "flan-t5-large": 1.6,
    "flan-t5-xl": 6.5,
    "flan-t5-xxl": 25.0,
}
_ANY_MODEL = _PASS_SECONDS["flan-t5-base"]  # by directory or hub name: anything
_OTHER_RATES = {"drrn": 1500.0, "symbolic-ppo": 1000.0, "bot": 1000.0}  # frames/s of a core
_QUICK_RATE = 5000.0  # of agents that only draw
_EPISODE_STEPS = 25  # of an evaluation episode


def episodes_of(plan: Plan) -> int:
    """Return the number of evaluation episodes that a plan plays."""
    points = len(plan.config.evaluation_updates())
    return sum(
        protocol.scenes * len(protocol.conditions) * (points if protocol.name == "sample-efficiency" else 1)
        for protocol in plan.protocols
        if protocol.plays
    )


def passes_per_frame(config: RunConfig) -> int:
    """Return the forward passes that a frame of training amounts to; a backward pass is two of them."""
    match describe_agent(config.agent).learner:
        case "ppo":
            return 1 + 3 * config.ppo.epochs
        case "q_learning":
            return 1 + 3
        case "cloning" if config.cloning.source == "gflan":
            return 1 + 3 + passes_per_frame(config.changed(agent="gflan"))  # the teacher is trained first
        case "cloning":
            return 3
        case _:
            return 1


def nominal_seconds(plan: Plan) -> float:
    """Return about how long a plan takes on one core of an ordinary machine."""
    config = plan.config
    step = _step_seconds(config)
    frames = config.updates * config.frames_per_update
    return step * (frames * passes_per_frame(config) + episodes_of(plan) * _EPISODE_STEPS)


def _step_seconds(config: RunConfig) -> float:
    """Return the seconds of a forward pass for one step."""
    if not describe_agent(config.agent).uses_model:
        return 1 / _OTHER_RATES.get(config.agent, _QUICK_RATE) / passes_per_frame(config)
    name = config.model.rstrip("/").rsplit("/", 1)[-1].removesuffix("-scratch")
    longer = (1 + config.environment.remembered) / 2  # prompts: actions and goal, and each observation
    return _PASS_SECONDS.get(name, _ANY_MODEL) * longer
