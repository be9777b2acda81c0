"""The program: its commands, and what each kind of error looks like to a person."""

import sys
from collections.abc import Sequence

import typer

from glam_eval.cli import (
    analyze,
    bench,
    clone,
    compact,
    envs,
    evaluate,
    import_runs,
    models,
    play,
    run_suite,
    suites,
    train,
)
from glam_eval.core.errors import RunFailedError, UserError

DONE, RUN_FAILED, WRONG_INPUT, INTERRUPTED = 0, 1, 2, 130

app = typer.Typer(
    name="glam-eval",
    help="Study whether language models that act, and learn while acting, come to mean what they say.",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
)
for module in (
    run_suite,
    train,
    clone,
    evaluate,
    analyze,
    compact,
    suites,
    models,
    import_runs,
    envs,
    play,
    bench,
):
    module.register(app)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program; return its exit code: 0 done, 1 a run failed, 2 wrong input, 130 interrupted."""
    arguments = sys.argv[1:] if arguments is None else arguments
    try:
        code = app(args=arguments or ["--help"], standalone_mode=False)
    except UserError as error:
        return _say(str(error), WRONG_INPUT)
    except RunFailedError as error:
        return _say(str(error), RUN_FAILED)
    except typer.TyperException as error:
        return _say(_one_line(error), WRONG_INPUT)
    except ModuleNotFoundError as error:
        if error.name in ("torch", "transformers", "minigrid", "gymnasium"):
            return _say(f"this needs {error.name}: pip install glam-eval, with its dependencies", WRONG_INPUT)
        raise
    except (KeyboardInterrupt, typer.Abort):
        code = INTERRUPTED
    except BrokenPipeError:
        return DONE
    except OSError as error:
        name = f" {error.filename!r}" if error.filename else ""
        return _say(f"{error.strerror or error}{name}", WRONG_INPUT)
    if code == INTERRUPTED:  # typer turns an interrupt into this code
        return _say("interrupted: everything so far is kept; the same command continues", INTERRUPTED)
    return code if isinstance(code, int) else DONE


def _one_line(error: typer.TyperException) -> str:
    message: str = getattr(error, "format_message", error.__str__)()
    return " ".join(message.split())


def _say(message: str, code: int) -> int:
    print(f"glam-eval: {message}", file=sys.stderr)
    return code
