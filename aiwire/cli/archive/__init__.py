"""archive: the same extraction and tagging over web archives.

run.py     archive run                  status.py  archive status
tables.py  archive tables, trends       load.py    archive load
common.py  the folder, the extra        display.py progress bar, reports in words
"""

from __future__ import annotations

import click

from aiwire.cli.archive.load import load
from aiwire.cli.archive.run import run
from aiwire.cli.archive.status import status
from aiwire.cli.archive.tables import tables, trends

__all__ = ["archive"]


@click.group()
def archive() -> None:
    """Archives beyond one machine: WARC files of any number, on a process pool or on Dask.

    \b
    Start with:
      aiwire archive run warcs/*.warc.gz          read them, into the folder archive/
      aiwire archive status                       what came of each shard
      aiwire archive trends -o trends_weekly.csv  the trend CSV of all that was kept
      aiwire archive load --where "day >= '2026-11-01'"   a selection into news.db

    Needs the extra: pip install 'aiwire[archive]'.
    """


for command in (run, status, tables, trends, load):
    archive.add_command(command)
