import numpy as np
import pandas as pd
import pytest

from glam_eval.core.errors import UserError
from glam_eval.statistics import add_efficiency, classify, failures, success_by


def _episodes(**columns):
    n = len(next(iter(columns.values())))
    actions = columns.get("actions", ["0210220100122012"] * n)
    base = {
        "success": [False] * n,
        "wrong_order": [False] * n,
        "wrong_object": [False] * n,
        "steps_blocked": [0] * n,
        "actions": actions,
        "length": [len(a) for a in actions],
    }
    return pd.DataFrame({**base, **columns})


def test_the_first_reason_that_holds():
    frame = _episodes(
        success=[True, False, False, False, False],
        wrong_order=[True, True, False, False, False],
        wrong_object=[True, True, True, False, False],
        steps_blocked=[16, 16, 16, 8, 7],
    )
    expected = ["success", "wrong_order", "wrong_object", "stuck_on_wall", "wandering"]
    assert classify(frame).tolist() == expected


@pytest.mark.parametrize(
    ("actions", "category"),
    [
        ("0120" + "01" * 14, "oscillating"),
        ("2012" * 3 + "0" * 14, "oscillating"),
        ("20120" * 2 + "0221" * 6, "oscillating"),
        ("01" * 10 + "0221201102210012", "wandering"),  # oscillated early, then moved on
        ("021022010012201222010211", "wandering"),
        ("0", "wandering"),
        ("", "wandering"),
    ],
)
def test_oscillation_is_a_second_half_that_repeats(actions, category):
    around = ["0212021", actions, "1111"]  # neighbours in the joined text must not leak in
    assert classify(_episodes(actions=around)).tolist()[1] == category


def test_vectorised_periods_equal_a_plain_loop():
    generator = np.random.default_rng(0)
    texts = [
        "".join(generator.choice(list("012"[: generator.integers(1, 4)]), generator.integers(0, 20)))
        for _ in range(500)
    ]

    def oscillates(text):
        half = text[len(text) - len(text) // 2 :]
        return any(
            len(half) - p >= p
            and sum(a == b for a, b in zip(half[p:], half, strict=False)) >= 0.9 * (len(half) - p)
            for p in range(1, 5)
        )

    found = classify(_episodes(actions=texts)) == "oscillating"
    assert found.tolist() == [oscillates(text) for text in texts]


def test_shares_sum_to_one_and_missing_columns_are_named(study):
    generator = np.random.default_rng(0)
    frame = study.assign(
        wrong_order=False,
        wrong_object=generator.random(len(study)) < 0.3,
        steps_blocked=generator.integers(0, 12, len(study)),
        length=12,
        actions="021022010012",
    )
    table = failures(frame)
    sums = table.groupby(["protocol", "shift", "agent", "model"])["mean"].sum()
    assert sums.to_numpy() == pytest.approx(np.ones(len(sums)))
    success = table.query("category == 'success' and protocol == 'generalization'")
    expected = success_by(study.query("protocol == 'generalization'"), ["shift", "agent", "model"])
    assert success["mean"].tolist() == pytest.approx(expected["mean"].tolist())
    with pytest.raises(UserError, match="lacks the columns wrong_order, wrong_object"):
        failures(study.assign(steps_blocked=0, length=1, actions=""))


def test_efficiency_is_success_times_the_bots_share_of_the_length():
    frame = pd.DataFrame(
        {
            "success": [True, True, False, True, True],
            "length": [10, 4, 64, 5, 0],
            "bot_length": [5, 5, 5, -1, 0],
        }
    )
    assert add_efficiency(frame)["efficiency"].tolist() == [0.5, 1, 0, 1]
