"""reference refresh and reference import: prices from outside, looked at before they count."""

from __future__ import annotations

import re
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import click

from aiwire.cli.common import Context, common_options, print_json, read_input
from aiwire.cli.database import writable
from aiwire.cli.progress import bars
from aiwire.cli.reference.report import print_lines
from aiwire.cli.run import open_fetcher
from aiwire.exceptions import ConfigError

if TYPE_CHECKING:
    from aiwire.config import Settings
    from aiwire.pipeline.prices.report import RefreshReport
    from ingest.catalogs.documents import CatalogDocument

__all__ = ["import_file", "refresh"]

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")


@click.command()
@click.option(
    "--source",
    "names",
    metavar="NAME",
    multiple=True,
    help="Only this catalogue (gpuhunt), document (gpuhunt/aws) or price list of the settings (may be repeated).",
)
@click.option("--apply", is_flag=True, help="Write the changes into the tables; without it they are only shown.")
@click.option(
    "--allow-loss", is_flag=True, help="Apply documents, too, that lack more than half of their rows, or all."
)
@click.option(
    "--accept-implausible", is_flag=True, help="Use rows of a --source, too, that look wrong: you know better."
)
@click.option("--end-vanished", is_flag=True, help="End the prices of documents that are gone (HTTP 404 or 410).")
@click.option("--force", is_flag=True, help="Ask for whole documents, not only whether they changed.")
@click.option("--strict", is_flag=True, help="Exit status 1 if a document failed or was held back.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON on stdout, with every row.")
@click.option(
    "--record", type=click.Path(path_type=Path, dir_okay=False), help="Write every HTTP exchange to this .warc.gz."
)
@click.option(
    "--replay",
    type=click.Path(path_type=Path, dir_okay=False),
    multiple=True,
    help="Answer from this .warc.gz instead of the network (may be repeated).",
)
@common_options
def refresh(
    context: Context,
    names: tuple[str, ...],
    apply: bool,
    allow_loss: bool,
    accept_implausible: bool,
    end_vanished: bool,
    force: bool,
    strict: bool,
    as_json: bool,
    record: Path | None,
    replay: tuple[Path, ...],
) -> None:
    """Ask the price catalogues and lists of the settings, and show what would change.

    What they say is staged: no table changes before --apply. It asks again and applies what they say then, so also what
    changed after you looked; its report shows it. Where a server says that nothing changed, what was staged is taken.
    An earlier price is kept with the day on which it ended. Prices that cannot be right are kept with the reason and
    never used, unless you --accept-implausible. A document that fails leaves its prices as they are; one without any
    price that can be used, or that lacks more than half of what it had, shipped prices included, is held back.

    \b
    Examples:
      aiwire reference refresh
      aiwire reference refresh --source gpuhunt/aws --apply
      aiwire reference refresh --source gpuhunt/aws --apply --accept-implausible
      aiwire reference refresh --apply --strict --json > refresh.json
    """
    if record and replay:
        raise click.UsageError("--record and --replay exclude each other")
    if accept_implausible and not names:
        raise click.UsageError("--accept-implausible goes with --source: say whose prices you know to be right")
    report = _refreshed(
        context, names, record, replay, apply=apply, allow_loss=allow_loss, accept_implausible=accept_implausible,
        end_vanished=end_vanished, force=force,
    )  # fmt: skip
    _print(report, as_json=as_json)
    if report.internal_errors or (strict and (report.failed or any(line.held_back for line in report.lines))):
        raise SystemExit(1)


def _refreshed(
    context: Context, names: tuple[str, ...], record: Path | None, replay: tuple[Path, ...], **choices: bool
) -> RefreshReport:
    from aiwire.pipeline.prices.refreshing import RefreshOptions, refresh
    from ingest.http.warc import ReplayTransport

    wanted = _chosen(_documents(context.settings), names)
    archive = ReplayTransport(replay, at=context.given_now) if replay else None
    now = context.given_now or (archive.newest if archive else context.now)
    options = RefreshOptions(now=now, replay=archive is not None, **choices)
    with ExitStack() as stack:
        db = stack.enter_context(writable(context.settings))
        fetcher = stack.enter_context(open_fetcher(context.settings, archive, record, now))
        progress = stack.enter_context(bars())
        return refresh(db, wanted, fetcher, options, progress=progress)


def _documents(settings: Settings) -> tuple[CatalogDocument, ...]:
    from ingest.catalogs.documents import documents

    return documents(
        skypilot_url=settings.skypilot_url,
        skypilot_catalogs=settings.skypilot_catalogs,
        gpuhunt_url=settings.gpuhunt_url,
        gpuhunt_catalogs=settings.gpuhunt_catalogs,
        price_lists=settings.price_lists,
    )


def _chosen(known: tuple[CatalogDocument, ...], names: tuple[str, ...]) -> tuple[CatalogDocument, ...]:
    """Return the documents with these names, or of the catalogues with these names; all, if none is given.

    Raises:
        ConfigError: the settings name no document at all.
    """
    if not known:
        raise ConfigError(
            "no catalogue and no price list to ask: set gpuhunt_catalogs, skypilot_catalogs or price_lists"
        )
    for name in names:
        if not any(_is_named(document, name) for document in known):
            there = ", ".join(document.name for document in known)
            raise click.UsageError(f"--source: there is no '{name}' in the settings; there are {there}")
    return tuple(d for d in known if not names or any(_is_named(d, name) for name in names))


def _is_named(document: CatalogDocument, name: str) -> bool:
    return document.name == name or document.name.startswith(f"{name}/")


@click.command("import")
@click.argument("file", metavar="FILE.csv|-")
@click.option("--table", required=True, help="Table that the rows are for: cloud_prices, hardware_prices ...")
@click.option("--name", help="Name of the list: a later file of this name takes its place [default: of the file].")
@click.option("--apply", is_flag=True, help="Write the changes into the table; without it they are only shown.")
@click.option("--accept-implausible", is_flag=True, help="Use rows, too, that look wrong: you know better.")
@click.option("--allow-loss", is_flag=True, help="Apply a file, too, that lacks more than half of its earlier rows.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON on stdout, with every row.")
@common_options
def import_file(
    context: Context,
    file: str,
    table: str,
    name: str | None,
    apply: bool,
    accept_implausible: bool,
    allow_loss: bool,
    as_json: bool,
) -> None:
    """Take a price list of your own, in the columns that `aiwire reference template TABLE` prints.

    The file is the whole list: what an earlier file of the same name had and this one lacks has ended; one without
    rows ends it, with --allow-loss. Your rows count for more than shipped ones and catalogues. Nothing is written
    without --apply.

    \b
    Examples:
      aiwire reference template cloud_prices > mine.csv
      aiwire reference import mine.csv --table cloud_prices
      aiwire reference import mine.csv --table cloud_prices --apply
    """
    from aiwire.pipeline.prices.lists import ImportOptions, import_list

    content = read_input(file)
    options = ImportOptions(context.now, apply=apply, accept_implausible=accept_implausible, allow_loss=allow_loss)
    with writable(context.settings) as db:
        report = import_list(db, content, table=table, name=_list_name(name, file), file=file, options=options)
    _print(report, as_json=as_json)
    if apply and any(line.held_back for line in report.lines):
        raise SystemExit(1)


def _list_name(name: str | None, file: str) -> str:
    """Return the name that was given, or one made of the file's."""
    if name is None:
        name = "stdin" if file == "-" else re.sub(r"[^a-z0-9._-]+", "-", Path(file).stem.lower()).strip("-._")
    if not _NAME.fullmatch(name):
        raise click.UsageError(f"--name: '{name}' is no name; up to 64 of a-z, 0-9, '.', '_' and '-' are wanted")
    return name


def _print(report: RefreshReport, *, as_json: bool) -> None:
    if as_json:
        print_json(report.to_json())
    else:
        print_lines(report)
