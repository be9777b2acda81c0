"""Where a number comes from: code version, package versions, machine."""

import json
import os
import platform
import subprocess
from functools import cache
from importlib import metadata
from pathlib import Path

from glam_eval.core.compiling import kernels

_PACKAGES = (
    "torch",
    "transformers",
    "tokenizers",
    "minigrid",
    "gymnasium",
    "numpy",
    "pandas",
    "pyarrow",
    "scipy",
)


@cache
def code_version() -> str:
    """Return the package's version and, in a git checkout, its commit (``+changes`` if edited since)."""
    version = metadata.version("glam-eval")
    root = Path(__file__).resolve().parents[2]
    if not (root / ".git").exists():
        return version
    try:
        commit = _git(root, "rev-parse", "--short=12", "HEAD")
        changed = _git(root, "status", "--porcelain", "--untracked-files=no", "--", "glam_eval")
    except (OSError, subprocess.SubprocessError):
        return version
    return f"{version} {commit}{'+changes' if changed else ''}"


@cache
def package_versions() -> str:
    """Return the versions of the installed packages that numbers depend on, as JSON."""
    versions = {"python": platform.python_version()}
    for package in _PACKAGES:
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return json.dumps(versions)


@cache
def machine() -> str:
    """Return processor, cores, memory in GiB, platform and whose kernels, as JSON; no host or user names."""
    facts = {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "platform": platform.platform(aliased=True, terse=True),
        "kernels": kernels(),
    }
    return json.dumps(facts)


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _git(root: Path, *arguments: str) -> str:
    command = ["git", "-C", str(root), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=10).stdout.strip()
