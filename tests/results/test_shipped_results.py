"""Results that come with the code are there, and are what their README says."""

import re

import pytest

from glam_eval import load_results

ROW = re.compile(r"^\| `([\w-]+)` \| (.*?) \| (.*) \|$", re.MULTILINE)
RUNS = re.compile(r"(\d+) runs(?:, (\d+|one) seeds?)?")
EPISODES = re.compile(r"([\d,]+) `episodes`")


@pytest.fixture(scope="module")
def results(pytestconfig):
    return pytestconfig.rootpath / "results"


@pytest.fixture(scope="module")
def listed(results):
    text = (results / "README.md").read_text(encoding="utf-8").split("# Data dictionary")[0]
    return {name: told for name, _, told in ROW.findall(text)}


def test_every_directory_that_is_listed_holds_tables(results, listed):
    assert len(listed) > 5
    assert [name for name in listed if not any((results / name).rglob("*.parquet"))] == []


def test_studies_have_as_many_runs_seeds_and_episodes_as_is_said(results, listed):
    studies = {name: RUNS.search(told) for name, told in listed.items() if RUNS.search(told)}
    assert len(studies) > 4
    for name, said in studies.items():
        runs = load_results(results / name, "runs")
        assert (len(runs), (runs["status"] == "finished").all()) == (int(said[1]), True), name
        if said[2]:
            assert runs["seed"].nunique() == int(said[2].replace("one", "1")), name
        if episodes := EPISODES.search(listed[name]):
            stored, told = len(load_results(results / name, "episodes")), int(episodes[1].replace(",", ""))
            assert round(stored, -3 if told >= 1000 else 0) == told, name
