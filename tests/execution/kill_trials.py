"""Kills at instants of chance for as long as you like: is any value different, is any directory stuck?

    PYTHONPATH=tests:tests/execution:tests/cli python -m kill_trials --minutes 60

Every trial takes a study of one agent through its life: it is killed while it trains and is evaluated, while
it is compacted, summarised and emptied by ``--fresh``, and each time gone on with. Others take a study of
several agents through the program with two workers, and kill its parent, a worker, or all of them. What
comes out is compared with an unbroken study. (A commit made meanwhile is a difference: runs say by which
version they were made.)
"""

import argparse
import contextlib
import os
import random
import shutil
import signal
import tempfile
import time
import traceback
from collections import Counter
from pathlib import Path

import killable
from killable import (
    LONGEST,
    carry_out_study,
    compact_study,
    empty_study,
    run_program,
    server,
    start,
    summarise_study,
)
from program import assert_same_results
from test_killed_runs import assert_same_studies, checksums, finish, study_of
from tiny_suite import TINY_SUITE

from glam_eval.config.agents import AGENTS, describe_agent
from glam_eval.execution.study import write_suite
from glam_eval.suites.summary import is_current

server.set_forkserver_preload(["killable", "kill_trials"])  # each process imports what was run, too
PROGRAM_EVERY = 4  # trials

PROTOCOLS = [
    {"name": "sample-efficiency", "scenes": 3},
    {"name": "generalization", "scenes": 3, "replays": 1, "conditions": ["none", "invented_nouns"]},
]
PROBES = {"name": "probes", "tasks": ["goto"]}  # which no agent answers that reads no text
CLONES = """
extends = "FOLDER/tiny.toml"
seeds = 1
agents = [{agent = "bc-gflan", model = "t5-pico"}, {agent = "drrn"}, {agent = "random"}]

[cloning]
environments = 4
transitions = 100
minibatch = 8
steps = 10

[q_learning]
environments = 4
steps = 20
batch = 8
replay = 150
"""
SUITES = {"tiny.toml": TINY_SUITE, "clones.toml": CLONES}


class Reference:
    """An unbroken study of an agent, and how long each part of its life takes."""

    def __init__(self, agent, folder):
        protocols = PROTOCOLS + [PROBES] * describe_agent(agent).reads_text
        self.suite, self.out = study_of(agent, 1, protocols), folder / f"straight-{agent}"
        self.seconds = {}
        self.out.mkdir()
        write_suite(self.out, self.suite)
        for work in (carry_out_study, compact_study, summarise_study):
            self.seconds[work] = timed(self.out, work)
        copy = shutil.copytree(self.out, folder / "copy")
        self.seconds[empty_study] = timed(copy, empty_study)
        shutil.rmtree(copy)


class ProgramReference:
    """An unbroken study of several agents, made by the program, and how long it takes."""

    def __init__(self, name, folder):
        for each, text in SUITES.items():
            (folder / each).write_text(text.replace("FOLDER", str(folder)))
        self.arguments = ("run-suite", folder / name, "--workers", 2)
        self.out = folder / f"straight-{name}"
        self.seconds = timed(self.out, run_program, *self.arguments)


def timed(out, work, *arguments):
    began = time.perf_counter()
    process = start(out, work, *arguments)
    process.join(LONGEST)
    assert process.exitcode == 0, f"{work.__name__} fails without being killed"
    return time.perf_counter() - began


def nothing(out):
    """Have the server load all that it loads before anything is timed."""


class Trials:
    """Carries out trials, and counts."""

    def __init__(self, folder, chance):
        self.folder, self.chance = folder, chance
        self.kills, self.outcomes = Counter(), Counter()
        self.at = server.Array("c", 20, lock=False)

    def kill(self, out, reference, work, most=5):
        """Begin some work again and again, killed each time unless it is faster."""
        told = [self.at] * (work is carry_out_study)
        for _ in range(self.chance.randint(1, most)):
            self.at.value = b"reading the study"
            process = start(out, work, *told)
            process.join(self.chance.uniform(0.0, 0.9 * reference.seconds[work]))
            if process.exitcode is None:
                process.kill()
                process.join()
                self.kills[self.at.value.decode() if told else work.__name__] += 1
            else:
                assert process.exitcode == 0, f"{work.__name__} is stuck"

    def live(self, reference):
        """Take one study from its beginning to its end, twice."""
        out, suite = self.folder / "killed", reference.suite
        out.mkdir()
        write_suite(out, suite)
        self.kill(out, reference, carry_out_study, most=12)
        finish(suite, out)
        self.compare(reference, out)
        for work in (compact_study, summarise_study):
            self.kill(out, reference, work)
            assert_same_results(reference.out, out, besides="comparisons")
        timed(out, summarise_study)
        assert is_current(out), "the summary is stale"
        assert_same_results(reference.out, out)
        self.kill(out, reference, empty_study)
        if self.chance.random() < 0.5:
            timed(out, empty_study)
        finish(suite, out)
        self.compare(reference, out)

    def told(self):
        """Return how often each kind of work was killed, and in all."""
        kinds = ", ".join(f"{kind} {count}" for kind, count in sorted(self.kills.items()))
        return f"{sum(self.kills.values())} ({kinds})"

    def compare(self, reference, out):
        assert_same_studies(reference.suite, reference.out, out, besides="comparisons")
        kept = [sorted(each.glob("checkpoints/*/*")) for each in (reference.out, out)]
        names = [[path.name for path in each] for each in kept]
        assert names[0] == names[1], "other checkpoints were kept"
        assert all(checksums(one) == checksums(two) for one, two in zip(*kept, strict=True))

    def live_as_program(self, reference):
        """Take a study through the program, with its parent, one of its workers or all of them killed."""
        out = self.folder / "killed"
        for _ in range(self.chance.randint(1, 8)):
            fresh = ["--fresh"] * (self.chance.random() < 0.2)
            process = start(out, run_program, *reference.arguments, *fresh)
            process.join(self.chance.uniform(0.0, 0.9 * reference.seconds))
            if process.exitcode is None:
                whom = self.chance.choice(["parent", "worker", "all"])
                self.kills[f"program, {whom}"] += kill_in_program(process, whom, self.chance)
        timed(out, run_program, *reference.arguments)
        assert is_current(out), "the summary is stale"
        assert_same_results(reference.out, out)
        assert not killable.members(), "processes are left"


def kill_in_program(process, whom, chance):
    """Kill the parent, all, or one worker, which is replaced; the program then goes on to its end.

    Return the number of processes killed at.
    """
    victims = {process.pid} if whom == "parent" else killable.members()
    if whom == "worker":
        workers = sorted(victims - {process.pid})
        victims = {chance.choice(workers)} if workers else set()
    for each in chance.sample(sorted(victims), len(victims)):
        with contextlib.suppress(ProcessLookupError):
            os.kill(each, signal.SIGKILL)
    process.join(LONGEST)
    assert process.exitcode in (0, -signal.SIGKILL), f"the program ended with {process.exitcode}"
    return bool(victims)


def main():
    """Carry out trials until the time is over; return 1 if one went wrong."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=0)
    alone = [name for name, agent in AGENTS.items() if not agent.served]  # they need no server
    parser.add_argument("--agents", nargs="*", default=alone, choices=alone)
    parser.add_argument("--keep", type=Path, help="directory for studies that came out otherwise")
    given = parser.parse_args()
    until, chance = time.monotonic() + 60 * given.minutes, random.Random(given.seed)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        timed(folder, nothing)
        trials, references, number = Trials(folder, chance), {}, 0
        while time.monotonic() < until:
            number += 1
            by_program = number % PROGRAM_EVERY == 0
            names = list(SUITES) if by_program else given.agents
            before = number // PROGRAM_EVERY if by_program else number - number // PROGRAM_EVERY
            which = names[(given.seed + before) % len(names)]  # each in turn, of another seed others first
            try:
                if which not in references:
                    references[which] = (ProgramReference if by_program else Reference)(which, folder)
                (trials.live_as_program if by_program else trials.live)(references[which])
                trials.outcomes["equal"] += 1
            except Exception:
                trials.outcomes["different or stuck"] += 1
                print(f"trial {number}, {which}:\n{traceback.format_exc()}", flush=True)
                if given.keep and (folder / "killed").exists():
                    shutil.copytree(folder / "killed", given.keep / str(number))
            shutil.rmtree(folder / "killed", ignore_errors=True)
            print(
                f"studies: {dict(trials.outcomes)} of {len(references)} kinds, kills: {trials.told()}",
                flush=True,
            )
    return 1 if trials.outcomes["different or stuck"] else 0


if __name__ == "__main__":
    raise SystemExit(main())
