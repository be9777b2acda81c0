"""Plans of a study on two levels, from the results that come with the code."""

from pathlib import Path

import pandas as pd
from program import glam_eval

STUDY = Path(__file__).parents[2] / "results" / "sample-efficiency-cpu"


def test_a_plan_tells_the_levels_apart_on_the_terminal_and_in_a_file(tmp_path):
    printed = glam_eval("compare", STUDY, "--plan")
    assert printed.returncode == 0, printed.stderr
    assert "seeds needed to show a difference of 10 points" in printed.stdout
    written = glam_eval(
        "compare", STUDY, "--plan", "--difference", 0.2, "--long", "--out", tmp_path / "plan.parquet"
    )
    assert written.returncode == 0, written.stderr
    plan = pd.read_parquet(tmp_path / "plan.parquet")
    assert set(plan["difference"]) == {0.2}
    named = set(plan["a"]) | set(plan["b"])
    assert {f"random/none [level={level}]" for level in ("GoToLocal", "GoToLocalS5N2")} <= named
