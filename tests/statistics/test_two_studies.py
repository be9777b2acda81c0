"""Two studies side by side: differences by hand, scenes and runs that they share, families."""

import numpy as np
import pandas as pd
import pytest

from glam_eval.statistics.comparison.studies import COLUMNS, compare_studies

SEEDS, SCENES = 6, 40


def episodes(rate, study, level="GoToLocalS5N2", shifts=("none",), agents=("gflan",), start=0):
    """Episodes of agents whose seeds solve a share of the scenes that differs a little by seed."""
    generator = np.random.default_rng(start + len(study))
    rows = []
    for agent in agents:
        for shift in shifts:
            for seed in range(SEEDS):
                won = generator.random(SCENES) < rate + 0.02 * (seed % 3 - 1)
                rows.append(
                    pd.DataFrame(
                        {
                            "run_id": f"{study}-{agent}-{seed}", "agent": agent, "model": "none",
                            "seed": seed, "frames": 100, "protocol": "generalization", "shift": shift,
                            "level": level,
                            "scene_seed": start + np.arange(SCENES), "bot_length": 5,
                            "success": won,
                        }
                    )
                )  # fmt: skip
    return pd.concat(rows, ignore_index=True)


def compared(first, second):
    return compare_studies(first, second, np.random.default_rng(0))


def test_the_difference_is_of_means_over_seeds_and_turns_its_sign_with_the_order():
    first, second = episodes(0.9, "a"), episodes(0.4, "bb")
    (row,) = compared(first, second).to_dict("records")
    by_seed = [table.groupby("seed")["success"].mean().mean() for table in (first, second)]
    assert (row["first"], row["second"]) == pytest.approx(tuple(by_seed))
    assert row["difference"] == pytest.approx(by_seed[1] - by_seed[0])
    assert row["low"] < row["difference"] < row["high"] < 0 and row["verdict"] == "lower"
    assert (row["n_seeds_first"], row["n_seeds_second"], row["note"]) == (SEEDS, SEEDS, "")
    (turned,) = compared(second, first).to_dict("records")
    assert turned["difference"] == pytest.approx(-row["difference"]) and turned["verdict"] == "higher"
    assert (turned["low"], turned["high"]) == pytest.approx((-row["high"], -row["low"]))


def test_one_seed_makes_another_scene_on_another_level():
    """Equal numbers of scenes are not equal scenes: pairing them would lend them what they don't share."""
    here = episodes(0.7, "a")
    for change in ({"level": "GoToLocalS6N3"}, {"bot_length": 7}):
        (row,) = compared(here, episodes(0.7, "bb").assign(**change)).to_dict("records")
        assert row["note"].startswith("on other scenes") and np.isfinite(row["p_adjusted"])


def test_a_run_that_is_in_both_is_no_comparison():
    first = episodes(0.7, "a", agents=("gflan", "npe"))
    second = episodes(0.7, "bb", agents=("gflan", "npe"))
    second.loc[(second["agent"] == "npe") & (second["seed"] < 2), "run_id"] = [
        f"a-npe-{seed}" for seed in (0, 1) for _ in range(SCENES)
    ]
    rows = compared(first, second).set_index("agent")
    assert rows.loc["npe", "verdict"] == "untested" and rows.loc["npe", "note"].startswith(
        "2 runs are in both"
    )
    assert np.isnan(rows.loc["npe", "difference"]) and np.isfinite(rows.loc["npe", "second"])
    assert np.isfinite(rows.loc["gflan", "difference"])


def test_only_what_both_hold_is_a_row_and_only_the_last_checkpoint_counts():
    first = episodes(0.7, "a", shifts=("none", "invented_nouns"), agents=("gflan", "npe"))
    early = episodes(0.0, "a", start=0).assign(frames=10)
    second = episodes(0.7, "bb", shifts=("none", "none@fr"), agents=("gflan", "drrn"))
    (row,) = compared(pd.concat([first, early], ignore_index=True), second).to_dict("records")
    assert (row["shift"], row["agent"]) == ("none", "gflan")
    assert row["first"] == pytest.approx(
        first[first["agent"] == "gflan"].query("shift == 'none'")["success"].mean()
    )
    nothing = compared(episodes(0.7, "a"), episodes(0.7, "bb", agents=("drrn",)))
    assert list(nothing.columns) == COLUMNS and nothing.empty


def test_more_tests_of_one_question_make_wider_intervals_and_those_of_another_do_not():
    def width(shifts, agents=("gflan",)):
        tables = (episodes(0.7, name, shifts=shifts, agents=agents) for name in ("a", "bb"))
        row = compared(*tables).set_index(["agent", "shift"]).loc[("gflan", "none")]
        return row["high"] - row["low"]

    alone = width(("none",))
    assert width(("none", "none@fr")) == pytest.approx(alone)
    assert width(("none", "invented_nouns")) > 1.05 * alone
