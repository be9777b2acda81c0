"""The lowest versions that CI tries are those that pyproject.toml names."""

import runpy
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]


def test_each_requirement_is_pinned_to_its_lower_end():
    lowest = runpy.run_path(str(ROOT / ".ci/lowest.py"))["lowest"]
    assert lowest(["a>=1.9,<3", "b[x]>=2; python_version > '3'", "c", "a>=1.10"]) == ["a==1.10", "b==2"]
    assert lowest(["a>=1.9,<3", "b>=2"], ["a==2.5"]) == ["a==2.5", "b==2"]
    for kept in ("a==3", "c==1", "a>=2", "a"):
        with pytest.raises(ValueError, match="no version of a requirement"):
            lowest(["a>=1.9,<3", "b>=2"], [kept])


def test_every_dependency_of_the_project_has_one():
    lowest = runpy.run_path(str(ROOT / ".ci/lowest.py"))["lowest"]
    dependencies = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    pinned = {Requirement(line).name for line in lowest(dependencies)}
    assert pinned == {Requirement(text).name for text in dependencies}
