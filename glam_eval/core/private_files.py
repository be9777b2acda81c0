"""Directories and files that no other user can have written to: what may be run from them."""

import hashlib
import os
import stat
from pathlib import Path

_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH


def private_directory(path: Path) -> Path:
    """Make a directory that is ours alone (mode 0700), or take one that is; return it.

    One of ours that others could write to is closed to them: its files are still to be verified.

    Raises:
        OSError: if it can't be made, is a link or no directory, or belongs to another user.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        path.mkdir(mode=0o700)
    except FileExistsError:
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        try:
            status = os.fstat(descriptor)
            if status.st_uid != os.getuid():
                raise PermissionError(f"{path} belongs to another user") from None
            if status.st_mode & _OTHERS_WRITE:
                os.fchmod(descriptor, 0o700)
        finally:
            os.close(descriptor)
    return path


def open_verified(file: Path, digest: str) -> int:
    """Return a descriptor of a file that is ours alone and holds what it should; the caller closes it.

    Args:
        file: the file.
        digest: the SHA-256 of what it should hold, hexadecimal.

    Raises:
        OSError: if it can't be read, is a link, another user's, open to others' writing, or damaged.
    """
    descriptor = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)  # a pipe would be waited for
    try:
        status = os.fstat(descriptor)
        ours = status.st_uid == os.getuid() and not status.st_mode & _OTHERS_WRITE
        if not ours or not stat.S_ISREG(status.st_mode):
            raise PermissionError(f"{file} is not ours alone")
        with open(descriptor, "rb", closefd=False) as opened:
            if hashlib.file_digest(opened, "sha256").hexdigest() != digest:
                raise OSError(f"{file} is damaged")
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor
