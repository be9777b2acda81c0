"""``key=value`` overrides of a suite's settings, and what they reach."""

import copy
import tomllib
from collections.abc import Iterator, Sequence
from typing import Any

from glam_eval.config.entry import AgentConfig
from glam_eval.config.learners import LEARNERS
from glam_eval.config.suite import SuiteConfig
from glam_eval.core.errors import UserError, shortened

# Where a list's members are found by name as well as by place.
_NAMED_BY = {"agents": "agent", "protocols": "name"}
_PLACE_DIGITS = 6  # more digits than that are a name


def apply_overrides(values: dict[str, Any], overrides: Sequence[str]) -> dict[str, Any]:
    """Return settings with overrides applied; what is given stays as it is.

    Args:
        values: settings as TOML gives them.
        overrides: ``key=value`` with dotted keys and TOML values. A part of a key that comes to a list is a
            place in it, or a name, which stands for all of that name: ``agents.gflan.frames=5120``.

    Raises:
        UserError: on an override that is malformed, or whose key leads to no setting.
    """
    changed = copy.deepcopy(values)
    for text in overrides:
        key, value = _parsed(text)
        *groups, last = key.split(".")
        for group in _groups_at(changed, groups, text):
            group[last] = value
    return changed


def refuse_idle(suite: SuiteConfig, overrides: Sequence[str]) -> None:
    """Raise a UserError for an override that changes nothing, because no run of the suite reads its key."""
    for text in overrides:
        key, _ = _parsed(text)
        readers = _readers(suite, key)
        if readers is not None and not readers:
            raise UserError(f"--set {text!r} reaches no run: no agent of {suite.name!r} reads {key}")
        if readers and all(_own(entry, key) is not None for entry in readers):
            raise UserError(
                f"--set {text!r} reaches no run: each agent that reads {key} has its own value; "
                f"set {_entry_key(suite, readers[0], key)}"
            )


def partial_reach(suite: SuiteConfig, overrides: Sequence[str]) -> list[str]:
    """Return a line for each override that misses some of the runs that read its key: they have their own."""
    lines = []
    for text in overrides:
        key, _ = _parsed(text)
        for entry in _readers(suite, key) or ():
            if (own := _own(entry, key)) is not None:
                name = " ".join([entry.agent, *([entry.model] if entry.model != "none" else [])])
                lines.append(
                    f"--set {text!r} does not reach {name}, which has its own {own!r}: "
                    f"set {_entry_key(suite, entry, key)} too"
                )
    return lines


def _parsed(text: str) -> tuple[str, Any]:
    key, separator, value = text.partition("=")
    if not separator or not key:
        raise UserError(f"--set {text!r}: write key=value, for instance ppo.learning_rate=1e-4")
    try:
        read = tomllib.loads(f"value = {value}")
    except (tomllib.TOMLDecodeError, RecursionError):
        return key, value
    except ValueError:
        raise UserError(f"--set {shortened(text)}: a number of thousands of digits is too large") from None
    return key, read["value"] if len(read) == 1 else value  # one of several lines is a text


def _groups_at(values: dict[str, Any], path: Sequence[str], text: str) -> list[dict[str, Any]]:
    """Return the groups of settings at a path; groups that are not there yet are made."""
    found: list[Any] = [values]
    for place, part in enumerate(path):
        if all(isinstance(each, list) for each in found):
            list_name = path[place - 1] if place else ""
            found = [member for each in found for member in _members(each, list_name, part, text)]
        else:
            found = [each.setdefault(part, {}) for each in found if isinstance(each, dict)]
        if not all(isinstance(each, dict | list) for each in found):
            raise UserError(f"--set {text!r}: {part!r} is not a group of settings")
    if not all(isinstance(each, dict) for each in found):
        raise UserError(f"--set {text!r}: say which of {path[-1]}, for instance {path[-1]}.0")
    return found


def _members(members: list[Any], list_name: str, part: str, text: str) -> Iterator[Any]:
    """Yield the members of a list at a place or of a name; raise a UserError if there is none."""
    named_by = _NAMED_BY.get(list_name, "name")
    if part.isdecimal() and len(part) < _PLACE_DIGITS and int(part) < len(members):
        yield members[int(part)]
        return
    named = [each for each in members if isinstance(each, dict) and each.get(named_by) == part]
    if not named:
        names = dict.fromkeys(str(each.get(named_by)) for each in members if isinstance(each, dict))
        raise UserError(
            f"--set {text!r}: no {part!r} among {list_name}: 0 to {len(members) - 1}, or {', '.join(names)}"
        )
    yield from named


def _readers(suite: SuiteConfig, key: str) -> list[AgentConfig] | None:
    """Return the entries whose runs read one of the suite's own settings; None for any other key."""
    group, _, name = key.partition(".")
    if key in ("frames", "evaluations"):
        return [entry for entry in suite.agents if entry.described.learns]
    if group not in (*LEARNERS, "policy", "conversation", "environment", "threads") or "." in name:
        return None
    return [entry for entry in suite.agents if _reads(suite, entry, group, name)]


def _reads(suite: SuiteConfig, entry: AgentConfig, group: str, name: str) -> bool:
    agent = entry.described
    if group in LEARNERS:
        return agent.learner == group
    if (group == "policy" and not agent.uses_model) or (group == "conversation" and not agent.served):
        return False
    run = next(run for run in suite.runs() if (run.agent, run.model) == (entry.agent, entry.model))
    return f"{group}.{name}".rstrip(".") not in run.unread()


def _own(entry: AgentConfig, key: str) -> Any:
    """Return what an entry says of a key itself, None if it leaves it to the suite."""
    group, _, name = key.partition(".")
    own = getattr(entry, group, None)
    return own.get(name) if name and isinstance(own, dict) else own if key == "frames" else None


def _entry_key(suite: SuiteConfig, entry: AgentConfig, key: str) -> str:
    return f"agents.{suite.agents.index(entry)}.{key}"
