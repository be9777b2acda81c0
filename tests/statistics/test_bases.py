"""Conditions are compared with the simple task of their own level, and with what chance gains there."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from scipy.special import expit

from glam_eval.statistics import compare, generalization
from glam_eval.statistics.comparison.bases import find_bases
from glam_eval.statistics.inference.intervals import estimate_change, estimate_difference, estimate_mean

LEVELS = {  # condition: level and tasks
    "none": ("Small", ("goto", "pickup")),
    "new_nouns": ("Small", ("goto", "pickup")),
    "larger_room": ("Small", ("goto", "pickup")),
    "new_composition": ("Sequences", ("pickup_then_pickup",)),
    "one_instruction": ("Crowded", ("goto",)),
    "three_instructions": ("Crowded", ("goto_and_goto_then_goto",)),
}
BASES = {
    "new_nouns": "none",
    "larger_room": "none",
    "new_composition": "none: pickup",
    "one_instruction": "none: goto",
    "three_instructions": "one_instruction",
}
RATES = {"none": 0.8, "new_nouns": 0.8, "larger_room": 0.7, "new_composition": 0.3}


def _study(generator, seeds=6, scenes=40):
    """gflan learned to pick up less well than to go; random gains 20 points where goals are single."""
    parts = []
    for agent, model in (("gflan", "nano"), ("random", "none")):
        skill = 0.3 * generator.normal(size=seeds)
        for shift, (level, tasks) in LEVELS.items():
            for task in tasks:
                rate = RATES.get(shift, 0.6) - 0.3 * (task == "pickup")
                rate = rate if agent == "gflan" else 0.3 if shift == "one_instruction" else 0.1
                chances = expit(skill + np.log(rate / (1 - rate)))
                success = generator.random((seeds, scenes)) < chances[:, None]
                seed, scene = np.indices(success.shape)
                rows = {"seed": seed.ravel(), "scene_seed": scene.ravel(), "success": success.ravel()}
                if tasks[0] != task:
                    rows["scene_seed"] = rows["scene_seed"] + scenes
                parts.append(
                    pd.DataFrame(rows).assign(agent=agent, model=model, shift=shift, level=level, task=task)
                )
    episodes = pd.concat(parts, ignore_index=True)
    named = episodes["agent"] + "-" + episodes["seed"].astype(str)
    return episodes.assign(
        run_id=named, frames=np.where(episodes["agent"] == "gflan", 10, 0), protocol="generalization"
    )


@pytest.fixture(scope="module")
def episodes():
    return _study(np.random.default_rng(5))


def test_each_condition_has_the_simple_task_of_its_level_for_its_base(episodes):
    found = find_bases(episodes, "none")
    assert found.of == BASES
    pickup = found.episodes[found.episodes["shift"] == "none: pickup"]
    assert set(pickup["task"]) == {"pickup"}
    assert len(pickup) == ((episodes["shift"] == "none") & (episodes["task"] == "pickup")).sum()
    bare = find_bases(episodes.drop(columns=["level", "task"]), "none")
    assert set(bare.of.values()) == {"none"}
    assert bare.episodes is not episodes and len(bare.episodes) == len(episodes)


def test_the_change_is_that_from_the_base_and_the_reference_stays_in_words(episodes):
    table = compare(episodes, np.random.default_rng(0))
    own = table[(table["a"] == "gflan/nano") & (table["measure"] == "success")]
    drops = own[own["b"].isin(BASES.values())].set_index("shift")
    assert drops["b"].to_dict() == BASES
    means = episodes[episodes["agent"] == "gflan"].groupby(["shift", "task"])["success"].mean()
    expected = means["new_composition", "pickup_then_pickup"] - means["none", "pickup"]
    assert drops.loc["new_composition", "estimate"] == pytest.approx(expected)
    assert drops.loc["new_composition", "n_episodes"] == 40
    assert "none: pickup" not in set(table["shift"])
    shown = generalization(episodes, np.random.default_rng(0)).query("agent == 'gflan'").set_index("shift")
    assert shown["base"].to_dict() == {"none": "", **BASES}
    assert shown.loc["new_composition", "change"] == pytest.approx(expected)


def test_what_chance_gains_is_subtracted(episodes):
    table = compare(episodes, np.random.default_rng(0))
    beyond = table[table["measure"] == "success beyond chance"].set_index("shift")
    assert set(beyond["a"]) == {"gflan/nano"}
    assert set(beyond.index) == set(BASES) - {"new_nouns"}
    means = episodes.groupby(["agent", "shift", "task"])["success"].mean()
    gains = {
        agent: means[agent, "one_instruction", "goto"] - means[agent, "none", "goto"]
        for agent in ("gflan", "random")
    }
    assert beyond.loc["one_instruction", "estimate"] == pytest.approx(gains["gflan"] - gains["random"])
    assert gains["random"] > 0.1  # what would have been the agent's merit


def test_a_change_of_seeds_alone_is_the_paired_t_test_and_of_two_teams_welchs():
    generator = np.random.default_rng(1)
    a, b, c, d = (generator.random((size, 1)) for size in (6, 6, 9, 9))
    one = estimate_change([(a, b)])
    assert one.p_value() == pytest.approx(stats.ttest_rel(a[:, 0], b[:, 0]).pvalue)
    two = estimate_change([(a, b), (c, d)])
    expected = stats.ttest_ind((a - b)[:, 0], (c - d)[:, 0], equal_var=False)
    assert two.p_value() == pytest.approx(expected.pvalue)


def test_scenes_of_each_condition_count_and_cancel_between_teams():
    generator = np.random.default_rng(2)
    hard = generator.normal(0, 0.1, size=(2, 50))
    first = hard[0] + 0.6 + generator.normal(0, 0.02, (7, 50))
    second = hard[1][:30] + 0.5 + generator.normal(0, 0.02, (7, 30))
    own = estimate_change([(first, second)])
    alone = [estimate_mean(values, "proportion").error ** 2 for values in (first, second)]
    assert own.error**2 == pytest.approx(sum(alone), rel=0.1)  # seeds add nearly nothing here
    others = (
        hard[0] + 0.3 + generator.normal(0, 0.02, (5, 50)),
        hard[1][:30] + generator.normal(0, 0.02, (5, 30)),
    )
    assert estimate_change([(first, second), others]).error < 0.2 * own.error
    same = estimate_change([(first, np.zeros((7, 50))), (others[0], np.zeros((5, 50)))])
    assert same.error == pytest.approx(estimate_difference(first, others[0]).error)
