"""A study in a process of its own, with all it needs loaded, so that it can be killed soon after."""

import io
import multiprocessing
import os
from multiprocessing import forkserver, get_context
from pathlib import Path

import torch
import transformers.models.t5.modeling_t5  # noqa: F401
from rich.console import Console

from glam_eval.cli import main
from glam_eval.execution import agent_run, demonstrations
from glam_eval.execution.carry_out import carry_out
from glam_eval.execution.owed import owed
from glam_eval.execution.study import read_suite
from glam_eval.policies import drrn, language_model, symbolic  # noqa: F401
from glam_eval.results import compact, forget_runs
from glam_eval.suites.directory import claimed
from glam_eval.suites.summary import conclude
from glam_eval.training import cloning, q_learning  # noqa: F401
from glam_eval.training.demonstrations import DemonstrationCollector
from glam_eval.training.run import TrainingRun

# A fresh process loads this module once and forks each run from itself: it has no threads of ours yet.
server = get_context("forkserver")
server.set_forkserver_preload(["killable"])

LONGEST = 3600  # seconds after which a study that only has to be gone on with is stuck, on a busy machine

WORK = {  # what a study is at, from when one of these is called
    "training": (TrainingRun, "advance"),
    "demonstrations": (DemonstrationCollector, "advance"),
    "evaluation": (agent_run, "play_condition"),
}


def carry_out_study(out, at=None):
    """Carry out the study in a directory, or go on with it, with a checkpoint after every update.

    ``at``, shared with who asks, says what it is at.
    """
    for what, (owner, name) in WORK.items() if at else ():
        _note(at, what, owner, name)
    suite = read_suite(out)
    torch.set_num_threads(suite.threads)
    agent_run.CHECKPOINT_SECONDS = demonstrations.CHECKPOINT_SECONDS = 0.0
    still_owed = owed(out, suite.graph)
    forget_runs(out, still_owed.keys())
    for planned in (each for each in suite.graph if each.run_id in still_owed):
        carry_out(out, planned.run_id, "cpu", lambda _: None, lambda: False)


def compact_study(out):
    """Make a few files of a finished study."""
    compact(out)


def summarise_study(out):
    """Make comparisons, figures and report, as a suite does at its end."""
    conclude(out, Console(file=io.StringIO()), complete=True, summary=True)


def empty_study(out):
    """Delete what is there, as ``--fresh`` does."""
    with claimed(out, read_suite(out), fresh=True):
        pass


def run_program(out, *arguments):
    """The program itself, whose workers come from this server, too: each has all it needs loaded."""
    with Path(os.devnull).open("w") as nowhere:
        for number in (1, 2):
            os.dup2(nowhere.fileno(), number)
    forkserver._forkserver.ensure_running = lambda: None  # it is, or this process would not be
    multiprocessing.get_context = lambda method=None: server
    raise SystemExit(main([*map(str, arguments), "--out", str(out)]))


def start(out, work=carry_out_study, *arguments):
    """Start the process."""
    process = server.Process(target=work, args=(out, *arguments))
    process.start()
    return process


def members():
    """Return the numbers of all processes of the server: those started here, and their workers."""
    server_id = forkserver._forkserver._forkserver_pid
    return {int(each) for each in Path(f"/proc/{server_id}/task/{server_id}/children").read_text().split()}


def _note(at, what, owner, name):
    """Have a function say that it was begun."""
    work = getattr(owner, name)

    def noted(*arguments, **options):
        at.value = what.encode()
        return work(*arguments, **options)

    setattr(owner, name, noted)
