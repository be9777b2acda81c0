"""Compiles C sources for this very processor, once, and loads them; without a compiler only speed is lost."""

import ctypes
import hashlib
import os
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path

from glam_eval.core.errors import UserError, unknown

SWITCH = "GLAM_EVAL_KERNELS"  # an environment variable
KERNELS = ("compiled", "torch")
_FLAGS = ("-std=gnu11", "-O3", "-Wno-psabi", "-fPIC", "-shared")
_PROCESSOR_FLAGS = ("-march=native", "-mcpu=native")  # the second is what clang takes on ARM


@cache
def compiler() -> tuple[str, ...]:
    """Return the command that compiles for this processor, of ``CC`` or ``cc``; empty if there is none.

    Raises:
        UserError: if the environment asks for kernels that don't exist.
    """
    wanted = os.environ.get(SWITCH, KERNELS[0])
    if wanted not in KERNELS:
        raise unknown(SWITCH, wanted, KERNELS)
    program = shutil.which(os.environ.get("CC", "cc"))
    if wanted == "torch" or program is None:
        return ()
    for flag in _PROCESSOR_FLAGS:
        command = (program, *_FLAGS, flag)
        if _macros(command):
            return command
    return ()


def kernels() -> str:
    """Return whose kernels compute here, for the record: ``compiled`` or ``torch``."""
    return KERNELS[0] if compiler() else KERNELS[1]


@cache
def load_compiled(folder: Path) -> ctypes.CDLL | None:
    """Return the library made from the C sources in a folder, or None without a compiler.

    Compiled at the first call on a machine, and kept by sources, compiler and processor in
    ``$XDG_CACHE_HOME/glam-eval``, by default ``~/.cache/glam-eval``.

    Raises:
        UserError: if the compiler fails, or nowhere can be written: ``kernels`` would be wrong on record.
    """
    command = compiler()
    if not command:
        return None
    sources = sorted(folder.glob("*.[ch]"))
    text = b"".join(source.name.encode() + source.read_bytes() for source in sources)
    key = hashlib.sha256(text + " ".join(command).encode() + _macros(command)).hexdigest()
    command += tuple(str(source) for source in sources if source.suffix == ".c")
    name = f"{folder.name}-{key[:16]}.so"
    for directory in (_cache(), Path(tempfile.gettempdir()) / f"glam-eval-{os.getuid()}"):
        try:
            return ctypes.CDLL(str(_made(command, directory / name)))
        except (OSError, subprocess.SubprocessError):
            continue
    raise UserError(f"{command[0]} can't compile {folder.name} here: set {SWITCH}=torch to do without")


def _made(command: tuple[str, ...], library: Path) -> Path:
    """Compile unless the library is there; processes may all do it at once, none sees half a file."""
    if not library.exists():
        library.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=library.parent) as directory:
            made = Path(directory) / library.name
            subprocess.run([*command, "-o", str(made), "-lm"], capture_output=True, check=True)
            made.replace(library)
    return library


def _cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "glam-eval"


@cache
def _macros(command: tuple[str, ...]) -> bytes:
    """Return what a compiler knows of itself and of this processor; nothing if it lacks headers."""
    arguments = [*command, "-dM", "-E", "-include", "math.h", "-x", "c", os.devnull]
    done = subprocess.run(arguments, capture_output=True, check=False)
    return b"" if done.returncode else done.stdout
