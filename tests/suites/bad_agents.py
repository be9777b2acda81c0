"""Agents of another package, each of which goes wrong in its own way while it acts."""

import os
import signal
import time

from glam_eval.config.agents import Agent
from glam_eval.policies.baselines import RandomPolicy


class _Raising(RandomPolicy):
    def evaluate(self, inputs, memory=None):
        raise ArithmeticError("a number that is none")


class _Killed(RandomPolicy):
    def evaluate(self, inputs, memory=None):
        os.kill(os.getpid(), signal.SIGKILL)  # as the kernel does when memory runs out


class _Hanging(RandomPolicy):
    def evaluate(self, inputs, memory=None):
        time.sleep(1000)


def _describe(name, policy):
    return Agent(name, name, f"a policy that is {name}", "none", build=lambda *_: policy())


raising = _describe("raising", _Raising)
killed = _describe("killed", _Killed)
hanging = _describe("hanging", _Hanging)
