"""Leases: one holder at a time, whoever is killed, cut off or slow, on machines whose clocks differ."""

import json
import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from glam_eval.core import leases
from glam_eval.core.leases import HeldError, LostError, claims, held, living_holders

HOLDING = """
import sys, time
from pathlib import Path
from glam_eval.core.leases import held
with held(Path(sys.argv[1]), "run"):
    print("held", flush=True)
    time.sleep(100)
"""


@pytest.fixture
def holder(tmp_path):
    """A process that holds the lease of ``run``."""
    process = subprocess.Popen([sys.executable, "-c", HOLDING, tmp_path], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.wait()


@pytest.fixture
def quick(monkeypatch):
    """Leases that are touched, and given up for lost, within a second."""
    monkeypatch.setattr(leases, "TOUCH_SECONDS", 0.05)
    monkeypatch.setattr(leases, "PATIENCE_SECONDS", 0.6)


def elsewhere(out, name="run", generation="1"):
    """The claim of a process of another machine, whose clock is an hour late."""
    file = out / ".claims" / name / generation
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(
        json.dumps({"host": "far", "machine": "other", "pid": os.getpid(), "began": "7", "token": "t"})
    )
    os.utime(file, (time.time() - 3600,) * 2)
    return file


def test_a_living_process_keeps_others_out_and_leaves_nothing_behind(tmp_path, holder):
    with pytest.raises(HeldError, match=f"process {holder.pid} on "), held(tmp_path, "run"):
        pass
    with held(tmp_path, "another"):
        assert set(living_holders(tmp_path)) == {"run", "another"}
    assert not (tmp_path / ".claims" / "another").exists()


def test_a_killed_holder_of_this_machine_is_gone_at_once(tmp_path, holder):
    holder.kill()  # it is no more than a zombie until it is waited for
    while living_holders(tmp_path):
        time.sleep(0.01)
    with held(tmp_path, "run"):
        assert claims(tmp_path)["run"][0].pid == os.getpid()


def test_a_stopped_holder_of_this_machine_is_not_robbed(tmp_path, holder, quick):
    holder.send_signal(signal.SIGSTOP)
    time.sleep(1.0)
    with pytest.raises(HeldError), held(tmp_path, "run"):
        pass


def test_another_machines_lease_is_taken_over_only_after_it_was_watched_unchanged(tmp_path, quick):
    file = elsewhere(tmp_path)
    began = time.monotonic()
    with held(tmp_path, "run"):
        assert time.monotonic() - began > 0.6
        assert not file.exists()
        assert [each.name for each in file.parent.iterdir()] == ["2"]


def test_another_machines_lease_that_is_touched_by_any_clock_is_respected(tmp_path, quick):
    file, ended = elsewhere(tmp_path), threading.Event()

    def beat():
        late = time.time() - 3600
        while not ended.wait(0.1):
            late += 0.1
            os.utime(file, (late, late))

    thread = threading.Thread(target=beat)
    thread.start()
    try:
        with pytest.raises(HeldError, match=f"process {os.getpid()} on far"), held(tmp_path, "run"):
            pass
    finally:
        ended.set()
        thread.join()
    assert file.exists()


def test_a_holder_that_was_cut_off_learns_that_it_has_lost_and_deletes_nobodys_lease(tmp_path, quick):
    with held(tmp_path, "run") as lease:
        lease.check()
        (tmp_path / ".claims" / "run" / "1").unlink()
        file = elsewhere(tmp_path)  # of the same name: everything was given back in between
        deadline = time.monotonic() + 5
        with pytest.raises(LostError, match="took over run"):
            while time.monotonic() < deadline:
                lease.check()
                time.sleep(0.02)
    assert json.loads(file.read_text())["host"] == "far"


def test_who_comes_while_another_comes_withdraws(tmp_path, monkeypatch, quick):
    """Between our look and our creation somebody took the lease: ours is withdrawn, theirs stays."""
    create, came = leases._create, []

    def slow(folder, left):
        if not came:
            came.append(elsewhere(tmp_path, generation="5"))
        return create(folder, left)

    monkeypatch.setattr(leases, "_create", slow)
    with held(tmp_path, "run"):
        assert [each.name for each in (tmp_path / ".claims" / "run").iterdir()] == ["6"]


def test_a_claim_that_is_a_link_is_not_followed(tmp_path):
    (tmp_path / "thesis.tex").write_text("years of work")
    (tmp_path / ".claims" / "run").mkdir(parents=True)
    (tmp_path / ".claims" / "run" / "1").symlink_to(tmp_path / "thesis.tex")
    with pytest.raises(OSError, match="symbolic links"), held(tmp_path, "run"):
        pass
    assert (tmp_path / "thesis.tex").read_text() == "years of work"


RACING = """
import sys, time
from pathlib import Path
from glam_eval.core.leases import HeldError, held
out = Path(sys.argv[1])
for _ in range(40):
    with held(out, "run", seconds=60):
        (out / "inside").mkdir()
        time.sleep(0.001)
        (out / "inside").rmdir()
"""


def test_many_processes_at_once_are_never_two_inside(tmp_path):
    command = [sys.executable, "-c", RACING, tmp_path]
    processes = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(4)]
    for process in processes:
        _, said = process.communicate(timeout=120)
        assert process.returncode == 0, said
