"""Directories of exported files: they appear whole or not at all, and never over what is there."""

import contextlib
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path

from glam_eval.core.errors import UserError
from glam_eval.core.files import UNFINISHED


@contextlib.contextmanager
def whole_directory(out: Path) -> Iterator[Path]:
    """Give a directory to fill, which then becomes ``out``; after an error neither is there.

    Raises:
        UserError: ``out`` is a file, or a directory that holds something.
        OSError: A directory can't be made.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UserError(f"--to {str(out)!r} exists: give a new directory")
    target = out.resolve()
    target.parent.mkdir(parents=True, exist_ok=True)
    unfinished = target.parent / f".{secrets.token_hex(8)}{UNFINISHED}"
    unfinished.mkdir()
    try:
        yield unfinished
        unfinished.replace(target)  # an empty directory may be there
    except BaseException:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise
