"""Figures of probes, values and language: each point is a hand-made mean over seeds."""

import numpy as np
import pandas as pd
import pytest

from glam_eval.figures import Absent, Study
from glam_eval.figures.definitions import expected_action, language_retention, policy_change
from glam_eval.figures.tables import change


def test_probes_of_other_words_are_left_out_and_moments_thinned(study_tables, monkeypatch):
    tables = study_tables(conditions=1, seeds=3, scenes=6)
    plain = expected_action.table(Study.of(tables))
    probes = tables["probes"].assign(shift="none")
    french = probes.assign(shift="none@fr", probability=0.0)
    pd.testing.assert_frame_equal(
        expected_action.table(Study.of({**tables, "probes": pd.concat([probes, french])})), plain
    )
    monkeypatch.setattr(change, "MOMENTS", 3)
    assert list(expected_action.table(Study.of(tables))["frames"].unique()) == [0, 20_000, 51_200]
    with pytest.raises(Absent, match="words of training"):
        expected_action.table(Study.of({**tables, "probes": french}))


def test_policy_change_is_the_mean_over_probes_and_scenes(study_tables):
    tables = study_tables(conditions=1, seeds=3, scenes=6)
    probes = tables["probes"]
    probes = probes.assign(entropy=1.0 + (probes["probe"] == "go_to_ahead"), kl=probes["frames"] / 1e4)
    episodes = tables["episodes"].assign(discounted_return=0.25)
    episodes["value"] = 0.5 + episodes["seed"]
    table = policy_change.table(Study.of({**tables, "probes": probes, "episodes": episodes}))
    means = table.set_index(["measure", "frames"])["mean"]
    assert means[change.ENTROPY, 0] == pytest.approx(1.25)  # one of four probes has 2, the others 1
    assert means[change.DRIFT, 20_000] == pytest.approx(2)
    assert means[change.INFORMATION, 0] >= 0
    told = means[change.MARGINAL, 0] - means[change.INFORMATION, 0]  # H(A|X), of the stored probabilities
    chances = probes[probes["frames"] == 0].groupby("run_id")["probability"]
    assert told == pytest.approx((chances.apply(lambda p: -(p * np.log(p)).sum()) / 4).mean())
    assert 0 <= means[change.CHANGED, 20_000] <= 1 and (change.CHANGED, 0) not in means
    training = tables["training"].assign(information=tables["training"]["frames"] / 1e5)
    batches = policy_change.table(Study.of({**tables, "training": training}))
    assert set(batches["measure"]) == {change.IN_ROLLOUTS}
    np.testing.assert_allclose(batches["mean"], batches["frames"] / 1e5)
    assert means[policy_change.BIAS, 0] == pytest.approx(np.mean([0, 1, 2]) + 0.25)
    with pytest.raises(Absent, match="none has a critic"):
        policy_change.table(Study.of(tables))


def test_language_retention_compares_before_with_after(study_tables):
    tables = study_tables(conditions=1, seeds=3, scenes=6)
    rows = [
        {
            "run_id": run["run_id"], "model": run["model"], "seed": run["seed"], "frames": frames,
            "objective": objective, "items": 10, "tokens": 20, "loss": 2.0 + (frames > 0),
            "accuracy": np.nan if objective == "span_corruption" else 0.8 - 0.1 * (frames > 0) * run["seed"],
            "chance": 0.25,
        }
        for run in tables["runs"].to_dict("records")
        for frames in (0, 51_200)
        for objective in ("span_corruption", "spatial")
    ]  # fmt: skip
    table = language_retention.table(Study.of({**tables, "language": pd.DataFrame(rows)}))
    means = table.set_index(["measure", "frames"])["mean"].to_dict()
    assert means == pytest.approx(
        {
            ("span_corruption (loss)", 0): 2,
            ("span_corruption (loss)", 51_200): 3,
            ("spatial", 0): 0.8,
            ("spatial", 51_200): 0.7,
        }
    )
    before = [row for row in rows if row["frames"] == 0]
    with pytest.raises(Absent, match="before and after"):
        language_retention.table(Study.of({**tables, "language": pd.DataFrame(before)}))
