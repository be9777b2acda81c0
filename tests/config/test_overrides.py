"""``--set key=value``: where it reaches, and what is said where it does not."""

import pytest

from glam_eval.config.loading import load_suite
from glam_eval.config.overrides import apply_overrides, partial_reach
from glam_eval.core.errors import UserError

RATES = """
title = "t"
question = "q"
seeds = 1
frames = 2560
[environment]
level = "GoToLocalS5N2"
[ppo]
preset = "small"
[[agents]]
agent = "gflan"
model = "t5-nano"
[[agents]]
agent = "gflan"
model = "t5-pico"
ppo = { learning_rate = 2e-3 }
[[agents]]
agent = "random"
[[protocols]]
name = "sample-efficiency"
scenes = 50
"""


@pytest.fixture
def load(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(RATES)
    return lambda *overrides: load_suite(str(path), list(overrides))


def rates(suite):
    return [run.learner.learning_rate for run in suite.runs() if run.learner.kind == "ppo"]


def test_an_entry_is_found_by_place_and_by_name(load):
    assert rates(load()) == [3e-4, 2e-3]
    assert rates(load("agents.0.ppo.learning_rate=1e-4")) == [1e-4, 2e-3]
    assert rates(load("agents.gflan.ppo.learning_rate=1e-4")) == [1e-4, 1e-4]
    assert load("protocols.sample-efficiency.scenes=7").protocols[0].scenes == 7
    assert load("protocols.0.scenes=8").protocols[0].scenes == 8


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        ("agents.3.frames=5120", "no '3' among agents: 0 to 2, or gflan, random"),
        ("agents.gflam.frames=5120", "no 'gflam' among agents"),
        ("agents.frames=5120", "say which of agents, for instance agents.0"),
        ("title.x=1", "'title' is not a group of settings"),
        ("title.x.y=1", "'title' is not a group of settings"),
        ("cloning.learning_rate=1e-3", "reaches no run: no agent of 'mine' reads cloning.learning_rate"),
        ("q_learning.batch=3", "reaches no run"),
    ],
)
def test_what_leads_nowhere_is_one_line(load, override, expected):
    with pytest.raises(UserError) as raised:
        load(override)
    assert expected in str(raised.value) and "\n" not in str(raised.value)


def test_an_override_that_all_have_their_own_value_of_reaches_nobody(load):
    own = "agents.0.ppo.clip=0.1", "agents.1.ppo.clip=0.3"
    with pytest.raises(UserError, match=r"has its own value; set agents\.0\.ppo\.clip"):
        load(*own, "ppo.clip=0.2")


def test_an_override_that_some_have_their_own_value_of_says_whom_it_misses(load):
    overrides = ["ppo.learning_rate=1e-4"]
    suite = load(*overrides)
    assert rates(suite) == [1e-4, 2e-3]
    (line,) = partial_reach(suite, overrides)
    assert "does not reach gflan t5-pico" in line
    assert "its own 0.002" in line and "agents.1.ppo.learning_rate" in line
    assert partial_reach(load("ppo.clip=0.1"), ["ppo.clip=0.1"]) == []


def test_what_a_head_never_reads_reaches_no_run(tmp_path):
    path = tmp_path / "heads.toml"
    path.write_text(RATES.replace('agent = "gflan"', 'agent = "aflan"'))
    with pytest.raises(UserError, match="reaches no run"):
        load_suite(str(path), ["policy.normalization=word"])


def test_what_is_given_stays_as_it_was():
    values = {"ppo": {"clip": 0.2}, "agents": [{"agent": "bot"}]}
    changed = apply_overrides(values, ["ppo.clip=0.1", "agents.bot.frames=0", "policy.head_hidden=8"])
    assert changed == {
        "ppo": {"clip": 0.1},
        "agents": [{"agent": "bot", "frames": 0}],
        "policy": {"head_hidden": 8},
    }
    assert values == {"ppo": {"clip": 0.2}, "agents": [{"agent": "bot"}]}
