import itertools
import subprocess
import sys
from dataclasses import fields

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from glam_eval.core.comparison_records import ComparisonRecord
from glam_eval.core.errors import UserError
from glam_eval.results import load_results, write_table
from glam_eval.statistics import compare, generalization, plan_power
from glam_eval.statistics.inference.intervals import estimate_difference, estimate_mean


def _rows(table, a, b, shift="none", protocol="generalization"):
    chosen = table[
        (table["protocol"] == protocol) & (table["measure"] == "success") & (table["shift"] == shift)
    ]
    return chosen[(chosen["a"] == a) & (chosen["b"] == b)].iloc[0]


def _matrix(study, agent, model, shift):
    rows = study.query(
        "protocol == 'generalization' and agent == @agent and model == @model and shift == @shift"
    )
    return rows.pivot(index="seed", columns="scene_seed", values="success").to_numpy(dtype=float)


@pytest.fixture(scope="module")
def comparisons(study):
    return compare(study, np.random.default_rng(0))


def test_the_columns_are_the_records(comparisons):
    assert list(comparisons.columns) == [field.name for field in fields(ComparisonRecord)]


def test_the_table_survives_writing_and_reading(comparisons, tmp_path):
    records = [ComparisonRecord(**row) for row in comparisons.to_dict("records")]
    write_table(tmp_path, "comparisons", records, "all")
    pd.testing.assert_frame_equal(load_results(tmp_path, "comparisons"), comparisons, check_dtype=False)


def test_every_comparison_is_there_once(comparisons):
    rows = comparisons[comparisons["protocol"] == "generalization"]
    assert (rows["b"] == "").sum() == 4 * 3
    assert (rows["b"] == "none").sum() == 4 * 2
    assert len(rows) == 12 + 8 + 3 * 6
    assert not comparisons.duplicated(["protocol", "measure", "shift", "a", "b"]).any()


def test_a_drop_is_the_paired_difference_of_seeds_and_scenes(study, comparisons):
    differences = _matrix(study, "gflan", "t5-pico", "none@fr") - _matrix(study, "gflan", "t5-pico", "none")
    expected = estimate_mean(differences, "difference")
    row = _rows(comparisons, "gflan/t5-pico", "none", "none@fr")
    assert row["estimate"] == pytest.approx(differences.mean())
    assert (row["low"], row["high"]) == pytest.approx(expected.interval(1 - 0.05 / row["n_tests"]))
    signs = np.array(list(itertools.product((1, -1), repeat=5)))
    of_seeds = differences.mean(axis=1)
    flipped = np.abs(signs @ of_seeds)
    assert row["p_exact"] == pytest.approx((flipped >= abs(of_seeds.sum()) - 1e-12).mean())
    assert row["verdict"] == "lower"


def test_agents_are_compared_as_independent_seeds(study, comparisons):
    a, b = (_matrix(study, "gflan", model, "none") for model in ("t5-nano", "t5-pico"))
    row = _rows(comparisons, "gflan/t5-nano", "gflan/t5-pico")
    assert row["estimate"] == pytest.approx(a.mean() - b.mean())
    estimate = estimate_difference(a, b)
    assert row["p_value"] == pytest.approx(estimate.p_value())
    tested = _rows(comparisons, "gflan/t5-nano", "random")  # two trained agents against two untrained ones
    assert tested["n_tests"] == 4 and row["n_tests"] == 1
    apart = estimate_difference(a, _matrix(study, "random", "none", "none"))
    assert tested["detectable"] == pytest.approx(apart.detectable(alpha=0.05 / 4))
    odds = (a.sum() / (1 - a).sum()) / (b.sum() / (1 - b).sum())
    assert row["odds_ratio"] == pytest.approx(odds)
    better = (a[:, None] > b[None]) + 0.5 * (a[:, None] == b[None])  # every two seeds on every scene
    assert row["superiority"] == pytest.approx(better.mean())
    assert row["superiority_low"] == pytest.approx(0.5 + row["low"] / 2)


def test_odds_are_tested_from_twenty_seeds(studies):
    """With 10 the test of the odds claims 6 to 8 differences in 100 that are none."""
    agents = [("a", "m", 0.5), ("b", "m", 0.0)]
    for seeds, tested in ((19, False), (20, True)):
        table = compare(studies(seeds=seeds, scenes=40, agents=agents), np.random.default_rng(0))
        rows = table[
            (table["measure"] == "success") & (table["b"] != "") & (table["protocol"] == "generalization")
        ]
        assert rows["odds_ratio"].notna().all()
        assert (rows["p_odds"].notna() == tested).all()


def test_tests_and_intervals_are_adjusted_over_each_family(comparisons):
    assert set(comparisons.loc[comparisons["b"] == "", "family"]) == {""}
    tested = comparisons[comparisons["family"] != ""]
    assert "generalization, success: words of gflan/t5-nano" in set(tested["family"])
    for _, family in tested.groupby("family"):
        assert set(family["n_tests"]) == {len(family)}
        assert family["p_adjusted"].tolist() == pytest.approx(np.minimum(1, family["p_value"] * len(family)))
        excluded = (family["low"] > 0) | (family["high"] < 0)
        assert (excluded == (family["p_adjusted"] < 0.05)).all()
        assert (excluded == family["verdict"].isin(["higher", "lower"])).all()
        better = (family["superiority_low"] > 0.5) | (family["superiority_high"] < 0.5)
        told = family["superiority"].notna()
        assert (told == (family["measure"] == "success")).all()
        assert (better[told] == excluded[told]).all()  # one test, told in two ways


def _on_two_levels(studies):
    """Two agents trained in small rooms, two in large ones; each pair differs in the same way."""
    agents = [
        (f"{name}-{size}", "m", level) for size in ("small", "large") for name, level in (("a", 1), ("b", 0))
    ]
    episodes = studies(
        agents=agents, shifts={"none": 0.0, "none@fr": -1.0, "held_out": -0.5, "new_nouns": -0.2}
    )
    names = episodes["agent"].astype(str)
    episodes = episodes.assign(level=np.where(names.str.endswith("small"), "Small", "Large"), language="en")
    runs = episodes.drop_duplicates("run_id")[["run_id", "agent", "model", "level", "language"]]
    return episodes, runs.assign(config="{}", status="finished")


def test_agents_are_compared_within_the_level_they_were_trained_on(studies):
    episodes, runs = _on_two_levels(studies)
    for given in (runs, None):
        table = compare(episodes, np.random.default_rng(0), runs=given)
        pairs = table[(table["b"] != "") & table["b"].str.contains("-")]
        assert set(zip(pairs["a"], pairs["b"], strict=True)) == {
            ("a-large/m", "b-large/m"),
            ("a-small/m", "b-small/m"),
        }
        assert (pairs["p_adjusted"] == pairs["p_value"]).all()  # each is the only test of its family
    plan = plan_power(episodes, runs=runs)
    between = plan[plan["b"].str.contains("-")]
    assert set(between["a"].str[2:7]) == {"large", "small"}
    assert set(between["n_tests"]) == {1}


def test_words_languages_and_worlds_are_families_of_their_own(studies):
    episodes, runs = _on_two_levels(studies)
    table = compare(episodes, np.random.default_rng(0), runs=runs)
    drops = table[
        (table["b"] == "none") & (table["a"] == "a-small/m") & (table["protocol"] == "generalization")
    ]
    assert drops.set_index("shift")["family"].str.split(": ").str[1].to_dict() == {
        "held_out": "tasks and rooms of a-small/m",
        "new_nouns": "words of a-small/m",
        "none@fr": "languages of a-small/m",
    }


def test_an_agent_that_never_changes_is_equivalent_to_itself(comparisons):
    row = _rows(comparisons, "bot", "none", "none@fr")
    assert (row["estimate"], row["verdict"], row["p_value"]) == (0, "equivalent", 1)
    assert row["note"] == "the same on every scene and seed"


@pytest.mark.parametrize(("agent", "verdict"), [("bot", "lower"), ("gflan", "undecided")])
def test_seeds_of_a_planner_are_no_other_agents(agent, verdict):
    """Where told makes all the difference on 30 scenes: 3 planners are one, and 3 trained agents are few."""
    rows = [
        {"agent": agent, "model": "none", "seed": seed, "scene_seed": scene, "shift": shift, "frames": 0,
         "run_id": f"{agent}{seed}", "protocol": "generalization", "success": shift == "none"}
        for seed in range(3) for scene in range(30) for shift in ("none", "none~swapped")
    ]  # fmt: skip
    row = _rows(compare(pd.DataFrame(rows), np.random.default_rng(0)), f"{agent}", "none", "none~swapped")
    assert (row["estimate"], row["verdict"]) == (-1, verdict)
    toss = 1 - 0.025 ** (
        1 / 30
    )  # Clopper and Pearson's bound of 30 successes in 30, for a range twice as wide
    assert (row["high"] == pytest.approx(2 * toss - 1)) == (agent == "bot")


def test_areas_are_compared_where_curves_were_measured(comparisons):
    areas = comparisons[comparisons["measure"] == "area_under_curve"]
    alone = areas[areas["b"] == ""].set_index("a")["estimate"]
    final = comparisons[
        (comparisons["protocol"] == "sample-efficiency") & (comparisons["measure"] == "success")
    ]
    final = final[final["b"] == ""].set_index("a")["estimate"]
    assert alone["gflan/t5-nano"] < final["gflan/t5-nano"]
    assert alone["random"] == pytest.approx(final["random"])


def test_a_baseline_limits_the_pairs(study):
    table = compare(study, np.random.default_rng(0), baseline="random")
    assert set(table["b"]) == {"", "none", "random"}
    with pytest.raises(UserError, match="unknown baseline 'radom': did you mean 'random'"):
        compare(study, np.random.default_rng(0), baseline="radom")


def test_same_generator_same_table(study, comparisons):
    again = compare(study.sample(frac=1, random_state=1), np.random.default_rng(0))
    pd.testing.assert_frame_equal(again, comparisons)


def test_one_seed_is_reported_in_words(studies):
    table = compare(studies(seeds=1), np.random.default_rng(0))
    alone = table[table["b"] == ""]
    refusal = "not offered: one seed, and intervals and tests need 3"
    assert set(alone["note"]) == {refusal}
    assert alone["estimate"].notna().all()
    assert alone[["low", "high"]].isna().all(axis=None)
    assert set(table.loc[table["b"] != "", "verdict"]) == {"untested"}
    assert set(table.loc[table["b"] != "", "note"]) == {refusal}


def test_few_seeds_say_what_they_can_show(studies):
    table = compare(studies(seeds=3), np.random.default_rng(0))
    drops = table[(table["b"] == "none") & (table["a"] == "gflan/t5-pico")]
    assert drops["note"].str.contains("3 seeds show differences of").all()
    undecided = table[(table["verdict"] == "undecided") & (table["detectable"] > 0.05)]
    assert len(undecided)
    assert undecided["note"].str.contains("under-powered").all()


def test_missing_shifts_and_seeds_are_stated(study):
    partial = study.query("not (agent == 'random' and shift == 'none@fr')")
    partial = partial.query("not (model == 't5-pico' and shift == 'none@fr' and seed > 2)")
    table = compare(partial, np.random.default_rng(0))
    missing = _rows(table, "random", "", "none@fr")
    assert (missing["note"], missing["n_seeds"]) == ("not evaluated", 0)
    assert np.isnan(missing["estimate"])
    drop = _rows(table, "gflan/t5-pico", "none", "none@fr")
    assert drop["n_seeds"] == 3
    assert drop["note"].startswith("2 seeds lack one of the two")
    pair = _rows(table, "gflan/t5-nano", "gflan/t5-pico", "none@fr")
    assert pair["note"].startswith("5 seeds against 3")


def test_equivalence_needs_evidence(episodes_of):
    generator = np.random.default_rng(2)
    base = generator.random((8, 400)) < 0.7
    nearly = np.where(generator.random(base.shape) < 0.05, generator.random(base.shape) < 0.7, base)
    lower = np.where(generator.random(base.shape) < 0.03, False, base)
    few = base[:, :12]
    noisy = generator.random(few.shape) < 0.7
    cases = ((base, nearly, "equivalent", ""), (base, lower, "lower", "yet within the margin of 0.05"))
    for none, shifted, verdict, note in (*cases, (few, noisy, "undecided", "under-powered")):
        frame = pd.concat([episodes_of(none * 1.0), episodes_of(shifted * 1.0, shift="new_nouns")])
        row = _rows(compare(frame, generator), "a/m", "none", "new_nouns")
        assert row["verdict"] == verdict
        assert note in row["note"]


def test_all_failures_are_a_result(episodes_of, generator):
    frame = pd.concat([episodes_of(np.zeros((4, 50))), episodes_of(np.zeros((4, 50)), agent="c")])
    table = compare(frame, generator)
    assert table.loc[table["b"] == "", "estimate"].tolist() == [0, 0]
    assert table.loc[table["b"] == "", "high"].iloc[0] == pytest.approx(
        stats.binomtest(0, 50).proportion_ci().high
    )


def test_the_generalization_table_holds_the_same_numbers(study, comparisons):
    table = generalization(study, np.random.default_rng(0))
    row = table.query("protocol == 'generalization' and model == 't5-nano' and shift == 'none@fr'").iloc[0]
    alone, drop = (_rows(comparisons, "gflan/t5-nano", b, "none@fr") for b in ("", "none"))
    assert (row["mean"], row["low"], row["high"]) == (alone["estimate"], alone["low"], alone["high"])
    assert (row["change"], row["p_value"]) == (drop["estimate"], drop["p_value"])
    assert table.query("shift == 'none'")["change"].isna().all()


def test_analysis_imports_no_machine_learning():
    script = "import sys, glam_eval.statistics, glam_eval.results; print([m for m in sys.modules if m in %r])"
    heavy = ("torch", "transformers", "minigrid", "matplotlib")
    run = subprocess.run(
        [sys.executable, "-c", script % (heavy,)], check=True, capture_output=True, text=True
    )
    assert run.stdout.strip() == "[]"


def test_a_table_as_it_is_loaded_gives_the_same(study, comparisons):
    texts = ["run_id", "agent", "model", "protocol", "shift"]
    loaded = study.astype(dict.fromkeys(texts, "category"))
    pd.testing.assert_frame_equal(compare(loaded, np.random.default_rng(0)), comparisons)
    pd.testing.assert_frame_equal(
        generalization(loaded, np.random.default_rng(0)), generalization(study, np.random.default_rng(0))
    )
