"""A Slurm of two emulated nodes on this machine, from Debian's packages: needs root, but no systemd."""

import contextlib
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGES = ("slurmctld", "slurmd", "slurm-client", "munge")
NODES = ("node1", "node2")
_APT = [
    f"-o{option}"
    for option in (
        "Acquire::Retries=0",
        "Acquire::http::Timeout=10",
        "Acquire::https::Timeout=10",
        "DPkg::Lock::Timeout=300",
    )
]
_CONFIGURATION = """ClusterName=glam
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={ports[0]}
AuthType=auth/munge
AuthInfo=socket={here}/munge.socket,cred_expire=5
CredType=cred/munge
SlurmUser=root
SlurmdUser=root
SlurmdParameters=config_overrides
StateSaveLocation={here}/state
SlurmdSpoolDir={here}/spool.%n
SlurmctldPidFile={here}/slurmctld.pid
SlurmdPidFile={here}/slurmd.%n.pid
SlurmctldLogFile={here}/slurmctld.log
SlurmdLogFile={here}/slurmd.%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
MpiDefault=none
SchedulerParameters=batch_sched_delay=0,sched_interval=1,bf_interval=1
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
ReturnToService=2
KillWait=5
GresTypes=gpu
MaxArraySize={largest}
MaxJobCount=20000
NodeName=node1 NodeHostname={host} NodeAddr=127.0.0.1 Port={ports[1]} CPUs={cpus} Gres=gpu:{gpus}
NodeName=node2 NodeHostname={host} NodeAddr=127.0.0.1 Port={ports[2]} CPUs={cpus} Gres=gpu:{gpus}
PartitionName=main Nodes=node1,node2 Default=YES MaxTime=INFINITE State=UP
"""


class NoSlurmError(Exception):
    """This machine can't have a Slurm; the message says why."""


def why_not() -> str:
    """Why no cluster can be started here, as far as that shows without trying."""
    if os.geteuid():
        return "a Slurm of its own needs root"
    if not _has_programs() and not shutil.which("apt-get"):
        return f"there is no apt-get to install {', '.join(PACKAGES)}"
    return ""


@contextlib.contextmanager
def running(here: Path, cpus: int = 1) -> Iterator["SlurmCluster"]:
    """A cluster that this process's programs find; skips the test on a machine that can't have one."""
    try:
        made = SlurmCluster(here, cpus)
    except NoSlurmError as error:
        pytest.skip(str(error))
    with pytest.MonkeyPatch.context() as patch:
        for name, value in made.environment.items():
            patch.setenv(name, value)
        try:
            yield made
            made.ask("scancel", "--user=root")
            made.wait_until(lambda: not made.ask("squeue", "-h"), 60)
        finally:
            made.stop()


class SlurmCluster:
    """Two nodes with pretend GPUs: /dev/null under the names of devices."""

    def __init__(self, here: Path, cpus: int = 1, gpus: int = 2, largest: int = 1001) -> None:
        self.here = here
        self.environment = {"SLURM_CONF": str(here / "slurm.conf")}
        if not _has_programs():
            _install()
        for name in ("state", "dev", *(f"spool.{node}" for node in NODES)):
            (here / name).mkdir(parents=True)
        try:
            for number in range(gpus):
                os.mknod(here / "dev" / f"nvidia{number}", 0o20666, os.makedev(1, 3))
        except PermissionError:
            raise NoSlurmError("this root may make no devices") from None
        devices = f"{here}/dev/nvidia[0-{gpus - 1}]" if gpus > 1 else f"{here}/dev/nvidia0"
        (here / "gres.conf").write_text(f"NodeName=node[1-2] Name=gpu File={devices}\n")
        text = _CONFIGURATION.format(
            here=here, host=socket.gethostname(), ports=_ports(3), cpus=cpus, gpus=gpus, largest=largest
        )
        (here / "slurm.conf").write_text(text)
        key = here / "munge.key"
        key.write_bytes(os.urandom(1024))
        key.chmod(0o600)
        options = {"key-file": key, "socket": here / "munge.socket", "pid-file": here / "munged.pid"}
        options |= {"log-file": here / "munged.log", "seed-file": here / "munged.seed"}
        try:
            self.ask("munged", "--force", *(f"--{name}={value}" for name, value in options.items()))
            self.ask("slurmctld", "-c")
            for node in NODES:
                self.ask("slurmd", "-N", node)
            self.wait_until(lambda: self.ask("sinfo", "-h", "-N", "-o", "%T").split() == ["idle"] * 2, 60)
        except BaseException:
            self.stop()
            raise

    def ask(self, *command: str) -> str:
        """What a program of this cluster's Slurm answers."""
        done = subprocess.run(
            command, env=os.environ | self.environment, capture_output=True, text=True, timeout=120
        )
        assert done.returncode == 0, f"{command}: {done.stderr}"
        return done.stdout

    def lose(self, node: str) -> None:
        """Kill a node's daemon and all that runs under it, as a power cut does, and tell Slurm of it."""
        daemon = int((self.here / f"slurmd.{node}.pid").read_text())
        steps = [step for step in _children(1) + _children(daemon) if _is_step_of(step, node)]
        for process in [daemon, *(each for step in steps for each in [step, *_descendants(step)])]:
            _kill(process)
        self.ask("scontrol", "update", f"nodename={node}", "state=down", "reason=lost")

    def bring_back(self, node: str) -> None:
        """Start a lost node's daemon again, and have Slurm take it."""
        self.ask("slurmd", "-N", node)
        with contextlib.suppress(AssertionError):  # Slurm may have taken it by itself, at once
            self.ask("scontrol", "update", f"nodename={node}", "state=resume")

    def jobs_on(self, node: str) -> list[str]:
        """The jobs that run on a node."""
        return self.ask("squeue", "-h", "-t", "RUNNING", "-w", node, "-o", "%i").split()

    def wait_until(self, holds, seconds: float) -> None:
        """Wait until something holds; fails after so many seconds."""
        deadline = time.monotonic() + seconds
        while not holds():
            assert time.monotonic() < deadline, self.ask("squeue") + self.ask("sinfo", "-N")
            time.sleep(0.2)

    def stop(self) -> None:
        """End all daemons."""
        for name in ("slurmd.node1", "slurmd.node2", "slurmctld", "munged"):
            file = self.here / f"{name}.pid"
            if file.exists():
                _kill(int(file.read_text()), 15)


def _has_programs() -> bool:
    return all(shutil.which(name) for name in ("slurmctld", "slurmd", "sbatch", "munged"))


def _install() -> None:
    """Install the packages; an index that does not answer at once is taken to be out of reach."""
    asked = ("install", "-y", "-qq", "--no-install-recommends")
    steps = (("update", "-qq"), (*asked, "--download-only", *PACKAGES), (*asked, *PACKAGES))
    for step, seconds in zip(steps, (120, 120, None), strict=True):  # dpkg is not to be killed
        try:
            subprocess.run(
                ["apt-get", *_APT, *step],
                env=os.environ | {"DEBIAN_FRONTEND": "noninteractive"},
                check=True,
                capture_output=True,
                text=True,
                timeout=seconds,
            )
        except subprocess.TimeoutExpired:
            raise NoSlurmError(f"apt-get {step[0]} got nothing in {seconds} s") from None
        except subprocess.CalledProcessError as error:
            reason = error.stderr.strip().splitlines()[:1] or [f"exit code {error.returncode}"]
            raise NoSlurmError(f"apt-get {step[0]}: {reason[0]}") from None


def _ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def _children(parent: int) -> list[int]:
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if int(fields[1]) == parent:
                found.append(int(entry.name))
    return found


def _descendants(process: int) -> list[int]:
    children = _children(process)
    return children + [each for child in children for each in _descendants(child)]


def _is_step_of(process: int, node: str) -> bool:
    """Whether a process is a slurmstepd whose job's environment names a node."""
    try:
        if "slurmstepd" not in Path(f"/proc/{process}/comm").read_text():
            return False
        environments = [Path(f"/proc/{each}/environ").read_bytes() for each in _descendants(process)]
    except OSError:
        return False
    return any(f"SLURMD_NODENAME={node}\0".encode() in each for each in environments)


def _kill(process: int, number: int = 9) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(process, number)
