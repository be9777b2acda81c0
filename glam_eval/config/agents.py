"""The one registry of the study's agents: what each is called, learns by, switches and looks like.

Whatever the package does for one agent and not for another, it asks of the agent's entry here; no other
module compares names. Agents of other packages join through the entry-point group ``glam_eval.agents``: an
entry point named as the agent, whose object is an ``Agent`` with ``build``.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any, Literal

from glam_eval.core.entry_points import entry_names, load_entry
from glam_eval.core.errors import UserError

LearnerKind = Literal["none", "ppo", "q_learning", "cloning"]
Role = Literal["learner", "reference", "control", "user's"]
ENTRY_POINTS = "glam_eval.agents"

_LANGUAGE_MODEL = "glam_eval.policies.language_model_runs"
_PROMPT = frozenset({"environment.template", "environment.remembered"})
_NO_TEXT = _PROMPT | {"environment.goal_hidden", "threads"}  # by planners and draws, which read nothing


@dataclass(frozen=True, slots=True)
class Switches:
    """What a language model starts from and how it chooses: the paper's ablations are these three."""

    weights: Literal["pretrained", "random"] = "pretrained"
    embeddings: Literal["pretrained", "random"] = "pretrained"
    action_choice: Literal["scoring", "head"] = "scoring"


@dataclass(frozen=True, slots=True)
class AgentLook:
    """How an agent is drawn in every figure: a colour (hexadecimal RGB) and a marker that matplotlib names.

    Not one in dollars: figures take text as it is.
    """

    color: str
    marker: str


@dataclass(frozen=True, slots=True)
class Agent:
    """One row of the study.

    Attributes:
        name: what suites and results call it.
        label: what figures and reports call it.
        description: what it is, in a few words.
        learner: what changes it; ``none`` for agents that never learn.
        build: what makes its policy, as a function or ``"module:function"``; it is called with the run's
            ``RunConfig``, the number of actions (0 where a world says them anew at every step) and the
            device, and returns a ``policies.base.Policy``.
        restore: the same for the policy of a checkpoint, which is the fourth argument; None builds it anew
            and lets it ``load``.
        role: learners are compared, references bound them, controls show what a claim rests on.
        uses_model: whether a run of it loads a language model.
        served: whether it is a model that an endpoint serves, by the name that the server knows.
        switches: of agents that use a model.
        presets: settings of its learner under a named preset, where they differ from the preset's own.
        demonstrator: the agent that it imitates unless a suite says otherwise, for agents that clone.
        bound: ``floor`` or ``ceiling`` where scores are normalised by this agent.
        goal_blind: whether it never knows the goal, so that its success is what the world gives without
            language; a learner's goal is hidden in training and evaluation.
        unread: dotted keys of ``RunConfig`` that change nothing for this agent.
        reads_text: whether it decides by the prompt alone, without memory: such an agent can be probed.
        look: how it is drawn; None gives it a free colour and marker.
        needs: of the world, beyond prompt and actions: BabyAI-Text's own grid, words or actions (``grid``),
            or an expert; what needs nothing acts in any world (``config.worlds``).
        steps_per_second: of its policy on one core, nominally; None where its model says it.
    """

    name: str
    label: str
    description: str
    learner: LearnerKind
    build: Callable[[Any, int, str], Any] | str
    restore: Callable[[Any, int, str, Path], Any] | str | None = None
    role: Role = "user's"
    uses_model: bool = False
    served: bool = False
    switches: Switches = Switches()
    presets: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    demonstrator: str = ""
    bound: Literal["", "floor", "ceiling"] = ""
    goal_blind: bool = False
    unread: frozenset[str] = frozenset()
    reads_text: bool = True
    look: AgentLook | None = None
    needs: Literal["", "grid", "expert"] = ""
    steps_per_second: float | None = None

    @property
    def learns(self) -> bool:
        """Whether anything changes it."""
        return self.learner != "none"

    @property
    def names_model(self) -> bool:
        """Whether a run of it names a model, loaded here or served elsewhere."""
        return self.uses_model or self.served

    def make_policy(self, config: Any, actions: int, device: str, checkpoint: Path | None = None) -> Any:
        """Return the policy of a run, as at its start or as in a checkpoint.

        Args:
            config: the run's ``RunConfig``.
            actions: number of actions offered.
            device: where its parameters go.
            checkpoint: directory that its ``save`` wrote.
        """
        if checkpoint is not None and self.restore is not None:
            return _function(self.restore)(config, actions, device, checkpoint)
        policy = _function(self.build)(config, actions, device)
        if checkpoint is not None:
            policy.load(checkpoint)
        return policy


def _function(named: Callable[..., Any] | str) -> Callable[..., Any]:
    """Return a function that may be named as ``"module:function"``, so that entries load nothing heavy."""
    if not isinstance(named, str):
        return named
    module, _, name = named.partition(":")
    found: Callable[..., Any] = getattr(import_module(module), name)
    return found


def _language_model(
    name: str, label: str, description: str, color: str, marker: str, /, **values: Any
) -> Agent:
    values = {"learner": "ppo", "role": "learner", "look": AgentLook(color, marker), **values}
    values |= {"build": f"{_LANGUAGE_MODEL}:build", "restore": f"{_LANGUAGE_MODEL}:restore"}
    return Agent(name, label, description, uses_model=True, **values)


# Random weights and new heads learn slowly at the small preset's own rate, which suits pretrained ones.
_FRESH: Mapping[str, Mapping[str, Any]] = {"small": {"learning_rate": 1e-3}}

# The paper's agents (section 3.2) in the order of its questions, which is that of figures and tables. Colours
# are Okabe and Ito's (https://jfly.uni-koeln.de/color/), then Paul Tol's muted ones, without the yellow that
# vanishes on white and the indigo that vanishes on black; floor and ceiling carry no hue.
_STUDY = (
    _language_model(
        "gflan", "GFlan-T5", "language model, scoring, online PPO", "#0072b2", "o",
    ),
    _language_model(
        "aflan", "AFlan-T5", "language model, action head, PPO", "#d55e00", "s",
        switches=Switches(action_choice="head"), presets=_FRESH,
    ),
    _language_model(
        "npe", "NPE-Flan-T5", "random weights, pretrained embeddings", "#009e73", "^",
        switches=Switches(weights="random"), presets=_FRESH,
    ),
    _language_model(
        "npa", "NPA-Flan-T5", "all weights random, action head", "#cc79a7", "D",
        switches=Switches(weights="random", embeddings="random", action_choice="head"), presets=_FRESH,
    ),
    _language_model(
        "npae", "NPAE-Flan-T5", "as npe, with an action head", "#8c6d46", "v",
        switches=Switches(weights="random", action_choice="head"), presets=_FRESH,
    ),
    _language_model(
        "zero-shot", "zero-shot", "gflan's policy, never updated", "#e69f00", "P",
        learner="none", role="control",
    ),
    _language_model(
        "blind", "blind", "gflan's policy, trained and asked with the goal hidden", "#882255", "h",
        role="control", goal_blind=True,
    ),
    _language_model(
        "bc-gflan", "BC-GFlan-T5", "gflan's policy, cloned from gflan", "#aa4499", "<",
        learner="cloning", demonstrator="gflan",
    ),
    _language_model(
        "bc-bot", "BC-Bot", "gflan's policy, cloned from the bot", "#44aa99", ">",
        learner="cloning", demonstrator="bot",
    ),
    _language_model(
        "bc-bot-scratch", "BC-Bot, from scratch", "all weights random, cloned from the bot", "#1f6f63", "+",
        learner="cloning", demonstrator="bot", role="control",
        switches=Switches(weights="random", embeddings="random"),
    ),
    Agent(
        "drrn", "DRRN", "recurrent Q-network over text, from scratch", "q_learning",
        build="glam_eval.policies.drrn:build", role="learner", needs="grid",
        look=AgentLook("#999933", "p"), steps_per_second=1500.0,
    ),
    Agent(
        "symbolic-ppo", "Symbolic-PPO", "conv, FiLM and LSTM on the symbolic grid", "ppo",
        build="glam_eval.policies.symbolic:build", role="learner",
        presets={
            # The paper's for this agent (appendix E).
            "paper": {"environments": 64, "recurrence": 20, "minibatch": 1280, "learning_rate": 1e-4},
            # Ours on GoToLocalS5N2, where the paper's takes several 100,000 frames.
            "small": {"recurrence": 10, "minibatch": 160, "epochs": 3, "learning_rate": 5e-4},
        },
        unread=_PROMPT, reads_text=False, needs="grid",
        look=AgentLook("#56b4e9", "d"), steps_per_second=1000.0,
    ),
    Agent(
        "chat", "chat", "a served language model, prompted turn by turn, never trained", "none",
        build="glam_eval.chat.agent:build", role="control", served=True,
        unread=_PROMPT | {"threads"}, reads_text=False, needs="grid",
        look=AgentLook("#117733", "x"), steps_per_second=2.0,
    ),
    Agent(
        "bot", "bot", "BabyAI's planner: the expert", "none",
        build="glam_eval.policies.baselines:build_bot", role="reference", bound="ceiling",
        needs="expert",
        unread=_NO_TEXT, reads_text=False,
        look=AgentLook("#1d1c1b", "*"), steps_per_second=1000.0,
    ),
    Agent(
        "sweep", "sweep", "planner that tries things in the nearest order, not knowing the goal", "none",
        build="glam_eval.policies.baselines:build_sweep", role="reference", goal_blind=True,
        needs="grid",
        unread=_NO_TEXT, reads_text=False,
        look=AgentLook("#55524e", "H"), steps_per_second=2000.0,
    ),
    Agent(
        "random-useful", "random, useful actions", "uniform over the actions that the kind of task can need",
        "none", build="glam_eval.policies.baselines:build_random_useful", role="reference", goal_blind=True,
        needs="grid",
        unread=_NO_TEXT, reads_text=False,
        look=AgentLook("#aaa7a2", "8"), steps_per_second=5000.0,
    ),
    Agent(
        "random", "random", "uniform over the actions offered", "none",
        build="glam_eval.policies.baselines:build_random", role="reference", bound="floor",
        goal_blind=True, unread=_NO_TEXT, reads_text=False,
        look=AgentLook("#8a8782", "X"), steps_per_second=5000.0,
    ),
)  # fmt: skip

AGENTS: dict[str, Agent] = {agent.name: agent for agent in _STUDY}
DEFAULT_AGENT = _STUDY[0].name


def describe_agent(name: str) -> Agent:
    """Return an agent's entry.

    Raises:
        UserError: if there is no such agent (naming the nearest), or its entry point holds none.
    """
    if name in AGENTS:
        return AGENTS[name]
    agent, where = load_entry("agent", ENTRY_POINTS, name, AGENTS)
    if not isinstance(agent, Agent) or agent.name != name:
        raise UserError(f"{where} must be an Agent of that name")
    return agent


def agent_names() -> list[str]:
    """Return the names of all agents: the study's, then those of installed packages."""
    return list(dict.fromkeys([*AGENTS, *entry_names(ENTRY_POINTS)]))


def known_agent(name: str) -> Agent | None:
    """Return an agent's entry, None for a name in others' results that nothing is known of here."""
    try:
        return describe_agent(name)
    except UserError:
        return None


def agents_where(**values: Any) -> list[str]:
    """Return the study's agents whose entries have all these values, for instance ``learner="cloning"``."""
    return [
        name for name, agent in AGENTS.items() if all(getattr(agent, key) == values[key] for key in values)
    ]


def goal_blind_agents() -> list[str]:
    """Return the agents that never know the goal: the best of them is chance, in every figure and finding."""
    return agents_where(goal_blind=True)


def normalising_agents() -> tuple[str, str]:
    """Return the agents whose success counts as 0 and as 1 where scores are normalised: floor and ceiling."""
    (floor,), (ceiling,) = agents_where(bound="floor"), agents_where(bound="ceiling")
    return floor, ceiling


def cloning_agent(demonstrator: str) -> str:
    """Return the study's agent that imitates such a demonstrator: references have a clone of their own.

    Args:
        demonstrator: an agent's name; a trained agent of any name counts as a learner.
    """
    is_reference = demonstrator in AGENTS and AGENTS[demonstrator].role == "reference"
    clones = agents_where(learner="cloning")
    return next(name for name in clones if _imitates_reference(AGENTS[name]) == is_reference)


def untrained(agent: str) -> str:
    """Return the study's agent with the policy of a language-model agent, which never learns."""
    return agents_where(learner="none", uses_model=True, switches=AGENTS[agent].switches)[0]


def check_demonstrator(agent: Agent, demonstrator: Agent) -> None:
    """Raise a UserError unless an agent that clones may imitate a demonstrator.

    A clone of a reference measures imitation of an expert, a clone of a learner what its own interaction
    added: results that mix them up would answer neither.
    """
    if demonstrator.served:
        raise UserError(
            f"agent {agent.name!r} can't clone {demonstrator.name}: a served model acts in tests alone"
        )
    if _imitates_reference(agent) != (demonstrator.role == "reference"):
        other = cloning_agent(demonstrator.name)
        raise UserError(
            f"agent {agent.name!r} clones {agent.demonstrator}, not {demonstrator.name}: "
            f"choose agent {other!r}"
        )


def _imitates_reference(agent: Agent) -> bool:
    return AGENTS[agent.demonstrator].role == "reference"
