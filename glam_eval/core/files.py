"""Files that appear whole or not at all, and the checksums by which they are known again."""

import contextlib
import hashlib
import os
import secrets
import stat
from collections.abc import Iterator
from pathlib import Path

from glam_eval.core.errors import UserError

UNFINISHED = ".writing"  # how the name of a file ends whose writer has not come to its end


@contextlib.contextmanager
def replace_atomically(target: Path) -> Iterator[Path]:
    """Give a path to write to, whose file then replaces ``target``: whole and on disk, or not at all.

    The path is a new empty file beside the target, whose parents are made if need be; its name starts with
    a dot, which readers of Parquet directories skip, and ends with ``UNFINISHED``. After an error it is
    gone and the target is what it was. A target that is a symbolic link is replaced, not written through.

    Raises:
        OSError: if the directory can't be made or written in, or the disk is full.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    unfinished = target.parent / f".{secrets.token_hex(8)}{UNFINISHED}"
    unfinished.touch(exist_ok=False)
    try:
        yield unfinished
        force_to_disk(unfinished)
        unfinished.replace(target)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise
    force_to_disk(target.parent)


def write_text_atomically(target: Path, text: str) -> None:
    """Write a UTF-8 file whole or not at all, as ``replace_atomically`` does; line ends stay as they are.

    Raises:
        OSError: if the directory can't be made or written in, or the disk is full.
    """
    write_bytes_atomically(target, text.encode())


def write_bytes_atomically(target: Path, content: bytes) -> None:
    """Write a file whole or not at all, as ``replace_atomically`` does.

    Raises:
        OSError: if the directory can't be made or written in, or the disk is full.
    """
    with replace_atomically(target) as unfinished:
        unfinished.write_bytes(content)


def force_to_disk(path: Path) -> None:
    """Force a file, or the names in a directory, to disk (only files where directories can't be opened)."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except OSError:
        if path.is_dir():
            return
        raise
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sha256_of(file: Path) -> str:
    """Return the SHA-256 of a file's content as 64 hexadecimal digits, in memory that does not grow with it.

    Raises:
        OSError: if the file can't be read.
    """
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def require_regular(file: Path, fix: str) -> None:
    """Raise a UserError unless a path is a regular file: devices and pipes could be read without end.

    Links are followed; ``fix`` says what to give instead.
    """
    try:
        mode = file.stat().st_mode
    except (OSError, ValueError):  # ValueError: a zero byte in the name
        raise UserError(f"no file {str(file)!r}: {fix}") from None
    if not stat.S_ISREG(mode):
        raise UserError(f"{str(file)!r} is no regular file: {fix}")


def names_directory(text: str | Path) -> bool:
    """Return whether a text is the path of a directory; one that can be no path at all is none."""
    try:
        return Path(text).is_dir()
    except (OSError, ValueError):  # too long; a zero byte
        return False


def expanded(text: str) -> Path:
    """Return a path with a leading ``~`` as somebody's home, if there is such a user."""
    try:
        return Path(text).expanduser()
    except RuntimeError:
        return Path(text)


def refuse_links(directory: Path) -> None:
    """Raise a UserError if a directory of results holds a symbolic link: writing there would write elsewhere.

    Results of others may hold links to any file of the reader's. The directory itself may be a link.
    """
    for folder, folders, files in os.walk(directory):
        for name in (*folders, *files):
            path = Path(folder) / name
            if path.is_symlink():
                raise UserError(f"{str(path)!r} is a symbolic link: put what it points to in its place")
