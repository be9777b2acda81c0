import numpy as np
import pandas as pd
import pytest

from glam_eval.core.errors import UserError
from glam_eval.statistics import name_variants, success_by
from glam_eval.statistics.cells import final_checkpoints, tabulate


def test_every_episode_lands_in_its_cell(episodes_of, generator):
    values = generator.random((4, 30))
    frame = episodes_of(values).sample(frac=1, random_state=0)
    cells = tabulate(frame, ["agent"])
    assert cells.matrix(0) == pytest.approx(values)
    assert cells.counts.tolist() == [[30] * 4]


def test_seeds_count_once_however_many_episodes_they_played(episodes_of):
    long = episodes_of(np.ones((1, 300)))
    short = episodes_of(np.zeros((1, 10))).assign(seed=1, run_id="a-m-1")
    row = success_by(pd.concat([long, short]), ["agent"]).iloc[0]
    assert row["mean"] == 0.5
    assert (row["n_seeds"], row["n_episodes"]) == (2, 10)


def test_a_scene_played_twice_is_one_scene(episodes_of):
    frame = episodes_of(np.array([[1.0, 0.0], [1.0, 1.0]]))
    twice = pd.concat([frame, frame.assign(success=0.0)])
    assert tabulate(twice, ["agent"]).matrix(0) == pytest.approx(np.array([[0.5, 0], [0.5, 0.5]]))


def test_categories_and_plain_texts_give_the_same(study):
    as_categories = study.astype(dict.fromkeys(("run_id", "agent", "model", "protocol", "shift"), "category"))
    by = ["protocol", "agent", "model", "shift", "frames"]
    pd.testing.assert_frame_equal(success_by(study, by), success_by(as_categories, by))


def test_scenes_of_their_own_for_every_seed_leave_seeds_alone(episodes_of):
    frame = episodes_of(np.random.default_rng(0).random((50, 2_000)))
    frame["scene_seed"] = np.arange(len(frame))
    cells = tabulate(frame, ["agent"])
    assert cells.values.shape == (1, 50, 1)
    assert cells.counts.min() == 2_000


def test_each_run_is_judged_by_its_own_last_checkpoint(episodes_of):
    frame = pd.concat(
        [
            episodes_of(np.zeros((2, 5)), frames=100),
            episodes_of(np.ones((2, 5)), frames=200).query("seed == 0"),
            episodes_of(np.ones((2, 5)), frames=50, protocol="other"),
        ]
    )
    final = final_checkpoints(frame)
    assert sorted(zip(final["protocol"], final["seed"], final["frames"], strict=True)) == sorted(
        [("generalization", 0, 200)] * 5
        + [("generalization", 1, 100)] * 5
        + [("other", s, 50) for s in (0, 1)] * 5
    )


def test_wrong_tables_are_named(episodes_of):
    frame = episodes_of(np.ones((2, 3)))
    with pytest.raises(UserError, match="episodes table lacks the columns shift, success"):
        tabulate(frame.drop(columns=["shift", "success"]), ["agent", "shift"])
    with pytest.raises(UserError, match="no episodes"):
        tabulate(frame.iloc[:0], ["agent"])
    with pytest.raises(UserError, match="1 episodes have no 'success'"):
        tabulate(frame.assign(success=[1, 1, np.nan, 1, 1, 0]), ["agent"])


def test_two_runs_of_one_seed_are_refused_and_the_runs_table_tells_them_apart(episodes_of):
    three = episodes_of(np.ones((3, 4)))
    nine = episodes_of(np.zeros((3, 4))).assign(run_id=lambda f: f["run_id"] + "-nine")
    both = pd.concat([three, nine])
    with pytest.raises(UserError, match=r"a-m-0(-nine)? and a-m-0(-nine)? share seed and agent a, model m"):
        success_by(both, ["agent", "model"])
    runs = pd.DataFrame({"run_id": both["run_id"].unique(), "agent": "a", "model": "m"})
    actions = ["augmented" if "nine" in run else "restricted" for run in runs["run_id"]]
    seeds = [run.split("-")[2] for run in runs["run_id"]]
    runs["config"] = [
        f'{{"seed": {s}, "environment": {{"actions": "{a}", "level": "GoToLocal"}}}}'
        for s, a in zip(seeds, actions, strict=True)
    ]
    told_apart = success_by(name_variants(both, runs), ["agent", "model"])
    means = dict(zip(told_apart["model"], told_apart["mean"], strict=True))
    assert means == {"m [actions=augmented]": 0, "m [actions=restricted]": 1}
    assert name_variants(three, runs[runs["config"].str.contains("restricted")]) is three
    with pytest.raises(UserError, match="run 'a-m-0': its configuration is not JSON"):
        name_variants(three, runs.assign(config="{"))
