"""What a worker process does before it takes its first plan."""

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
    worker.work(Parent(), tmp_path, "cpu", 1, 0.5)
    assert events == ["kept", "Ready"]
