import numpy as np
import pytest
from scipy.special import expit
from statsmodels.stats.power import TTestIndPower, TTestPower

from glam_eval.statistics import compare, plan_power
from glam_eval.statistics.comparison.power import Design, independent_design, paired_design
from glam_eval.statistics.inference.intervals import Components, estimate_difference, estimate_mean


def test_without_scenes_it_is_statsmodels_power():
    side = Components(seeds=0.01, scenes=0.0, residual=0.0)
    paired, independent = Design((side,), 0.0), Design((side, side), 0.0)
    for seeds in (3, 6, 15):
        assert paired.power(0.1, seeds, 100) == pytest.approx(TTestPower().power(1.0, seeds, 0.05))
        assert independent.power(0.1, seeds, 100) == pytest.approx(TTestIndPower().power(1.0, seeds, 0.05))
    needed = TTestPower().solve_power(1.0, power=0.8, alpha=0.05)
    assert paired.seeds_needed(0.1, 100) == np.ceil(needed)


def test_more_scenes_never_need_more_seeds_and_some_plans_are_hopeless():
    design = Design((Components(0.004, 0, 0.2),), 0.05)
    needed = [design.seeds_needed(0.05, scenes) for scenes in (100, 200, 500, 1000)]
    assert needed == sorted(needed, reverse=True)
    assert np.isnan(design.seeds_needed(0.001, 100))
    assert Design((Components(0, 0, 0),), 0.0).power(0.1, 3, 10) == 1


def _paired(generator, seeds, scenes, drop):
    """Values of one agent without and with a shift: seeds, scenes and seed-by-shift vary."""
    skill = 0.5 * generator.normal(size=(seeds, 1)) + 0.8 * generator.normal(size=scenes)
    hit = generator.random((seeds, scenes)) < expit(0.5 + skill)
    change = drop + 0.3 * generator.normal(size=(seeds, 1))
    return (generator.random((seeds, scenes)) < expit(0.5 + skill + change)) * 1.0 - hit


def _found(generator, seeds, scenes, drop, repetitions):
    tests = (estimate_mean(_paired(generator, seeds, scenes, drop), "difference") for _ in range(repetitions))
    return np.mean([test.p_value() < 0.05 for test in tests])


def test_the_plan_keeps_its_promise_in_simulation():
    generator = np.random.default_rng(0)
    pilot = paired_design(_paired(generator, 500, 500, -0.6))
    difference = _paired(generator, 500, 500, -0.6).mean()
    seeds = int(pilot.seeds_needed(difference, 100))
    assert 3 <= seeds <= 12
    assert _found(generator, seeds, 100, -0.6, 400) == pytest.approx(
        pilot.power(difference, seeds, 100), abs=0.06
    )
    assert _found(generator, seeds, 100, -0.6, 400) > 0.74


def test_independent_agents_in_simulation():
    generator = np.random.default_rng(1)

    def agent(seeds, scenes, ability, difficulty):
        skill = ability + 0.4 * generator.normal(size=(seeds, 1)) + difficulty
        return (generator.random((seeds, scenes)) < expit(skill)) * 1.0

    difficulty = generator.normal(size=500)
    a, b = agent(800, 500, 0.6, difficulty), agent(800, 500, 0.0, difficulty)
    design, difference = independent_design(a, b), a.mean() - b.mean()
    found = []
    for _ in range(400):
        scenes = generator.normal(size=100)
        pair = agent(8, 100, 0.6, scenes), agent(8, 100, 0.0, scenes)
        found.append(estimate_difference(*pair).p_value() < 0.05)
    assert np.mean(found) == pytest.approx(design.power(difference, 8, 100), abs=0.07)


def test_the_table_covers_drops_and_pairs(study, studies):
    table = plan_power(study, difference=0.1, scenes=(100, 1000))
    rows = table[table["protocol"] == "generalization"]
    assert len(rows) == 2 * (4 * 2 + 6)
    assert set(rows["seeds_now"]) == {5}
    assert set(rows["scenes_now"]) == {100}
    assert rows["power_now"].between(0, 1).all()
    tested = compare(study, np.random.default_rng(0)).set_index(["protocol", "measure", "shift", "a", "b"])
    for row in rows.itertuples():  # planned with the share of a family that the test has
        assert row.n_tests == tested.loc[(row.protocol, "success", row.shift, row.a, row.b), "n_tests"]
    row = rows.query("a == 'gflan/t5-nano' and b == 'random' and scenes == 100").iloc[0]
    asked = study.query("protocol == 'generalization' and shift == 'none'")
    a, b = (
        asked[asked["model"] == model].query("agent == @agent")
        .pivot(index="seed", columns="scene_seed", values="success").to_numpy(dtype=float)
        for agent, model in (("gflan", "t5-nano"), ("random", "none"))
    )  # fmt: skip
    assert row["power_now"] == pytest.approx(independent_design(a, b).power(0.1, 5, 100, 0.05 / 4))
    few = plan_power(studies(seeds=2))
    assert few["note"].str.contains("2 seeds only").all()
    single = plan_power(studies(seeds=1))
    assert single["seeds_needed"].isna().all()
    assert single["note"].str.contains("one seed").all()


def test_a_plan_asks_for_no_fewer_seeds_than_a_test_needs():
    sure = paired_design(np.zeros((5, 50)))
    assert sure.seeds_needed(0.1, 100) == 3
