from pathlib import Path

import pytest
from report_files import written
from synthetic_study import make_study

from glam_eval.figures import FIGURES, Study
from glam_eval.report import build_beside, build_report


@pytest.fixture(scope="session")
def study() -> Study:
    """A study of four agents with five seeds."""
    return Study.of(make_study(conditions=4, scenes=20))


@pytest.fixture(scope="session")
def page(tmp_path_factory) -> Path:
    """The report of that study, built from its files."""
    root = tmp_path_factory.mktemp("study")
    for name, table in make_study(conditions=4, scenes=20).items():
        (root / name).mkdir()
        table.to_parquet(root / name / "all.parquet")
    return build_report(root)


@pytest.fixture(scope="session")
def two(tmp_path_factory):
    """Two studies: in the second a learner is clipped otherwise, and its agent never succeeds."""
    root = tmp_path_factory.mktemp("two")
    tables = make_study(conditions=4, scenes=20)
    first = written(root / "first", tables)
    other = {name: table.copy() for name, table in make_study(conditions=3, scenes=20).items()}
    for name, table in other.items():
        other[name] = table.assign(run_id="other-" + table["run_id"]) if "run_id" in table else table
    other["runs"]["config"] = other["runs"]["config"].str.replace('"clip": 0.2', '"clip": 0.4')
    learns = other["episodes"]["agent"] == "gflan"
    other["episodes"].loc[learns, "success"] = False
    return first, written(root / "second", other)


@pytest.fixture(scope="session")
def beside(two):
    with pytest.MonkeyPatch.context() as patch:
        kept = tuple(f for f in FIGURES if f.name in ("learning_curves", "generalization"))
        patch.setattr("glam_eval.report.build.FIGURES", kept)
        return build_beside(*two)
