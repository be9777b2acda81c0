"""Every answer that came, kept as it comes: what is known is never asked for again."""

import json
import os
import threading
from collections.abc import Hashable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO

from glam_eval.core.errors import UserError


@dataclass(frozen=True, slots=True)
class Completion:
    """A model's answer to one request."""

    text: str
    finish: str  # why it ended, in the server's words
    prompt_tokens: int  # -1 where the server does not tell
    completion_tokens: int
    tries: int  # times it was sent
    seconds: float  # of the last of them


class Ledger:
    """Answers by what was asked, in memory and, once ``open`` was called, in a file of one JSON line each.

    Lines are only added. A process that is killed leaves at most half a line at the end, which the next one
    takes away; one process at a time may write. Threads may share it.
    """

    def __init__(self) -> None:
        self._known: dict[Hashable, Completion] = {}
        self._lock = threading.Lock()
        self._file: IO[bytes] | None = None

    def open(self, file: Path) -> None:
        """Read a file's answers, if it is there, and add all others to it from now on.

        Raises:
            UserError: if a line is damaged that is not the last; the message names it.
        """
        file.parent.mkdir(parents=True, exist_ok=True)
        content = file.read_bytes() if file.exists() else b""
        whole, _, torn = content.rpartition(b"\n")
        if torn:
            os.truncate(file, len(content) - len(torn))
        for number, line in enumerate(whole.split(b"\n") if whole else (), 1):
            try:
                entry = json.loads(line)
                self._known[_key(entry["asked"])] = Completion(**entry["answer"])
            except (ValueError, TypeError, KeyError) as error:
                raise UserError(
                    f"{file}: line {number} is damaged: delete that line, and its request is made again"
                ) from error
        self._file = file.open("ab", buffering=0)

    def get(self, asked: dict[str, str | int]) -> Completion | None:
        """Return the answer to what was asked, by equal keys and values; None if there is none."""
        return self._known.get(_key(asked))

    def add(self, asked: dict[str, str | int], answer: Completion) -> None:
        """Keep an answer."""
        line = json.dumps({"asked": asked, "answer": asdict(answer)}) + "\n"
        with self._lock:
            self._known[_key(asked)] = answer
            if self._file is not None:
                self._file.write(line.encode())


def _key(asked: dict[str, str | int]) -> Hashable:
    return tuple(sorted(asked.items()))
