"""What a field of a record says of its column: the schema of the results and its data dictionary."""

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
