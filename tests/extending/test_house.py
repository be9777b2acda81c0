"""CONTRIBUTING's lists and recipes name the files that are there, and files stay small."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "glam_eval"
GUIDE = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
LISTED = sorted(folder.name for folder in PACKAGE.iterdir() if (folder / "__init__.py").exists())


def section(title: str) -> str:
    """The text between a heading and the next of its kind."""
    return GUIDE.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def file_lists() -> dict[str, dict[str, str]]:
    """Folder of the package -> file or folder in it -> its line."""
    lists = {}
    for part in section("Files").split("\n### ")[1:]:
        folder, _, lines = part.partition("\n")
        lists[folder.strip("`")] = dict(re.findall(r"^- `(.+?)`: (.+)$", lines, re.MULTILINE))
    return lists


def recipe(thing: str) -> str:
    """What CONTRIBUTING says on adding a thing."""
    return section("Recipes").partition(f"- **{thing}**: ")[2].partition("\n- **")[0]


def code_of(folder: Path) -> set[str]:
    return {path.name for path in folder.glob("*.py")} - {"__init__.py"}


@pytest.mark.parametrize("package", LISTED)
def test_every_file_of_a_package_is_listed(package):
    lists, within = file_lists(), PACKAGE / package
    folders = {path.parent for path in within.rglob("*.py")}
    assert {folder.relative_to(PACKAGE).as_posix() for folder in folders} <= set(lists)
    for folder in folders:
        listed = set(lists[folder.relative_to(PACKAGE).as_posix()])
        assert code_of(folder) == {name for name in listed if name.endswith(".py")}, folder
        inside = {f"{path.name}/" for path in folder.iterdir() if path.is_dir() and path.name[0] != "_"}
        assert inside == {name for name in listed if name.endswith("/")}, folder


def test_nothing_that_is_gone_is_listed_and_each_line_tells_files_apart():
    for folder, lines in file_lists().items():
        for name in lines:
            assert (PACKAGE / folder / name).exists(), f"{folder}/{name}"
        assert len(set(lines.values())) == len(lines)


@pytest.mark.parametrize(
    ("thing", "files"),
    [
        ("A level", ["environments/catalogue.py"]),
        ("A shift", ["language/shifts/"]),
        ("A figure", ["figures/definitions/", "figures/drawings/"]),
    ],
)
def test_a_recipe_names_the_files_to_touch(thing, files):
    named = re.findall(r"`((?:environments|language|figures)/\S+?)`", recipe(thing))
    assert named[: len(files)] == files
    assert all((PACKAGE / name).exists() for name in named)


def test_the_recipe_of_an_agent_names_its_entry_point_and_the_example():
    told = recipe("An agent")
    for path in re.findall(r"`((?:examples|tests)/\S+?)`", told):
        assert (ROOT / path).exists(), path
    assert "`glam_eval.agents`" in told and "`examples/walker`" in told


def test_the_readme_names_scripts_that_are_there():
    named = re.findall(r"(?:analyses|glam_eval)/[\w/]+\.py", (ROOT / "README.md").read_text(encoding="utf-8"))
    assert named and all((ROOT / name).exists() for name in named)


def test_nineteen_of_twenty_files_have_at_most_250_lines():
    lengths = sorted(len(path.read_text(encoding="utf-8").splitlines()) for path in PACKAGE.rglob("*.py"))
    assert lengths[int(0.95 * (len(lengths) - 1))] <= 250
