"""Runs a suite from nothing, or from where it was left, to its report."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from glam_eval.config.agents import describe_agent
from glam_eval.config.suite import SuiteConfig
from glam_eval.core.errors import UserError, unknown
from glam_eval.suites.directory import claimed, remaining
from glam_eval.suites.display import Display
from glam_eval.suites.failures import FailureLog, failure, forget_failures
from glam_eval.suites.messages import Message
from glam_eval.suites.plan import make_plans
from glam_eval.suites.scheduler import Outcome, Scheduler


def validate(suite: SuiteConfig) -> None:
    """Check every name that a suite uses, before anything starts; raises UserError."""
    from glam_eval.environments.catalogue import make_scenes
    from glam_eval.language import speaker, template_names
    from glam_eval.policies.models.shapes import check_model_name
    from glam_eval.protocols.retention import check_measurable
    from glam_eval.protocols.scenes import check_scenes

    for config, protocols in suite.questions():
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
        for protocol in protocols:
            if protocol.name == "retention":
                check_measurable(config.model)
            for condition in protocol.conditions:
                speaker(world.language, condition.shift)
                if protocol.plays:
                    check_scenes(config, protocol, condition)


def choose_devices(suite: SuiteConfig, workers: int | None, device: str) -> tuple[str, ...]:
    """Divide the machine: return the device of each worker, one a GPU or one for each ``threads`` cores."""
    from glam_eval.policies.devices import available_devices

    devices = available_devices(device)
    if devices[0] == "cpu":
        return ("cpu",) * (workers or max(1, (os.cpu_count() or 1) // suite.threads))
    return tuple(devices[index % len(devices)] for index in range(workers or len(devices)))


def run_suite(
    suite: SuiteConfig, out: Path, devices: Sequence[str], fresh: bool, console: Console
) -> Outcome:
    """Carry out what is not finished yet, a worker a device; results are in ``out`` whatever happens.

    Raises UserError if the directory is another suite's or in use.
    """
    with claimed(out, suite, fresh):
        console.print(f"[bold]{suite.title}[/]  {suite.question}", highlight=False)
        plans = make_plans(suite)
        todo = remaining(out, plans)
        forget_failures(out, todo)
        failures = FailureLog(out, todo, devices)
        with Display(todo, len(plans) - len(todo), console) as display:

            def observe(message: Message) -> None:
                failures.observe(message)
                display.observe(message)

            scheduler = Scheduler(out, devices, suite.threads, observe, suite.silence_seconds)
            return scheduler.run(todo) if todo else Outcome([], {}, False)


def any_finished(suite: SuiteConfig, out: Path) -> bool:
    """Return whether there is a run whose results are complete."""
    plans = make_plans(suite)
    return len(remaining(out, plans)) < len(plans)


def run_alone(values: dict[str, Any], out: Path, device: str, console: Console) -> Path:
    """Carry out a suite of a single run, given as a suite's settings; return its last checkpoint.

    Raises UserError on wrong settings, RunFailedError if the run fails, KeyboardInterrupt if interrupted.
    """
    suite = SuiteConfig.parse(values, source="settings")
    validate(suite)
    outcome = run_suite(suite, out, choose_devices(suite, 1, device), False, console)
    if outcome.interrupted:
        raise KeyboardInterrupt
    if outcome.failed:
        raise failure(outcome.failed, out)
    return max((out / "checkpoints" / suite.runs()[0].run_id).glob("frames-*"))
