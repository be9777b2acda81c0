"""Commands that compute in the program's own process prepare it first; the others leave it as it is."""

import pytest

from glam_eval.cli.app import main
from glam_eval.core import process
from glam_eval.core.errors import UserError


@pytest.fixture(autouse=True)
def _hook(monkeypatch):
    def refuse():
        raise UserError("asked to keep memory")

    monkeypatch.setattr(process, "keep_freed_memory", refuse)


@pytest.mark.parametrize(
    "command",
    [
        "train",
        "clone bot --out OUT",
        "evaluate NONE --protocol probes",
        "bench agents",
        "models pretrain t5-none --out OUT",
        "models score t5-none",
        "models release NONE",
    ],
)
def test_a_command_that_computes_prepares_its_process_before_all_else(command, capsys):
    assert main(command.split()) == 2
    assert "asked to keep memory" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["suites", "models list"])
def test_a_command_that_does_not_compute_prepares_nothing(command):
    assert main(command.split()) == 0
