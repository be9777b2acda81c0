"""Matrices as lines of a terminal: no word broken, no line wider than the screen."""

import textwrap
from collections.abc import Iterator, Sequence

from glam_eval.report.matrices import MARKS, Matrix

_GAP = "  "
_LABEL = 30  # characters of a row's name, above which it is wrapped between words


def drawn(matrix: Matrix, width: int) -> Iterator[str]:
    """Yield the lines of a matrix no wider than ``width``, its columns in several blocks where they need it.

    No word is broken: names are wrapped between words, and a block has at least one column.
    """
    yield from textwrap.wrap(matrix.title, width, break_long_words=False)
    if matrix.rows:
        yield from _cells(matrix, width)
    for note in matrix.notes:
        yield from textwrap.wrap(f"note: {note}", width, subsequent_indent="  ", break_long_words=False)
    if matrix.notes:
        yield ""


def _cells(matrix: Matrix, width: int) -> Iterator[str]:
    columns = {
        name: _column(name, [matrix.text(row, name) for row in matrix.rows]) for name in matrix.columns
    }
    room = max(_LABEL, width - sum(len(_GAP) + size for size in columns.values()))
    wrapped = {row: _label(row, room) for row in matrix.rows}
    margin = max(len(line) for lines in wrapped.values() for line in lines)
    for block in _blocks(columns, width - margin):
        heads = [_wrapped(name, columns[name]) for name in block]
        height = max(map(len, heads))
        for line in range(height):
            words = [head[line - height + len(head)] if line >= height - len(head) else "" for head in heads]
            yield _row("", words, [columns[name] for name in block], margin)
        for row, labels in wrapped.items():
            texts = [matrix.text(row, name) for name in block]
            yield _row(labels[0], texts, [columns[name] for name in block], margin)
            yield from labels[1:]
        yield ""


def legend_lines(legend: str, width: int) -> list[str]:
    """Return a legend in lines; a mark stays with its meaning."""
    kept = legend
    for mark in MARKS.values():
        kept = kept.replace(f"{mark} ", f"{mark}\u00a0")  # no line ends at this space
    return [line.replace("\u00a0", " ") for line in textwrap.wrap(kept, width, break_long_words=False)]


def _blocks(columns: dict[str, int], width: int) -> Iterator[list[str]]:
    block: list[str] = []
    used = 0
    for name, size in columns.items():
        if block and used + len(_GAP) + size > width:
            yield block
            block, used = [], 0
        block.append(name)
        used += len(_GAP) + size
    yield block


def _column(name: str, texts: Sequence[str]) -> int:
    """Return the width of a column: of its longest cell, or of the longest word of its name."""
    return max([len(text) for text in texts] + [len(word) for word in name.split()])


def _wrapped(name: str, size: int) -> list[str]:
    return textwrap.wrap(name, size, break_long_words=False, break_on_hyphens=False) or [""]


def _label(name: str, size: int) -> list[str]:
    """Return a row's name in lines, those after the first set in."""
    lines = textwrap.wrap(name, size, break_long_words=False, break_on_hyphens=False, subsequent_indent=_GAP)
    return lines or [""]


def _row(label: str, texts: Sequence[str], sizes: Sequence[int], margin: int) -> str:
    cells = (_GAP + text.ljust(size) for text, size in zip(texts, sizes, strict=True))
    return f"{label:{margin}}{''.join(cells)}".rstrip()
