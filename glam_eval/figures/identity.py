"""Who is who in a study: name, colour and marker of each condition, which is an agent with a model.

A condition looks the same in every figure. Hue and marker say the agent, shade, dash and fill say the
model (the largest is darkest, solid and filled), so that figures also read in grey.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import matplotlib.colors as mcolors
import pandas as pd

from glam_eval.config.agents import AGENTS, AgentLook, Switches, agents_where, known_agent

Condition = tuple[str, str]  # agent, model
Dash = tuple[int, tuple[float, ...]]

INK = "#1d1c1b"  # text and axes; the report replaces it by the colour of its own text

DASHES: tuple[Dash, ...] = ((0, ()), (0, (4.5, 1.5)), (0, (1.4, 1.2)), (0, (4.5, 1.4, 1.2, 1.4)))
# Of agents whose entry has no look: other packages' agents share the hues and differ by marker.
OTHERS_HUES = ("#7a68c8", "#cc6677")
OTHERS_MARKERS = ("h", "8", "o", "s", "^", "D", "v", "P", "<", ">", "p", "d")
# All hues there are, for whatever else is told apart by colour: the study's agents', then the others'.
HUES = (
    *(agent.look.color for agent in AGENTS.values() if agent.look and agent.role != "reference"),
    *OTHERS_HUES,
)
NO_MODEL = ("", "none")


@dataclass(frozen=True)
class Look:
    """How a condition is named and drawn."""

    label: str
    color: str
    marker: str
    dash: Dash
    filled: bool


def agent_label(agent: str) -> str:
    """Return an agent's display name; one that nothing is known of is called as it is."""
    known = known_agent(agent)
    return known.label if known else agent


def condition_label(agent: str, model: str) -> str:
    """Return the display name of an agent with a model."""
    name, bracket, settings = model.partition(" [")  # settings by which variants are told apart
    short = "" if name in NO_MODEL else name.rstrip("/").rsplit("/", 1)[-1]
    return " ".join(filter(None, (agent_label(agent), short, bracket.strip() + settings)))


def is_reference(agent: str) -> bool:
    """Return whether an agent marks the floor or the ceiling that others are measured by."""
    known = known_agent(agent)
    return known is not None and known.role == "reference"


def is_cloned(agent: str) -> bool:
    """Return whether an agent learns from stored demonstrations, offline."""
    known = known_agent(agent)
    return known is not None and known.learner == "cloning"


def is_pretraining_variant(agent: str) -> bool:
    """Return whether an agent is a language model of the study trained online, whatever it starts from."""
    return agent in agents_where(learner="ppo", uses_model=True, role="learner")


def is_online_counterpart(agent: str) -> bool:
    """Return whether an agent trains online the very policy that cloned agents train offline."""
    return agent in agents_where(learner="ppo", uses_model=True, role="learner", switches=Switches())


def of_agents(table: pd.DataFrame, chosen: Callable[[str], bool]) -> "pd.Series[bool]":
    """Return a mask of the rows whose agent is chosen, for instance by ``is_reference``."""
    return table["agent"].isin([agent for agent in table["agent"].unique() if chosen(str(agent))])


def assign_looks(
    conditions: Iterable[Condition], parameters: Mapping[Condition, float] | None = None
) -> dict[Condition, Look]:
    """Return the look of every condition of a study, in display order.

    Args:
        conditions: Agents with their models, in any order.
        parameters: Of each condition's policy; they order an agent's models from large to small.
    """
    sizes = parameters or {}
    found = sorted(set(conditions), key=lambda c: (_rank(c[0]), -sizes.get(c, 0), c[1]))
    agents = list(dict.fromkeys(agent for agent, _ in found))
    others = [agent for agent in agents if _own_look(agent) is None]
    labels = Counter(condition_label(*condition) for condition in found)
    looks = {}
    for agent in agents:
        models = [model for name, model in found if name == agent]
        hue, marker = _hue_and_marker(agent, others)
        for step, model in enumerate(models):
            label = condition_label(agent, model)
            looks[agent, model] = Look(
                label if labels[label] == 1 else f"{agent_label(agent)} {model}",
                _lighter(hue, step, len(models)),
                marker,
                DASHES[step % len(DASHES)],
                filled=step % 2 == 0,
            )
    return looks


def conditions_of(table: pd.DataFrame) -> list[Condition]:
    """Return the distinct (agent, model) pairs of a table."""
    pairs = table[["agent", "model"]].drop_duplicates()
    return [(str(row["agent"]), str(row["model"])) for row in records(pairs)]


def records(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Return a table's rows as dictionaries from column to value."""
    return [{str(name): value for name, value in row.items()} for row in table.to_dict("records")]


def rows_of(table: pd.DataFrame, condition: Condition) -> pd.DataFrame:
    """Return a table's rows of one condition."""
    agent, model = condition
    return table[(table["agent"] == agent) & (table["model"] == model)]


def _own_look(agent: str) -> AgentLook | None:
    known = known_agent(agent)
    return known.look if known else None


def _hue_and_marker(agent: str, others: list[str]) -> tuple[str, str]:
    """Return an agent's own hue and marker; ``others`` are the agents that have none."""
    own = _own_look(agent)
    if own is not None:
        return own.color, own.marker
    place = others.index(agent)
    return OTHERS_HUES[place % len(OTHERS_HUES)], OTHERS_MARKERS[place % len(OTHERS_MARKERS)]


def _rank(agent: str) -> tuple[int, int, str]:
    """Return what sorts agents: the study's in the registry's order, then others, references last."""
    place = list(AGENTS).index(agent) if agent in AGENTS else len(AGENTS)
    return 2 * is_reference(agent) + (agent not in AGENTS), place, agent


def _lighter(hue: str, step: int, steps: int) -> str:
    share = 0.0 if steps == 1 else 0.55 * step / (steps - 1)
    red, green, blue = (channel + (1 - channel) * share for channel in mcolors.to_rgb(hue))
    return mcolors.to_hex((red, green, blue))
