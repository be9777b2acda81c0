"""How many processors a job was given, by whoever limits them."""

import os

import pytest

from glam_eval.core import processors
from glam_eval.core.processors import available_processors


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """A machine of 16 processors whose system files a test writes."""
    monkeypatch.delenv(processors.SLURM, raising=False)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(16)), raising=False)

    def write(**files):
        for name, text in files.items():
            path = tmp_path / name.replace("__", "/").replace("_DOT_", ".")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return tmp_path

    return write


def test_affinity_alone(machine, monkeypatch):
    assert available_processors(machine()) == 16
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {3})
    assert available_processors(machine()) == 1


@pytest.mark.parametrize(
    ("quota", "expected"), [("250000 100000", 2), ("50000 100000", 1), ("max 100000", 16), ("rubbish", 16)]
)
def test_the_quota_of_a_container(machine, quota, expected):
    root = machine(proc__self__cgroup="0::/\n", sys__fs__cgroup__cpu_DOT_max=f"{quota}\n")
    assert available_processors(root) == expected


def test_the_smallest_quota_of_all_groups_above(machine):
    root = machine(
        proc__self__cgroup="0::/batch/job/task\n",
        sys__fs__cgroup__batch__cpu_DOT_max="300000 100000\n",
        sys__fs__cgroup__batch__job__task__cpu_DOT_max="800000 100000\n",
    )
    assert available_processors(root) == 3


def test_the_quota_of_older_systems(machine):
    root = machine(
        proc__self__cgroup="3:cpu,cpuacct:/job\n2:memory:/job\n",
        sys__fs__cgroup__cpu__job__cpu_DOT_cfs_quota_us="400000\n",
        sys__fs__cgroup__cpu__job__cpu_DOT_cfs_period_us="100000\n",
    )
    assert available_processors(root) == 4


@pytest.mark.parametrize(("given", "expected"), [("4", 4), ("0", 1), ("", 16), ("many", 16)])
def test_what_slurm_gave(machine, monkeypatch, given, expected):
    monkeypatch.setenv(processors.SLURM, given)
    assert available_processors(machine()) == expected
