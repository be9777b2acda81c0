"""Who works on what in a directory that several machines share, without locks of a file system.

NFS and Lustre may be mounted so that ``flock`` holds on one machine only, or fails. A lease is a file,
``<directory>/.claims/<name>/<generation>``, which its holder touches and deletes at the end. Only one
process can create a generation (``O_EXCL``, kept by NFS since version 3, see open(2)). It creates the next
one when all files that it sees are of holders that are gone, withdraws where others have come meanwhile, and
deletes the files that it saw. A holder on another machine is gone when its file was watched unchanged for
``PATIENCE_SECONDS`` of the watcher's clock: no two clocks are ever compared. Was it only cut off, it finds
its file deleted and knows that it has lost. On its own machine a holder is known by its process.
"""

import contextlib
import errno
import json
import os
import random
import secrets
import socket
import threading
import time
from collections.abc import Callable, Collection, Iterator
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path

CLAIMS = ".claims"
TOUCH_SECONDS = 10.0
PATIENCE_SECONDS = 90.0  # longer than NFS caches a file's attributes (60 s) and two touches
_LOOK_SECONDS = 0.2
_ours: set[bytes] = set()  # contents of the leases that this process holds


@dataclass(frozen=True, slots=True)
class Holder:
    """A process that holds a lease."""

    host: str
    machine: str  # boot and process namespace: where process numbers mean the same
    pid: int
    began: str  # in the kernel's ticks, empty where it doesn't say: numbers of processes are used again
    token: str = field(default_factory=lambda: secrets.token_hex(8))

    def to_json(self) -> bytes:
        """Return the holder as it is stored."""
        return json.dumps(asdict(self)).encode()

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host}"


class HeldError(Exception):
    """A living process holds the lease."""

    def __init__(self, holder: Holder | None) -> None:
        super().__init__(str(holder or "another process"))
        self.holder = holder


class LostError(Exception):
    """Another process took the lease over, because this one showed no life for long."""


class Lease:
    """A lease that this process holds, until it is lost; a thread of its own shows that the process lives."""

    def __init__(self, file: Path, content: bytes) -> None:
        self._file, self._content = file, content
        self._lost = False
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._show, name="lease", daemon=True)
        self._thread.start()

    def check(self) -> None:
        """Raise LostError if the lease is lost."""
        if self._lost:
            raise LostError(f"another process took over {self._file.parent.name}, as this one seemed gone")

    def release(self) -> None:
        """Give the lease back; if it is lost it stays whose it is."""
        _ours.discard(self._content)
        self._ended.set()
        self._thread.join()
        with contextlib.suppress(OSError):
            if _content(self._file)[0] == self._content:
                self._file.unlink()
                self._file.parent.rmdir()
                self._file.parent.parent.rmdir()  # if no other name is held

    def _show(self) -> None:
        while not self._lost and not self._ended.wait(TOUCH_SECONDS):
            try:
                self._lost = _content(self._file)[0] != self._content
                if not self._lost:
                    os.utime(self._file)
            except FileNotFoundError:
                self._lost = True
            except OSError:  # the file system is away: whoever takes over meanwhile is found later
                continue


@contextlib.contextmanager
def held(
    directory: Path, name: str, seconds: float = 0.0, stop: Callable[[], bool] = lambda: False
) -> Iterator[Lease]:
    """Hold the lease of a name in a directory.

    Args:
        directory: which several machines may share; claims are in a folder of it.
        name: of what is worked on, a file name.
        seconds: to wait for a holder that lives.
        stop: asked while waiting.

    Raises:
        HeldError: if a holder lives that long, or ``stop`` says so.
        OSError: if the directory can't be written in, or a claim is a symbolic link.
    """
    lease = Lease(*_take(directory / CLAIMS / name, seconds, stop))
    try:
        yield lease
    finally:
        lease.release()


def living_holders(
    directory: Path, seconds: float = 0.0, besides: Collection[str] = ()
) -> dict[str, Holder | None]:
    """Return who holds which names in a directory besides some, after waiting so long for them to end.

    Whether a holder on another machine lives takes a touch, or ``PATIENCE_SECONDS``, to tell.
    """
    folder = directory / CLAIMS
    names = {each.name for each in folder.iterdir()} - set(besides) if folder.is_dir() else ()
    watches = {name: _Watch(folder / name) for name in names}
    deadline = time.monotonic() + seconds
    while True:
        seen = {name: watch.look() for name, watch in watches.items()}
        for name, alive in seen.items():
            if alive is False:
                del watches[name]
        unknown = any(alive is None for alive in seen.values())
        if not unknown and (not watches or time.monotonic() >= deadline):
            return {name: watch.holder for name, watch in watches.items()}
        time.sleep(_LOOK_SECONDS)


def claims(directory: Path) -> dict[str, tuple[Holder, int]]:
    """Return who holds, or held when it was lost, which names, and when they touched it (ns, file system)."""
    found, folder = {}, directory / CLAIMS
    for each in folder.iterdir() if folder.is_dir() else ():
        watch = _Watch(each)
        watch.look()
        if watch.holder is not None:
            found[each.name] = watch.holder, watch.touched
    return found


class _Watch:
    """Watches one lease: whether it is free, held, or was left."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.files: dict[Path, tuple[tuple[bytes, int], float]] = {}  # as last seen to change, and when
        self.holder: Holder | None = None
        self.touched = 0  # by the file system's clock, in ns

    def look(self) -> bool | None:
        """Return whether a holder lives, None while that can't be told yet."""
        known, self.files = self.files, {}
        self.holder, alive = None, set()
        for file in _files(self._folder):
            with contextlib.suppress(FileNotFoundError):  # given back, or taken over, meanwhile
                seen = _content(file)
                changed = file in known and known[file][0] != seen
                self.files[file] = (seen, time.monotonic()) if changed or file not in known else known[file]
                alive.add(self._lives(file, changed))
        return True if True in alive else None if None in alive else False

    def _lives(self, file: Path, changed: bool) -> bool | None:
        (content, touched), since = self.files[file]
        holder = _parse(content)
        self.holder, self.touched = holder or self.holder, max(self.touched, touched)
        if holder and holder.machine == _machine():
            if holder.pid == os.getpid():
                return content in _ours
            return is_running(holder.pid, holder.began)
        if changed:
            return True
        return False if time.monotonic() - since > PATIENCE_SECONDS else None


def this_process() -> Holder:
    """Return this process as a holder."""
    return Holder(socket.gethostname(), _machine(), os.getpid(), _began(os.getpid())[0])


def is_running(pid: int, began: str) -> bool:
    """Return whether a process of this machine, known by number and beginning, runs."""
    started, state = _began(pid)
    if began:
        return started == began and state not in ("Z", "X")
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _take(folder: Path, seconds: float, stop: Callable[[], bool]) -> tuple[Path, bytes]:
    """Create a lease's next generation, as soon as no holder lives; return its file and content."""
    for each in (folder.parent, folder):
        if each.is_symlink():
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), str(each))
    watch, deadline = _Watch(folder), time.monotonic() + seconds
    while True:
        alive = watch.look()
        if alive is False and (taken := _create(folder, set(watch.files))) is not None:
            return taken
        if stop() or (alive and time.monotonic() >= deadline):
            raise HeldError(watch.holder)
        time.sleep(_LOOK_SECONDS * (0.5 + random.random()))  # not in step with others


def _create(folder: Path, left: set[Path]) -> tuple[Path, bytes] | None:
    """Create the generation after those that were left; None if somebody else came meanwhile."""
    file = folder / str(1 + max((int(each.name) for each in left), default=0))
    content = this_process().to_json()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with _open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL) as descriptor:
            _ours.add(content)
            os.write(descriptor, content)
        if not _files(folder) <= left | {file}:
            file.unlink()
            return None
    except FileExistsError:
        if not folder.is_dir():
            raise
        return None
    except FileNotFoundError:  # the folder was given back meanwhile
        return None
    for each in left:
        each.unlink(missing_ok=True)
    return file, content


def _files(folder: Path) -> set[Path]:
    """Return the files of a lease: one, but for the moments in which it changes hands."""
    try:
        return {file for file in folder.iterdir() if file.name.isdecimal()}
    except FileNotFoundError:
        return set()


def _content(file: Path) -> tuple[bytes, int]:
    """Return what a file holds and when it was touched."""
    with _open(file, os.O_RDONLY) as descriptor:
        return os.read(descriptor, 4096), os.fstat(descriptor).st_mtime_ns


@contextlib.contextmanager
def _open(file: Path, flags: int) -> Iterator[int]:
    """Open a file, whose attributes are then the server's, not a cache's; a link is not followed."""
    descriptor = os.open(file, flags | os.O_NOFOLLOW, 0o666)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _parse(content: bytes) -> Holder | None:
    """Return a stored holder, None if it is not written yet, or damaged."""
    try:
        return Holder(**json.loads(content))
    except (ValueError, TypeError, RecursionError):
        return None


@cache
def _machine() -> str:
    """Return what tells this boot of this machine, and its process namespace, from any other."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot}/{Path('/proc/self/ns/pid').stat().st_ino}"
    except OSError:
        return socket.gethostname()


def _began(pid: int) -> tuple[str, str]:
    """Return when a process began and its state as proc(5) tells them, both empty where it does not."""
    try:
        # The second field is a name that may hold spaces and brackets; the state is the third.
        fields = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
        return fields[19], fields[0]
    except (OSError, IndexError):
        return "", ""
