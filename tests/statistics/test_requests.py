"""What requests came to, by hand: two episodes of one model, one of another whose server counts no tokens."""

import numpy as np
import pandas as pd
import pytest

from glam_eval.core.errors import UserError
from glam_eval.statistics import summarise_requests

EPISODES = pd.DataFrame(
    {
        "run_id": ["r", "r", "q"],
        "agent": "chat",
        "model": ["m", "m", "n"],
        "scene_seed": [1, 2, 1],
        "success": True,
    }
)


def request(run, scene, valid, read, written, finish="stop", cost=np.nan, seconds=1.0):
    place = {"run_id": run, "frames": 0, "protocol": "generalization", "shift": "none", "scene_seed": scene}
    told = {"valid": valid, "finish": finish, "prompt_tokens": read, "completion_tokens": written}
    return {**place, **told, "cost": cost, "seconds": seconds}


REQUESTS = pd.DataFrame(
    [
        request("r", 1, True, 100, 2, cost=0.5, seconds=1.0),
        request("r", 1, False, 120, 10, finish="length", cost=0.75, seconds=5.0),
        request("r", 2, True, 100, 3, cost=0.25, seconds=2.0),
        request("q", 1, True, -1, 4),
    ]
)


def test_means_are_of_episodes_and_shares_of_answers():
    table = summarise_requests(REQUESTS, EPISODES).set_index("model")
    row = table.loc["m"]
    assert (row["episodes"], row["requests"], row["requests_an_episode"]) == (2, 3, 1.5)
    assert (row["invalid"], row["cut_short"]) == pytest.approx((1 / 3, 1 / 3))
    assert (row["prompt_tokens"], row["completion_tokens"]) == (160, 7.5)
    assert (row["cost"], row["total_cost"], row["seconds"]) == (0.75, 1.5, 2.0)


def test_what_is_not_known_is_no_number():
    row = summarise_requests(REQUESTS, EPISODES).set_index("model").loc["n"]
    assert np.isnan([row["prompt_tokens"], row["cost"], row["total_cost"]]).all()
    assert (row["completion_tokens"], row["invalid"]) == (4, 0)


def test_requests_of_runs_that_were_left_out_do_not_count():
    assert list(summarise_requests(REQUESTS, EPISODES[EPISODES["run_id"] == "r"])["model"]) == ["m"]


def test_a_table_that_lacks_a_column_is_named():
    with pytest.raises(UserError, match="the requests table lacks the column valid"):
        summarise_requests(REQUESTS.drop(columns="valid"), EPISODES)
