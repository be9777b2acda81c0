"""An agent with its model looks the same everywhere, and no two look alike."""

import itertools

import matplotlib.colors as mcolors
import pytest

from glam_eval.figures.identity import assign_looks, condition_label

AGENTS = ["gflan", "aflan", "npe", "npa", "npae", "zero-shot", "bc-gflan", "bc-bot", "drrn", "symbolic-ppo"]


def test_a_known_agent_keeps_its_colour_whoever_else_is_there():
    alone = assign_looks([("npe", "t5-nano")])
    among_all = assign_looks([(agent, "t5-nano") for agent in [*AGENTS, "bot", "random"]])
    assert alone["npe", "t5-nano"] == among_all["npe", "t5-nano"]


def test_twelve_conditions_all_look_different():
    looks = list(assign_looks([(agent, "t5-nano") for agent in [*AGENTS, "bot", "random"]]).values())
    assert len(looks) == 12
    for a, b in itertools.combinations(looks, 2):
        assert a.color != b.color
        assert a.marker != b.marker


def test_models_of_an_agent_go_from_dark_and_solid_to_light():
    sizes = {("gflan", "small"): 10.0, ("gflan", "large"): 1000.0, ("gflan", "base"): 100.0}
    looks = assign_looks(sizes, sizes)
    assert [model for _, model in looks] == ["large", "base", "small"]
    lightness = [sum(mcolors.to_rgb(look.color)) for look in looks.values()]
    assert lightness == sorted(lightness)
    assert looks["gflan", "large"].filled and looks["gflan", "large"].dash == (0, ())
    assert len({look.dash for look in looks.values()}) == 3


def test_references_come_last_and_users_agents_before_them():
    looks = assign_looks([("random", "none"), ("mine", "none"), ("bot", "none"), ("gflan", "t5-nano")])
    assert [agent for agent, _ in looks] == ["gflan", "mine", "bot", "random"]


@pytest.mark.parametrize(
    ("agent", "model", "label"),
    [("mine", "none", "mine"), ("mine", "google/flan-t5-small", "mine flan-t5-small"), ("mine", "", "mine")],
)
def test_labels(agent, model, label):
    assert condition_label(agent, model) == label
