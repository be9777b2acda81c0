"""Leaderboards beside ours: their numbers as they gave them, ours with intervals and as theirs would be."""

import json

import numpy as np
import pandas as pd
import pytest

from glam_eval.core.errors import UserError
from glam_eval.statistics import LEADERBOARDS, beside_leaderboard
from glam_eval.statistics.inference.intervals import estimate_mean
from glam_eval.statistics.leaderboards import leaderboard

TASKS = ("goto", "pickup", "open", "putnext", "pickup_then_goto")
RATES = {"goto": 0.9, "pickup": 0.8, "open": 0.5, "putnext": 0.1, "pickup_then_goto": 0.3}


@pytest.fixture
def ours():
    """Three seeds of one agent, 20 scenes a task; seed s fails one scene more."""
    rows = [
        {
            "run_id": f"chat-s{seed}", "agent": "chat", "model": "m", "seed": seed, "frames": 0,
            "protocol": "generalization", "shift": "none", "language": "en", "goal": "told",
            "level": "MixedTrainLocal", "task": task, "scene_seed": 100 * place + scene,
            "success": scene < 20 * RATES[task] - (seed == 2),
        }
        for seed in range(3)
        for place, task in enumerate(TASKS)
        for scene in range(20)
    ]  # fmt: skip
    return pd.DataFrame(rows)


def runs_of(episodes, options):
    runs = episodes[["run_id", "agent", "model"]].drop_duplicates()
    return runs.assign(config=json.dumps({"environment": {"options": options}}))


@pytest.mark.parametrize(("name", "episodes"), [("balrog", 50), ("agentgym", 90)])
def test_the_published_numbers_are_whole(name, episodes):
    table = leaderboard(name)
    together = table[table["task"] == "all"]
    assert not table.duplicated(["agent", "way", "task"]).any()
    assert table["success"].between(0, 1).all() and (together["episodes"] >= episodes).all()
    assert set(table["task"]) <= {"all", *LEADERBOARDS[name].tasks}
    counts = together["success"] * together["episodes"]
    # A rounded share of so many episodes; one is given of 91.5, from runs that were joined.
    off = (counts - counts.round()).abs() > 0.051 * together["episodes"] / 50
    assert off.sum() <= 1


def test_balrogs_errors_are_standard_errors_of_its_episodes():
    table = leaderboard("balrog")
    formula = np.sqrt(table["success"] * (1 - table["success"]) / table["episodes"])
    assert (table["error"] - formula).abs().max() < 2e-4
    tasks = table[table["task"] != "all"].groupby(["agent", "way"])["success"]
    together = table[table["task"] == "all"].set_index(["agent", "way"])["success"]
    assert (tasks.mean() - together.reindex(tasks.mean().index)).abs().max() < 1e-6
    assert (tasks.size() == 5).all() and len(together) == 26
    row = table.query("agent == 'Grok-4' and task == 'putnext'").iloc[0]
    assert (row["success"], row["episodes"]) == (0.3, 10)  # the best of all at putting things


def test_ours_stand_among_theirs_with_both_kinds_of_error(ours):
    table = beside_leaderboard(ours, "balrog", runs_of(ours, {"bare": True}))
    row = table.query("who == 'ours' and task == 'all'").iloc[0]
    rates = ours.groupby("task")["success"].mean()
    assert row["success"] == pytest.approx(rates.mean())
    assert row["as_theirs"] == pytest.approx(np.sqrt((rates * (1 - rates) / 10).sum()) / 5)
    low, high = estimate_mean(
        ours.pivot(index="seed", columns="scene_seed", values="success"), "proportion"
    ).interval()
    assert (row["low"], row["high"]) == pytest.approx((low, high))
    assert row["note"] == "" and row["n_episodes"] == 300
    one = table.query("who == 'ours' and task == 'open'").iloc[0]
    assert one["as_theirs"] == pytest.approx(np.sqrt(rates["open"] * (1 - rates["open"]) / 10))
    together = table[table["task"] == "all"]
    assert together["success"].is_monotonic_decreasing
    theirs = together.query("a == 'GPT-4o-2024-05-13'").iloc[0]
    assert (theirs["success"], theirs["low"], theirs["high"]) == pytest.approx(
        (0.776, 0.776 - 0.0373, 0.776 + 0.0373)
    )


def test_what_makes_ours_another_measurement_is_noted(ours):
    def note(episodes, options):
        table = beside_leaderboard(episodes, "balrog", runs_of(episodes, options))
        return table.query("who == 'ours' and task == 'all'")["note"].item()

    assert "other scenes" in note(ours, {}) and note(ours, {"bare": True}) == ""
    assert note(ours[ours["task"] != "open"], {"bare": True}) == "without open"
    assert "one seed" in note(ours[ours["seed"] == 0], {"bare": True})
    assert "unlike numbers" in note(
        ours[(ours["task"] != "open") | (ours["scene_seed"] % 2 == 0)], {"bare": True}
    )


def test_other_words_and_goals_do_not_count(ours):
    alone = beside_leaderboard(ours, "balrog")
    changes = (
        {"goal": "hidden", "shift": "none~hidden"},
        {"shift": "synonym_actions"},
        {"level": "GoToLocal"},
    )
    others = [ours.assign(success=True, **change) for change in changes]
    pd.testing.assert_frame_equal(beside_leaderboard(pd.concat([ours, *others]), "balrog"), alone)


def test_levels_are_tasks_where_a_leaderboard_says_so_though_scenes_have_equal_seeds(ours):
    levels = LEADERBOARDS["agentgym"].levels
    played = [
        ours[ours["task"] == "open"].assign(level=level, shift=level, success=level != "GoTo")
        for level in levels
    ]
    table = beside_leaderboard(pd.concat(played), "agentgym")
    rows = table[table["who"] == "ours"].set_index("task")
    assert rows.loc["all", "success"] == pytest.approx(5 / 6) and rows.loc["GoTo", "success"] == 0
    assert rows.loc["all", "n_episodes"] == 6 * 60
    assert table.query("who == 'published'")["error"].isna().all()


def test_without_episodes_there_it_is_refused(ours):
    with pytest.raises(UserError, match="no episodes on MixedTrainLocal"):
        beside_leaderboard(ours.assign(level="GoToLocal"), "balrog")
