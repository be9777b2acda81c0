"""200 hostile texts in every place where a text of a user can stand."""

import pytest
from hostile import TEXTS
from test_fuzz_settings import BASE, refused

from glam_eval.cli import main
from glam_eval.config.loading import make_suite
from glam_eval.core.errors import UserError
from glam_eval.suites.validation import validate

pytestmark = pytest.mark.fuzz

PLACES = ["name", "title", "question"]
PLACES += [f"environment.{name}" for name in ("level", "language", "shift", "actions", "template")]
PLACES += [
    "agents.0.agent",
    "agents.0.model",
    "agents.2.cloning.source",
    "protocols.0.name",
    "agents.0.protocols.0",
]
PLACES += [f"protocols.0.conditions.1.{name}" for name in ("shift", "level", "name")]
COMMANDS = {
    "suite": ["run-suite", "{}", "--dry-run"],
    "set": ["run-suite", "quick", "--set", "environment.level={}", "--dry-run"],
    "device": ["run-suite", "quick", "--device", "{}", "--seeds", "0"],
    "results": ["compare", "{}"],
    "figure": ["figures", "nowhere", "--name", "{}"],
    "format": ["compare", "nowhere", "--format", "{}"],
    "level": ["envs", "{}"],
    "language": ["envs", "GoToLocal", "--language", "{}"],
    "shift": ["envs", "GoToLocal", "--shift", "{}"],
    "model": ["models", "describe", "{}"],
    "card": ["models", "card", "{}"],
    "agent": ["play", "GoToLocal", "--agent", "x{}"],
    "checkpoint": ["evaluate", "{}", "--protocol", "probes"],
    "imported": ["import-runs", "x{}", "--out", "out"],
    "compact": ["compact", "x{}"],
    "command": ["x{}"],
}


def put(values, path, text):
    """Return settings with a text at a place; members of lists are made groups where they are texts."""
    key, _, rest = path.partition(".")
    if isinstance(values, list):
        return [put(each, rest, text) if number == int(key) else each for number, each in enumerate(values)]
    values = dict(values) if isinstance(values, dict) else {}
    if not rest:
        return {**values, key: text}
    if rest == "0":
        return {**values, key: [text]}
    return {**values, key: put(values.get(key, {}), rest, text)}


@pytest.mark.parametrize("place", PLACES)
def test_in_suites(trying, place):
    def one(text):
        values = put(BASE, place, text)
        try:
            suite = make_suite(values)
            validate(suite)
        except UserError as error:
            refused(error)
            return
        if place in ("name", "title", "question"):
            assert getattr(suite, place) == text

    trying("hostile texts in suites", TEXTS, one, 1.0)


@pytest.mark.parametrize("place", COMMANDS)
def test_on_the_command_line(trying, place, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")

    def one(text):
        arguments = [part.replace("{}", text.replace("\0", "")) for part in COMMANDS[place]]
        code = main(arguments)
        said = capsys.readouterr().err
        assert code in (0, 2), (arguments, said)
        assert code == 0 or len(said.splitlines()) == 1, (arguments, said)
        assert not list(tmp_path.rglob("*")), arguments

    trying("hostile texts on the command line", TEXTS, one, 1.0)
