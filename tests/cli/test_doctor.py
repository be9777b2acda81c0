"""What ``doctor`` tells, on machines made up for it and on this one; and listings for machines and pipes."""

import http.server
import json
import socket
import threading
from pathlib import Path

import pytest

from glam_eval.cli import main
from glam_eval.cli.doctor import concerns
from glam_eval.core import surroundings
from glam_eval.core.compiling import compiler
from glam_eval.core.memory import memory

GIB = 2**30
SOUND = {
    "versions": {"packages": {"numpy": {"version": "2.4", "wanted": ">=2.0", "fits": True}}},
    "kernels": {"kind": "compiled", "why": ""},
    "processors": {"machine": 8, "affinity": 8, "usable": 8},
    "memory": {"total": 64 * GIB, "available": 60 * GIB},
    "gpus": {"names": ["H100"], "torch_cuda": "13.0", "why": ""},
    "hub": {"reachable": True, "why": ""},
    "caches": {"here": {"path": "/", "free": 100 * GIB}},
}


def test_a_sound_machine_has_nothing_slow():
    assert list(concerns(SOUND)) == []


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"gpus": {"names": ["H100"], "torch_cuda": "", "why": ""}}, "the GPU is idle"),
        ({"gpus": {"names": [], "torch_cuda": "13.0", "why": ""}}, "end in -cpu"),
        ({"kernels": {"kind": "torch", "why": "there is no C compiler 'cc'"}}, "no C compiler 'cc'"),
        ({"processors": {"machine": 64, "affinity": 2, "usable": 2}}, "only 2 of 64 processors"),
        ({"memory": {"available": 60 * GIB, "limit": 2 * GIB}}, "little memory"),
        ({"hub": {"reachable": False, "why": "x"}}, "the hub: models that are not on this machine"),
        ({"caches": {"here": {"path": "/", "free": GIB}}}, "the disk is nearly full"),
        ({"versions": {"packages": {"numpy": {"version": "1.9", "wanted": ">=2.0", "fits": False}}}},
         "numpy is 1.9, and >=2.0 is needed"),
    ],
)  # fmt: skip
def test_each_trouble_is_told_in_a_line_of_its_own(changed, told):
    lines = list(concerns({**SOUND, **changed}))
    assert len(lines) == 1 and told in lines[0]


def test_memory_is_the_least_of_the_machine_and_the_groups(tmp_path: Path):
    (tmp_path / "proc/self").mkdir(parents=True)
    (tmp_path / "proc/meminfo").write_text("MemTotal:  2048 kB\nMemAvailable: 1024 kB\nHugePages: 0\n")
    (tmp_path / "proc/self/cgroup").write_text("0::/job/step\n")
    for group, size in (("job/step", "max"), ("job", "500000"), (".", "900000")):
        (tmp_path / "sys/fs/cgroup" / group).mkdir(parents=True, exist_ok=True)
        (tmp_path / "sys/fs/cgroup" / group / "memory.max").write_text(f"{size}\n")
    assert memory(tmp_path) == {"total": 2048 * 1024, "available": 1024 * 1024, "limit": 500000}


def test_a_machine_that_tells_nothing_has_no_memory_to_tell_of(tmp_path):
    assert memory(tmp_path) == {}


class Answers(http.server.BaseHTTPRequestHandler):
    def do_HEAD(self):
        self.send_error(404)

    def log_message(self, *_):
        pass


def test_the_hub_is_asked_where_it_is_said_to_be(monkeypatch):
    for name in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "http_proxy", "HTTP_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with http.server.HTTPServer(("127.0.0.1", 0), Answers) as server:
        threading.Thread(target=server.handle_request, daemon=True).start()
        monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{server.server_port}")
        assert surroundings.hub()["reachable"] is True  # a refusal is an answer
    refused = surroundings.hub()
    assert not refused["reachable"] and "refused" in refused["why"]
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{silent.getsockname()[1]}")
        assert surroundings.hub()["reachable"] is False
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert surroundings.hub()["why"] == "HF_HUB_OFFLINE says not to ask it"


def test_gpus_are_those_that_the_driver_names(monkeypatch, tmp_path):
    program = tmp_path / "nvidia-smi"
    program.write_text("#!/bin/sh\necho 'NVIDIA H100, 81559 MiB, 580.1'\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    assert surroundings.gpus()["names"] == ["NVIDIA H100, 81559 MiB, 580.1"]
    program.write_text("#!/bin/sh\nexit 9\n")
    assert surroundings.gpus()["why"].startswith("nvidia-smi fails")


def test_kernels_are_told_with_the_reason(monkeypatch):
    monkeypatch.setenv("CC", "no-such-compiler")
    compiler.cache_clear()
    try:
        assert surroundings.kernels() == {"kind": "torch", "why": "there is no C compiler 'no-such-compiler'"}
    finally:
        compiler.cache_clear()


def test_doctor_tells_machines_what_it_tells_people(monkeypatch, capsys):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("SLURM_JOB_ID", "4711")
    assert main(["doctor", "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert all(each["fits"] for each in facts["versions"]["packages"].values())
    assert facts["slurm"]["job"] == "4711"
    assert main(["doctor"]) == 0
    printed = capsys.readouterr().out
    words = " ".join(printed.split())
    assert all(" ".join(line.split()) in words.replace(" - ", "-") for line in facts["slow"])
    assert "in job 4711" in words and facts["versions"]["glam-eval"] in words
