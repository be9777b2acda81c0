"""Everything that determines one run: an agent, trained on one level from one seed.

Defaults are the paper's (section 4 and appendix E; ``[ppo] preset = "small"`` is ours for embedded models).
"""

from dataclasses import asdict
from typing import Annotated, Any, Literal, Self

from pydantic import Field, PositiveFloat, PositiveInt, model_validator

from glam_eval.config.agents import describe_agent
from glam_eval.config.learners import CloningConfig, Fraction, QLearningConfig
from glam_eval.config.settings import Settings


class EnvironmentConfig(Settings):
    """The world a run is trained in and the words it is told in."""

    level: str = "GoToLocal"
    """BabyAI-Text level; ``glam-eval envs`` lists them."""
    options: dict[str, Any] = {}
    """Options of the level, for instance room_size, num_dists, kinds or held_out."""
    language: str = "en"
    """Language of goal and observations."""
    shift: str = "none"
    """Lexical shift of the training words."""
    actions: Literal["restricted", "canonical", "augmented"] = "canonical"
    """Action set: 3, 6 or 9 actions."""
    template: str = "paper"
    """Prompt template."""
    remembered: Annotated[int, Field(ge=1, le=9)] = 3
    """Observations in the prompt, with the actions between them."""


class LoraConfig(Settings):
    """Low-rank adapters in place of full updates (arXiv 2106.09685)."""

    rank: PositiveInt = 8
    """Rank of the adapters."""
    alpha: PositiveInt = 16
    """Scale of the adapters, divided by the rank."""
    targets: Annotated[tuple[str, ...], Field(min_length=1)] = ("q", "v")
    """Names of the linear layers adapted; T5's are q, k, v and o, Llama's q_proj and so on."""


class PolicyConfig(Settings):
    """How a language model becomes a policy."""

    weights: Literal["pretrained", "random"] = "pretrained"
    """Transformer weights at the start."""
    embeddings: Literal["pretrained", "random"] = "pretrained"
    """Embeddings at the start."""
    action_choice: Literal["scoring", "head"] = "scoring"
    """Actions by the language-modelling head, or by a new MLP head."""
    normalization: Literal["sum", "token", "word", "logits"] = "sum"
    """Score of an action: summed log-probability, per token, per word (TWOSOME), or raw logits."""
    end_of_sequence: bool = False
    """Append and score </s>, as releases before November 2023 did."""
    head_hidden: PositiveInt = 1024
    """Hidden units of the value and action heads."""
    precision: Literal["float32", "bfloat16"] = "float32"
    """Arithmetic of the transformer; log-probabilities and master weights are float32."""
    trainable: Literal["all", "decoder", "heads"] = "all"
    """Which weights are updated."""
    lora: LoraConfig | None = None
    """Adapters; none updates the weights themselves."""


PPO_PRESETS: dict[str, dict[str, Any]] = {
    "paper": {},
    # Found by a small search on GoToLocalS5N2 with the embedded models, which start from random weights.
    "small": {
        "learning_rate": 1e-3,
        "gae_lambda": 0.95,
        "epochs": 2,
        "minibatch": 256,
        "normalize_advantages": True,
        "value_clip": None,
        "reward_scale": 1.0,  # at 20 the value loss takes most of the clipped gradient
    },
    # The paper's for Symbolic-PPO.
    "symbolic": {
        "environments": 64,
        "steps": 40,
        "recurrence": 20,
        "minibatch": 1280,
        "learning_rate": 1e-4,
    },
    # Ours for Symbolic-PPO on GoToLocalS5N2, where the paper's takes several 100,000 frames.
    "symbolic-small": {
        "environments": 32,
        "steps": 40,
        "recurrence": 10,
        "minibatch": 160,
        "epochs": 3,
        "learning_rate": 5e-4,
        "gae_lambda": 0.95,
        "normalize_advantages": True,
        "value_clip": None,
        "reward_scale": 1.0,
    },
}


class PPOConfig(Settings):
    """Proximal policy optimisation; defaults are the paper's (appendix E)."""

    preset: Literal["paper", "small", "symbolic", "symbolic-small"] = "paper"
    """Values to start from; keys given beside it win."""
    environments: PositiveInt = 32
    """Environments stepped together."""
    steps: PositiveInt = 40
    """Steps of each environment in a batch."""
    epochs: PositiveInt = 4
    """Passes over a batch."""
    minibatch: PositiveInt = 64
    """Samples of a gradient step."""
    learning_rate: PositiveFloat = 1e-6
    """Adam's learning rate."""
    schedule: Literal["constant", "linear", "cosine"] = "constant"
    """Course of the learning rate over the run."""
    adam_betas: tuple[Fraction, Fraction] = (0.9, 0.999)
    """Adam's betas."""
    adam_epsilon: PositiveFloat = 1e-5
    """Adam's epsilon."""
    discount: Fraction = 0.99
    """Discount of future rewards."""
    gae_lambda: Fraction = 0.99
    """Lambda of generalized advantage estimation (arXiv 1506.02438)."""
    entropy_coefficient: Annotated[float, Field(ge=0)] = 0.01
    """Weight of the entropy bonus."""
    value_coefficient: Annotated[float, Field(ge=0)] = 0.5
    """Weight of the value loss."""
    clip: PositiveFloat = 0.2
    """Clip range of the probability ratio."""
    value_clip: PositiveFloat | None = 0.2
    """Clip range of the value's change; none switches it off."""
    max_grad_norm: PositiveFloat = 0.5
    """Gradients are scaled down to this norm."""
    normalize_advantages: bool = False
    """Advantages of a batch to mean 0 and standard deviation 1."""
    timeouts: Literal["terminal", "bootstrap"] = "terminal"
    """Whether a time-out ends the return (paper) or the critic's value continues it."""
    reward_scale: PositiveFloat = 20.0
    """Every learner multiplies the reward by this (paper, section 4.1)."""
    target_kl: PositiveFloat | None = None
    """Stop an update's epochs when the approximate KL exceeds this; none switches it off."""
    recurrence: PositiveInt = 1
    """Steps of a recurrent policy that are trained as one sequence."""
    micro_batch_tokens: PositiveInt | None = None
    """Padded tokens that one forward and backward pass holds in memory; none: 2304, of small models more.
    Results depend on it by rounding alone."""

    @model_validator(mode="before")
    @classmethod
    def _apply_preset(cls, values: Any) -> Any:
        if isinstance(values, dict) and values.get("preset") in PPO_PRESETS:
            return {**PPO_PRESETS[values["preset"]], **values}
        return values

    @model_validator(mode="after")
    def _batches_divide(self) -> Self:
        if self.minibatch > self.frames_per_update:
            raise ValueError(
                f"minibatch {self.minibatch} exceeds environments x steps = {self.frames_per_update}"
            )
        if self.steps % self.recurrence:
            raise ValueError(f"recurrence {self.recurrence} must divide steps {self.steps}")
        return self

    @property
    def frames_per_update(self) -> int:
        """Environment steps of one batch."""
        return self.environments * self.steps


class RunConfig(Settings):
    """One agent trained (or not) from one seed: equal configurations are the same run."""

    agent: str
    """Agent of the study."""
    model: str = "none"
    """Embedded model, directory or Hugging Face name; none for agents without one."""
    seed: Annotated[int, Field(ge=0)] = 0
    """Replication unit: every random stream of the run is derived from it."""
    frames: Annotated[int, Field(ge=0)] = 0
    """Environment steps to train for, rounded up to whole updates."""
    evaluations: PositiveInt = 10
    """Evaluation points along training, evenly spaced, besides the one before it."""
    threads: PositiveInt = 1
    """Processor threads of the run: part of it, because the last bits of sums depend on it."""
    environment: EnvironmentConfig = EnvironmentConfig()
    """World and words."""
    policy: PolicyConfig = PolicyConfig()
    """Language model as policy."""
    ppo: PPOConfig = PPOConfig()
    """Learner of the agents that learn online."""
    q_learning: QLearningConfig = QLearningConfig()
    """Learner of DRRN."""
    cloning: CloningConfig = CloningConfig()
    """Learner of the agents that imitate."""

    @model_validator(mode="before")
    @classmethod
    def _agent_switches(cls, values: Any) -> Any:
        """Let the agent's name set the policy's switches; other values beside it are a contradiction."""
        if not isinstance(values, dict) or not isinstance(values.get("agent"), str):
            return values
        agent = describe_agent(values["agent"])
        policy = values.get("policy", {})
        given = policy.model_dump(exclude_unset=True) if isinstance(policy, PolicyConfig) else dict(policy)
        for name, value in asdict(agent.switches).items():
            if given.setdefault(name, value) != value:
                reason = f"has {name} = {value!r}" if agent.uses_model else "is no language model"
                raise ValueError(
                    f"policy.{name} = {given[name]!r}: agent {agent.name!r} {reason}, leave it out"
                )
        return {**values, "policy": given}

    @model_validator(mode="after")
    def _agent_fits(self) -> Self:
        agent = describe_agent(self.agent)
        if agent.uses_model and self.model == "none":
            raise ValueError(f"agent {self.agent!r} needs a model, for instance model = 't5-nano'")
        if not agent.uses_model and self.model != "none":
            raise ValueError(f"agent {self.agent!r} takes no model")
        if agent.learner == "none" and self.frames:
            raise ValueError(f"agent {self.agent!r} never learns: frames must be 0, not {self.frames}")
        if agent.learner != "none" and 0 < self.frames < self.frames_per_update:
            raise ValueError(f"frames {self.frames} is less than one batch of {self.frames_per_update} steps")
        if self.agent == "bc-gflan" and self.cloning.source == "bot":
            raise ValueError("agent 'bc-gflan' needs cloning.source: gflan, or a directory")
        return self

    @property
    def learner(self) -> PPOConfig | QLearningConfig | CloningConfig:
        """Settings of the agent's learner; PPO's for agents that do not learn."""
        match describe_agent(self.agent).learner:
            case "q_learning":
                return self.q_learning
            case "cloning":
                return self.cloning
            case _:
                return self.ppo

    @property
    def frames_per_update(self) -> int:
        """Frames of one update: environment steps, or demonstrations for agents that imitate."""
        return self.learner.frames_per_update

    @property
    def run_id(self) -> str:
        """Readable and unique: agent, model, level, seed and the configuration's digest."""
        model = self.model.rstrip("/").rsplit("/", 1)[-1]
        parts = [self.agent, *([model] if model != "none" else []), self.environment.level]
        return "-".join([*parts, f"s{self.seed}", self.digest()[:8]])

    @property
    def updates(self) -> int:
        """Updates that ``frames`` amounts to."""
        return -(-self.frames // self.frames_per_update)

    def evaluation_updates(self) -> list[int]:
        """Return the updates after which the agent is evaluated: 0, evenly spaced ones, the last."""
        count = min(self.evaluations, self.updates)
        return sorted({0, *(round(self.updates * k / count) for k in range(1, count + 1))}) if count else [0]
