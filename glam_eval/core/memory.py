"""How much memory this process may use: what the machine has, what is free, and what a job was given."""

import resource
from pathlib import Path

from glam_eval.core.processors import control_groups

_UNLIMITED = 2**60  # bytes; version 1 of control groups writes a number near 2**63 for no limit


def memory(root: Path = Path("/")) -> dict[str, int]:
    """Return bytes: ``total`` and ``available`` of the machine, and ``limit``, of which a job may have less.

    What the system does not tell is left out. The limit is the least of control groups and ``ulimit -v``.

    Args:
        root: where ``proc`` and ``sys`` are.
    """
    told = {name: size for name, size in _machine(root).items() if size}
    limits = [size for size in (*_groups(root), _address_space()) if 0 < size < _UNLIMITED]
    return told | ({"limit": min(limits)} if limits else {})


def _machine(root: Path) -> dict[str, int]:
    lines = dict(line.split(":", 1) for line in _text(root / "proc/meminfo").splitlines() if ":" in line)
    named = {"total": "MemTotal", "available": "MemAvailable"}
    return {name: _kibibytes(lines.get(key, "")) for name, key in named.items()}


def _kibibytes(text: str) -> int:
    number = text.strip().partition(" ")[0]
    return 1024 * int(number) if number.isdecimal() else 0


def _groups(root: Path) -> list[int]:
    texts = [
        _text(group / file).strip()
        for group in control_groups(root, "memory")
        for file in ("memory.max", "memory.limit_in_bytes")
    ]
    return [int(text) for text in texts if text.isdecimal()]


def _address_space() -> int:
    soft, _ = resource.getrlimit(resource.RLIMIT_AS)
    return 0 if soft == resource.RLIM_INFINITY else soft


def _text(file: Path) -> str:
    try:
        return file.read_text()
    except (OSError, UnicodeDecodeError):
        return ""
