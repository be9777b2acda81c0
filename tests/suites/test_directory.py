"""The directory of results: one suite's, one invocation's, never mixed."""

import contextlib
import hashlib
import json
import os
import random
import re
import shutil
from pathlib import Path

import pytest

from glam_eval.config.loading import load_suite, shipped_suites
from glam_eval.core.errors import UserError
from glam_eval.execution.study import read_suite, write_suite
from glam_eval.suites.directory import check_directory, check_fresh, claimed


@pytest.fixture
def suite(tiny_suite):
    return load_suite(str(tiny_suite))


def test_a_new_directory_is_made_and_named(tmp_path, suite):
    out = tmp_path / "a" / "b"
    check_directory(out, suite)
    assert not out.parent.exists()
    with claimed(out, suite):
        assert json.loads((out / "suite.json").read_text())["name"] == "tiny"


def test_the_same_suite_may_continue_and_grow(tmp_path, suite, tiny_suite):
    out = tmp_path / "out"
    with claimed(out, suite):
        pass
    check_directory(out, suite)
    check_directory(out, load_suite(str(tiny_suite), ["seeds=7", "title='x'"]))


def test_another_configuration_is_refused_and_named(tmp_path, suite, tiny_suite):
    out = tmp_path / "out"
    with claimed(out, suite):
        pass
    with pytest.raises(UserError, match=r"ppo\.steps: 10 there, 20 here"):
        check_directory(out, load_suite(str(tiny_suite), ["ppo.steps=20"]))


def test_another_suites_directory_is_refused(tmp_path, suite):
    with claimed(tmp_path / "out", suite):
        pass
    with pytest.raises(UserError, match="holds suite 'tiny'"):
        check_directory(tmp_path / "out", load_suite("quick"))


def test_foreign_files_are_refused_and_left_alone(tmp_path, suite):
    (tmp_path / "thesis.tex").write_text("years of work")
    for fresh in (False, True):
        with pytest.raises(UserError, match="holds other files"), claimed(tmp_path, suite, fresh):
            pass
    assert (tmp_path / "thesis.tex").read_text() == "years of work"


def test_a_file_is_no_directory(tmp_path, suite):
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="is a file"):
        check_directory(tmp_path / "file" / "out", suite)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_an_unwritable_directory_is_named(tmp_path, suite):
    tmp_path.chmod(0o500)
    with pytest.raises(UserError, match="can't be written"):
        check_directory(tmp_path / "out", suite)


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="needs a file system that refuses new directories")
def test_a_directory_that_cannot_be_made_is_named(suite):
    with pytest.raises(UserError, match="can't be made"), claimed(Path("/proc/results"), suite):
        pass


def test_a_second_invocation_is_refused(tmp_path, suite):
    with (
        claimed(tmp_path / "out", suite),
        pytest.raises(UserError, match="in use by another glam-eval"),
        claimed(tmp_path / "out", suite),
    ):
        pass


def test_fresh_starts_over(tmp_path, suite, tiny_suite):
    out = tmp_path / "out"
    with claimed(out, suite):
        (out / "episodes").mkdir()
    changed = load_suite(str(tiny_suite), ["ppo.steps=20"])
    with claimed(out, changed, fresh=True) as left:
        assert not (out / "episodes").exists()
        assert left == []
    check_directory(out, changed)


# Everything that a study leaves, by path; checkpoints and tables as whole and as killed.
OURS = (
    "runs/runs.parquet", "runs/a-s0.parquet", "runs/.compaction.json", "runs/_compaction/runs.parquet",
    "episodes/a-s1/0000000080-x.parquet", "episodes/a-s1/_merged.parquet", "episodes/_a-s1.split/1.parquet",
    "episodes/_a-s1.merged/1.parquet", "episodes/.0123456789abcdef.writing",
    "demonstrations/demonstrations-bot-s0.parquet", "comparisons/comparisons.parquet",
    "checkpoints/a-s1/frames-0000000080/model.safetensors", "checkpoints/a-s1/.partial-0000000160/x/y",
    "checkpoints/a-s1/.replaced-0000000080/checkpoint.json", "checkpoints/b/steps-0000000001/checkpoint.json",
    "figures/generalization.png", "figures/generalization.csv", "figures/cost.txt", "logs/a-s1.log",
    ".alive/a-s1", "report.html", ".summary.json", ".0123456789abcdef.writing",
)  # fmt: skip
THEIRS = (
    "thesis.tex", "notes/", ".git/HEAD", "figures/mine.png", "episodes/notes.txt", "checkpoints/README",
    "checkpoints/a-s1/best.txt", "logs/diary.txt", "episodes.parquet", ".bashrc",
)  # fmt: skip


def fill(out, paths):
    for path in paths:
        (out / path).parent.mkdir(parents=True, exist_ok=True)
        (out / path).mkdir() if path.endswith("/") else (out / path).write_text(path)


def files(out):
    return {str(path.relative_to(out)) for path in out.rglob("*") if not path.is_dir()}


def test_fresh_deletes_all_that_is_ours_and_nothing_else(tmp_path, suite):
    out = tmp_path / "out"
    with claimed(out, suite):
        fill(out, OURS + THEIRS)
    own = {".glam-eval", "suite.json", ".claims/directory/1"}
    with claimed(out, suite, fresh=True) as left:
        assert files(out) == {*own, *(path for path in THEIRS if not path.endswith("/"))}
        assert (out / "notes").is_dir()
    shown = {"notes/": "notes/", ".git/HEAD": ".git/", "checkpoints/a-s1/best.txt": "checkpoints/a-s1"}
    assert left == sorted(shown.get(path, path) for path in THEIRS)


@pytest.mark.parametrize("name", ["checkpoints", "episodes", "checkpoints/a", "episodes/a", "report.html"])
def test_fresh_follows_no_link(tmp_path, suite, name):
    out, elsewhere = tmp_path / "out", tmp_path / "elsewhere"
    fill(elsewhere, ("frames-0000000080/weights", "a/frames-0000000080/weights", "a/1.parquet", "x.parquet"))
    before = files(elsewhere)
    with claimed(out, suite):
        (out / name).parent.mkdir(exist_ok=True)
        (out / name).symlink_to(elsewhere)
    with claimed(out, suite, fresh=True):
        assert not (out / name).is_symlink()
    assert files(elsewhere) == before


@pytest.mark.parametrize("copied", [["suite.json"], [".glam-eval"]])
def test_a_copied_identity_makes_nothing_deletable(tmp_path, suite, copied):
    thesis = tmp_path / "thesis"
    fill(thesis, ("thesis.tex", "figures/generalization.png"))
    with claimed(tmp_path / "out", suite):
        pass
    for name in copied:
        shutil.copy(tmp_path / "out" / name, thesis)
    before = files(thesis)
    with (
        pytest.raises(UserError, match=r"was not made by glam-eval|holds other files"),
        claimed(thesis, suite, fresh=True),
    ):
        pass
    assert files(thesis) == before


def test_going_on_in_a_directory_of_unknown_origin_makes_it_no_more_deletable(tmp_path, suite):
    copy = tmp_path / "copy"
    copy.mkdir()
    with claimed(tmp_path / "out", suite):
        shutil.copy(tmp_path / "out" / "suite.json", copy)
    with claimed(copy, suite):
        pass
    with pytest.raises(UserError, match="was not made by glam-eval"), claimed(copy, suite, fresh=True):
        pass


def test_fresh_takes_no_other_suites_directory(tmp_path, suite):
    with claimed(tmp_path / "out", suite):
        pass
    with (
        pytest.raises(UserError, match="holds suite 'tiny'"),
        claimed(tmp_path / "out", load_suite("quick"), fresh=True),
    ):
        pass


class Killed(BaseException):
    """In the place of a signal that ends the process."""


def test_killed_at_any_deletion_both_commands_take_the_directory_again(tmp_path, suite, monkeypatch):
    unlink = Path.unlink
    for survived in range(len(OURS) + 1):
        out, deleted = tmp_path / str(survived), []
        with claimed(out, suite):
            fill(out, OURS)

        def die(path, *arguments, out=out, deleted=deleted, survived=survived, **named):
            if len(deleted) == survived:
                raise Killed
            deleted.append(path.relative_to(out).parts[0])
            unlink(path, *arguments, **named)

        monkeypatch.setattr(Path, "unlink", die)
        with contextlib.suppress(Killed), claimed(out, suite, fresh=True):
            pass
        monkeypatch.setattr(Path, "unlink", unlink)
        assert deleted[:4] == ["runs"] * min(4, survived)  # first what says that runs are finished
        for fresh in (False, True):
            with claimed(out, suite, fresh) as left:
                assert left == []


@pytest.mark.parametrize("name", [".claims", ".claims/directory", ".claims/directory/1"])
def test_a_lock_that_is_a_link_is_not_written_through(tmp_path, suite, name):
    (tmp_path / "thesis.tex").write_text("years of work")
    out = tmp_path / "out"
    (out / name).parent.mkdir(parents=True)
    (out / name).symlink_to(tmp_path / "thesis.tex")
    with pytest.raises(OSError, match="symbolic links"), claimed(out, suite):
        pass
    assert (tmp_path / "thesis.tex").read_text() == "years of work"


def damaged(text, chance):
    """A text with a character changed, or a part cut out or repeated, or a value of another kind."""
    start, end = sorted(chance.sample(range(len(text)), 2))
    match chance.randrange(6):
        case 0:
            return text[:start] + chr(chance.randrange(1, 256)) + text[start + 1 :]
        case 1:
            return text[:start] + text[end:]
        case 2:
            return text[:end] + text[start:end] + text[end:]
        case 3:
            return text[:start]
        case 4:
            values = re.findall(r'": (\d+|"[^"]*"|true|null|\[\])', text)
            return text.replace(f'": {chance.choice(values)}', f'": {chance.choice(ODD)}', 1)
        case _:
            return text[:start] + "[" * 10_000 + text[start:]


ODD = ("null", "-1", "1e999", "9" * 5000, '"x"', "[]", "{}", "[[1]]", "true", '"\\ud800"', "0.5", "NaN")


def test_a_damaged_suite_is_one_line_and_never_a_traceback(tmp_path, suite):
    out, chance = tmp_path / "out", random.Random(0)
    with claimed(out, suite):
        text = (out / "suite.json").read_text()
    for _ in range(400):
        changed = damaged(text, chance)
        (out / "suite.json").write_text(changed, encoding="utf-8", errors="surrogatepass")
        for check in (check_directory, check_fresh):
            try:
                check(out, suite)
            except UserError as error:
                assert re.fullmatch(
                    r".*suite\.json is damaged, or .* \(.*\): give another directory", str(error)
                )
            else:
                assert json.loads(changed) == json.loads(text)  # white space, or nothing, was changed


@pytest.mark.parametrize("name", shipped_suites())
def test_every_suite_is_read_back_as_it_was(tmp_path, name):
    """Among them those of agents whose policy differs from the suite's defaults."""
    suite = load_suite(name, ["seeds=1"])
    write_suite(tmp_path, suite)
    assert read_suite(tmp_path) == suite
    assert [run.run_id for run in read_suite(tmp_path).graph] == [run.run_id for run in suite.graph]


def rewritten(out, change):
    """Change a study's identity as another version would have written it, checksum and all."""
    held = json.loads((out / "suite.json").read_text())
    del held["sha256"]
    change(held)
    checksum = hashlib.sha256(json.dumps(held, sort_keys=True).encode()).hexdigest()
    (out / "suite.json").write_text(json.dumps({"sha256": checksum, **held}))


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda of: of["settings"].update(first_seed=7), "first_seed: 7 there, 0 here"),
        (
            lambda of: of["settings"]["environment"].update(gone=True),
            "environment.gone: True there, None",
        ),
        (
            lambda of: of["settings"]["protocols"][0].update(scenes=9),
            "protocols.1.scenes: 9 there, 6 here",
        ),
        (lambda of: of["settings"]["agents"].pop(), "agents differ"),
    ],
)
def test_a_suite_of_other_defaults_is_refused(tmp_path, suite, change, told):
    write_suite(tmp_path, suite)
    rewritten(tmp_path, change)
    with pytest.raises(UserError, match=rf"a version with other defaults \({told}.*give another directory"):
        read_suite(tmp_path)


def test_a_suite_of_a_version_that_lacked_some_keys_is_read(tmp_path, suite):
    write_suite(tmp_path, suite)

    def forget(held):
        del held["settings"]["silence_seconds"]
        del held["settings"]["environment"]["language"]
        del held["settings"]["agents"][1]["protocols"]

    rewritten(tmp_path, forget)
    assert read_suite(tmp_path) == suite


def test_a_suite_of_a_version_that_stored_no_settings_is_refused(tmp_path, suite):
    write_suite(tmp_path, suite)
    rewritten(tmp_path, lambda held: held.pop("settings"))
    with pytest.raises(UserError, match="of an older version"):
        read_suite(tmp_path)
