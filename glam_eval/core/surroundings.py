"""What a study would meet on this machine: versions, kernels, memory, GPU, hub; loads nothing heavy."""

import importlib.util
import os
import platform
import runpy
import shutil
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement

from glam_eval.core.compiling import SWITCH, compiler
from glam_eval.core.errors import UserError
from glam_eval.core.memory import memory
from glam_eval.core.processors import SLURM, allowed_processors, available_processors
from glam_eval.core.version import __version__

Facts = dict[str, Any]
_ANSWER_SECONDS = 1.2  # for the hub, or a driver, to answer: all is told within 3
_OFFLINE = ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE")


def surroundings() -> Facts:
    """Return all facts by subject, as JSON can hold them; what asks others is bounded in time."""
    asked = {"hub": _Asked(hub), "gpus": _Asked(gpus)}
    facts: Facts = {
        "versions": versions(),
        "kernels": kernels(),
        "processors": processors(),
        "memory": memory(),
        "slurm": slurm(),
        "caches": caches(),
    }
    late: dict[str, Facts] = {
        "hub": {"reachable": False, "why": "no answer in time"},
        "gpus": {"names": [], "why": "no answer"},
    }
    return facts | {name: one.answer(late[name]) for name, one in asked.items()}


class _Asked:
    """A question that is answered beside the others, or given up: name servers know no time limit."""

    def __init__(self, question: Callable[[], Facts]) -> None:
        self._found: list[Facts] = []
        self._thread = threading.Thread(target=lambda: self._found.append(question()), daemon=True)
        self._thread.start()

    def answer(self, otherwise: Facts) -> Facts:
        self._thread.join(_ANSWER_SECONDS + 0.3)
        return self._found[0] if self._found else otherwise


def versions() -> Facts:
    """Return the program's version, Python's, and of each required package whether it fits."""
    packages = {}
    for text in _requirements():
        wanted = Requirement(text)
        if wanted.marker is not None and not wanted.marker.evaluate({"extra": ""}):
            continue
        try:
            found = metadata.version(wanted.name)
        except metadata.PackageNotFoundError:
            found = ""
        fits = bool(found) and wanted.specifier.contains(found, prereleases=True)
        packages[wanted.name] = {"version": found, "wanted": str(wanted.specifier), "fits": fits}
    return {
        "glam-eval": __version__,
        "python": platform.python_version(),
        "program": sys.executable,
        "platform": platform.platform(aliased=True, terse=True),
        "packages": packages,
    }


def _requirements() -> list[str]:
    try:
        return metadata.requires("glam-eval") or []
    except metadata.PackageNotFoundError:
        return []


def kernels() -> Facts:
    """Return whose kernels compute on processors here, and why."""
    try:
        found = compiler()
    except UserError as error:
        return {"kind": "none", "why": str(error)}
    if found.command:
        return {"kind": "compiled", "why": f"{found.command[0]} compiles for this processor"}
    return {"kind": "torch", "why": found.missing or f"{SWITCH}=torch asks for them"}


def processors() -> Facts:
    """Return how many processors the machine has, affinity leaves, and may be used after all limits."""
    return {
        "machine": os.cpu_count() or 1,
        "affinity": allowed_processors(),
        "usable": available_processors(),
        "slurm": os.environ.get(SLURM, ""),
    }


def gpus() -> Facts:
    """Return the GPUs that NVIDIA's driver names, and whether the torch that is installed can use them."""
    built = (torch_built_for() or {}).get("cuda", "")
    program = shutil.which("nvidia-smi")
    if program is None:
        return {"names": [], "torch_cuda": built, "why": "there is no nvidia-smi"}
    command = [program, "--query-gpu=name,memory.total,driver_version", "--format=csv,noheader"]
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            timeout=_ANSWER_SECONDS,
            check=True,
            stdin=subprocess.DEVNULL,
        )
    except (OSError, subprocess.SubprocessError) as error:
        return {"names": [], "torch_cuda": built, "why": f"nvidia-smi fails: {type(error).__name__}"}
    names = [line.strip() for line in done.stdout.splitlines() if line.strip()]
    return {"names": names, "torch_cuda": built, "why": "" if names else "nvidia-smi names none"}


def torch_built_for() -> dict[str, str] | None:
    """Return the versions of CUDA and HIP that torch was built for, empty for none; None if it doesn't say.

    Its own file is read: to load torch takes a second.
    """
    found = importlib.util.find_spec("torch")
    file = Path(found.origin).with_name("version.py") if found and found.origin else None
    if file is None or not file.is_file():
        return None
    told = runpy.run_path(str(file))
    return {name: str(told[name] or "") for name in ("cuda", "hip") if name in told}


def hub() -> Facts:
    """Return whether the Hugging Face hub answers, where it is, and why it is not asked."""
    address = os.environ.get("HF_ENDPOINT", "https://huggingface.co")
    for name in _OFFLINE:
        if os.environ.get(name, "0").lower() in ("1", "true", "yes", "on"):
            return {"address": address, "reachable": False, "why": f"{name} says not to ask it"}
    try:
        request = urllib.request.Request(address, method="HEAD")
        with urllib.request.urlopen(request, timeout=_ANSWER_SECONDS):
            return {"address": address, "reachable": True, "why": ""}
    except urllib.error.HTTPError:  # an answer, whatever it says
        return {"address": address, "reachable": True, "why": ""}
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", error)
        return {"address": address, "reachable": False, "why": str(reason) or type(error).__name__}


def slurm() -> Facts:
    """Return whether Slurm is here, and which job this is."""
    return {"sbatch": shutil.which("sbatch") or "", "job": os.environ.get("SLURM_JOB_ID", "")}


def caches() -> Facts:
    """Return where compiled kernels and models are kept, and the bytes free there and here."""
    home = os.environ.get("XDG_CACHE_HOME") or str(Path("~/.cache").expanduser())
    hugging_face = os.environ.get("HF_HOME") or str(Path(home) / "huggingface")
    places = {
        "kernels": Path(home) / "glam-eval",
        "models": Path(os.environ.get("HF_HUB_CACHE") or Path(hugging_face) / "hub"),
        "here": Path.cwd(),
    }
    return {name: {"path": str(path), "free": _free(path)} for name, path in places.items()}


def _free(path: Path) -> int:
    """Return the bytes that this user may still write where a directory is, or would be."""
    existing = next((each for each in (path, *path.parents) if each.exists()), Path("/"))
    return shutil.disk_usage(existing).free
