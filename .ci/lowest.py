"""Print the lowest version of each requirement that pyproject.toml allows, as pip's constraints."""

import sys
import tomllib
from pathlib import Path

from packaging.requirements import Requirement


def lowest(requirements: list[str]) -> list[str]:
    """Return ``name==version`` of each requirement that has a lower end; of one named twice, the higher."""
    ends: dict[str, str] = {}
    for text in requirements:
        wanted = Requirement(text)
        versions = [each.version for each in wanted.specifier if each.operator in (">=", "==", "~=")]
        if versions:
            ends[wanted.name] = max([*versions, ends.get(wanted.name, "0")], key=_as_numbers)
    return [f"{name}=={version}" for name, version in sorted(ends.items())]


def _as_numbers(version: str) -> list[int]:
    return [int(part) for part in version.split(".") if part.isdecimal()]


if __name__ == "__main__":
    project = tomllib.loads(Path(sys.argv[1]).read_text())["project"]
    print("\n".join(lowest(project["dependencies"])))
