"""Argument lists of any kind: an exit code of ours, one line, nothing half-created, no traceback."""

import pytest
import typer
from hostile import TEXTS, some, trials
from program import glam_eval

from glam_eval.cli import app as program
from glam_eval.cli import main

pytestmark = pytest.mark.fuzz

CODES = {0, 1, 2, 129, 130, 143}
ORDINARY = [
    "quick",
    "t5-pico",
    "GoToLocalS5N2",
    "bot",
    "random",
    "en",
    "fr",
    "none",
    "1",
    "2",
    "0.5",
    "cpu",
    "out",
    "a.toml",
    "seeds=1",
    "ppo.clip=0.1",
    "csv",
    "latex",
    "out/x.csv",
    "generalization",
    "probes",
    "results",
    "--dry-run",
]
# What computes for long with ordinary values, or waits for a person.
LONG = {
    ("run-suite",),
    ("train",),
    ("clone",),
    ("play",),
    ("bench", "environment"),
    ("bench", "engine"),
    ("bench", "agents"),
}
LONG |= {("models", name) for name in ("pretrain", "audit", "score", "release", "describe", "fetch")}
NEVER = ["--frames", "-1"]  # refused by every command that computes


def commands():
    """Return the words of each command with its options."""
    root = typer.main.get_command(program.app)
    found = {}
    for name, command in root.commands.items():
        inner = getattr(command, "commands", None)
        for words, each in [((name, sub), c) for sub, c in inner.items()] if inner else [((name,), command)]:
            found[words] = [
                option for parameter in each.params for option in parameter.opts if option.startswith("-")
            ]
    return found


COMMANDS = commands()


def arguments_of(draws):
    words = draws.choice([*COMMANDS, (), ("models",), ("bench",), (draws.choice(TEXTS),)])
    given = list(words)
    values = [*ORDINARY, *TEXTS]
    for _ in range(draws.randrange(4)):
        option = draws.choice([*COMMANDS.get(words, []), "--help", ""])
        given += [option, draws.choice(values)] if option and option != "--help" else some(draws, values, 2)
    if words in LONG:
        given += ["--set", "seeds=0"] if words == ("run-suite",) else ["--no-such-option"]
    return [str(each).replace("\0", "") for each in given]


def test_argument_lists(trying, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")

    def one(draws):
        arguments = arguments_of(draws)
        before = sorted(tmp_path.rglob("*"))
        try:
            code = main(arguments)
        except BaseException as error:
            raise AssertionError(f"{arguments!r}: {type(error).__name__}: {error}") from error
        _, said = capsys.readouterr()
        assert code in CODES, arguments
        assert "Traceback" not in said, arguments
        if code:
            assert said.startswith("glam-eval: ") and len(said.splitlines()) == 1, (arguments, said)
            assert sorted(tmp_path.rglob("*")) == before, arguments

    trying("argument lists", trials(4), one, 0.25, least=100)


def test_argument_lists_of_real_processes(trying, tmp_path):
    def one(draws):
        arguments = arguments_of(draws)
        done = glam_eval(*arguments, cwd=tmp_path)
        assert done.returncode in CODES, (arguments, done.stderr)
        assert "Traceback" not in done.stderr, (arguments, done.stderr)

    trying("processes", trials(5), one, 0.02, least=2)
