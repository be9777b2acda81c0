"""Packages of `examples/` as an installer leaves them: their entry points, and their files to import."""

import os
import sys
import tomllib
from pathlib import Path

EXAMPLES = Path(__file__).parents[1] / "examples"


def install(name, site, monkeypatch, group="", **others):
    """Install an example into an empty directory; return the PYTHONPATH by which other processes have it.

    ``others`` are entry points of a group beside the example's own.
    """
    project = tomllib.loads((EXAMPLES / name / "pyproject.toml").read_text("utf-8"))["project"]
    points = {kind: dict(each) for kind, each in project["entry-points"].items()}
    points[group or next(iter(points))] |= others
    distribution = project["name"].replace("-", "_")
    information = site / f"{distribution}-{project['version']}.dist-info"
    information.mkdir(parents=True)
    (information / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n"
    )
    lines = []
    for kind, each in points.items():
        lines += [f"[{kind}]", *(f"{key} = {value}" for key, value in each.items())]
    (information / "entry_points.txt").write_text("\n".join(lines))
    for path in (EXAMPLES / name, site):
        monkeypatch.syspath_prepend(str(path))
    for module in (EXAMPLES / name).glob("*.py"):
        monkeypatch.delitem(sys.modules, module.stem, raising=False)
    return os.pathsep.join([str(EXAMPLES / name), str(site), os.environ.get("PYTHONPATH", "")])
