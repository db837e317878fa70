"""archive status: what came of each shard."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from aiwire.cli.archive.common import check_extra, folder_option, last_job
from aiwire.cli.archive.display import count_lines, other_versions_line, quarantine_lines
from aiwire.cli.common import Context, common_options, print_json, printable

if TYPE_CHECKING:
    from collections.abc import Iterable

    from aiwire.archive.job import Totals
    from aiwire.archive.ledger import Entry

__all__ = ["status"]


@click.command()
@folder_option
@click.option("--quarantine", is_flag=True, help="List the records in quarantine, with the reason of each.")
@click.option("--failed", is_flag=True, help="List the shards that failed, with the reason of each.")
@click.option(
    "--digest", "with_digest", is_flag=True, help="Print a SHA-256 of all rows: the same rows, the same digest."
)
@click.option("--json", "as_json", is_flag=True, help="Print all of it as JSON, every shard included.")
@common_options
def status(context: Context, folder: Path, quarantine: bool, failed: bool, with_digest: bool, as_json: bool) -> None:
    """Tell what came of each shard: done, failed and why; what was dropped, what is in quarantine.

    It may be called beside a job that is at work.

    \b
    Examples:
      aiwire archive status
      aiwire archive status --folder archive --quarantine --failed
      aiwire archive status --json | jq '.shards[] | select(.state == "failed")'
    """
    check_extra()
    from aiwire.archive.job import Totals
    from aiwire.archive.ledger import entries, quarantined, read_ledger

    folder = folder.absolute()
    with read_ledger(folder) as db:
        known, bad = entries(db), quarantined(db)
    job, version = last_job(folder)
    totals = Totals()
    for entry in known.values():
        if entry.report is not None and entry.version == version:
            totals.add(entry.shard, entry.report)
    rows = _digest(folder) if with_digest else None
    if as_json:
        print_json(
            {
                "folder": str(folder),
                "version": version,
                "states": _states(known.values()),
                "totals": asdict(totals) | {"bad": len(bad)},
                "shards": [_plain(entry) for entry in known.values()],
                "quarantine": [{"shard": key} | asdict(record) for key, record in bad],
            }
            | ({"digest": rows} if rows else {})
        )
        return
    for line in _lines(known, totals, job.audit, version):
        click.echo(printable(line))
    if rows:
        click.echo(f"digest: {rows}")
    if failed:
        for key, entry in known.items():
            if entry.state == "failed":
                click.echo(printable(f"failed: {key} after {entry.tries} tries: {entry.error}"))
    if quarantine:
        for line in quarantine_lines((key, one.offset, one.url, one.reason) for key, one in bad):
            click.echo(printable(line))
    else:
        click.echo(f"{len(bad)} records in quarantine")


def _lines(known: dict[str, Entry], totals: Totals, share: float, version: str) -> Iterable[str]:
    yield "shards: " + (", ".join(f"{count} {state}" for state, count in _states(known.values()).items()) or "none")
    yield from count_lines(
        records=totals.records, pages=totals.pages, articles=totals.articles, dropped=totals.dropped,
        audit=totals.audit, share=share,
    )  # fmt: skip
    if others := other_versions_line(known.values(), version):
        yield others


def _states(known: Iterable[Entry]) -> dict[str, int]:
    return dict(sorted(Counter(entry.state for entry in known).items()))


def _plain(entry: Entry) -> dict[str, Any]:
    return asdict(entry.shard) | {
        "version": entry.version,
        "state": entry.state,
        "tries": entry.tries,
        "error": entry.error,
        "report": None if entry.report is None else {k: v for k, v in asdict(entry.report).items() if k != "bad"},
    }


def _digest(folder: Path) -> str:
    from aiwire.archive.digest import digest

    return digest(folder)
