"""What was exported, sent to a hub through its own client, which alone knows who is logged in."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from huggingface_hub import HfApi, get_token
from huggingface_hub.errors import (
    HfHubHTTPError,
    HFValidationError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
)

from glam_eval.core.errors import UserError, first_line
from glam_eval.core.files import refuse_links

_MARKS = {  # a file or folder of what `export` writes -> what it is on a hub
    "croissant.json": "dataset",
    "data/babyai-text": "dataset",
    "adapter_config.json": "model",
    "config.json": "model",
}
_FORBIDDEN = (401, 403)


@dataclass(frozen=True)
class Sent:
    """Where something went: its address, and how many files it was."""

    address: str
    files: int


def push(directory: Path, repository: str, create: bool = False, pull_request: bool = False) -> Sent:
    """Send an exported directory to a repository of a hub; ``HF_ENDPOINT`` says of which.

    Args:
        directory: What ``glam-eval export`` wrote.
        repository: "owner/name".
        create: Whether the repository is made where it isn't there, private.
        pull_request: Whether it is proposed instead of written.

    Raises:
        UserError: The directory was not exported, nobody is logged in, or the hub refuses or doesn't answer.
    """
    kind = _kind(directory)
    if get_token() is None:
        raise UserError("nobody is logged in to the hub: hf auth login, or set HF_TOKEN")
    files = [file for file in directory.rglob("*") if file.is_file()]
    api = HfApi(library_name="glam-eval")
    try:
        if create:
            api.create_repo(repository, repo_type=kind, private=True, exist_ok=True)
        else:
            api.repo_info(repository, repo_type=kind)
        done = api.upload_folder(
            repo_id=repository,
            repo_type=kind,
            folder_path=directory,
            commit_message="Exported by glam-eval",
            create_pr=pull_request,
        )
    except Exception as error:  # the client lets errors of its HTTP library through, whichever that is
        raise UserError(_reason(error, repository, kind, api.endpoint)) from error
    return Sent(str(done.pr_url or done.commit_url) if pull_request else str(done.commit_url), len(files))


def _kind(directory: Path) -> str:
    """Return what a directory is on a hub, "dataset" or "model"."""
    kind = next((kind for mark, kind in _MARKS.items() if (directory / mark).exists()), None)
    if kind is None:
        raise UserError(f"{str(directory)!r} was not exported: give what glam-eval export wrote")
    refuse_links(directory)
    return kind


def _reason(error: Any, repository: str, kind: str, endpoint: str) -> str:
    """Return in one line why a hub took nothing, and what to do."""
    status = error.response.status_code if isinstance(error, HfHubHTTPError) else None
    if status in _FORBIDDEN and not isinstance(error, RepositoryNotFoundError):
        return f"{endpoint} does not let you write to {repository!r}: log in as who may (hf auth whoami)"
    if isinstance(error, RepositoryNotFoundError):
        return f"{endpoint} has no {kind} {repository!r} that you may see: --create makes one"
    if isinstance(error, HFValidationError):
        return f"{repository!r} is no name of a repository: give OWNER/NAME"
    if isinstance(error, OfflineModeIsEnabled) or os.environ.get("HF_HUB_OFFLINE") == "1":
        return "HF_HUB_OFFLINE is set: unset it to send"
    if status is not None:
        return f"{endpoint} refused it: {first_line(error)}"
    if isinstance(error, ValueError):  # what the client checks before it sends anything
        return f"{repository!r} can't be sent: {first_line(error)}"
    return f"{endpoint} does not answer: {first_line(error)}"
