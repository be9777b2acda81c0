"""What is set once for a whole process, where it starts: by the program and its workers, by no import."""

import ctypes
import os
import platform
from functools import cache

# Parameters of glibc's mallopt, from malloc.h.
_M_TRIM_THRESHOLD = -1
_M_TOP_PAD = -2
_M_MMAP_MAX = -4
_M_ARENA_MAX = -8
_NEVER_TRIM = 2**31 - 1
_GROW_BY = 64 * 2**20


@cache
def keep_freed_memory() -> bool:
    """Make glibc serve all threads' large blocks from one heap that never shrinks; return whether it does.

    Tensors of a forward pass otherwise go back to the system, and page faults halve the speed. For processes
    that compute, which call it before anything else; elsewhere than on Linux with glibc nothing changes.
    """
    if platform.libc_ver()[0] != "glibc":
        return False
    mallopt = ctypes.CDLL(None).mallopt
    settings = ((_M_ARENA_MAX, 1), (_M_MMAP_MAX, 0), (_M_TRIM_THRESHOLD, _NEVER_TRIM), (_M_TOP_PAD, _GROW_BY))
    return all(mallopt(parameter, value) == 1 for parameter, value in settings)


def import_nothing_from_here() -> None:
    """Keep the processes that this one starts from importing what lies in the directory they start in.

    Python begins workers as ``python -c``, which looks there first: where others can write, a file of theirs,
    ``selectors.py`` say, would run as us.
    """
    os.environ["PYTHONSAFEPATH"] = "1"
