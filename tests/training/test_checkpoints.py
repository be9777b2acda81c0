"""Checkpoints: whole or absent, checked, pruned."""

import json

import pytest

from glam_eval.core.errors import UserError
from glam_eval.training.checkpoints import CheckpointStore, read_checkpoint


def write(store, frames, text="weights", score=None):
    return store.write(frames, lambda d: (d / "model.txt").write_text(text), {"update": frames}, score)


def test_the_newest_is_read_back(tmp_path):
    store = CheckpointStore(tmp_path / "run")
    write(store, 10)
    write(store, 20, "more")
    checkpoint = store.latest()
    assert (checkpoint.frames, checkpoint.state) == (20, {"update": 20})
    assert (checkpoint.directory / "model.txt").read_text() == "more"


def test_no_checkpoint_is_none(tmp_path):
    assert CheckpointStore(tmp_path / "run").latest() is None


@pytest.mark.parametrize("damage", ["change", "delete", "manifest", "no manifest"])
def test_a_damaged_one_is_named_and_the_previous_used(tmp_path, damage):
    store = CheckpointStore(tmp_path)
    write(store, 10)
    newest = write(store, 20)
    match damage:
        case "change":
            (newest / "model.txt").write_text("weightz")
        case "delete":
            (newest / "model.txt").unlink()
        case "manifest":
            (newest / "checkpoint.json").write_text('{"format": 1, "fra')
        case "no manifest":
            (newest / "checkpoint.json").unlink()
    with pytest.warns(UserWarning, match="frames-0000000020.*previous checkpoint is used"):
        assert store.latest().frames == 10


def test_a_half_written_one_is_never_seen(tmp_path):
    store = CheckpointStore(tmp_path)
    write(store, 10)

    def fail(directory):
        (directory / "model.txt").write_text("half")
        raise OSError("No space left on device")

    with pytest.raises(OSError, match="No space"):
        store.write(20, fail, {})
    assert store.latest().frames == 10
    write(store, 20)
    assert store.latest().frames == 20


def test_the_last_ones_and_the_best_are_kept(tmp_path):
    store = CheckpointStore(tmp_path, keep=2)
    for frames, score in ((10, 0.1), (20, 0.9), (30, 0.5), (40, None), (50, 0.2)):
        write(store, frames, score=score)
    assert sorted(int(d.name[-10:]) for d in tmp_path.glob("frames-*")) == [20, 40, 50]


def test_writing_the_same_frames_again_replaces(tmp_path):
    store = CheckpointStore(tmp_path)
    write(store, 10, "a")
    write(store, 10, "b")
    assert (store.latest().directory / "model.txt").read_text() == "b"
    assert [d.name for d in tmp_path.iterdir()] == ["frames-0000000010"]


def test_a_newer_format_is_refused(tmp_path):
    directory = write(CheckpointStore(tmp_path), 10)
    manifest = json.loads((directory / "checkpoint.json").read_text())
    (directory / "checkpoint.json").write_text(json.dumps({**manifest, "format": 99}))
    with pytest.raises(UserError, match="format 99: update glam-eval"):
        read_checkpoint(directory)


def test_a_directory_of_something_else_is_named(tmp_path):
    with pytest.raises(UserError, match="is not a checkpoint"):
        read_checkpoint(tmp_path)
    with pytest.raises(UserError, match="no checkpoint"):
        read_checkpoint(tmp_path / "nothing")
