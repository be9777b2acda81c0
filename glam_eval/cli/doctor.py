"""``glam-eval doctor``: what a study would meet here, why, and what will be slow."""

from collections.abc import Iterator
from typing import Annotated, Any

import typer

Facts = dict[str, Any]
_SMALL = 4 * 2**30  # bytes: what FLAN-T5-small's updates take
_LOW_DISK = 2 * 2**30  # bytes: checkpoints and tables of a study of small models


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command("doctor")(doctor)


def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="Print the facts as JSON.")] = False,
) -> None:
    """Tell what a study would meet on this machine, why, and what will be slow.

    Versions, kernels, processors, memory, GPU, the hub, Slurm, caches: within 3 seconds, changing nothing.

    Examples: `glam-eval doctor`, `glam-eval doctor --json`
    """
    from glam_eval.core.console import Console, Table, print_json
    from glam_eval.core.surroundings import surroundings

    facts = surroundings()
    slow = list(concerns(facts))
    if as_json:
        print_json({**facts, "slow": slow})
        return
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    for name, text in _lines(facts):
        table.add_row(name, text)
    for place, text in enumerate(slow):
        table.add_row("" if place else "will be slow", text)
    if not slow:
        table.add_row("will be slow", "nothing that is known of")
    Console().print(table)


def _lines(facts: Facts) -> Iterator[tuple[str, str]]:
    versions, gpus, hub = facts["versions"], facts["gpus"], facts["hub"]
    yield "glam-eval", f"{versions['glam-eval']}, Python {versions['python']}, {versions['platform']}"
    found = versions["packages"]
    yield "packages", ", ".join(f"{name} {each['version'] or 'missing'}" for name, each in found.items())
    yield "kernels", f"{facts['kernels']['kind']}: {facts['kernels']['why']}"
    cores = facts["processors"]
    yield "processors", f"{cores['usable']} usable; affinity {cores['affinity']}, machine {cores['machine']}"
    memory = facts["memory"]
    yield "memory", ", ".join(f"{_gib(size)} {name}" for name, size in memory.items()) or "unknown"
    built = f"torch for CUDA {gpus['torch_cuda']}" if gpus.get("torch_cuda") else "torch without CUDA"
    yield "GPU", f"{'; '.join(gpus['names']) or 'none, ' + gpus['why']}; {built}"
    yield "hub", f"{hub.get('address', '')} " + ("answers" if hub["reachable"] else f"not: {hub['why']}")
    slurm = facts["slurm"]
    job = f", in job {slurm['job']}" if slurm["job"] else ""
    yield "Slurm", (slurm["sbatch"] or "no sbatch") + job
    for name, place in facts["caches"].items():
        yield ("caches" if name == "kernels" else ""), f"{name}: {place['path']}, {_gib(place['free'])} free"


def concerns(facts: Facts) -> Iterator[str]:
    """Yield what will be slow, or not work, and what helps, a sentence each."""
    for name, found in facts["versions"]["packages"].items():
        if not found["fits"]:
            told = found["version"] or "missing"
            yield f"{name} is {told}, and {found['wanted']} is needed: install glam-eval again"
    gpus, kernels, cores = facts["gpus"], facts["kernels"], facts["processors"]
    if gpus["names"] and not gpus.get("torch_cuda"):
        yield "the GPU is idle: torch is built without CUDA; install one that has it"
    if kernels["kind"] != "compiled":
        yield f"T5 on processors: {kernels['why']}; a C compiler (cc, or CC) makes it faster"
    if not gpus["names"]:
        yield "suites at FLAN-T5's scale: without a GPU take the ones that end in -cpu"
    if cores["usable"] < cores["machine"]:
        yield f"only {cores['usable']} of {cores['machine']} processors may be used here"
    memory = facts["memory"]
    if min(memory.get("available", _SMALL), memory.get("limit", _SMALL)) < _SMALL:
        yield "little memory: the models that ship fit, larger ones may not (--dry-run tells)"
    if not facts["hub"]["reachable"]:
        yield "the hub: models that are not on this machine yet can't be had; those that ship can"
    if facts["caches"]["here"]["free"] < _LOW_DISK:
        yield "the disk is nearly full here: a study stores checkpoints; give another --out"


def _gib(size: int) -> str:
    return f"{size / 2**30:,.1f} GiB"
