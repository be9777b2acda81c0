"""A study in a process of its own, with all it needs loaded, so that it can be killed soon after."""

import io
from multiprocessing import get_context

import torch
import transformers.models.t5.modeling_t5  # noqa: F401
from rich.console import Console

from glam_eval.execution import agent_run, demonstrations
from glam_eval.execution.carry_out import carry_out
from glam_eval.execution.owed import owed
from glam_eval.execution.study import read_suite
from glam_eval.policies import drrn, symbolic  # noqa: F401
from glam_eval.results import compact, forget_runs
from glam_eval.suites.directory import claimed
from glam_eval.suites.summary import conclude
from glam_eval.training import cloning, q_learning  # noqa: F401

# A fresh process loads this module once and forks each run from itself: it has no threads of ours yet.
server = get_context("forkserver")
server.set_forkserver_preload(["killable"])


def carry_out_study(out):
    """Carry out the study in a directory, or go on with it, with a checkpoint after every update."""
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


def start(out, work=carry_out_study):
    """Start the process."""
    process = server.Process(target=work, args=(out,))
    process.start()
    return process
