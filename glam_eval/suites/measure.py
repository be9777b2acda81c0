"""What a run costs on this machine: small models are run for a moment, large ones counted in operations."""

import json
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from glam_eval.benchmarks.agents import AgentThroughput, measure_agent
from glam_eval.config.agents import describe_agent
from glam_eval.config.demonstrations import DemonstrationsConfig
from glam_eval.config.graph import PlannedRun
from glam_eval.config.learners import CloningConfig, QLearningConfig
from glam_eval.config.policy import PolicyConfig
from glam_eval.config.ppo import PPOConfig
from glam_eval.config.run import RunConfig
from glam_eval.config.worlds import world_of
from glam_eval.core.seeds import stream, training_scene_seeds
from glam_eval.core.world import Situation
from glam_eval.environments import make_environment, offered_actions
from glam_eval.environments.catalogue import make_scenes
from glam_eval.environments.worlds.scenes import longest_episode, walk
from glam_eval.policies.models.counting import find_shape
from glam_eval.policies.models.estimate import (
    Shape,
    Workload,
    count_parameters,
    forward_flops,
    memory_bytes,
    weight_bytes,
)
from glam_eval.policies.models.gemm import matrix_rate
from glam_eval.policies.models.shapes import KNOWN, PACKAGED, SCRATCH_SUFFIX
from glam_eval.policies.models.tokenizer import embedded_tokenizer
from glam_eval.suites.cost import episodes_of, passes_per_frame, questions_of
from glam_eval.suites.gpus import Gpu

_EFFICIENCY = 0.5  # of the matrix rate that training reaches; scoring FLAN-T5-small was measured at 0.6
_SMALL = 20_000_000  # parameters of a model that is measured by running it
_PROCESS_BYTES = 600 * 2**20  # of a worker before it holds a model
_STATE_BYTES = 16  # of a parameter while it is learned: weight, gradient, Adam's two moments
_SCENES, _STEPS = 8, 8  # played to see how long prompts are
_PPO_STEPS, _TRANSITIONS = 5, 64  # of a measured update
_STARTS_FROM = {"weights", "embeddings"}  # which change no rate


@dataclass(frozen=True, slots=True)
class Cost:
    """What one run takes; NaN where a model's shape is not known here."""

    parameters: float
    flops: float  # of the language model, in training and evaluation; 0 without one
    memory: float  # bytes of a process that holds the whole model
    seconds: float
    episodes: int
    states: float = 0.0  # of those bytes, what sharding divides: weights, gradients, Adam's moments
    shares: int = 1  # among how many devices the run divides them

    @property
    def each(self) -> float:
        """Bytes of each device of the run."""
        return self.sharded(self.shares)

    def sharded(self, devices: int) -> float:
        """Return the bytes of each of so many devices that divide the states among them."""
        return self.memory - self.states + self.states / devices


class Meter:
    """Measures runs; what several have in common is measured once."""

    def __init__(self, device: str, runs: Sequence[PlannedRun], gpu: Gpu | None = None) -> None:
        """Begin to measure on a device; ``runs`` are those of the suite, teachers among them.

        With a GPU large models are given its published rate, not a measured one.
        """
        self._device, self._gpu = device, gpu
        self._runs = {each.run_id: each.config for each in runs if isinstance(each.config, RunConfig)}
        self._known: dict[str, Any] = {}

    def cost(self, planned: PlannedRun) -> Cost:
        """Return what a run takes on this machine's device."""
        if isinstance(planned.config, DemonstrationsConfig):
            return self._collecting(planned.config, planned.needs)
        config, episodes = planned.config, episodes_of(planned)
        frames = config.total_frames
        steps = episodes * self._episode_steps(config) + questions_of(planned)
        shape = _shape(config)
        if config.conversation or (describe_agent(config.agent).uses_model and shape is None):
            return Cost(math.nan, math.nan, math.nan, math.nan, episodes)
        flops = self._flops(config, shape) * (frames * passes_per_frame(config) + steps) if shape else 0.0
        if shape and count_parameters(shape) > _SMALL:
            rate = self._once("matrix rate", _precision(config), self._matrix_rate)
            seconds, parameters = flops / (rate * _EFFICIENCY) / planned.devices, count_parameters(shape)
        else:
            rates = self._rates(config)
            learning = frames / rates.learning if frames else 0.0
            seconds, parameters = learning + steps / rates.acting, rates.parameters
        states = _state_bytes(config, shape, parameters)
        memory = self._memory(config, shape, states)
        shares = planned.devices if config.policy and config.policy.sharded else 1
        return Cost(parameters, flops, memory, seconds, episodes, states, shares)

    def _once(self, kind: str, key: str, measure: Callable[[str], Any]) -> Any:
        name = f"{kind} {key}"
        if name not in self._known:
            self._known[name] = measure(key)
        return self._known[name]

    def _matrix_rate(self, precision: str) -> float:
        return self._gpu.rate(precision) if self._gpu else matrix_rate(precision, self._device)

    def _rates(self, config: RunConfig) -> AgentThroughput:
        """Return the rates of an agent's kind; level, words and weights are taken to change nothing."""
        short = _shortened(config)
        kept = short.model_dump(
            mode="json", exclude={"environment": True, "agent": True, "policy": _STARTS_FROM}
        )
        of_its_own = "" if describe_agent(config.agent).uses_model else config.agent
        key = json.dumps([of_its_own, kept, config.environment.remembered], sort_keys=True)
        rates: AgentThroughput = self._once("rates", key, lambda _: measure_agent(short, self._device))
        return rates

    def _collecting(self, config: DemonstrationsConfig, needs: Sequence[str]) -> Cost:
        """Return what collecting demonstrations takes: the demonstrator acts in as many steps."""
        shows = next((self._runs[need] for need in needs), None)
        if shows is None:
            if config.content:  # anyone's checkpoint
                return Cost(math.nan, math.nan, math.nan, math.nan, 0)
            shows = RunConfig(agent=config.source, environment=config.environment)
        shows = shows.changed(frames=0, learner=None)
        shape = _shape(shows)
        flops = self._flops(shows, shape) * config.transitions if shape else 0.0
        if shape and count_parameters(shape) > _SMALL:
            rate = self._once("matrix rate", _precision(shows), self._matrix_rate)
            seconds, parameters = flops / (rate * _EFFICIENCY), count_parameters(shape)
        else:
            rates = self._rates(shows)
            seconds, parameters = config.transitions / rates.acting, rates.parameters
        return Cost(parameters, flops, _PROCESS_BYTES + 4 * parameters, seconds, 0)

    def _episode_steps(self, config: RunConfig) -> float:
        """Return the steps of an evaluation episode: half of those allowed."""
        world = config.environment

        def measure(_: str) -> float:
            if world_of(world.level):
                return longest_episode(world) / 2
            scenes = make_scenes(world.level, **world.options)
            scenes.reset(seed=next(training_scene_seeds(0, 0)))
            return float(scenes.max_steps / 2)

        steps: float = self._once("steps", f"{world.level} {world.options}", measure)
        return steps

    def _flops(self, config: RunConfig, shape: Shape) -> float:
        """Return the operations of scoring all actions of one prompt."""
        tokens: float = self._once("tokens", config.environment.canonical_json(), lambda _: _tokens(config))
        return forward_flops(shape, tokens, len(_actions(config)))

    def _memory(self, config: RunConfig, shape: Shape | None, states: float) -> float:
        if shape is None:
            return _PROCESS_BYTES + states
        tokens = self._known[f"tokens {config.environment.canonical_json()}"]
        learner = config.learner
        work = Workload(
            batch=getattr(learner, "minibatch", PPOConfig().minibatch),
            tokens=max(1, round(tokens)),
            nodes=len(_actions(config)),
            micro_batch_tokens=getattr(learner, "micro_batch_tokens", None),
        )
        learns = describe_agent(config.agent).learns
        return _PROCESS_BYTES + memory_bytes(shape, work, _precision(config), learns, states)


def _state_bytes(config: RunConfig, shape: Shape | None, parameters: float) -> float:
    """Return the bytes of weights, and where they are learned of gradients and Adam's moments.

    Adapters and heads, which learn while a model is frozen, are too few to count.
    """
    learns = describe_agent(config.agent).learns
    if shape is None:
        return parameters * (_STATE_BYTES if learns else 4)
    policy = config.policy or PolicyConfig()
    frozen = policy.lora is not None or policy.trainable == "heads"
    return weight_bytes(shape, policy.precision, learns and not frozen, policy.quantization)


def _precision(config: RunConfig) -> str:
    return config.policy.precision if config.policy else "float32"


def _shape(config: RunConfig) -> Shape | None:
    """Return the shape of a run's model, None without one or where the hub alone knows it."""
    local = config.model in PACKAGED or Path(config.model).expanduser().is_dir()
    return find_shape(config.model) if local or config.model in KNOWN else None


def _actions(config: RunConfig) -> tuple[str, ...]:
    """Return the actions of a step; where they differ from step to step, the most that are met."""
    if not world_of(config.environment.level):
        return offered_actions(config.environment)
    return max((each.actions for each in _walked(config)), key=len)


def _walked(config: RunConfig) -> list[Situation]:
    """Return situations of a walk in another package's world."""
    environment = make_environment(config.environment, _SCENES)
    return list(walk(environment, _SCENES, _STEPS, stream(0, "cost", "actions")))


def _tokens(config: RunConfig) -> float:
    """Return the mean tokens of a prompt in some scenes, cut by the embedded tokenizer."""
    if world_of(config.environment.level):
        return _mean_tokens([each.prompt for each in _walked(config)])
    environment, draws = make_environment(config.environment, _SCENES), stream(0, "cost", "actions")
    for slot in range(_SCENES):
        environment.start(slot, next(training_scene_seeds(0, slot)))
    for _ in range(_STEPS):
        turns = draws.integers(2, size=_SCENES)  # left or right: no episode ends, and all is seen
        environment.step(turns.tolist())
    return _mean_tokens([situation.prompt for situation in environment.situations()])


def _mean_tokens(prompts: list[str]) -> float:
    return float(np.mean([len(tokens) for tokens in embedded_tokenizer()(prompts)["input_ids"]]))


def _shortened(config: RunConfig) -> RunConfig:
    """Return two short updates of a run, with all that its speed depends on."""
    learner: dict[str, Any] = {}
    match config.learner:
        case PPOConfig() as ppo:
            steps = max(_PPO_STEPS // ppo.recurrence, 1) * ppo.recurrence
            minibatch = min(ppo.minibatch, steps * ppo.environments)
            learner = ppo.model_dump(exclude={"learning_rate"}) | {"steps": steps, "minibatch": minibatch}
        case QLearningConfig() as q_learning:
            learner = q_learning.model_dump() | {"steps": 5 * q_learning.steps_per_gradient}
        case CloningConfig() as cloning:
            short = {"minibatch": min(cloning.minibatch, _TRANSITIONS), "steps": 1}
            learner = cloning.model_dump(exclude={"demonstrations", "content", "transitions"}) | short
    shortened = config.changed(
        model=config.model.removesuffix(SCRATCH_SUFFIX),
        content=None,
        seed=0,
        frames=0,
        environment=config.environment.changed(actions="canonical"),
        learner=learner or None,
    )
    return shortened.changed(frames=2 * shortened.frames_per_update * describe_agent(config.agent).learns)


def wall_seconds(costs: Iterable[Cost], workers: int) -> float:
    """Return about how long runs take together: no less than the longest, nor than their share of it."""
    seconds = [cost.seconds for cost in costs]
    return max(sum(seconds) / workers, max(seconds, default=0.0))
