"""Suites from TOML: the shipped ones and users' own, with inheritance."""

import codecs
import tomllib
from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from typing import Any

from glam_eval.config.overrides import apply_overrides, refuse_idle
from glam_eval.config.suite import SuiteConfig
from glam_eval.core.errors import UserError, shortened, unknown

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
    text = _text_of(Path(name_or_path)) if name_or_path.endswith(".toml") else suite_text(name_or_path)
    try:
        values = tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # ValueError: also a number of thousands of digits
        raise UserError(f"{name_or_path}: not valid TOML: {error}") from None
    bases = values.pop("extends", [])
    bases = [bases] if isinstance(bases, str) else bases
    if not isinstance(bases, list) or not all(isinstance(base, str) for base in bases):
        raise UserError(f"{name_or_path}: extends = {shortened(bases)}: name a suite, or a list of suites")
    inherited: dict[str, Any] = {}
    for base in bases:
        inherited = _merge(inherited, _read(base, (*extending, name_or_path)))
    inherited.pop("name", None)
    return _merge(inherited, values)


def _text_of(path: Path) -> str:
    """Return what a suite's file holds."""
    if not path.is_file():
        raise UserError(f"no suite file {str(path)!r}; shipped suites: {', '.join(shipped_suites())}")
    content = path.read_bytes()
    try:
        return content.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError:
        encoding = (
            "UTF-16" if content[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE) else "another encoding"
        )
        raise UserError(f"{str(path)!r} is in {encoding}: save it as UTF-8, as TOML has to be") from None


def _merge(base: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """Return ``base`` with ``changes``: groups are merged key by key, everything else replaced."""
    merged = dict(base)
    for key, value in changes.items():
        both_groups = isinstance(value, dict) and isinstance(base.get(key), dict)
        merged[key] = _merge(base[key], value) if both_groups else value
    return merged
