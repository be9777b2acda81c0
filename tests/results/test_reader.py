import json
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

import glam_eval
from glam_eval.core.errors import UserError
from glam_eval.results import load_results, table_names, write_table


def test_it_is_offered_at_the_top(tmp_path, episode):
    write_table(tmp_path, "episodes", [episode()], "one")
    assert glam_eval.load_results(tmp_path, table="episodes").mission.tolist() == ["go to"]


def test_texts_of_episodes_are_categories_over_all_files(tmp_path, episode):
    write_table(tmp_path, "episodes", [episode(agent="b")], "one")
    write_table(tmp_path, "episodes", [episode(agent="a")], "two")
    agents = load_results(tmp_path).agent
    assert agents.tolist() == ["b", "a"]
    assert isinstance(agents.dtype, pd.CategoricalDtype)


def test_files_of_before_a_text_column_was_added_are_read_with_later_ones(tmp_path, episode):
    later = write_table(tmp_path, "episodes", [episode(goal="swapped")], "later")
    earlier = pd.read_parquet(later).drop(columns=["goal", "first_thing", "success_told"])
    earlier.to_parquet(tmp_path / "episodes" / "earlier.parquet")
    goals = load_results(tmp_path).goal
    assert goals.isna().tolist() == [True, False] and goals.tolist()[1] == "swapped"
    later.unlink()
    assert "goal" not in load_results(tmp_path)


def test_columns_are_selected(tmp_path, episode):
    write_table(tmp_path, "episodes", [episode()], "one")
    assert list(load_results(tmp_path, columns=["success", "seed"])) == ["success", "seed"]


def test_wrong_input_is_named(tmp_path, episode):
    with pytest.raises(UserError, match="is no directory"):
        load_results(tmp_path / "nowhere")
    with pytest.raises(UserError, match="holds no results"):
        load_results(tmp_path)
    write_table(tmp_path, "episodes", [episode()], "one")
    with pytest.raises(UserError, match="has no table 'probes': it has episodes"):
        load_results(tmp_path, "probes")
    with pytest.raises(UserError, match=r"unknown table 'episode'.*'episodes'"):
        load_results(tmp_path, "episode")
    with pytest.raises(UserError, match=r"one\.parquet lacks the column colour"):
        load_results(tmp_path, columns=["colour"])


def test_a_damaged_file_is_named(tmp_path, episode):
    good = write_table(tmp_path, "episodes", [episode()] * 500, "good").read_bytes()
    for damaged in (b"", b"not parquet", good[: len(good) // 2], good[:100] + b"\0" * 300 + good[400:]):
        (tmp_path / "episodes" / "broken.parquet").write_bytes(damaged)
        with pytest.raises(UserError, match=r"broken\.parquet is damaged"):
            load_results(tmp_path)


def test_a_table_made_elsewhere_is_read(tmp_path, episode):
    """Narrower integers, categories, an index, extra columns, optional ones missing, a file per seed."""
    own = pd.DataFrame([{k: getattr(episode(), k) for k in episode().__slots__}] * 4)
    own = own.rename(columns={"episode_return": "return"}).drop(columns=["actions", "wrong_order"])
    for seed in (0, 1):
        part = own.assign(seed=np.int16(seed), agent=pd.Categorical(["x"] * 4), colour="red")
        (tmp_path / "episodes").mkdir(exist_ok=True)
        part.sample(frac=1, random_state=seed).to_parquet(tmp_path / "episodes" / f"{seed}.parquet")
    frame = load_results(tmp_path)
    assert sorted(frame.seed) == [0] * 4 + [1] * 4
    assert set(frame.agent) == {"x"}
    assert set(frame.colour) == {"red"}
    assert frame.index.equals(pd.RangeIndex(8))
    own.drop(columns=["success"]).to_parquet(tmp_path / "episodes" / "2.parquet")
    with pytest.raises(UserError, match=r"2\.parquet lacks the column success"):
        load_results(tmp_path)


def test_one_file_in_place_of_a_folder(tmp_path, episode):
    source = write_table(tmp_path / "a", "episodes", [episode()], "one")
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "episodes.parquet").write_bytes(source.read_bytes())
    assert len(load_results(tmp_path / "b")) == 1
    assert table_names(tmp_path / "b") == ["episodes"]


@pytest.mark.slow
def test_five_million_episodes_fit_in_two_gigabytes(tmp_path, episode):
    rows = [episode(seed=i % 10, scene_seed=i, actions=f"{i:032b}") for i in range(100_000)]
    source = write_table(tmp_path, "episodes", rows, "0").read_bytes()
    for i in range(1, 50):
        (tmp_path / "episodes" / f"{i}.parquet").write_bytes(source)
    script = (
        "import json, resource, sys, glam_eval; d = glam_eval.load_results(sys.argv[1]);"
        "m = d.groupby(['agent', 'model', 'shift', 'seed'], observed=True).success.mean();"
        "print(json.dumps([len(d), len(m), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss]))"
    )
    run = subprocess.run([sys.executable, "-c", script, tmp_path], check=True, capture_output=True)
    episodes, groups, peak_kilobytes = json.loads(run.stdout)
    assert (episodes, groups) == (5_000_000, 10)
    assert peak_kilobytes < 2_000_000
