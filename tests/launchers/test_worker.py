"""What a worker process does before it takes its first plan."""

import subprocess
import sys

from glam_eval.launchers import worker


def test_a_worker_keeps_freed_memory_before_it_is_ready(tmp_path, monkeypatch):
    events = []

    class Parent:
        def send(self, message):
            events.append(type(message).__name__)

        def recv(self):
            raise EOFError

    monkeypatch.setattr(worker, "keep_freed_memory", lambda: events.append("kept"))
    monkeypatch.setattr(worker.signal, "signal", lambda *_: None)
    worker.work(Parent(), tmp_path, "cpu", 1, 0.5, True)
    assert events == ["kept", "Ready"]


BEGUN = """
import sys
from pathlib import Path
from glam_eval.launchers import worker

class Parent:
    def send(self, message):
        loaded = {"torch", "transformers", "glam_eval.policies.language_model"} & set(sys.modules)
        print(type(message).__name__, *sorted(loaded))

    def recv(self):
        raise EOFError

worker.work(Parent(), Path("."), "cpu", 1, 0.5, language_models=False)
"""


def test_a_worker_of_agents_without_a_language_model_loads_none(tmp_path):
    done = subprocess.run([sys.executable, "-c", BEGUN], capture_output=True, text=True, cwd=tmp_path)
    assert done.stdout.split() == ["Ready", "torch"], done.stderr
