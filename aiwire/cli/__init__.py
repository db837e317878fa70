"""The command line. Parses arguments, calls the pipeline or a layer, prints; imports layers inside commands.

run.py      run, fetch, tag, trends     filters.py   parse, extract, tag-text
export.py   export                      evaluate.py  evaluate
sources.py  sources list|add|import|export    reference.py  reference load|show
setup.py    init, serve                 doctor.py    doctor
demo.py     demo                        common.py    options, clock, input; progress.py  bars
"""

from __future__ import annotations

import os
import sys

import click

from aiwire import __version__
from aiwire.cli.common import warn
from aiwire.cli.demo import demo
from aiwire.cli.doctor import doctor
from aiwire.cli.evaluate import evaluate
from aiwire.cli.export import export
from aiwire.cli.filters import extract, parse, tag_text
from aiwire.cli.reference import reference
from aiwire.cli.run import fetch, run, tag, trends
from aiwire.cli.setup import init, serve
from aiwire.cli.sources import sources
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
    parse,
    extract,
    tag_text,
    export,
    evaluate,
    sources,
    reference,
    serve,
    init,
    demo,
    doctor,
):
    cli.add_command(command)


def main() -> None:
    """Run the command line. Every expected error is one line on stderr and an exit status, never a traceback."""
    try:
        status = cli.main(standalone_mode=False)
    except AiwireError as e:
        status = e.exit_status
        for line in str(e).splitlines():
            warn(line)
    except click.UsageError as e:
        where = e.ctx.command_path if e.ctx else "aiwire"
        warn(f"{e.format_message()} (see `{where} --help`)")
        status = 2
    except click.ClickException as e:
        warn(e.format_message())
        status = 2
    except (KeyboardInterrupt, click.Abort):
        warn("interrupted; what was done is kept")
        status = 130
    except BrokenPipeError:  # the reader of our output has gone (`aiwire parse … | head`)
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        status = 0
    sys.exit(status if isinstance(status, int) else 0)
