"""Right answers: shares, chance exact by situation, changes paired by seed and situation."""

import numpy as np
import pandas as pd
import pytest

from glam_eval.statistics import consequence_contrasts, right_answers
from glam_eval.statistics.consequences import AFTER, BEFORE, CHANCE

SITUATIONS = 60


def answers(agent, knows, *, seeds=5, candidates=3, frames=(0, 100), question="observation", rng=0):
    """Answers of an agent that knows so large a share of situations by frames; else it is right by chance.

    Without knowledge it takes one and the same candidate for all items of a situation.
    """
    draws, rows = np.random.default_rng(rng), []
    for seed in range(seeds):
        who = {"run_id": f"{agent}-{seed}", "agent": agent, "model": "m", "seed": seed}
        for at in frames:
            for situation in range(SITUATIONS):
                known = draws.random() < knows[at]
                taken = int(draws.integers(candidates))
                for answer in range(candidates):
                    right = known or taken == answer
                    rows.append(
                        {
                            **who,
                            **dict.fromkeys(("right", "right_per_token", "right_calibrated"), right),
                            "frames": at,
                            "question": question,
                            "scene_seed": situation,
                            "chance": 1 / candidates,
                        }
                    )
    return pd.DataFrame(rows)


@pytest.fixture(scope="module")
def rows():
    return pd.concat(
        [
            answers("learns", {0: 0.0, 100: 0.6}),
            answers("stays", {0: 0.3, 100: 0.3}, rng=1),
            answers("blank", {0: 0.0}, frames=(0,), rng=2),
        ],
        ignore_index=True,
    )


def test_shares_are_means_over_situations_beside_their_chance(rows):
    table = right_answers(rows).set_index(["scoring", "agent", "moment"])
    for (_, agent, moment), row in table.iterrows():
        own = rows[(rows["agent"] == agent) & ((rows["frames"] > 0) == (moment == AFTER))]
        assert row["mean"] == pytest.approx(own["right"].mean())
        assert row["chance"] == pytest.approx(1 / 3)
        assert row["low"] <= row["mean"] <= row["high"]
        assert (row["n_seeds"], row["n_episodes"]) == (5, SITUATIONS)
    assert set(table.index.get_level_values("moment")) == {BEFORE, AFTER}


def test_who_takes_one_candidate_whatever_the_action_is_exactly_at_chance(rows):
    found = consequence_contrasts(rows, np.random.default_rng(0), "right")
    of_chance = found[(found["b"] == CHANCE) & found["a"].isin(["blank/m", "learns/m"])]
    blank = of_chance[of_chance["moment"] == BEFORE]
    assert (blank["estimate"] == 0).all()
    assert set(blank["verdict"]) <= {"undecided", "equivalent"}
    (after,) = of_chance[of_chance["moment"] == AFTER].to_dict("records")
    assert after["verdict"] == "higher"
    assert after["low"] < after["estimate"] < after["high"]
    assert after["estimate"] == pytest.approx(0.6 * 2 / 3, abs=0.1)


def test_training_changes_what_it_changes(rows):
    table = consequence_contrasts(rows, np.random.default_rng(0), "right")
    found = table[table["b"] != CHANCE].set_index(["a", "b"]).to_dict("index")
    assert found["learns/m", BEFORE]["verdict"] == "higher"
    assert found["stays/m", BEFORE]["verdict"] in ("undecided", "equivalent", "no worse")
    assert ("blank/m", BEFORE) not in found
    assert found["learns/m", "stays/m"]["verdict"] == "higher"
    own = rows[rows["agent"] == "learns"].groupby("frames")["right"].mean()
    assert found["learns/m", BEFORE]["estimate"] == pytest.approx(own[100] - own[0])


def test_families_are_those_of_a_question(rows):
    other = rows.assign(question="shorter", chance=1 / 3)
    alone = consequence_contrasts(rows, np.random.default_rng(0), "right")
    both = consequence_contrasts(pd.concat([rows, other]), np.random.default_rng(0), "right")
    pd.testing.assert_frame_equal(both[both["question"] == "observation"].reset_index(drop=True), alone)


def test_two_seeds_give_no_verdict():
    few = answers("learns", {0: 0.0, 100: 1.0}, seeds=2)
    found = consequence_contrasts(few, np.random.default_rng(0), "right")
    assert set(found["verdict"]) == {"untested"}
