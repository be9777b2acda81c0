"""Runs a suite from nothing, or from where it was left, to its report."""

from collections.abc import Sequence
from pathlib import Path

from glam_eval.config.agents import describe_agent
from glam_eval.config.demonstrations import DemonstrationsConfig
from glam_eval.config.suite import SuiteConfig
from glam_eval.core.console import Console, styled
from glam_eval.core.errors import unknown
from glam_eval.core.files import refuse_links
from glam_eval.core.processors import available_processors
from glam_eval.results import finished_runs
from glam_eval.suites.directory import claimed, remaining
from glam_eval.suites.display import Display
from glam_eval.suites.failures import FailureLog, failure, forget_failures
from glam_eval.suites.messages import Message
from glam_eval.suites.plan import in_order
from glam_eval.suites.scheduler import Outcome, Scheduler


def validate(suite: SuiteConfig) -> None:
    """Check every name that a suite uses, before anything starts; raises UserError."""
    from glam_eval.environments.catalogue import make_scenes
    from glam_eval.execution.demonstrations import check_demonstrations
    from glam_eval.language import speaker, template_names
    from glam_eval.policies.models.shapes import check_model_name
    from glam_eval.protocols.retention import check_measurable
    from glam_eval.protocols.scenes import check_scenes

    for planned in suite.graph:
        config = planned.config
        world = config.environment
        make_scenes(world.level, **world.options)
        if world.template not in template_names():
            raise unknown("template", world.template, template_names())
        speaker(world.language, world.shift)
        check_demonstrations(config)
        if isinstance(config, DemonstrationsConfig):
            continue
        if describe_agent(config.agent).uses_model:
            check_model_name(config.model)
        for protocol in planned.protocols:
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
        return ("cpu",) * (workers or max(1, available_processors() // suite.threads))
    return tuple(devices[index % len(devices)] for index in range(workers or len(devices)))


def run_suite(
    suite: SuiteConfig, out: Path, devices: Sequence[str], fresh: bool, console: Console
) -> Outcome:
    """Carry out what is not finished yet, a worker a device; results are in ``out`` whatever happens.

    Raises UserError if the directory is another suite's or in use, or holds symbolic links.
    """
    refuse_links(out)
    with claimed(out, suite, fresh):
        console.print(styled((suite.title, "bold"), f"  {suite.question}"))
        runs = in_order(suite)
        todo = remaining(out, runs)
        forget_failures(out, todo)
        failures = FailureLog(out, todo, devices)
        with Display(todo, len(runs) - len(todo), console) as display:

            def observe(message: Message) -> None:
                failures.observe(message)
                display.observe(message)

            scheduler = Scheduler(out, devices, suite.threads, observe, suite.silence_seconds)
            return scheduler.run(todo) if todo else Outcome([], {})


def any_finished(suite: SuiteConfig, out: Path) -> bool:
    """Return whether there is a run whose results are complete."""
    finished = finished_runs(out)
    return any(run.run_id in finished for run in suite.runs())


def run_alone(suite: SuiteConfig, out: Path, device: str, console: Console) -> Path:
    """Carry out a suite of a single agent, and what its run needs; return its last checkpoint.

    Raises:
        UserError: on names that don't exist.
        RunFailedError: if the run fails.
        KeyboardInterrupt, EndedError: if it is interrupted.
    """
    validate(suite)
    outcome = run_suite(suite, out, choose_devices(suite, 1, device), False, console)
    if outcome.interrupted:
        raise outcome.interrupted
    if outcome.failed:
        raise failure(outcome.failed, out, others=False)
    return max((out / "checkpoints" / suite.graph[-1].run_id).glob("frames-*"))
