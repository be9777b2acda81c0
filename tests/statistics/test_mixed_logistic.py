"""The mixed model against lme4's published example, statsmodels, and an independent Laplace approximation."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from scipy import integrate, optimize, special, stats

from glam_eval.statistics import mixed_effects, variance_shares
from glam_eval.statistics.inference.mixed_logistic import MixedModel, shares_of_variance
from glam_eval.statistics.mixed import _contrast

# Contagious bovine pleuropneumonia in 15 herds (Lesnoff et al. 2004): the example of lme4's glmer.
CBPP = pd.read_csv(Path(__file__).parent / "fixtures" / "cbpp.csv")


def _cbpp(*, as_scenes=False):
    herd = (CBPP["herd"] - 1).to_numpy()
    design = np.column_stack([np.ones(len(CBPP)), *(CBPP["period"] == period for period in (2, 3, 4))])
    wins, trials = (CBPP[name].to_numpy(dtype=float) for name in ("incidence", "size"))
    if as_scenes:
        return MixedModel(wins, trials, design, (np.zeros_like(herd),), herd)
    return MixedModel(wins, trials, design, (herd,))


@pytest.fixture(scope="module")
def fit():
    return _cbpp().fit()


def test_lme4s_published_example(fit):
    """Bates et al.: glmer(cbind(incidence, size - incidence) ~ period + (1 | herd), family = binomial)."""
    assert fit.coefficients == pytest.approx([-1.3985, -0.9923, -1.1287, -1.5803], abs=5e-5)
    assert np.sqrt(np.diag(fit.covariance)) == pytest.approx([0.2325, 0.3066, 0.3266, 0.4274], abs=5e-5)
    assert fit.spreads == pytest.approx([0.6423], abs=5e-5)
    assert -2 * fit.log_likelihood == pytest.approx(184.0526, abs=5e-5)


def _by_herd(coefficients, spread):
    """Laplace's approximation herd by herd: one-dimensional minima, no linear algebra."""
    total = special.gammaln(CBPP["size"] + 1).sum() - special.gammaln(CBPP["incidence"] + 1).sum()
    total -= special.gammaln(CBPP["size"] - CBPP["incidence"] + 1).sum()
    effects = np.concatenate([[0.0], coefficients[1:]])[CBPP["period"] - 1] + coefficients[0]
    for _, rows in CBPP.assign(fixed=effects).groupby("herd"):

        def negative(u, rows=rows):
            eta = rows["fixed"] + spread * u
            return -(rows["incidence"] * eta - rows["size"] * np.logaddexp(0, eta)).sum() + u**2 / 2

        mode = optimize.minimize_scalar(negative, tol=1e-12).x
        chance = special.expit(rows["fixed"] + spread * mode)
        total -= negative(mode) + np.log1p(spread**2 * (rows["size"] * chance * (1 - chance)).sum()) / 2
    return total


def test_the_likelihood_is_laplaces_and_the_fit_is_its_maximum(fit):
    for coefficients, spread in (
        (fit.coefficients, fit.spreads[0]),
        (np.array([-1.0, -0.5, 0.2, -2.0]), 1.3),
    ):
        ours = _cbpp().log_likelihood(coefficients, [spread])
        assert ours == pytest.approx(_by_herd(coefficients, spread), abs=1e-6)
    best = np.array([*fit.coefficients, *fit.spreads])
    for step in 1e-4 * np.eye(5):
        ahead, behind = (_by_herd((best + sign * step)[:4], (best + sign * step)[4]) for sign in (1, -1))
        curvature = (2 * fit.log_likelihood - ahead - behind) / 1e-8
        assert curvature > 0
        assert (ahead - behind) / 2e-4 / curvature == pytest.approx(
            0, abs=5e-6
        )  # the distance to the maximum


def test_eliminating_the_scenes_first_changes_nothing(fit):
    other = _cbpp(as_scenes=True).fit()
    assert other.coefficients == pytest.approx(fit.coefficients, abs=1e-6)
    assert other.spreads == pytest.approx([0, *fit.spreads], abs=1e-6)  # one level more can only be 0


def test_without_random_effects_it_is_statsmodels_logistic_regression():
    model = _cbpp()
    outcome = np.column_stack([model.successes, model.trials - model.successes])
    expected = sm.GLM(outcome, model.design, family=sm.families.Binomial()).fit(tol=1e-12)
    ours = model.log_likelihood(expected.params, [0.0])
    assert ours == pytest.approx(expected.llf, abs=1e-6)


def _crossed(generator, seeds=6, scenes=25, spread=(0.7, 1.1)):
    skill, difficulty = spread[0] * generator.normal(size=seeds), spread[1] * generator.normal(size=scenes)
    condition, seed, scene = (index.ravel() for index in np.indices((2, seeds, scenes)))
    chance = special.expit(0.3 - 0.8 * condition + skill[seed] + difficulty[scene])
    wins = (generator.random(len(chance)) < chance) * 1.0
    return MixedModel(wins, np.ones_like(wins), np.eye(2)[condition], (seed,), scene)


def test_crossed_factors_have_the_dense_laplace_approximation():
    model, theta, beta = _crossed(np.random.default_rng(3)), np.array([0.6, 0.9]), np.array([0.2, -0.5])
    (seed,), scene = model.factors, model.scenes
    placed = np.hstack([theta[0] * np.eye(6)[seed], theta[1] * np.eye(25)[scene]])

    def negative(u):
        eta = model.design @ beta + placed @ u
        return -(model.successes @ eta - np.logaddexp(0, eta).sum()) + u @ u / 2

    mode = optimize.minimize(negative, np.zeros(31), method="BFGS", options={"gtol": 1e-9}).x
    chance = special.expit(model.design @ beta + placed @ mode)
    hessian = placed.T @ (placed * (chance * (1 - chance))[:, None]) + np.eye(31)
    expected = -negative(mode) - np.linalg.slogdet(hessian)[1] / 2
    assert model.log_likelihood(beta, theta) == pytest.approx(expected, abs=1e-6)


def test_laplace_is_close_to_the_integral_where_trials_are_many():
    wins, trials = np.array([30.0, 55.0, 41.0]), np.full(3, 80.0)
    model = MixedModel(wins, trials, np.ones((3, 1)), (np.arange(3),))
    exact = 0.0
    for won in wins:
        exact += np.log(
            integrate.quad(
                lambda u, won=won: stats.binom.pmf(won, 80, special.expit(0.1 + 0.5 * u)) * stats.norm.pdf(u),
                -8,
                8,
            )[0]
        )
    assert model.log_likelihood([0.1], [0.5]) == pytest.approx(exact, abs=1e-2)


def test_spreads_are_found_again_and_shares_add_up():
    fits = [_crossed(np.random.default_rng(seed), 20, 60).fit() for seed in range(6)]
    assert np.mean([fit.spreads for fit in fits], axis=0) == pytest.approx([0.7, 1.1], abs=0.12)
    assert np.mean([fit.coefficients @ [-1, 1] for fit in fits]) == pytest.approx(-0.8, abs=0.12)
    shares = shares_of_variance([1.0, 2.0])
    assert shares == pytest.approx(np.array([1, 4, np.pi**2 / 3]) / (5 + np.pi**2 / 3))


def test_the_table_has_every_shift_every_pair_and_the_shares(studies):
    episodes = studies(seeds=6, scenes=60, seed_spread=0.4, scene_spread=1.0)
    effects, shares = mixed_effects(episodes)
    rows = effects[effects["protocol"] == "generalization"].set_index(["a", "b", "question"])
    french = rows.loc["none@fr", "none", "languages of gflan/t5-nano"]
    assert french["low"] < -3 < french["high"] < 0
    assert french["p_adjusted"] == french["p_value"]  # the only language
    pair = rows.loc["gflan/t5-nano", "gflan/t5-pico", "trained agents"]
    assert pair["low"] < 1 < pair["high"]
    bot = rows.loc["none@fr", "none", "languages of bot"]
    assert np.isnan(bot["log_odds"])
    assert bot["note"] == "always or never solved"
    columns = ["seed_share", "seed_by_condition_share", "scene_share", "draw_share"]
    assert shares[columns].sum(axis=1).to_numpy() == pytest.approx(np.ones(len(shares)))
    nano = shares[
        (shares["of"] == "gflan/t5-nano") & (shares["question"] == "languages of gflan/t5-nano")
    ].iloc[0]
    assert nano["scene_share"] == pytest.approx(1 / (1 + 0.16 + np.pi**2 / 3), abs=0.1)
    few, none = mixed_effects(studies(seeds=2))
    assert set(few["note"]) == {"not offered: 2 seeds, and intervals and tests need 3"}
    assert none.empty


@pytest.mark.thorough
def test_the_variance_of_few_seeds_is_unbiased(studies):
    """Maximum likelihood divides by n, not by n - 1: the interval is Student's with the latter."""
    episodes = studies(seeds=6, scenes=60, seed_spread=0.6)
    effects, _ = mixed_effects(episodes)
    row = effects.query(
        "protocol == 'generalization' and a == 'gflan/t5-nano' and b == 'gflan/t5-pico'"
    ).iloc[0]
    own = episodes.query("protocol == 'generalization' and agent == 'gflan' and shift == 'none'")
    wins, design = own["success"].to_numpy(dtype=float), np.eye(2)[(own["model"] == "t5-pico").astype(int)]
    seed, scene = (pd.factorize(own[name], sort=True)[0] for name in ("run_id", "scene_seed"))
    fit = MixedModel(wins, np.ones_like(wins), design, (seed,), scene).fit()
    variance = np.array([1, -1]) @ fit.covariance @ np.array([1, -1])
    reach = stats.t.ppf(0.975, 10) * np.sqrt(variance * 6 / 5)
    assert row["log_odds"] == pytest.approx(fit.coefficients[0] - fit.coefficients[1], abs=1e-4)
    assert (row["high"] - row["low"]) / 2 == pytest.approx(reach, rel=1e-3)


def test_shares_of_each_agent_are_those_of_its_own_fit(studies):
    episodes = studies(seeds=6, scenes=60, seed_spread=0.6, scene_spread=1.2)
    table = variance_shares(episodes)
    row = table[(table["protocol"] == "generalization") & (table["model"] == "t5-pico")].iloc[0]
    own = episodes.query("protocol == 'generalization' and model == 't5-pico' and shift == 'none'")
    wins = own["success"].to_numpy(dtype=float)
    seed, scene = (pd.factorize(own[name], sort=True)[0] for name in ("seed", "scene_seed"))
    fit = MixedModel(wins, np.ones_like(wins), np.ones((len(wins), 1)), (seed,), scene).fit()
    shares = ["seed_share", "scene_share", "draw_share"]
    assert row[shares].to_numpy(dtype=float) == pytest.approx(shares_of_variance(fit.spreads), abs=1e-5)
    assert variance_shares(studies(seeds=2)).empty


def test_an_effect_without_a_variance_is_not_offered():
    """Where a likelihood is flat its curvature can come out negative: no number, and no warning."""
    flat = SimpleNamespace(coefficients=np.array([3.0, 0.0]), covariance=np.diag([-1.0, 0.5]))
    assert np.isnan(_contrast(flat, ["a", "b"], ("a", "b"), (4, 5), 1)).all()
    known = SimpleNamespace(coefficients=np.array([3.0, 0.0]), covariance=np.diag([1.0, 0.5]))
    assert _contrast(known, ["a", "b"], ("a", "b"), (4, 5), 1)[0] == 3
