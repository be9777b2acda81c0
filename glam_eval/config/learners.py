"""What changes an agent: PPO, Q-learning, cloning or nothing; a run has one.

Defaults are the paper's (appendix E).
"""

from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import Field, PositiveFloat, PositiveInt, model_validator

from glam_eval.config.agents import LearnerKind
from glam_eval.config.ppo import PPOConfig
from glam_eval.config.settings import Fraction, Settings


class NoLearnerConfig(Settings):
    """Nothing: the agent stays as it is."""

    kind: Literal["none"] = "none"
    """Which learner this is."""

    @property
    def frames_per_update(self) -> int:
        """1: there are no updates, so their length means nothing."""
        return 1

    @property
    def environments(self) -> int:
        """1: nothing is trained in them."""
        return 1


class QLearningConfig(Settings):
    """Q-learning with a uniform replay and no target network, as DRRN does (arXiv 1511.04636)."""

    kind: Literal["q_learning"] = "q_learning"
    """Which learner this is."""
    environments: PositiveInt = 32
    """Environments stepped together."""
    steps: PositiveInt = 40
    """Steps of each environment between two records of training."""
    steps_per_gradient: PositiveInt = 4
    """Steps of all environments for each gradient step."""
    batch: PositiveInt = 64
    """Transitions of a gradient step."""
    rewarded_share: Fraction = 0.0
    """Share of them drawn from those with a reward (as in arXiv 1506.08941), the rest from all."""
    learning_rate: PositiveFloat = 1e-4
    """Adam's learning rate."""
    discount: Fraction = 0.9
    """Discount of future rewards."""
    max_grad_norm: PositiveFloat = 5.0
    """Gradients are scaled down to this norm."""
    replay: PositiveInt = 5_000_000
    """Transitions kept, the oldest forgotten first; the training table reports their memory."""
    reward_scale: PositiveFloat = 20.0
    """Every learner multiplies the reward by this (paper, section 4.1)."""

    @model_validator(mode="after")
    def _sizes_fit(self) -> Self:
        if self.steps % self.steps_per_gradient:
            raise ValueError(f"steps_per_gradient {self.steps_per_gradient} must divide steps {self.steps}")
        if self.replay < self.environments * self.steps_per_gradient:
            raise ValueError(
                f"replay {self.replay} is less than environments x steps_per_gradient = "
                f"{self.environments * self.steps_per_gradient}"
            )
        return self

    @property
    def frames_per_update(self) -> int:
        """Environment steps between two records."""
        return self.environments * self.steps


class CloningConfig(Settings):
    """Behavioural cloning: maximum likelihood of demonstrated actions."""

    kind: Literal["cloning"] = "cloning"
    """Which learner this is."""
    demonstrations: str = ""
    """What is imitated: demonstrations collected in this study, by name, or a directory that holds some."""
    content: str | None = None
    """Digest of a directory's demonstrations: they, not its path, are part of the run."""
    transitions: PositiveInt | None = None
    """Demonstrations drawn from a directory's; none takes all."""
    learning_rate: PositiveFloat = 5e-4
    """AdamW's learning rate, reached after the warm-up and brought to 0 by a cosine."""
    warmup: Fraction = 0.01
    """Share of the gradient steps over which the learning rate rises from 0."""
    weight_decay: Annotated[float, Field(ge=0)] = 0.0
    """AdamW's weight decay."""
    minibatch: PositiveInt = 64
    """Demonstrations of a gradient step."""
    steps: PositiveInt = 20
    """Gradient steps between two records of training."""
    max_grad_norm: PositiveFloat = 1.0
    """Gradients are scaled down to this norm (the default of the trainer that the paper used)."""
    micro_batch_tokens: PositiveInt | None = None
    """Padded tokens that one forward and backward pass holds in memory; none: 2304, of small models more, and
    on a GPU what half of the memory that weights leave holds. Results depend on it by rounding alone."""

    @property
    def frames_per_update(self) -> int:
        """Demonstrations learned from between two records."""
        return self.minibatch * self.steps


LearnerConfig = Annotated[
    NoLearnerConfig | PPOConfig | QLearningConfig | CloningConfig, Field(discriminator="kind")
]

LEARNERS: Mapping[LearnerKind, type[Settings]] = {
    "none": NoLearnerConfig,
    "ppo": PPOConfig,
    "q_learning": QLearningConfig,
    "cloning": CloningConfig,
}
