"""The base of all configuration: frozen, unknown keys rejected, one-line errors that name the nearest key."""

import difflib
import hashlib
import json
import math
import os
from collections.abc import Collection, Iterator, Mapping
from numbers import Integral, Real
from typing import Annotated, Any, Self, cast

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from glam_eval.core.errors import UserError, shortened
from glam_eval.core.text import unwritable

Fraction = Annotated[float, Field(ge=0, le=1)]

_LARGEST = 2**63 - 1  # what a column of the results holds
_LONGEST = 10_000  # characters of a text
_DEEPEST = 12  # groups within groups


class Settings(BaseModel):
    """A frozen group of settings; ``parse`` turns every validation error into a UserError.

    Values are taken as they are written: "5", 5.0 and true are not the number 5. Lists, numpy's numbers and
    paths mean the tuples, numbers and texts that equal them.
    """

    model_config = ConfigDict(
        frozen=True, extra="forbid", use_attribute_docstrings=True, allow_inf_nan=False, strict=True
    )

    @model_validator(mode="before")
    @classmethod
    def _as_written(cls, values: Any) -> Any:
        """Lists are how TOML and JSON write tuples."""
        if not isinstance(values, dict):
            return values
        given = {key: plain(value) for key, value in values.items()}
        return {key: tuple(value) if isinstance(value, list) else value for key, value in given.items()}

    @classmethod
    def parse(cls, values: dict[str, Any], source: str) -> Self:
        """Validate ``values``; raise a UserError that names the source, the key and the fix."""
        _check_values(values, source)
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            raise UserError(f"{source}: {_first_problem(cls, error)}") from None

    def changed(self, **values: Any) -> Self:
        """Return a validated copy with some top-level settings replaced."""
        return type(self).model_validate({**self.model_dump(), **values})

    def canonical_json(self) -> str:
        """Return the settings as JSON with sorted keys: equal settings give equal text."""
        return json.dumps(self.model_dump(mode="json"), sort_keys=True, separators=(",", ":"))

    def digest(self) -> str:
        """Return the first 16 hexadecimal digits of the SHA-256 of the canonical JSON."""
        return hashlib.sha256(self.canonical_json().encode()).hexdigest()[:16]


def plain(value: Any) -> Any:
    """Return what a Python caller gave as files hold it: built-in values in place of what equals them."""
    if isinstance(value, Mapping):
        return {key: plain(inner) for key, inner in value.items()}
    return type(value)(map(plain, value)) if type(value) in (list, tuple) else _built_in(value)


def _built_in(value: Any) -> Any:
    """Return a number of numpy, or a path, as the built-in number or text; anything else as it is."""
    if value is None or isinstance(value, str | bool):
        return value
    if isinstance(value, Integral):
        return int(value)
    if isinstance(value, Real):
        return float(value)
    return os.fspath(value) if isinstance(value, os.PathLike) else value


def flatten(settings: Mapping[str, Any], whole: Collection[str] = (), prefix: str = "") -> dict[str, Any]:
    """Return nested settings by dotted keys, in their order; groups named in ``whole`` are single values."""
    flat: dict[str, Any] = {}
    for name, value in settings.items():
        if isinstance(value, Mapping) and name not in whole:
            flat |= flatten(value, whole, f"{prefix}{name}.")
        else:
            flat[prefix + name] = value
    return flat


def differences(stored: Any, wanted: Any, key: str = "", *, later: bool = True) -> Iterator[str]:
    """Yield what differs between two dumps of settings, as ``key: stored there, wanted here``.

    Args:
        stored: The one that a file held.
        wanted: The other.
        key: Where in the settings both stand.
        later: Whether keys that ``stored`` lacks count: a version before they were there knew none.
    """
    if isinstance(stored, dict) and isinstance(wanted, dict):
        for name in sorted(stored.keys() | wanted.keys() if later else stored.keys()):
            inner = f"{key}.{name}" if key else name
            yield from differences(stored.get(name), wanted.get(name), inner, later=later)
    elif not later and isinstance(stored, list) and isinstance(wanted, list) and len(stored) == len(wanted):
        for number, (one, other) in enumerate(zip(stored, wanted, strict=True), 1):
            yield from differences(one, other, f"{key}.{number}", later=later)
    elif stored != wanted:
        shown = isinstance(stored, list | dict)
        yield f"{key} differ" if shown else f"{key}: {stored!r} there, {wanted!r} here"


def _first_problem(model: type[BaseModel], error: ValidationError) -> str:
    problem = error.errors()[0]
    path = [part for part in problem["loc"] if not (isinstance(part, str) and part.startswith("function-"))]
    # A run's one learner is written as [ppo], [q_learning] or [cloning] in a suite.
    shown = path[1:] if len(path) > 1 and path[0] == "learner" else path
    key = ".".join(str(part) for part in shown)
    if problem["type"] == "extra_forbidden":
        siblings = sorted(_keys_at(model, path[:-1]))
        close = difflib.get_close_matches(str(path[-1]), siblings, n=1, cutoff=0.5)
        hint = f"did you mean {close[0]!r}?" if close else f"valid keys: {', '.join(siblings)}"
        return f"unknown key {key!r}: {hint}"
    if problem["type"] == "missing":
        return f"missing key {key!r}"
    message = problem["msg"].removeprefix("Value error, ")
    if problem["type"] == "value_error":
        return f"{key}: {message}" if key else message
    given = problem["input"]
    if problem["type"] == "int_type" and isinstance(given, float) and given.is_integer():
        message = f"a whole number has no point and no exponent: {shortened(int(given))}"
    return f"{key} = {shortened(given)}: {message[0].lower()}{message[1:]}"


def _check_values(value: Any, source: str, path: tuple[object, ...] = ()) -> None:
    """Raise a UserError for a value that no setting can have, whatever it means.

    Such are texts that can't be stored or shown, and numbers and nestings beyond all bounds.
    """
    problem, value = "", _built_in(value)
    if isinstance(value, str):
        if len(value) > _LONGEST:
            problem = f"is longer than {_LONGEST:,} characters"
        elif character := unwritable(value):
            problem = f"holds the character {character}: leave it out"
    elif isinstance(value, int) and abs(value) > _LARGEST:
        problem = f"is beyond {_LARGEST:,}"
    elif isinstance(value, float) and not math.isfinite(value):
        problem = f"is {value}: give a finite number"
    elif isinstance(value, dict | list | tuple):
        if len(path) >= _DEEPEST:
            problem = "is nested too deeply"
        else:
            for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
                _check_values(key, source, (*path, "a key")) if isinstance(key, str) else None
                _check_values(inner, source, (*path, key))
    if problem:
        raise UserError(f"{source}: {'.'.join(map(str, path[:_DEEPEST]))} {problem}")


def _keys_at(model: type[BaseModel], path: list[str | int]) -> list[str]:
    """Return the valid keys of the settings group at a path of keys, list indices and kinds of a union."""
    groups = [model]
    for part in path:
        kinds = [group for group in groups if _kind(group) == part]
        nested = [inner for group in groups for inner in _groups_in(group.model_fields.get(str(part)))]
        groups = kinds or nested or groups
    return list(groups[0].model_fields)


def _kind(group: type[BaseModel]) -> Any:
    """Return the tag of a member of a tagged union, None for other groups."""
    field = group.model_fields.get("kind")
    return field.default if field else None


def _groups_in(field: Any) -> list[type[BaseModel]]:
    """Return the groups of settings that a field's annotation names."""
    if field is None:
        return []
    found, waiting = [], [field.annotation]
    while waiting:
        annotation = waiting.pop(0)
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            found.append(annotation)
        waiting += cast("tuple[Any, ...]", getattr(annotation, "__args__", ()))
    return found
