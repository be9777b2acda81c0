"""A run in a process of its own, with all it needs loaded, so that it can be killed soon after its start."""

from multiprocessing import get_context

import torch
import transformers.models.t5.modeling_t5  # noqa: F401

from glam_eval.policies import drrn, symbolic  # noqa: F401
from glam_eval.suites import execute
from glam_eval.training import cloning, q_learning  # noqa: F401

# A fresh process loads this module once and forks each run from itself: it has no threads of ours yet.
server = get_context("forkserver")
server.set_forkserver_preload(["killable"])


def carry_out(plan, out):
    """Carry out a plan or go on with it, with a checkpoint after every update."""
    torch.set_num_threads(plan.config.threads)
    execute.CHECKPOINT_SECONDS = 0.0
    execute.Execution(plan, out, "cpu", lambda _: None, lambda: False).carry_out()


def start(plan, out):
    """Start the process."""
    process = server.Process(target=carry_out, args=(plan, out))
    process.start()
    return process
