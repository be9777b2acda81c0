"""Checkpoints: whole or absent, checked, pruned."""

import json
import math
import shutil

import pytest

from glam_eval.core.errors import UserError
from glam_eval.training.checkpoints import CheckpointStore, read_checkpoint


def write(store, frames, text="weights", score=None, temporary=False):
    def save(directory):
        (directory / "model.txt").write_text(text)

    return store.write(frames, save, {"update": frames}, score, temporary)


def test_the_newest_is_read_back(tmp_path):
    store = CheckpointStore(tmp_path / "run")
    write(store, 10)
    write(store, 20, "more")
    checkpoint = store.latest()
    assert (checkpoint.frames, checkpoint.state) == (20, {"update": 20})
    assert (checkpoint.directory / "model.txt").read_text() == "more"


def test_no_checkpoint_is_none(tmp_path):
    assert CheckpointStore(tmp_path / "run").latest() is None


@pytest.mark.parametrize("damage", ["change", "delete", "manifest", "no manifest", "digit", "no checksum"])
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
        case "digit":
            text = (newest / "checkpoint.json").read_text()
            (newest / "checkpoint.json").write_text(text.replace('"update": 20', '"update": 21'))
        case "no checksum":
            manifest = json.loads((newest / "checkpoint.json").read_text())
            del manifest["checksum"]
            (newest / "checkpoint.json").write_text(json.dumps(manifest))
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


def test_what_is_kept_does_not_depend_on_temporary_ones(tmp_path):
    store = CheckpointStore(tmp_path, keep=2)
    for frames, score in ((10, 0.9), (20, 0.1), (30, 0.5)):
        write(store, frames - 5, temporary=True)
        assert store.latest().temporary
        write(store, frames - 3, temporary=True)
        write(store, frames, score=score)
        assert not [d for d in tmp_path.glob("frames-*") if read_checkpoint(d).temporary]
    write(store, 35, temporary=True)
    assert sorted(int(d.name[-10:]) for d in tmp_path.glob("frames-*")) == [10, 20, 30, 35]


def test_the_best_is_kept_by_a_store_that_goes_on_after_others_were_damaged(tmp_path):
    write(CheckpointStore(tmp_path, keep=1), 10, score=0.5)
    damaged = write(CheckpointStore(tmp_path, keep=1), 20, score=0.4)
    text = (damaged / "checkpoint.json").read_text()
    (damaged / "checkpoint.json").write_text(text.replace('"score": 0.4', '"score": 0.9'))
    for frames in (30, 40):
        write(CheckpointStore(tmp_path, keep=1), frames, score=math.nan)
    assert sorted(int(d.name[-10:]) for d in tmp_path.glob("frames-*")) == [10, 40]


def test_killed_before_others_were_removed_they_go_when_the_run_goes_on(tmp_path, monkeypatch):
    store = CheckpointStore(tmp_path, keep=2)
    for frames in (10, 20):
        write(store, frames, score=0.5)
    with monkeypatch.context() as patch:
        patch.setattr(store, "_prune", lambda: None)
        write(store, 30, score=0.5)
    assert len(list(tmp_path.glob("frames-*"))) == 3
    assert CheckpointStore(tmp_path, keep=2).latest().frames == 30  # who only reads removes nothing
    assert len(list(tmp_path.glob("frames-*"))) == 3
    assert CheckpointStore(tmp_path, keep=2).resume().frames == 30
    assert sorted(int(d.name[-10:]) for d in tmp_path.glob("frames-*")) == [20, 30]


def test_nothing_is_removed_where_the_newest_is_damaged(tmp_path):
    store = CheckpointStore(tmp_path, keep=1)
    write(store, 10)
    damaged = tmp_path / "frames-0000000020"
    shutil.copytree(tmp_path / "frames-0000000010", damaged)
    (damaged / "model.txt").write_text("other")
    with pytest.warns(UserWarning, match="damaged"):
        assert store.resume().frames == 10
    assert damaged.is_dir()


@pytest.mark.parametrize("whole", [True, False])
def test_killed_while_one_is_replaced_the_old_one_or_the_new_one_is_there(tmp_path, whole):
    store = CheckpointStore(tmp_path, keep=1)
    old = write(store, 10, "old")
    if whole:  # between the two renames
        old.rename(tmp_path / ".replaced-0000000010")
        (tmp_path / ".partial-0000000010").mkdir()
    else:  # after them
        shutil.copytree(old, tmp_path / ".replaced-0000000010")
    again = CheckpointStore(tmp_path, keep=1)
    assert (again.resume().directory / "model.txt").read_text() == "old"
    assert [d.name for d in tmp_path.iterdir()] == ["frames-0000000010"]


@pytest.mark.parametrize("name", [".replaced-0000000010", ".partial-0000000010"])
@pytest.mark.parametrize("kind", ["file", "link"])
def test_leftovers_of_any_kind_stop_nothing_and_links_are_not_followed(tmp_path, name, kind):
    elsewhere, run = tmp_path / "elsewhere", tmp_path / "run"
    elsewhere.mkdir()
    (elsewhere / "thesis.tex").touch()
    store = CheckpointStore(run)
    write(store, 10, "a")
    (run / name).touch() if kind == "file" else (run / name).symlink_to(elsewhere)
    write(store, 10, "b")
    assert (store.latest().directory / "model.txt").read_text() == "b"
    assert [d.name for d in run.iterdir()] == ["frames-0000000010"]
    assert (elsewhere / "thesis.tex").exists()


def test_state_with_numbers_as_keys_is_read_back(tmp_path):
    store = CheckpointStore(tmp_path)
    state = {"pending": {80: 0.1, 9: math.inf, 100: None}}
    store.write(10, lambda _: None, state)
    assert store.latest().state == {"pending": {"80": 0.1, "9": math.inf, "100": None}}


def test_an_older_format_is_refused(tmp_path):
    directory = write(CheckpointStore(tmp_path), 10)
    manifest = json.loads((directory / "checkpoint.json").read_text())
    del manifest["checksum"]
    (directory / "checkpoint.json").write_text(json.dumps({**manifest, "format": 1}))
    with pytest.raises(UserError, match="format 1, of an older glam-eval: make it again"):
        read_checkpoint(directory)


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
