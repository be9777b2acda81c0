"""Compiles C sources for this very processor, once, and loads them; without a compiler only speed is lost."""

import contextlib
import ctypes
import hashlib
import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from glam_eval.core.errors import UserError, unknown
from glam_eval.core.private_files import open_verified, private_directory

SWITCH = "GLAM_EVAL_KERNELS"  # an environment variable
KERNELS = ("compiled", "torch")
_FLAGS = ("-std=gnu11", "-O3", "-Wno-psabi", "-fPIC", "-shared")
_PROCESSOR_FLAGS = ("-march=native", "-mcpu=native")  # the second is what clang takes on ARM
_ANSWER_SECONDS = 10.0  # for a compiler to say what it is, which takes it 0.02
_COMPILE_SECONDS = 120.0  # to compile, which takes it 3
_DESCRIPTORS = Path("/proc/self/fd")  # where there is none, a library is loaded by its path


@dataclass(frozen=True, slots=True)
class Compiler:
    """What compiles for this processor, or why there is nothing that does."""

    command: tuple[str, ...] = ()  # empty where torch's kernels compute
    macros: bytes = b""  # what it knows of itself and of this processor
    missing: str = ""  # why there is none; empty if there is one, or if none is wanted


@cache
def compiler() -> Compiler:
    """Return the compiler that ``CC`` names, a command with flags as a shell reads it, else ``cc``.

    Raises:
        UserError: if the environment asks for kernels that don't exist.
    """
    wanted = os.environ.get(SWITCH, KERNELS[0])
    if wanted not in KERNELS:
        raise unknown(SWITCH, wanted, KERNELS)
    if wanted == "torch":
        return Compiler()
    named = os.environ.get("CC") or "cc"
    try:
        name, *flags = shlex.split(named)
    except ValueError:  # a quotation without an end, or nothing but blanks
        return Compiler(missing=f"CC={named!r} is no command")
    program = shutil.which(name)
    if program is None:
        return Compiler(missing=f"there is no C compiler {name!r}")
    for flag in _PROCESSOR_FLAGS:
        command = (program, *flags, *_FLAGS, flag)
        try:
            return Compiler(command, _macros(command))
        except subprocess.TimeoutExpired:
            return Compiler(missing=f"{named} does not answer within {_ANSWER_SECONDS:g} s")
        except (OSError, subprocess.CalledProcessError):
            continue
    return Compiler(missing=f"{named} can't compile for this processor")


def kernels() -> str:
    """Return whose kernels compute here, for the record: ``compiled`` or ``torch``."""
    return KERNELS[0] if compiler().command else KERNELS[1]


@cache
def load_compiled(folder: Path) -> ctypes.CDLL | None:
    """Return the library made from the C sources in a folder, or None without a compiler.

    Compiled at the first call on a machine, and kept by sources, compiler and processor in
    ``$XDG_CACHE_HOME/glam-eval``, by default ``~/.cache/glam-eval``. Only what this user alone can have
    written, and what is as it was written, is loaded. Says so once where none is there unasked.

    Raises:
        UserError: if the compiler fails, or nowhere can be written: ``kernels`` would be wrong on record.
    """
    found = compiler()
    if not found.command:
        if found.missing:
            _say_once(f"torch's kernels compute, slower than compiled ones would: {found.missing}")
        return None
    sources = sorted(folder.glob("*.[ch]"))
    text = b"".join(source.name.encode() + source.read_bytes() for source in sources)
    key = hashlib.sha256(text + " ".join(found.command).encode() + found.macros).hexdigest()
    command = (*found.command, *(str(source) for source in sources if source.suffix == ".c"))
    reason = ""
    for directory in _places():
        try:
            return _load(command, private_directory(directory), f"{folder.name}-{key[:16]}")
        except subprocess.TimeoutExpired:
            reason = f"not within {_COMPILE_SECONDS:g} s"
            break
        except subprocess.CalledProcessError as error:
            reason = next(iter(error.stderr.decode(errors="replace").splitlines()), str(error))
        except OSError as error:
            reason = str(error)
    name = Path(command[0]).name
    raise UserError(f"{name} can't compile {folder.name} here ({reason}): set {SWITCH}=torch to do without")


def _load(command: Sequence[str], directory: Path, name: str) -> ctypes.CDLL:
    """Load the library of a name, compiled unless it is there undamaged."""
    for library in sorted(directory.glob(f"{name}-*.so")):
        try:
            descriptor = open_verified(library, _digest_in(library))
        except OSError:
            library.unlink(missing_ok=True)
            continue
        return _loaded(descriptor, library)
    library = _made(command, directory, name)
    return _loaded(open_verified(library, _digest_in(library)), library)


def _loaded(descriptor: int, library: Path) -> ctypes.CDLL:
    """Load what was verified, not what may lie at its path by now.

    The descriptor stays open: the loader knows libraries by name, and its number must not be another's.
    """
    opened = _DESCRIPTORS / str(descriptor)
    return ctypes.CDLL(str(opened if opened.exists() else library))


def _made(command: Sequence[str], directory: Path, name: str) -> Path:
    """Compile; return the library, whose name ends in its digest.

    Processes may all do it at once: none sees half a file.
    """
    with tempfile.TemporaryDirectory(dir=directory) as scratch:
        made = Path(scratch) / "made.so"
        _output([*command, "-o", str(made), "-lm"], _COMPILE_SECONDS)
        made.chmod(0o700)
        return made.replace(directory / f"{name}-{hashlib.sha256(made.read_bytes()).hexdigest()}.so")


def _digest_in(library: Path) -> str:
    return library.stem.rpartition("-")[2]


def _places() -> Iterator[Path]:
    """Yield the directories to keep libraries in, best first."""
    with contextlib.suppress(RuntimeError):  # a user without a home
        yield Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "glam-eval"
    yield Path(tempfile.gettempdir()) / f"glam-eval-{os.getuid()}"


def _macros(command: Sequence[str]) -> bytes:
    """Return what a compiler knows of itself and of this processor."""
    return _output([*command, "-dM", "-E", "-include", "math.h", "-x", "c", os.devnull], _ANSWER_SECONDS)


def _output(command: Sequence[str], seconds: float) -> bytes:
    """Return what a command prints; whatever ends this, all processes that it started end too.

    Raises:
        CalledProcessError: if it fails.
        TimeoutExpired: if it takes longer.
    """
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        process_group=0,
    ) as process:
        try:
            output, errors = process.communicate(timeout=seconds)
        except BaseException:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            raise
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command, output, errors)
    return output


@cache
def _say_once(line: str) -> None:
    print(f"glam-eval: {line}", file=sys.stderr)
