"""C sources are compiled once for a processor, kept, and done without where it can't be."""

import subprocess
import sys

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


def write(path, text):
    path.write_text(text)
    return path


def change(folder, text):
    write(folder / "twice.c", text)
    return folder


@pytest.fixture
def _compiler(source):
    if not compiling.compiler():
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


def test_without_a_compiler_or_against_it_there_is_none(source, monkeypatch):
    for name, value in (("CC", "no-such-compiler"), ("CC", "false"), (compiling.SWITCH, "torch")):
        with monkeypatch.context() as patch:
            patch.setenv(name, value)
            forget()
            assert compiling.kernels() == "torch"
            assert compiling.load_compiled(source) is None


@pytest.mark.usefixtures("_compiler")
def test_a_source_that_does_not_compile_is_refused_with_the_way_out(source):
    with pytest.raises(UserError, match="set GLAM_EVAL_KERNELS=torch"):
        compiling.load_compiled(change(source, "not C"))


@pytest.mark.usefixtures("source")
def test_kernels_that_do_not_exist_are_refused(monkeypatch):
    monkeypatch.setenv(compiling.SWITCH, "compild")
    with pytest.raises(UserError, match="did you mean 'compiled'"):
        compiling.kernels()
