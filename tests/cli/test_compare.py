"""Plans of a study on two levels, made of the results that come with the code."""

from pathlib import Path

import pandas as pd
import pytest
from program import answer

from glam_eval.results import load_results

STUDY = Path(__file__).parents[2] / "results" / "grounding-cpu"
AGENTS = ("gflan", "random", "bot")
LEVEL, OTHER = "StrictPickupLocalS5N2", "StrictPickupLocalS6N3"


@pytest.fixture
def two_levels(tmp_path):
    """Runs and episodes of a few agents, and the same again as of another level."""
    for table in ("runs", "episodes"):
        rows = load_results(STUDY, table)
        rows = rows[rows["agent"].isin(AGENTS)]
        other = rows.assign(level=OTHER, run_id=rows["run_id"].astype(str) + "-elsewhere")
        if "config" in other:
            other["config"] = other["config"].str.replace(LEVEL, OTHER)
        (tmp_path / table).mkdir()
        pd.concat([rows, other]).to_parquet(tmp_path / table / "all.parquet")
    return tmp_path


def test_a_plan_tells_the_levels_apart_on_the_terminal_and_in_a_file(two_levels, tmp_path):
    printed = answer("compare", two_levels, "--plan")
    assert printed.returncode == 0, printed.stderr
    assert "seeds needed to show a difference of 10 points" in printed.stdout
    asked = ("--plan", "--difference", 0.2, "--long", "--out", tmp_path / "plan.parquet")
    written = answer("compare", two_levels, *asked)
    assert written.returncode == 0, written.stderr
    plan = pd.read_parquet(tmp_path / "plan.parquet")
    assert set(plan["difference"]) == {0.2}
    named = set(plan["a"]) | set(plan["b"])
    assert {f"random/none [level={level}]" for level in (LEVEL, OTHER)} <= named
