"""Every command with its arguments, options and examples, from the program itself."""

import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import typer

from glam_eval.cli.app import app

_KINDS = {Path: "path", int: "whole number", float: "number", str: "text", bool: "switch"}


def page() -> str:
    """Return the page of all commands as Markdown."""
    head = (
        "# Commands\n\n`glam-eval COMMAND --help` prints the same. Exit codes: 0 done, 1 a run failed, "
        "2 wrong input (one line says what and the fix), 130 interrupted (the same command continues).\n"
    )
    return head + "".join(sections())


def leaves(command: Any = None, name: str = "glam-eval") -> Iterator[tuple[str, Any]]:
    """Yield every command that does something, with its full name, groups opened."""
    command = command or typer.main.get_command(app)
    inner = getattr(command, "commands", None)
    if inner is None:
        yield name, command
        return
    for key, each in inner.items():
        yield from leaves(each, f"{name} {key}")


def sections() -> Iterator[str]:
    """Yield the section of each command."""
    for name, command in leaves():
        text = inspect.cleandoc(command.help or "")
        yield f"\n## {name.removeprefix('glam-eval ')}\n\n{text}\n\n"
        yield f"```text\n{name} {' '.join(_usage(command))}\n```\n\n"
        rows = [_row(parameter) for parameter in command.params if parameter.name != "help"]
        if rows:
            yield "| argument or option | takes | default | is |\n|---|---|---|---|\n" + "".join(rows)


def _usage(command: Any) -> Iterator[str]:
    for parameter in command.params:
        if parameter.param_type_name == "argument":
            label = parameter.name.upper()
            yield label if parameter.required else f"[{label}]"
    yield "[OPTIONS]"


def _row(parameter: Any) -> str:
    is_argument = parameter.param_type_name == "argument"
    name = parameter.name.upper() if is_argument else ", ".join(parameter.opts)
    kind = "switch" if getattr(parameter, "is_flag", False) else _kind(parameter.type_descriptor.annotation)
    kind += ", repeatable" if getattr(parameter, "multiple", False) else ""
    default = "required" if parameter.required else _default(parameter.default)
    text = (getattr(parameter, "help", "") or "").replace("|", "\\|")
    return f"| `{name}` | {kind} | {default} | {text} |\n"


def _kind(annotation: Any) -> str:
    """Return what an argument or option takes, one of many where it is a list."""
    inner = [each for each in get_args(annotation) if each is not type(None)]
    return _kind(inner[0]) if inner else _KINDS.get(annotation, "text")


def _default(value: object) -> str:
    return "" if value in (None, False, "", ()) or callable(value) else f"`{value}`"
