"""Print the lowest version of each requirement that pyproject.toml allows, as pip's constraints.

``python .ci/lowest.py pyproject.toml torch==2.13.0`` keeps torch at that version instead: an index need not
hold all that an old release asks for.
"""

import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path

from packaging.requirements import Requirement


def lowest(requirements: list[str], kept: Sequence[str] = ()) -> list[str]:
    """Return ``name==version`` of each requirement that has a lower end; of one named twice, the higher.

    Raises:
        ValueError: If what is kept is no exact version, or none that the requirements allow.
    """
    ends: dict[str, str] = {}
    for text in requirements:
        wanted = Requirement(text)
        versions = [each.version for each in wanted.specifier if each.operator in (">=", "==", "~=")]
        if versions:
            ends[wanted.name] = max([*versions, ends.get(wanted.name, "0")], key=_as_numbers)
    for text in kept:
        name, _, version = text.partition("==")
        if not version or not any(
            Requirement(each).name == name and version in Requirement(each).specifier for each in requirements
        ):
            raise ValueError(
                f"{text!r} is no version of a requirement that pyproject.toml allows, as name==version"
            )
        ends[name] = version
    return [f"{name}=={version}" for name, version in sorted(ends.items())]


def _as_numbers(version: str) -> list[int]:
    return [int(part) for part in version.split(".") if part.isdecimal()]


if __name__ == "__main__":
    project = tomllib.loads(Path(sys.argv[1]).read_text())["project"]
    extras = project["optional-dependencies"]
    used = [each for name in ("lora", "chat", "gguf", "watch") for each in extras[name]]
    print("\n".join(lowest(project["dependencies"] + used, sys.argv[2:])))
