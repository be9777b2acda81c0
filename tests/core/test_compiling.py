"""C sources are compiled once for a processor, kept, and done without where it can't be."""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import psutil
import pytest

from glam_eval.core import compiling
from glam_eval.core.errors import UserError

SOURCE = '#include "numbers.h"\nint twice(int value) { return TWO * value; }'


@pytest.fixture
def source(tmp_path, monkeypatch):
    """A folder of C sources, with an empty cache and nothing remembered from other tests."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv(compiling.SWITCH, raising=False)
    forget()
    folder = tmp_path / "twice"
    folder.mkdir()
    write(folder / "numbers.h", "#define TWO 2")
    yield change(folder, SOURCE)
    forget()


def forget():
    compiling.compiler.cache_clear()
    compiling.load_compiled.cache_clear()
    compiling._say_once.cache_clear()


def write(path, text):
    path.write_text(text)
    return path


def change(folder, text):
    write(folder / "twice.c", text)
    return folder


@pytest.fixture
def _compiler(source):
    if not compiling.compiler().command:
        pytest.skip("there is no C compiler")


@pytest.mark.usefixtures("_compiler")
def test_a_source_is_compiled_once_and_again_when_it_changes(source, tmp_path):
    assert compiling.kernels() == "compiled"
    assert compiling.load_compiled(source).twice(21) == 42
    (made,) = (tmp_path / "cache" / "glam-eval").iterdir()
    written = made.stat().st_mtime_ns
    forget()
    assert compiling.load_compiled(source).twice(4) == 8
    assert made.stat().st_mtime_ns == written
    forget()
    write(source / "numbers.h", "#define TWO 3")
    assert compiling.load_compiled(source).twice(4) == 12
    assert len(list(made.parent.iterdir())) == 2


@pytest.mark.usefixtures("_compiler")
def test_processes_that_compile_at_once_all_load_it(source, tmp_path):
    code = (
        "from pathlib import Path; from glam_eval.core.compiling import load_compiled; "
        f"print(load_compiled(Path({str(source)!r})).twice(3))"
    )
    command = [sys.executable, "-c", code]
    started = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    assert [process.communicate()[0] for process in started] == ["6\n"] * 4
    assert len(list((tmp_path / "cache" / "glam-eval").iterdir())) == 1


@pytest.mark.usefixtures("_compiler")
def test_where_the_cache_cannot_be_written_a_temporary_place_serves(source, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(write(tmp_path / "file", "no directory")))
    monkeypatch.setattr(compiling.tempfile, "gettempdir", lambda: str(tmp_path / "temporary"))
    assert compiling.load_compiled(source).twice(5) == 10


def test_without_a_compiler_or_against_it_there_is_none(source, monkeypatch, capfd):
    for name, value, said in (
        ("CC", "no-such-compiler -m64", "there is no C compiler 'no-such-compiler'"),
        ("CC", "false", "false can't compile for this processor"),
        ("CC", "cc 'oh", '"cc \'oh" is no command'),
        ("CC", " ", "' ' is no command"),
        (compiling.SWITCH, "torch", ""),
    ):
        with monkeypatch.context() as patch:
            patch.setenv(name, value)
            forget()
            assert compiling.kernels() == "torch"
            assert compiling.load_compiled(source) is None
            compiling.load_compiled.cache_clear()
            assert compiling.load_compiled(source) is None
            errors = capfd.readouterr().err
            assert said in errors
            assert errors.count("\n") == (1 if said else 0)


@pytest.mark.usefixtures("_compiler")
def test_a_source_that_does_not_compile_is_refused_with_the_way_out(source):
    with pytest.raises(UserError, match="set GLAM_EVAL_KERNELS=torch"):
        compiling.load_compiled(change(source, "not C"))


@pytest.mark.usefixtures("source")
def test_kernels_that_do_not_exist_are_refused(monkeypatch):
    monkeypatch.setenv(compiling.SWITCH, "compild")
    with pytest.raises(UserError, match="did you mean 'compiled'"):
        compiling.kernels()


@pytest.mark.usefixtures("_compiler")
def test_cc_is_a_command_with_flags_as_a_shell_reads_it(source, tmp_path, monkeypatch):
    (tmp_path / "my tools").mkdir()
    (tmp_path / "my tools" / "cc").symlink_to(shutil.which("cc"))
    monkeypatch.setenv("CC", f"'{tmp_path}/my tools/cc' -DTHREE='(2 + 1)'")
    forget()
    change(source, "int twice(int value) { return THREE * value; }")
    assert compiling.load_compiled(source).twice(5) == 15


SLEEP = f"4321.{os.getpid()}"  # seconds; no other test's


def hanging(path, when):
    """A compiler that hangs, in a process of its own, when its arguments hold some text; else ``cc``."""
    script = f'#!/bin/sh\ncase "$*" in *{when}*) sleep {SLEEP}; true;; esac\nexec cc "$@"\n'
    write(path, script).chmod(0o700)
    return str(path)


def assert_none_sleeps():
    found = [each for each in psutil.process_iter(["cmdline"]) if (each.info["cmdline"] or [""])[-1] == SLEEP]
    _, alive = psutil.wait_procs(found, timeout=10)  # one that is killed needs a processor to end
    assert not alive


def test_a_compiler_that_does_not_answer_is_done_without(source, tmp_path, monkeypatch, capfd):
    monkeypatch.setattr(compiling, "_ANSWER_SECONDS", 0.3)
    monkeypatch.setenv("CC", hanging(tmp_path / "slow", "-dM"))
    forget()
    assert compiling.load_compiled(source) is None
    assert compiling.kernels() == "torch"
    assert "slow does not answer within 0.3 s" in capfd.readouterr().err
    assert_none_sleeps()


@pytest.mark.usefixtures("_compiler")
def test_a_compiler_that_hangs_is_refused_in_one_line(source, tmp_path, monkeypatch):
    monkeypatch.setattr(compiling, "_COMPILE_SECONDS", 0.3)
    monkeypatch.setenv("CC", hanging(tmp_path / "slow", "made.so"))
    forget()
    with pytest.raises(UserError, match=r"^slow can't compile twice here \(not within 0.3 s\): set .*$"):
        compiling.load_compiled(source)
    assert_none_sleeps()
    assert list((tmp_path / "cache" / "glam-eval").iterdir()) == []


@pytest.fixture
def library(source, tmp_path, _compiler):
    """What a source was compiled to, unloaded, where the umask would let anyone write."""
    before = os.umask(0)
    code = "import sys, pathlib, glam_eval.core.compiling as c; c.load_compiled(pathlib.Path(sys.argv[1]))"
    try:
        subprocess.run([sys.executable, "-c", code, source], check=True)
    finally:
        os.umask(before)
    (made,) = (tmp_path / "cache" / "glam-eval").iterdir()
    return made


def planted(library, source, directory):
    """A library of another content with a right name and digest, as an attacker would leave it."""
    text = change(source, "int twice(int value) { return -value; }")
    subprocess.run(["cc", "-shared", "-fPIC", text / "twice.c", "-o", directory / "evil.so"], check=True)
    change(source, SOURCE)
    digest = compiling.hashlib.sha256((directory / "evil.so").read_bytes()).hexdigest()
    return (directory / "evil.so").rename(directory / f"{library.stem.rpartition('-')[0]}-{digest}.so")


def test_what_is_kept_is_for_its_user_alone(library):
    assert library.parent.stat().st_mode & 0o777 == 0o700
    assert library.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    "damage", ["a bit", "empty", "cut", "a directory's permissions", "permissions", "a link"]
)
def test_a_damaged_library_is_made_again(library, source, damage, tmp_path):
    content = bytearray(library.read_bytes())
    if damage == "a link":
        library.rename(tmp_path / "elsewhere.so")
        library.symlink_to(tmp_path / "elsewhere.so")
    elif "permissions" in damage:
        (library.parent if damage.startswith("a") else library).chmod(0o777)
    else:
        content[len(content) // 2] ^= 1
        library.write_bytes({"a bit": content, "empty": b"", "cut": content[:-9]}[damage])
    assert compiling.load_compiled(source).twice(9) == 18
    (made,) = library.parent.iterdir()
    assert not made.is_symlink()
    assert made.stat().st_mode & 0o077 == library.parent.stat().st_mode & 0o077 == 0
    assert compiling.hashlib.sha256(made.read_bytes()).hexdigest() in made.name


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give files away")
def test_another_users_library_in_our_directory_is_not_loaded(library, source):
    evil = planted(library, source, library.parent)
    library.unlink()
    os.chown(evil, 65534, 65534)
    assert compiling.load_compiled(source).twice(9) == 18
    assert not evil.exists()


def test_a_linked_directory_is_not_used(library, source, tmp_path, monkeypatch):
    monkeypatch.setattr(compiling.tempfile, "gettempdir", lambda: str(tmp_path / "temporary"))
    library.parent.rename(tmp_path / "moved")
    library.parent.symlink_to(tmp_path / "moved")
    planted(library, source, tmp_path / "moved")
    (tmp_path / "moved" / library.name).unlink()
    assert compiling.load_compiled(source).twice(9) == 18
    assert (tmp_path / "temporary" / f"glam-eval-{os.getuid()}").is_dir()


@pytest.mark.skipif(not compiling._DESCRIPTORS.exists(), reason="libraries are loaded by their path here")
def test_what_was_verified_is_loaded_whatever_lies_there_by_then(library, source, tmp_path, monkeypatch):
    evil = planted(library, source, tmp_path)
    verify = compiling.open_verified

    def verify_and_replace(file, digest):
        descriptor = verify(file, digest)
        evil.replace(file)
        return descriptor

    monkeypatch.setattr(compiling, "open_verified", verify_and_replace)
    assert compiling.load_compiled(source).twice(9) == 18


@pytest.mark.skipif(
    os.getuid() != 0 or shutil.which("setpriv") is None, reason="only root can be another user"
)
def test_a_second_user_can_not_make_us_load_a_library(library, source, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(write(tmp_path / "file", "no directory")))
    with tempfile.TemporaryDirectory() as shared:
        Path(shared).chmod(0o1777)
        evil = planted(library, source, Path(shared))
        evil.chmod(0o755)
        theirs = f"{shared}/glam-eval-{os.getuid()}"
        second = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
        plant = f"umask 0; mkdir {theirs} && cp {evil} {theirs}/{evil.name}"
        subprocess.run([*second, "sh", "-c", plant], check=True)
        monkeypatch.setattr(compiling.tempfile, "gettempdir", lambda: shared)
        with pytest.raises(UserError, match=r"^.*belongs to another user\): set GLAM_EVAL_KERNELS=torch.*$"):
            compiling.load_compiled(source)
        shutil.rmtree(theirs)
        forget()
        assert compiling.load_compiled(source).twice(9) == 18
        replace = f"cp {evil} {theirs}/ || rm -r {theirs} || mv {theirs} {shared}/other"
        assert subprocess.run([*second, "sh", "-c", replace], capture_output=True).returncode != 0
