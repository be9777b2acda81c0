"""Suites from TOML: the shipped ones and users' own, with inheritance."""

import tomllib
from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from typing import Any

from glam_eval.config.overrides import apply_overrides, refuse_idle
from glam_eval.config.suite import SuiteConfig
from glam_eval.core.errors import UserError, unknown

_SHIPPED = resources.files("glam_eval.config") / "suites"


def shipped_suites() -> list[str]:
    """Return the names of the suites that come with the package."""
    return [name for name in _shipped_files() if not name.startswith("_")]


def load_suite(name_or_path: str, overrides: Sequence[str] = ()) -> SuiteConfig:
    """Return a validated suite, by shipped name or path to a TOML file.

    ``overrides`` are ``key=value`` with dotted keys and TOML values, for instance ``ppo.clip=0.1``.

    Raises:
        UserError: on an unknown suite, malformed TOML, an unknown key or an invalid value, or an override
            that no run reads.
    """
    values = _read(name_or_path)
    return make_suite({"name": Path(name_or_path).stem, **values}, overrides)


def make_suite(values: dict[str, Any], overrides: Sequence[str] = ()) -> SuiteConfig:
    """Return a validated suite from its settings, with overrides applied.

    Raises:
        UserError: on an unknown key or an invalid value, or an override that no run reads.
    """
    values = apply_overrides(values, overrides)
    suite = SuiteConfig.parse(values, source=f"suite {values['name']!r}")
    refuse_idle(suite, overrides)
    return suite


def suite_text(name: str) -> str:
    """Return a shipped suite, or a part that some extend, as TOML; raises a UserError if there is none."""
    if name not in _shipped_files():
        raise unknown("suite", name, shipped_suites())
    return (_SHIPPED / f"{name}.toml").read_text(encoding="utf-8")


def _shipped_files() -> list[str]:
    """Return the names of the shipped files; those with a leading underscore are parts of suites."""
    return sorted(
        entry.name.removesuffix(".toml") for entry in _SHIPPED.iterdir() if entry.name.endswith(".toml")
    )


def _read(name_or_path: str, extending: tuple[str, ...] = ()) -> dict[str, Any]:
    if name_or_path in extending:
        raise UserError(f"suite {name_or_path!r} extends itself: {' -> '.join((*extending, name_or_path))}")
    if name_or_path.endswith(".toml"):
        path = Path(name_or_path)
        if not path.is_file():
            raise UserError(f"no suite file {name_or_path!r}; shipped suites: {', '.join(shipped_suites())}")
        text = path.read_text(encoding="utf-8")
    else:
        text = suite_text(name_or_path)
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UserError(f"{name_or_path}: not valid TOML: {error}") from None
    bases = values.pop("extends", [])
    inherited: dict[str, Any] = {}
    for base in [bases] if isinstance(bases, str) else bases:
        inherited = _merge(inherited, _read(str(base), (*extending, name_or_path)))
    inherited.pop("name", None)
    return _merge(inherited, values)


def _merge(base: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """Return ``base`` with ``changes``: groups are merged key by key, everything else replaced."""
    merged = dict(base)
    for key, value in changes.items():
        both_groups = isinstance(value, dict) and isinstance(base.get(key), dict)
        merged[key] = _merge(base[key], value) if both_groups else value
    return merged
