"""The program: its commands, and what each kind of error looks like to a person."""

import contextlib
import signal
import sys
from collections.abc import Sequence

import typer

from glam_eval.cli import (
    agents,
    analyze,
    bench,
    cancel,
    clone,
    compact,
    doctor,
    envs,
    evaluate,
    export,
    import_runs,
    models,
    play,
    run_suite,
    status,
    suites,
    train,
    watch,
)
from glam_eval.core.console import make_streams_readable
from glam_eval.core.errors import RunFailedError, UserError, described
from glam_eval.core.process import import_nothing_from_here
from glam_eval.core.signals import EndedError, ending_signals_raise
from glam_eval.core.text import one_line, printable

DONE, RUN_FAILED, WRONG_INPUT, INTERRUPTED = 0, 1, 2, 130
_KEPT = "everything so far is kept; the same command continues"

app = typer.Typer(
    name="glam-eval",
    help="Study whether language models that act, and learn while acting, come to mean what they say.",
    add_completion=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
)
for module in (
    run_suite,
    status,
    watch,
    cancel,
    train,
    clone,
    evaluate,
    analyze,
    export,
    compact,
    suites,
    agents,
    models,
    import_runs,
    envs,
    play,
    bench,
    doctor,
):
    module.register(app)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program; return its exit code.

    0 done, 1 a run failed, 2 wrong input, 130 interrupted; 143 and 129 ended by SIGTERM or SIGHUP.
    """
    arguments = sys.argv[1:] if arguments is None else arguments
    make_streams_readable()
    import_nothing_from_here()
    try:
        with ending_signals_raise():
            return _answer(arguments or ["--help"])
    except EndedError as error:
        return _say(f"ended by {signal.Signals(error.number).name}: {_KEPT}", error.exit_code)
    except KeyboardInterrupt:
        return _say(f"interrupted: {_KEPT}", INTERRUPTED)


def _answer(arguments: Sequence[str]) -> int:
    """Run a command; return its exit code, with one line on standard error where that is not 0."""
    try:
        code = app(args=arguments, standalone_mode=False)
    except UserError as error:
        return _say(one_line(str(error)), WRONG_INPUT)
    except RunFailedError as error:
        return _say(str(error), RUN_FAILED)
    except typer.TyperException as error:
        message = one_line(getattr(error, "format_message", error.__str__)())
        return _say(message, WRONG_INPUT) if message else DONE  # a group's help was asked for and is printed
    except ModuleNotFoundError as error:
        if error.name in ("torch", "transformers", "minigrid", "gymnasium"):
            return _say(f"this needs {error.name}: pip install glam-eval, with its dependencies", WRONG_INPUT)
        raise
    except typer.Abort:
        raise KeyboardInterrupt from None
    except BrokenPipeError:
        return DONE
    except OSError as error:
        return _say(described(error), WRONG_INPUT)
    if code == INTERRUPTED:  # typer turns an interrupt into this code
        raise KeyboardInterrupt
    return code if isinstance(code, int) else DONE


def _say(message: str, code: int) -> int:
    with contextlib.suppress(OSError):  # the terminal may be gone
        print(printable(f"glam-eval: {message}"), file=sys.stderr)
    return code
