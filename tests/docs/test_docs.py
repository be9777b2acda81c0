"""The site's pages: their Python is run, their commands exist, what is generated is complete."""

import doctest
import re
import shlex
import sys
from importlib import import_module
from pathlib import Path

import pytest
import typer

from glam_eval.cli.app import app
from glam_eval.config.loading import load_suite
from glam_eval.core.tables import TABLES
from glam_eval.results import columns_of, data_dictionary

ROOT = Path(__file__).parents[2]
PAGES = sorted(page for page in (ROOT / "docs").rglob("*.md") if page.name != "cluster.md")
FENCE = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def blocks(page, language):
    return [text for kind, text in FENCE.findall(page.read_text("utf-8")) if kind == language]


@pytest.fixture(scope="module")
def generated():
    """The modules that generate pages."""
    sys.path.insert(0, str(ROOT / "docs/_pages"))
    names = ("agents", "commands", "configuration", "pictures", "studies")
    yield {name: import_module(name) for name in names}
    sys.path.remove(str(ROOT / "docs/_pages"))


@pytest.mark.parametrize(
    "page", [page for page in PAGES if blocks(page, "python")], ids=lambda page: page.stem
)
def test_the_python_of_a_page_does_what_it_says(page, monkeypatch):
    monkeypatch.chdir(ROOT)
    told = doctest.DocTestParser().get_doctest("\n".join(blocks(page, "python")), {}, page.name, str(page), 0)
    assert told.examples
    assert doctest.DocTestRunner().run(told).failed == 0


def command_lines():
    for page in PAGES:
        for block in blocks(page, "sh"):
            for line in block.splitlines():
                words = shlex.split(line, comments=True)
                if words and words[0] == "glam-eval":
                    arguments = words[1 : words.index(">")] if ">" in words else words[1:]
                    yield pytest.param(arguments, id=f"{page.stem}: {line[:60]}")


@pytest.mark.parametrize("arguments", list(command_lines()))
def test_a_command_of_a_page_is_one_that_the_program_takes(arguments):
    command, context = typer.main.get_command(app), None
    while True:
        context = command.make_context(command.name, list(arguments), parent=context)
        if not hasattr(command, "commands"):
            return
        _, command, arguments = command.resolve_command(context, list(arguments))


@pytest.mark.parametrize(
    ("page", "level", "agents"),
    [("tutorial.md", "GoToLocalS6N3", 2), ("how-to/real-models.md", "StrictPickupLocalS5N2", 1)],
)
def test_suites_of_the_pages_are_suites(page, level, agents, tmp_path):
    (suite,) = blocks(ROOT / "docs" / page, "toml")
    file = tmp_path / "mine.toml"
    file.write_text(suite)
    loaded = load_suite(str(file))
    assert loaded.environment.level == level and len(loaded.agents) >= agents


def test_every_command_and_option_is_on_the_page_of_commands(generated):
    page = generated["commands"].page()
    leaves = dict(generated["commands"].leaves())
    assert len(leaves) > 20
    for name, command in leaves.items():
        section = page.partition(f"\n## {name.removeprefix('glam-eval ')}\n")[2].partition("\n## ")[0]
        assert section, name
        for parameter in command.params:
            if parameter.param_type_name == "option" and parameter.name != "help":
                assert all(option in section for option in parameter.opts), (name, parameter.name)


def test_every_key_is_on_the_page_of_configuration_with_the_unit_of_a_number(generated):
    module = generated["configuration"]
    page = module.page()
    assert set(module.numbers()) == set(module.UNITS)
    for group, model in module.GROUPS.items():
        for name in model.model_fields.keys() - {"kind"}:
            assert f"| `{group + '.' if group else ''}{name}` |" in page, (group, name)
    assert (
        "| `ppo.clip` | number | `0.2` |  | Clip range of the probability ratio. | paper, appendix E |"
        in page
    )
    assert "| `ppo.target_kl` | number or none | `None` | nats |" in page


def test_every_column_is_in_the_dictionary():
    page = data_dictionary()
    for table, record in TABLES.items():
        section = page.partition(f"\n## {table}\n")[2].partition("\n## ")[0]
        assert all(f"| `{column.name}` |" in section for column in columns_of(record))


def test_every_study_that_ships_has_a_page(generated):
    found = {each.name for each in generated["studies"].directories(ROOT / "results")}
    assert found >= {path.parent.name for path in (ROOT / "results").glob("*/suite.json")} - {"bench"}


def test_intervals_over_pooled_episodes_are_far_too_narrow(generated):
    """What the page on statistics says of its first picture."""
    shares = generated["pictures"].pooled()
    assert shares["over episodes, pooled"] < 0.5
    assert 0.92 < shares["over seeds"] < 0.98
