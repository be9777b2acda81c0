"""An agent with its model looks the same everywhere, and no two look alike."""

import itertools

import matplotlib.colors as mcolors
import pandas as pd
import pytest

from glam_eval.figures.identity import (
    Look,
    assign_looks,
    condition_label,
    is_cloned,
    is_online_counterpart,
    is_pretraining_variant,
    is_reference,
    of_agents,
)
from glam_eval.figures.style import dots, panels

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


def test_users_agents_differ_from_each_other_and_take_no_known_agents_hue():
    mine = [(f"mine-{n}", "none") for n in range(8)]
    looks = assign_looks([*mine, *((agent, "none") for agent in AGENTS)])
    known = {looks[agent, "none"].color for agent in AGENTS}
    assert not known & {looks[own].color for own in mine}
    assert len({(looks[own].color, looks[own].marker) for own in mine}) == len(mine)


def test_agents_are_known_by_what_they_are():
    """The paper's section 3.2: which agents are variants of pretraining, and which are cloned."""
    everyone = [*AGENTS, "bot", "random", "mine"]
    assert [a for a in everyone if is_reference(a)] == ["bot", "random"]
    assert [a for a in everyone if is_cloned(a)] == ["bc-gflan", "bc-bot"]
    assert [a for a in everyone if is_pretraining_variant(a)] == ["gflan", "aflan", "npe", "npa", "npae"]
    assert [a for a in everyone if is_online_counterpart(a)] == ["gflan"]
    table = pd.DataFrame({"agent": pd.Categorical(["bot", "gflan", "bot"])})
    assert list(of_agents(table, is_reference)) == [True, False, True]


@pytest.mark.parametrize(
    ("agent", "model", "label"),
    [("mine", "none", "mine"), ("mine", "google/flan-t5-small", "mine flan-t5-small"), ("mine", "", "mine")],
)
def test_labels(agent, model, label):
    assert condition_label(agent, model) == label


@pytest.mark.parametrize("marker", ["o", "+", "x"])
@pytest.mark.filterwarnings("error")
def test_a_hollow_mark_is_seen_even_where_its_shape_has_no_inside(marker):
    """A cross is drawn by the colour of its face: hollow, it would be white on white."""
    _, (axes,) = panels(1, 1, width=2, height=2)
    look = Look("agent", "#1f6f63", marker, (0, ()), filled=False)
    dots(axes, [1, 2], [1, 2], [0, 1], [2, 3], look, ["one", "two"], filled=[True, False])
    drawn = axes.collections[-1]
    assert {mcolors.to_hex(each) for each in drawn.get_edgecolors()} == {look.color}
    bold, thin = drawn.get_linewidths() if marker != "o" else (2, 1)
    assert bold > thin
