"""Kills at instants of chance for as long as you like: is any value different, is any directory stuck?

    PYTHONPATH=tests:tests/execution:tests/cli python -m kill_trials --minutes 60

Every trial takes a study of one agent through its life: it is killed while it trains and is evaluated, while
it is compacted, summarised and emptied by ``--fresh``, and each time gone on with; now and then the whole
program is, the parent, a worker, or all of them. What comes out is compared with an unbroken study. (A commit
made meanwhile is a difference: runs say by which version they were made.)
"""

import argparse
import contextlib
import os
import random
import shutil
import signal
import subprocess
import tempfile
import time
import traceback
from collections import Counter
from pathlib import Path

from killable import carry_out_study, compact_study, empty_study, server, start, summarise_study
from program import assert_same_results, command
from test_killed_runs import assert_same_studies, checksums, finish, study_of
from tiny_learners import LEARNERS
from tiny_suite import TINY_SUITE

from glam_eval.execution.study import write_suite
from glam_eval.suites.summary import is_current

server.set_forkserver_preload(["killable", "kill_trials"])  # each process imports what was run, too
LONGEST = 600  # seconds after which a study that only has to be gone on with is stuck
SUITE = "tiny.toml"
PROGRAM_EVERY = 6  # trials; the program takes ten times as long as a process that has all loaded


class Reference:
    """An unbroken study of an agent, and how long each part of its life takes."""

    def __init__(self, agent, folder):
        self.suite, self.out = study_of(agent, 1), folder / f"straight-{agent}"
        self.seconds = {}
        self.out.mkdir()
        write_suite(self.out, self.suite)
        for work in (carry_out_study, compact_study, summarise_study):
            self.seconds[work] = timed(self.out, work)
        copy = shutil.copytree(self.out, folder / "copy")
        self.seconds[empty_study] = timed(copy, empty_study)
        shutil.rmtree(copy)


def timed(out, work):
    began = time.perf_counter()
    process = start(out, work)
    process.join(LONGEST)
    assert process.exitcode == 0, f"{work.__name__} fails without being killed"
    return time.perf_counter() - began


class Trials:
    """Carries out trials, and counts."""

    def __init__(self, folder, chance):
        self.folder, self.chance = folder, chance
        self.kills, self.outcomes = Counter(), Counter()

    def kill(self, out, reference, work, most=3):
        """Begin some work again and again, killed each time unless it is faster."""
        for _ in range(self.chance.randint(1, most)):
            process = start(out, work)
            process.join(self.chance.uniform(0.0, 0.9 * reference.seconds[work]))
            if process.exitcode is None:
                process.kill()
                process.join()
                self.kills[work.__name__] += 1
            else:
                assert process.exitcode == 0, f"{work.__name__} is stuck"

    def live(self, reference):
        """Take one study from its beginning to its end, twice."""
        out, suite = self.folder / "killed", reference.suite
        out.mkdir()
        write_suite(out, suite)
        self.kill(out, reference, carry_out_study, most=6)
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

    def compare(self, reference, out):
        assert_same_studies(reference.suite, reference.out, out, besides="comparisons")
        kept = [sorted(each.glob("checkpoints/*/*")) for each in (reference.out, out)]
        names = [[path.name for path in each] for each in kept]
        assert names[0] == names[1], "other checkpoints were kept"
        assert all(checksums(one) == checksums(two) for one, two in zip(*kept, strict=True))

    def live_as_program(self, straight):
        """Take a study through the program, with its parent, one of its workers or all of them killed."""
        suite, out = self.folder / SUITE, self.folder / "killed"
        for _ in range(self.chance.randint(1, 3)):
            process = program(suite, out, ["--fresh"] if self.chance.random() < 0.2 else [])
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(self.chance.uniform(3.0, 60.0))
            if process.poll() is None:
                whom = self.chance.choice(["parent", "worker", "all"])
                kill_in_program(process, whom, self.chance)
                self.kills[f"program, {whom}"] += 1
        assert program(suite, out).wait(LONGEST) == 0, "the program is stuck"
        assert is_current(out), "the summary is stale"
        assert_same_results(straight, out)


def straight_by_program(folder):
    """Return the unbroken study of a few agents, made once."""
    suite, out = folder / SUITE, folder / "straight-by-program"
    if not out.exists():
        suite.write_text(TINY_SUITE)
        assert program(suite, out).wait(LONGEST) == 0
    return out


def program(suite, out, options=()):
    return subprocess.Popen(
        command("run-suite", suite, "--out", out, "--workers", 2, *options),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def kill_in_program(process, whom, chance):
    """Kill the parent, all, or one worker, which is replaced: the program then goes on to its end."""
    if whom == "all":
        os.killpg(process.pid, signal.SIGKILL)
    elif whom == "parent":
        process.kill()
    else:
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        workers = [pid for pid in children if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()]
        if workers:
            os.kill(int(chance.choice(workers)), signal.SIGKILL)
    assert process.wait(LONGEST) in (0, -signal.SIGKILL)


def main():
    """Carry out trials until the time is over; return 1 if one went wrong."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--agents", nargs="*", default=list(LEARNERS), choices=list(LEARNERS))
    given = parser.parse_args()
    until, chance = time.monotonic() + 60 * given.minutes, random.Random(given.seed)
    with tempfile.TemporaryDirectory() as name:
        trials, references, number = Trials(Path(name), chance), {}, 0
        while time.monotonic() < until:
            agent = given.agents[number % len(given.agents)]
            number += 1
            try:
                if agent not in references:
                    references[agent] = Reference(agent, Path(name))
                if number % PROGRAM_EVERY == 0:
                    trials.live_as_program(straight_by_program(Path(name)))
                else:
                    trials.live(references[agent])
                trials.outcomes["equal"] += 1
            except Exception:
                trials.outcomes["different or stuck"] += 1
                print(f"trial {number}, {agent}:\n{traceback.format_exc()}", flush=True)
            shutil.rmtree(Path(name) / "killed", ignore_errors=True)
            print(f"studies: {dict(trials.outcomes)}, kills: {dict(trials.kills)}", flush=True)
    return 1 if trials.outcomes["different or stuck"] else 0


if __name__ == "__main__":
    raise SystemExit(main())
