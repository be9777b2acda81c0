from pathlib import Path

import pytest
from synthetic_study import make_study

from glam_eval.figures import Study
from glam_eval.report import build_report


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
