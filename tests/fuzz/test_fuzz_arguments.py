"""Argument lists of any kind: an exit code of ours, one line, nothing half-created, no traceback."""

import itertools

import pytest
import typer
from hostile import TEXTS, some, trials
from program import glam_eval
from tiny_suite import TINY_SUITE

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
# What computes for long with ordinary values, or waits for a person: refused at the end of the list, unless
# the bounds that follow it are given there, of which the last count.
BOUNDS = {
    ("play",): ["--agent", "random"],
    ("bench", "environment"): ["--steps", "64", "--slots", "2"],
    ("models", "audit"): ["--items", "5"],
    ("models", "describe"): ["--tokens", "8", "--batch", "1"],
    ("models", "score"): ["--items", "1"],
}
SMALL = "ppo={preset='small', environments=8, steps=10, minibatch=40}"
PROCESSES = {  # which start others, that take seconds to load all
    ("run-suite",): ["--seeds", "1", "--workers", "1", "--no-summary"],
    ("train",): ["--model", "t5-pico", "--frames", "80", "--set", SMALL],
    ("clone",): ["--model", "t5-pico", "--transitions", "40", "--frames", "0", "--then-frames", "0"],
}
ORDERS = {("run-suite",): ["tiny.toml"], ("clone",): ["bot", "--out", "cloned"]}
LONG = {*BOUNDS, *PROCESSES, ("bench", "engine"), ("bench", "agents")}
LONG |= {("models", name) for name in ("pretrain", "release", "fetch")}
COMPUTED_ONE_IN = 8


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


def arguments_of(draws, bounds=BOUNDS):
    words = draws.choice([*COMMANDS, (), ("models",), ("bench",), (draws.choice(TEXTS),)])
    computed = words in bounds and not draws.randrange(COMPUTED_ONE_IN)
    return arguments_after(words, draws, bounds[words] if computed else None)


def arguments_after(words, draws, bounds):
    """Return a command with options of any kind; refused if it computes for long and has no bounds."""
    given = [*words, *(ORDERS.get(words, []) if bounds else [])]
    values = [*ORDINARY, *TEXTS]
    for _ in range(draws.randrange(4)):
        option = draws.choice([*COMMANDS.get(words, []), "--help", ""])
        given += [option, draws.choice(values)] if option and option != "--help" else some(draws, values, 2)
    if bounds:
        given += bounds
    elif words in LONG:
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

    trying("argument lists", trials(4), one, 0.3, least=100)


def test_argument_lists_of_real_processes(trying, tmp_path):
    (tmp_path / "tiny.toml").write_text(TINY_SUITE)
    numbers = itertools.count()

    def one(draws):
        number = next(numbers)  # every other one computes for real
        words = draws.choice(list(PROCESSES))
        arguments = arguments_after(words, draws, PROCESSES[words]) if number % 2 else arguments_of(draws)
        before = sorted(tmp_path.rglob("*"))
        done = glam_eval(*arguments, cwd=tmp_path)
        assert done.returncode in CODES, (arguments, done.stderr)
        assert "Traceback" not in done.stderr, (arguments, done.stderr)
        if done.returncode == 2:
            assert sorted(tmp_path.rglob("*")) == before, arguments

    trying("processes", trials(5), one, 0.05, least=4)
