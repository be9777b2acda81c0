"""A set of demonstrations: who shows, where, how many; collected once, imitated by any number of clones."""

import hashlib
import json
from typing import Annotated, Any, Self

from pydantic import Field, PositiveInt, model_validator

from glam_eval.config.agents import describe_agent
from glam_eval.config.environment import EnvironmentConfig
from glam_eval.config.settings import Fraction, Settings
from glam_eval.config.worlds import check_agent, check_environment, level_in_files
from glam_eval.core.files import names_directory


class DemonstrationsConfig(Settings):
    """What determines the demonstrations of one source from one seed."""

    source: str
    """Who demonstrates: an agent of the study, or the directory of a checkpoint."""
    teacher: str = ""
    """Digest, but for the seed, of the run that trains the demonstrator; none where nothing is trained."""
    content: str | None = None
    """Digest of a directory's checkpoint: it, not its path, is part of the set."""
    seed: Annotated[int, Field(ge=0)] = 0
    """Replication unit: scenes and draws are derived from it."""
    transitions: PositiveInt
    """Demonstrations collected."""
    environments: PositiveInt = 32
    """Environments stepped together."""
    random_fraction: Fraction = 0.0
    """Share of the steps at which the demonstrator acts, and is recorded, at random: the sets' quality."""
    threads: PositiveInt = 1
    """Processor threads, as of a run."""
    environment: EnvironmentConfig = EnvironmentConfig()
    """World and words."""

    @model_validator(mode="after")
    def _world_fits(self) -> Self:
        check_environment(self.environment)
        if not names_directory(self.source):
            check_agent(describe_agent(self.source), None, self.environment)
        return self

    def digest(self) -> str:
        """Return the first 16 hexadecimal digits of the SHA-256 of what the set depends on but its seed."""
        values: dict[str, Any] = self.model_dump(mode="json", exclude={"seed"})
        if self.content:
            del values["source"]
        text = json.dumps(values, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    @property
    def name(self) -> str:
        """Readable name that the sets of all seeds have in common: what clones are configured with."""
        label = self.source.rstrip("/").rsplit("/", 1)[-1]
        return f"demonstrations-{label}-{level_in_files(self.environment.level)}-{self.digest()[:8]}"

    @property
    def run_id(self) -> str:
        """Readable and unique, as a run's."""
        return set_of_seed(self.name, self.seed)

    @property
    def total_frames(self) -> int:
        """Steps that are collected."""
        return self.transitions


def set_of_seed(name: str, seed: int) -> str:
    """Return the run_id of the set that a seed's clone imitates, of those of one name."""
    return f"{name}-s{seed}"
