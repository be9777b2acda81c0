"""Lexical shifts: named, composable replacements of a lexicon's entries, each a data file in ``shifts/``."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from glam_eval.core.errors import UserError, unknown
from glam_eval.language.lexicon import read_table, table_names

IN_GOAL = "_in_goal"  # ends the name of a shift of the goal's sentence alone
GOAL_IN = "goal-"  # before a language that the goal's sentence alone is in


@dataclass(frozen=True, slots=True)
class Shift:
    """Shifts to compose, and the language to speak where it is not the run's own.

    What is said of the goal alone goes before what is said of all: observations still name things in the
    words of training, so that no word of such a goal can be found in them.
    """

    names: tuple[str, ...] = ()
    language: str | None = None
    in_goal: tuple[str, ...] = ()
    goal_language: str | None = None

    @property
    def name(self) -> str:
        """The shift as ``parse_shift`` reads it."""
        words = "+".join([*self.names, *(name + IN_GOAL for name in self.in_goal)]) or "none"
        spoken = self.language or (self.goal_language and GOAL_IN + self.goal_language)
        return f"{words}@{spoken}" if spoken else words


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

    ``a_in_goal`` replaces words of the goal's sentence alone, and ``none@goal-fr`` says it alone in French.

    Raises:
        UserError: for a shift that does not exist. Languages are checked by ``speaker``.
    """
    names, _, language = text.partition("@")
    everywhere: dict[str, None] = {}
    in_goal: dict[str, None] = {}
    for given in names.split("+"):
        name = given.removesuffix(IN_GOAL)
        if name not in shift_names():
            raise unknown("shift", given, shift_names())
        if name != "none":
            resolved = everywhere if name == given else in_goal
            resolved.update(dict.fromkeys(_table(name).get("composed_of", [name])))
    goal_language = language.removeprefix(GOAL_IN) if language.startswith(GOAL_IN) else ""
    spoken = None if goal_language else language or None
    return Shift(tuple(everywhere), spoken, tuple(in_goal), goal_language or None)


def changes(shift: Shift, language: str) -> dict[str, Any]:
    """Return the entries of a language's lexicon that a shift replaces in all that is said, as files do.

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
