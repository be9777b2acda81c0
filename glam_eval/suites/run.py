"""Runs a suite from nothing, or from where it was left, to its report."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from glam_eval.config.agents import describe_agent
from glam_eval.config.suite import SuiteConfig
from glam_eval.core.errors import RunFailedError, UserError, unknown
from glam_eval.suites.directory import claimed, remaining
from glam_eval.suites.display import Display
from glam_eval.suites.messages import Plan, log_file
from glam_eval.suites.scheduler import Outcome, Scheduler


@dataclass(frozen=True, slots=True)
class Resources:
    """What a suite may use: one worker for each device entry."""

    devices: tuple[str, ...]


def make_plans(suite: SuiteConfig) -> list[Plan]:
    """Return one plan for each distinct run of a suite."""
    return [Plan(suite.name, config, protocols) for config, protocols in suite.questions()]


def validate(suite: SuiteConfig) -> None:
    """Check every name that a suite uses, before anything starts; raises UserError."""
    from glam_eval.environments.catalogue import make_scenes
    from glam_eval.language import speaker, template_names
    from glam_eval.policies.models.shapes import check_model_name

    for config in suite.runs():
        world = config.environment
        make_scenes(world.level, **world.options)
        if world.template not in template_names():
            raise unknown("template", world.template, template_names())
        speaker(world.language, world.shift)
        agent = describe_agent(config.agent)
        if agent.uses_model:
            check_model_name(config.model)
            if Path(config.model).is_dir() and not (Path(config.model) / "config.json").is_file():
                raise UserError(f"{config.model!r} holds no language model: it has no config.json")
        if agent.learner == "cloning":
            from glam_eval.training.demonstrations import check_source

            check_source(config, speaker(world.language, world.shift).actions(world.actions))
        for protocol in suite.protocols:
            for condition in protocol.conditions:
                speaker(world.language, condition.shift)
                if condition.level or condition.options:
                    make_scenes(condition.level or world.level, **condition.options)


def choose_resources(suite: SuiteConfig, workers: int | None, device: str) -> Resources:
    """Divide the machine: a worker a GPU, or a worker for each ``threads`` cores."""
    from glam_eval.policies.devices import available_devices

    devices = available_devices(device)
    if devices[0] == "cpu":
        count = workers or max(1, (os.cpu_count() or 1) // suite.threads)
        return Resources(("cpu",) * count)
    count = workers or len(devices)
    return Resources(tuple(devices[index % len(devices)] for index in range(count)))


def run_suite(suite: SuiteConfig, out: Path, resources: Resources, fresh: bool, console: Console) -> Outcome:
    """Carry out what is not finished yet; results are in ``out`` whatever happens.

    Raises UserError if the directory is another suite's or in use.
    """
    with claimed(out, suite, fresh):
        plans = make_plans(suite)
        todo = remaining(out, plans)
        with Display(todo, len(plans) - len(todo), console) as display:
            scheduler = Scheduler(
                out, resources.devices, suite.threads, display.observe, suite.silence_seconds
            )
            return scheduler.run(todo) if todo else Outcome([], {}, False)


def run_alone(values: dict[str, Any], out: Path, device: str, console: Console) -> Path:
    """Carry out a suite of a single run, given as a suite's settings; return its last checkpoint.

    Raises UserError on wrong settings, RunFailedError if the run fails, KeyboardInterrupt if interrupted.
    """
    suite = SuiteConfig.parse(values, source="settings")
    validate(suite)
    outcome = run_suite(suite, out, choose_resources(suite, 1, device), False, console)
    if outcome.interrupted:
        raise KeyboardInterrupt
    if outcome.failed:
        raise failure(outcome, out)
    return max((out / "checkpoints" / suite.runs()[0].run_id).glob("frames-*"))


def failure(outcome: Outcome, out: Path) -> RunFailedError:
    """Return the error that names every failed run, why, and where its log is."""
    lines = [
        f"{run_id}: {reason} (log: {log_file(out, run_id)})" for run_id, reason in outcome.failed.items()
    ]
    return RunFailedError("\n".join([f"{len(lines)} runs failed, the others' results are stored:", *lines]))
