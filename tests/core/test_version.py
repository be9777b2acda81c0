"""The version stands in one place; what is built, recorded and cited follows it."""

import re
import tomllib
from pathlib import Path

import glam_eval
from glam_eval.core import version
from glam_eval.core.provenance import code_version

ROOT = Path(__file__).parents[2]


def test_the_build_reads_the_packages_version():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert project["project"]["dynamic"] == ["version"] and "version" not in project["project"]
    source = ROOT / project["tool"]["hatch"]["version"]["path"]
    assert source == Path(version.__file__)
    # as hatchling reads it
    assert re.search(r'^__version__ = "(.+)"$', source.read_text(), re.MULTILINE)[1] == glam_eval.__version__


def test_records_and_citation_name_it():
    assert code_version().split()[0] == glam_eval.__version__
    assert f"\nversion: {glam_eval.__version__}\n" in (ROOT / "CITATION.cff").read_text()
