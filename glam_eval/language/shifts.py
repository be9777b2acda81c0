"""Lexical shifts: named, composable replacements of a lexicon's entries, each a data file in ``shifts/``."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from glam_eval.core.errors import UserError, unknown
from glam_eval.language.lexicon import read_table, table_names


@dataclass(frozen=True, slots=True)
class Shift:
    """Shifts to compose, and the language to speak where it is not the run's own."""

    names: tuple[str, ...] = ()
    language: str | None = None

    @property
    def name(self) -> str:
        """The shift as ``parse_shift`` reads it."""
        return ("+".join(self.names) or "none") + (f"@{self.language}" if self.language else "")


def shift_names() -> list[str]:
    """Return every shift's name, "none" first."""
    return ["none", *table_names("shifts")]


@cache
def _table(name: str) -> dict[str, Any]:
    """Return the data of a shift."""
    return read_table("shifts", f"{name}.toml")


def shift_description(name: str) -> str:
    """Return what a shift, one of ``shift_names()``, changes, in a line."""
    return "the words of training" if name == "none" else str(_table(name)["description"])


@cache
def parse_shift(text: str) -> Shift:
    """Read ``a+b@language``, "none" or "none@language"; names that stand for several are resolved.

    Raises:
        UserError: for a shift that does not exist. Languages are checked by ``speaker``.
    """
    names, _, language = text.partition("@")
    resolved: dict[str, None] = {}
    for name in names.split("+"):
        if name not in shift_names():
            raise unknown("shift", name, shift_names())
        if name != "none":
            resolved.update(dict.fromkeys(_table(name).get("composed_of", [name])))
    return Shift(tuple(resolved), language or None)


def changes(shift: Shift, language: str) -> dict[str, Any]:
    """Return the entries of a language's lexicon that a shift replaces, in the shape of the data file.

    Raises:
        UserError: where the language lacks the words, or where two shifts replace one entry differently.
    """
    merged: dict[str, Any] = {}
    owners: dict[tuple[str, ...], str] = {}
    for name in shift.names:
        table = _table(name)
        if language not in table:
            known = ", ".join(key for key in table if key != "description")
            raise UserError(f"shift {name!r} has no words in {language!r}: it has them in {known}")
        for path, value in _entries(table[language]):
            target = merged.setdefault(path[0], {}) if len(path) == 2 else merged
            if target.get(path[-1], value) != value:
                entry = ".".join(path)
                raise UserError(f"shifts {owners[path]!r} and {name!r} both replace {entry!r}: take one")
            target[path[-1]] = value
            owners[path] = name
    return merged


def _entries(table: dict[str, Any]) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield every entry a shift replaces: its place, one or two keys deep, and its new value."""
    for key, value in table.items():
        if isinstance(value, dict):
            yield from (((key, inner), entry) for inner, entry in value.items())
        else:
            yield (key,), value
