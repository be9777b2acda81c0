"""The registry of agents: the one place that knows one agent from another."""

import ast
from pathlib import Path

import pytest
from matplotlib.markers import MarkerStyle

import glam_eval
from glam_eval.config.agents import (
    AGENTS,
    agents_where,
    check_demonstrator,
    cloning_agent,
    describe_agent,
    known_agent,
    normalising_agents,
    untrained,
)
from glam_eval.core.errors import UserError

PACKAGE = Path(glam_eval.__file__).parent
# "random" also says where weights come from, and "chat" how a prompt is laid out, which are no agents.
WORDS = {
    "config/policy.py": {"random", "chat"},
    "policies/models/loading.py": {"random"},
    "policies/models/validation.py": {"chat"},
    "policies/language_model.py": {"chat"},
    "policies/texts.py": {"chat"},
}


def literals(file: Path) -> set[str]:
    """Every string of a file but its docstrings."""
    tree = ast.parse(file.read_text())
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef)
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, documented) and node.body and isinstance(node.body[0], ast.Expr)
    }
    strings = (
        node for node in ast.walk(tree) if isinstance(node, ast.Constant) and id(node) not in docstrings
    )
    return {node.value for node in strings if isinstance(node.value, str)}


def test_no_other_module_names_an_agent():
    found = {}
    for file in sorted(PACKAGE.rglob("*.py")):
        name = file.relative_to(PACKAGE).as_posix()
        named = literals(file) & set(AGENTS) - WORDS.get(name, set())
        if named and name != "config/agents.py":
            found[name] = named
    assert found == {}


def test_every_agent_of_the_paper_is_there_with_a_look_of_its_own():
    looks = [agent.look for agent in AGENTS.values()]
    assert None not in looks
    assert {look.marker for look in looks} <= MarkerStyle.markers.keys()
    assert len({look.color for look in looks}) == len({look.marker for look in looks}) == len(looks)
    assert len({agent.label for agent in AGENTS.values()}) == len(AGENTS)


def test_roles_follow_from_what_agents_do():
    for agent in AGENTS.values():
        assert agent.role != "learner" or agent.learns
        assert agent.role != "reference" or not agent.learns
        assert not (agent.goal_blind and agent.bound == "ceiling")
        assert bool(agent.demonstrator) == (agent.learner == "cloning")
        assert agent.uses_model or agent.switches == type(agent.switches)()
    assert normalising_agents() == ("random", "bot")


def test_who_imitates_whom():
    assert [cloning_agent(name) for name in ("bot", "gflan", "npe")] == ["bc-bot", "bc-gflan", "bc-gflan"]
    check_demonstrator(AGENTS["bc-gflan"], AGENTS["npe"])
    with pytest.raises(UserError, match="'bc-bot' clones bot, not gflan: choose agent 'bc-gflan'"):
        check_demonstrator(AGENTS["bc-bot"], AGENTS["gflan"])
    assert untrained("gflan") == "zero-shot"


def test_agents_are_found_by_what_they_are():
    assert agents_where(learner="cloning") == ["bc-gflan", "bc-bot", "bc-bot-scratch"]
    assert set(agents_where(role="reference")) >= {"bot", "random"}
    assert known_agent("someone's") is None
    with pytest.raises(UserError, match="did you mean 'gflan'"):
        describe_agent("gflam")
