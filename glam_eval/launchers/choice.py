"""Which launcher a person asked for, and whether what they asked for goes together."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import get_args

from glam_eval.config.launching import LauncherName, SlurmConfig, with_options
from glam_eval.config.suite import SuiteConfig
from glam_eval.core.errors import UserError, unknown
from glam_eval.launchers.base import Launcher
from glam_eval.launchers.local import LocalLauncher
from glam_eval.launchers.ray_tasks import RayLauncher
from glam_eval.launchers.slurm import SlurmLauncher

_LAST_JOB = ("-m", "glam_eval.suites.last_job")


@dataclass(frozen=True, slots=True)
class Choice:
    """What was asked for on the command line."""

    name: str
    device: str = "auto"
    slurm: Sequence[str] = ()  # options, key=value
    address: str | None = None
    wait: bool = False
    summary: bool = True

    @property
    def is_local(self) -> bool:
        """Whether runs are carried out by processes of this one."""
        return self.name == LocalLauncher.name

    def check(self, suite: SuiteConfig) -> None:
        """Raise a UserError if the launcher does not exist, or options are another one's."""
        if self.name not in get_args(LauncherName):
            raise unknown("launcher", self.name, get_args(LauncherName))
        for given, option, owner in (
            (bool(self.slurm), "--slurm", SlurmLauncher.name),
            (self.wait, "--wait", SlurmLauncher.name),
            (self.address is not None, "--address", RayLauncher.name),
        ):
            if given and self.name != owner:
                raise UserError(f"{option} goes with --launcher {owner}, not with {self.name}")
        most, gpus = max(planned.devices for planned in suite.graph), self.settings(suite).gpus
        if self.name == SlurmLauncher.name and gpus is not None and gpus < most:
            raise UserError(
                f"policy.devices = {most}, and gres asks for {gpus} of them: give gres=gpu:{most}"
            )

    def settings(self, suite: SuiteConfig) -> SlurmConfig:
        """Return what a task asks Slurm for: the suite's settings, with the options in place of some."""
        return with_options(suite.slurm, self.slurm)


def make_launcher(choice: Choice, suite: SuiteConfig, devices: Sequence[str]) -> Launcher:
    """Return a launcher; ``devices`` are those of this machine, for the one that uses it."""
    if choice.name == RayLauncher.name:
        return RayLauncher(choice.address, choice.device)
    if choice.name == SlurmLauncher.name:
        last = [sys.executable, *_LAST_JOB, *([] if choice.summary else ["--no-summary"])]
        return SlurmLauncher(choice.settings(suite), choice.device, choice.wait, last)
    return LocalLauncher(devices)
