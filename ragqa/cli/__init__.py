"""The command line: parses, calls, prints. ``main`` is the program ``ragqa``."""

import os
import sys
import traceback

import click

from ragqa import __version__
from ragqa.cli.affected import affected
from ragqa.cli.ask import ask, search
from ragqa.cli.check import check
from ragqa.cli.corpus import corpus
from ragqa.cli.doctor import doctor
from ragqa.cli.eval import evaluate
from ragqa.cli.index import index
from ragqa.cli.keys import keys
from ragqa.cli.plan import plan
from ragqa.cli.serve import mcp, serve
from ragqa.cli.show import set_up_logging
from ragqa.cli.update import update
from ragqa.cli.watch import watch
from ragqa.errors import RagqaError


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="ragqa")
@click.option("-v", "--verbose", is_flag=True, help="Tell on stderr what is being done.")
def cli(verbose: bool) -> None:
    """Answer biomedical questions from PubMed; every sentence can be checked."""
    set_up_logging(verbose=verbose)


for command in (ask, search, check, watch, affected, corpus, index, update, plan, evaluate, serve, keys, mcp, doctor):
    cli.add_command(command)


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and exit: 0 done, 1 failed, 2 wrong usage; errors are one line on stderr."""
    sys.exit(run(arguments, alone=True))


def run(arguments: list[str] | None = None, *, alone: bool = False) -> int:
    """Run the command line and return its exit code; ``alone`` says that the process has nothing else to do."""
    try:
        ended = cli.main(args=arguments, prog_name="ragqa", standalone_mode=False, obj=alone)
    except BrokenPipeError:
        # What is left in the buffer has no reader; closing stdout must not complain about that.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        return error.exit_code
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - no traceback reaches a user
        message, exit_code = _explained(error)
        click.echo(f"ragqa: {' '.join(message.split())}", err=True)
        return exit_code
    # A command that ends by an exit code of its own, as ``doctor`` and ``--help`` do, has it returned by click.
    return ended if isinstance(ended, int) else 0


def _explained(error: BaseException) -> tuple[str, int]:
    """What to tell the user of an error, and the exit code."""
    if isinstance(error, RagqaError):
        return str(error), error.exit_code
    if isinstance(error, (KeyboardInterrupt, click.Abort)):
        return "stopped; run the same command again to go on", 130
    if isinstance(error, click.ClickException):
        return error.format_message(), error.exit_code
    if os.environ.get("RAGQA_TRACEBACK"):
        traceback.print_exception(error)
    return f"{type(error).__name__}: {error} (set RAGQA_TRACEBACK=1 to see where)", 1
