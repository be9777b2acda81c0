"""The program: its commands, and what each kind of error looks like to a person."""

import sys
from collections.abc import Sequence

import click
import typer

from glam_eval.cli import bench, envs, evaluate, models, play, run_suite, suites, train
from glam_eval.core.errors import RunFailedError, UserError

DONE, RUN_FAILED, WRONG_INPUT, INTERRUPTED = 0, 1, 2, 130

app = typer.Typer(
    name="glam-eval",
    help="Study whether language models that act, and learn while acting, come to mean what they say.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
)
for module in (run_suite, train, evaluate, suites, models, envs, play, bench):
    module.register(app)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program; return its exit code: 0 done, 1 a run failed, 2 wrong input, 130 interrupted."""
    try:
        code = app(args=arguments, standalone_mode=False)
    except UserError as error:
        return _say(str(error), WRONG_INPUT)
    except RunFailedError as error:
        return _say(str(error), RUN_FAILED)
    except click.exceptions.NoArgsIsHelpError as error:
        print(error.ctx.get_help() if error.ctx else error.format_message())
        return WRONG_INPUT
    except click.ClickException as error:
        return _say(error.format_message().replace("\n", " "), WRONG_INPUT)
    except (KeyboardInterrupt, click.Abort):
        return _say("interrupted: everything so far is kept; the same command continues", INTERRUPTED)
    except BrokenPipeError:
        return DONE
    except OSError as error:
        name = f" {error.filename!r}" if error.filename else ""
        return _say(f"{error.strerror or error}{name}", WRONG_INPUT)
    return code if isinstance(code, int) else DONE


def _say(message: str, code: int) -> int:
    print(f"glam-eval: {message}", file=sys.stderr)
    return code
