"""What is made of a study and printed: as new as its tables, each agent once, several worlds told apart."""

import io
import json
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from tiers import tiers

from glam_eval import figures, report
from glam_eval.cli.tables import present_matrices
from glam_eval.config.loading import load_suite
from glam_eval.core.console import Console
from glam_eval.figures import Drawn
from glam_eval.report.matrices import agent_label, matrices
from glam_eval.results import load_results
from glam_eval.statistics import compare
from glam_eval.suites.directory import claimed
from glam_eval.suites.summary import conclude, findings, is_current, summarise

LEVELS = ("GoToLocal", "GoToLocalS5N2")
NAMES = {*(f"gflan/t5-nano [level={level}]" for level in LEVELS), "npe/t5-nano"}
LABELS = sorted(map(agent_label, NAMES))


@pytest.fixture(scope="module")
def comparisons():
    """Of gflan trained on two levels, which succeeds always on one and never on the other, and of npe."""
    runs = pd.DataFrame(
        [
            {
                "run_id": f"{agent}-{level}-{seed}",
                "agent": agent,
                "model": "t5-nano",
                "seed": seed,
                "config": json.dumps({"seed": seed, "environment": {"level": level}}),
            }
            for agent, level in (("gflan", LEVELS[0]), ("gflan", LEVELS[1]), ("npe", LEVELS[0]))
            for seed in range(3)
        ]
    )
    scenes = pd.DataFrame({"scene_seed": range(10), "frames": 0, "protocol": "generalization"})
    episodes = runs.drop(columns="config").merge(scenes.assign(shift="none"), how="cross")
    episodes["success"] = episodes["run_id"].str.contains(LEVELS[1])
    return compare(episodes, np.random.default_rng(0), runs=runs)


def printed(show, comparisons):
    console = Console(file=io.StringIO(), width=240)
    show(comparisons, console)
    return console.file.getvalue().splitlines()


def test_an_agent_of_several_worlds_is_listed_once_for_each(comparisons):
    lines = printed(findings, comparisons)
    rates = {
        label: [line.removeprefix(label) for line in lines if line.startswith(f"{label} ")]
        for label in LABELS
    }
    assert {label: [rate.split()[0] for rate in found] for label, found in rates.items()} == {
        "GFlan-T5 t5-nano [level=GoToLocal]": ["0"],
        "GFlan-T5 t5-nano [level=GoToLocalS5N2]": ["100"],
        "NPE-Flan-T5 t5-nano": ["0"],
    }


def test_comparisons_are_printed_with_the_worlds_names(comparisons):
    def show(table, console):
        present_matrices(matrices(table), "", None, None, console)

    text = "\n".join(printed(show, comparisons))
    assert all(agent_label(name) in text for name in NAMES)
    assert agent_label("gflan/t5-nano [level=GoToLocal]") == "GFlan-T5 t5-nano [level=GoToLocal]"


class Killed(BaseException):
    """In the place of a signal that ends the process."""


@pytest.fixture
def study(tmp_path, tiny_suite, monkeypatch):
    """A results directory; figures and report are stand-ins that say how many episodes they were made of."""
    out, suite = tmp_path / "out", load_suite(str(tiny_suite))
    with claimed(out, suite):
        for name, table in few_rows().items():
            (out / name).mkdir()
            table.to_parquet(out / name / f"{name}.parquet")

    def draw(out, study):
        (out / "figures").mkdir(exist_ok=True)
        figure = out / "figures" / "one.png"
        figure.write_text(str(len(load_results(out))))
        return Drawn([figure])

    def build(out, study):
        (out / "report.html").write_text(str(len(load_results(out))))
        return out / "report.html"

    monkeypatch.setattr(figures, "draw_all", draw)
    monkeypatch.setattr(report, "build_report", build)
    return out


SHIPPED = Path(__file__).parents[2] / "results" / "grounding-cpu"


@cache
def few_rows():
    """Tables of a study that ships, of two agents from three seeds, at their ends."""
    runs, episodes = (load_results(SHIPPED, name) for name in ("runs", "episodes"))
    runs = runs[runs["agent"].isin(["gflan", "bot"]) & (runs["seed"] < 3)]
    kept = episodes["run_id"].isin(runs["run_id"]) & (episodes["protocol"] == "generalization")
    return {"runs": runs, "episodes": episodes[kept]}


PRODUCTS = ("report.html", "figures/one.png", "comparisons/comparisons.parquet")


def made(out):
    return {name: (out / name).read_bytes() for name in PRODUCTS}


def end(out):
    conclude(out, Console(file=io.StringIO()), complete=True, summary=True)


def test_what_is_made_of_a_study_is_made_once(study):
    assert not is_current(study)
    end(study)
    before = {name: (study / name).stat().st_mtime_ns for name in PRODUCTS}
    assert is_current(study)
    end(study)
    assert before == {name: (study / name).stat().st_mtime_ns for name in PRODUCTS}


@pytest.mark.parametrize("name", PRODUCTS)
@pytest.mark.parametrize("damage", tiers(["empty", "gone", "a flipped bit"], thorough=["empty", "gone"]))
def test_what_is_damaged_is_made_again(study, name, damage):
    end(study)
    whole = made(study)
    match damage:
        case "empty":
            (study / name).write_bytes(b"")
        case "gone":
            (study / name).unlink()
        case _:
            (study / name).write_bytes(bytes([whole[name][0] ^ 1, *whole[name][1:]]))
    assert not is_current(study)
    end(study)
    assert made(study) == whole


def test_what_was_made_of_fewer_runs_is_made_again(study):
    (file,) = (study / "episodes").glob("*.parquet")
    whole = pd.read_parquet(file)
    whole[whole["seed"] == whole["seed"].min()].to_parquet(file)
    end(study)
    whole.to_parquet(file)
    assert not is_current(study)
    end(study)
    assert (study / "report.html").read_text() == str(len(whole))


@pytest.mark.parametrize("killed", ["draw_all", "build_report"])
def test_what_a_kill_left_half_made_is_made_again(study, killed, monkeypatch):
    end(study)
    whole = made(study)
    (file,) = (study / "episodes").glob("*.parquet")
    rows = pd.read_parquet(file)
    rows.iloc[::-1].to_parquet(file)
    with monkeypatch.context() as patch:

        def die(out, study):
            raise Killed

        patch.setattr(figures if killed == "draw_all" else report, killed, die)
        with pytest.raises(Killed):
            summarise(study)
    rows.to_parquet(file)  # the tables are again those of what was made first, most of which is still there
    assert not is_current(study)
    end(study)
    assert made(study) == whole
