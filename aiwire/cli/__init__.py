"""The command line. Parses arguments, calls the pipeline or a layer, prints; imports layers inside commands.

run.py      run, fetch, tag, trends     filters.py   parse, extract, tag-text
export.py   export                      evaluate.py  evaluate
sources.py  sources list|add|test|import|export    health.py  sources doctor
setup.py    init, serve                 publish.py   publish
doctor.py   doctor                      cron.py      cron
demo.py     demo                        tco/         tco                fit.py       fit
reference/  reference load|show|template|refresh|import|check|status|history
candidates.py  candidates list|accept|reject
correct.py  correct tag|date|story|list|undo|export|import
stories.py  stories                     watch.py     watch add|list|show|remove|run
chart.py    export chart                chart_file.py  charts as files
archive/    archive run|status|tables|trends|load
common.py   options, clock, input       progress.py  bars
"""

from __future__ import annotations

import logging
import os
import signal
import sys
from collections.abc import Iterable
from pathlib import Path

import click

from aiwire import __version__
from aiwire.cli import health  # noqa: F401  (registers `sources doctor`)
from aiwire.cli.archive import archive
from aiwire.cli.candidates import candidates
from aiwire.cli.chart import chart
from aiwire.cli.common import warn
from aiwire.cli.correct import correct
from aiwire.cli.cron import cron
from aiwire.cli.demo import demo
from aiwire.cli.doctor import doctor
from aiwire.cli.evaluate import evaluate
from aiwire.cli.export import export
from aiwire.cli.filters import extract, parse, tag_text
from aiwire.cli.fit import fit
from aiwire.cli.publish import publish
from aiwire.cli.reference import reference
from aiwire.cli.run import fetch, run, trends
from aiwire.cli.setup import init, serve
from aiwire.cli.sources import sources
from aiwire.cli.stories import stories
from aiwire.cli.tagging import tag
from aiwire.cli.tco import tco
from aiwire.cli.watch import watch
from aiwire.exceptions import AiwireError

__all__ = ["cli", "main"]


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, package_name="aiwire")
def cli() -> None:
    """AI-industry news as evidence: fetched, tagged, stored, browsed, charted.

    \b
    Start with:
      aiwire demo              the whole job on a bundled archive, without network
      aiwire init              write aiwire.toml and sources.toml here
      aiwire run               what cron calls
      aiwire serve             browse it in Datasette

    Exit status: 0 done, 1 something that was asked for failed, 2 unusable input or settings, 75 try again later.
    """


for command in (
    run,
    fetch,
    tag,
    trends,
    stories,
    watch,
    parse,
    extract,
    tag_text,
    export,
    evaluate,
    candidates,
    correct,
    sources,
    reference,
    tco,
    fit,
    serve,
    publish,
    archive,
    init,
    demo,
    doctor,
    cron,
):
    cli.add_command(command)


export.add_command(chart)


class Terminated(BaseException):
    """SIGTERM came: from systemd, `timeout` or a shutdown. No `Exception`, as KeyboardInterrupt is none."""


def main() -> None:
    """Run the command line. Every error is one line on stderr and an exit status, never a traceback."""
    if sys.stderr is None:
        sys.stderr = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 - for the life of the process
    if sys.stdout is None:
        warn("standard output is closed")
        sys.exit(2)
    _end_on_sigterm()
    try:
        status = cli.main(standalone_mode=False)
        sys.stdout.flush()
    except BrokenPipeError:  # the reader of our output has gone (`aiwire parse … | head`)
        status = 0
        _abandon_stdout()
    except (KeyboardInterrupt, click.Abort):
        warn("interrupted")
        status = 130
    except Terminated:
        warn("terminated")
        status = 143
    except (AiwireError, click.ClickException, OSError) as e:
        status = _explained(e)
    except Exception as e:  # the last resort: a bug is one line, too; -v tells more
        warn(f"internal error, please report it: {type(e).__name__}: {e}")
        logging.getLogger("aiwire").info("traceback", exc_info=e)
        status = 1
    sys.exit(status if isinstance(status, int) else 0)


def _end_on_sigterm() -> None:
    """Let SIGTERM end the process as Ctrl-C does: workers, connections and recordings are closed on the way out."""

    def end(*_: object) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # `timeout` sends it twice: the way out is not to be broken off
        raise Terminated

    if signal.getsignal(signal.SIGTERM) == signal.SIG_DFL:  # else whoever started us has it ignored
        signal.signal(signal.SIGTERM, end)


def _explained(error: AiwireError | click.ClickException | OSError) -> int:
    """Print what is wrong and return the exit status."""
    if isinstance(error, AiwireError):
        for line in str(error).splitlines():
            warn(line)
        return error.exit_status
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        click.echo(error.format_message(), err=True)
        return 2
    if isinstance(error, click.UsageError):
        where = error.ctx.command_path if error.ctx else _command_path(sys.argv[1:])
        warn(f"{error.format_message()} (see `{where} --help`)")
    elif isinstance(error, click.ClickException):
        warn(error.format_message())
    else:
        warn(f"{error.filename or 'output'}: {error.strerror or error}")
        _abandon_stdout()
    return 2


def _command_path(words: Iterable[str]) -> str:
    """Return the command that the words of a command line name: some errors of click do not say where they arose."""
    command: click.Command = cli
    names = ["aiwire"]
    for word in words:
        found = command.commands.get(word) if isinstance(command, click.Group) else None
        if found is None:
            break
        names.append(word)
        command = found
    return " ".join(names)


def _abandon_stdout() -> None:
    """Let the interpreter's last flush go nowhere: it could only fail again."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
