"""archive tables and archive trends: from the parts of shards to tables, from tables to the trend CSV."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from aiwire import __version__
from aiwire.cli.archive.common import check_extra, folder_option, last_job
from aiwire.cli.archive.display import table_status, tables_line
from aiwire.cli.common import Context, common_options, print_json, warn
from aiwire.cli.export import check_selection, form_of, output_options, selection_options
from aiwire.exceptions import ConfigError

if TYPE_CHECKING:
    from db.exports.writers import Format

__all__ = ["tables", "trends"]


@click.command()
@folder_option
@click.option("--json", "as_json", is_flag=True, help="Print what the tables hold as JSON.")
@common_options
def tables(context: Context, folder: Path, as_json: bool) -> None:
    """Make the tables anew from what the shards left: one row per article, copies linked, a folder per day.

    `archive run` does it at its end; this is for a run that was cut off. Nothing is done if they are up to date.

    \b
    Example:
      aiwire archive tables --folder archive
    """
    check_extra()
    from aiwire.archive.assemble import assemble
    from aiwire.archive.job import job_version

    job, version = last_job(folder.absolute())
    if job_version(job) != version:
        raise ConfigError(
            f"{folder}: its shards were made by another version of aiwire or with other lists ({version}); do them"
            " again with `aiwire archive run`"
        )
    with table_status("linking copies, writing tables"):
        assembled = assemble(job)
    if as_json:
        print_json(asdict(assembled) | {"folded": assembled.folded})
    else:
        click.echo(tables_line(assembled, folder))


@click.command()
@folder_option
@selection_options("grain", "since", "until", "kind", "entity", "segment", "wide")
@output_options
@common_options
def trends(
    context: Context, folder: Path, form: Format | None, excel: bool, output: Path | None, **selection: Any
) -> None:
    """The trends of an archive: the rows of `aiwire export trends`, counted from Parquet.

    Without --since the last 156 weeks, 36 months or 92 days.

    \b
    Examples:
      aiwire archive trends -o trends_weekly.csv
      aiwire archive trends --grain month --kind accelerator --wide stories -o stories_by_month.csv
    """
    form = form or form_of(output)
    check_selection(selection, form, excel=excel, output=output)
    check_extra()
    from aiwire.archive.trends import write_trends
    from db.exports.request import ExportRequest
    from nlp.precision import ENOUGH, load_precision

    request = ExportRequest(
        "trends",
        context.now,
        context.settings.base_url,
        precision=load_precision(least=ENOUGH),
        **selection | ({"segment": None} if selection["segment"] == "*" else {}),
    )
    rows = write_trends(folder.absolute(), request, output, form=form, excel=excel, version=__version__)
    if output is not None:
        warn(f"{rows} rows written to {output}")
