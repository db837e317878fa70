"""export: tables for spreadsheets and notebooks."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping
from contextlib import closing, suppress
from datetime import UTC, date, datetime
from datetime import time as time_of_day
from pathlib import Path
from shutil import copyfileobj
from typing import TYPE_CHECKING, Any, TypeVar, get_args

import click

from aiwire import __version__
from aiwire.cli.articles import warn_of_articles_without_story
from aiwire.cli.common import ISO_MOMENT, Context, common_options, console, warn
from aiwire.config import exports_folder
from aiwire.exceptions import AiwireError, ConfigError
from aiwire.types import EntityKind

if TYPE_CHECKING:
    from db.exports.write import Made
    from db.exports.writers import Format

__all__ = [
    "ISO_DATE",
    "KINDS",
    "RowCounter",
    "check_selection",
    "deliver_rows",
    "export",
    "form_of",
    "output_options",
    "selection_options",
    "write_export",
]

KINDS: tuple[EntityKind, ...] = get_args(EntityKind)
_SPREADSHEETS = (".xlsx", ".xls", ".xlsm", ".ods")  # names under which CSV would be an error to the program
STATUS_AFTER_S = 1.0  # a shorter export needs no sign of life

F = TypeVar("F", bound=Callable[..., Any])


class _IsoDate(click.ParamType[date]):
    name = "ISO date"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> date:
        try:
            return value if isinstance(value, date) else date.fromisoformat(value)
        except ValueError:
            self.fail(f"{value!r} is no date such as 2026-11-23", param, ctx)


ISO_DATE = _IsoDate()


class _AsOf(click.ParamType[datetime]):
    """A moment; a day is taken to its end, UTC."""

    name = "ISO date or time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        try:
            day = date.fromisoformat(value)
        except (TypeError, ValueError):
            return ISO_MOMENT.convert(value, param, ctx)
        return datetime.combine(day, time_of_day.max, UTC)


_SELECTION: Mapping[str, Callable[[F], F]] = {
    "grain": click.option(
        "--grain",
        type=click.Choice(["day", "week", "month"]),
        default="week",
        show_default=True,
        help="Length of a period, UTC; weeks are those of ISO 8601.",
    ),
    "since": click.option("--since", type=ISO_DATE, help="First day, UTC; of periods, the one that holds it."),
    "until": click.option("--until", type=ISO_DATE, help="Last day, inclusive; of periods, the one that holds it."),
    "kind": click.option(
        "--kind", "kinds", type=click.Choice(KINDS), multiple=True, help="Only entities of this kind (may be repeated)."
    ),
    "entity": click.option("--entity", "entities", multiple=True, help="Only this entity id (may be repeated)."),
    "segment": click.option(
        "--segment",
        default="all",
        show_default=True,
        help="all, owned, independent, lang:en …, category:chips …, or * for every one.",
    ),
    "wide": click.option(
        "--wide",
        is_flag=False,
        flag_value="share_stories",
        metavar="[COLUMN]",
        help="A row per period and a column per entity, with their COLUMN, or else their share_stories.",
    ),
    "cell": click.option("--cell", metavar="EVIDENCE_ID", help="Only what is behind this cell of the trends."),
}

_DEFAULTS = {"grain": "week", "segment": "all"}  # what need not be said of an export


_OUTPUT: tuple[Callable[[F], F], ...] = (
    click.option(
        "--format",
        "form",
        type=click.Choice(["csv", "parquet", "json"]),
        help="Format of the file [default: by the suffix of -o, else csv].",
    ),
    click.option("--excel", is_flag=True, help="Begin a CSV with a byte order mark, as Excel wants it."),
    click.option(
        "-o",
        "--output",
        type=click.Path(path_type=Path, dir_okay=False),
        help="File to write, with its .meta.json and dictionary.csv [default: stdout].",
    ),
)
_AS_OF = click.option(
    "--as-of",
    type=_AsOf(),
    help="Give back, byte for byte, the newest export like this one that was made up to then.",
)


def selection_options(*names: str) -> Callable[[F], F]:
    """Add options of `_SELECTION` by name: those that mean something for a table."""
    return _adding(*(_SELECTION[name] for name in names))


def output_options(command: F) -> F:
    """Add --format, --excel and -o."""
    return _adding(*_OUTPUT)(command)


def _options(*selection: str) -> Callable[[F], F]:
    """Add what every export has, below the options that mean something for it."""
    return _adding(selection_options(*selection), output_options, _AS_OF, common_options)


def _adding(*options: Callable[[F], F]) -> Callable[[F], F]:
    def add(command: F) -> F:
        for option in reversed(options):
            command = option(command)
        return command

    return add


@click.group()
def export() -> None:
    """Write tables for spreadsheets and notebooks, as CSV, Parquet or JSON.

    Every export is kept, compressed, in a folder beside the database: --as-of gives it back.
    """


@export.command()
@_options("grain", "since", "until", "kind", "entity", "segment", "wide")
def trends(context: Context, **asked: Any) -> None:
    """Counts, shares and signals: one row per period, entity and segment, zeros included.

    Without --since the last 156 weeks, 36 months or 92 days.

    \b
    Examples:
      aiwire export trends -o trends_weekly.csv
      aiwire export trends --kind accelerator --since 2026-01-01 | head
      aiwire export trends --grain month --wide stories --excel -o stories_by_month.csv
      aiwire export trends --as-of 2026-11-16 -o trends_of_last_week.csv
    """
    _export(context, "trends", **asked)


@export.command()
@_options("grain", "since", "until", "kind", "entity")
def cooccurrence(context: Context, **asked: Any) -> None:
    """Which entities are named together: one row per period and pair, with the lift over chance.

    \b
    Examples:
      aiwire export cooccurrence --entity nvidia -o cooccurrence_weekly.csv
      aiwire export cooccurrence --grain month --since 2026-01-01 -o pairs.parquet
    """
    _export(context, "cooccurrence", **asked)


@export.command()
@_options("since", "until", "kind", "entity", "segment")
def prices(context: Context, **asked: Any) -> None:
    """Quoted prices: one row per quote, with its sentence.

    \b
    Example:
      aiwire export prices --entity nvidia-h100 -o prices.csv
    """
    _export(context, "prices", **asked)


@export.command("price-history")
@_options("since", "until", "entity")
def price_history(context: Context, **asked: Any) -> None:
    """What accelerators cost, told by the reference, the clouds and the press: one row per price and its source.

    Implausible prices are in it with the reason, to be shown and not to be used.

    \b
    Example:
      aiwire export price-history --entity nvidia-h100 -o h100_prices.csv
    """
    _export(context, "price_history", **asked)


@export.command()
@_options("since", "until", "kind", "entity", "segment", "cell")
def evidence(context: Context, **asked: Any) -> None:
    """What stands behind the numbers: one row per mention, with its sentence.

    --cell takes an evidence_id of the trends and gives exactly the articles that it counts.

    \b
    Examples:
      aiwire export evidence --cell week/2026-11-16/nvidia-h100/all
      aiwire export evidence --entity nvidia-h100 --since 2026-11-01 -o evidence.parquet
    """
    _export(context, "evidence", **asked)


@export.command()
@_options("since", "until", "kind", "entity", "segment")
def articles(context: Context, **asked: Any) -> None:
    """One row per article, with its story and what it names, without its text.

    \b
    Example:
      aiwire export articles --since 2026-11-01 --kind theme -o articles.csv
    """
    _export(context, "articles", **asked)


@export.command()
@_options("since", "until", "kind", "entity", "segment")
def entities(context: Context, **asked: Any) -> None:
    """Companies, accelerators, themes, models and regulations, each with how often it was named.

    \b
    Example:
      aiwire export entities --kind accelerator -o entities.csv
    """
    _export(context, "entities", **asked)


@export.command()
@_options()
def sources(context: Context, **asked: Any) -> None:
    """The sources, and what each should have given and did in the last full week.

    \b
    Example:
      aiwire export sources -o sources.csv
    """
    _export(context, "sources", **asked)


def _export(
    context: Context, table: str, *, form: Format | None, excel: bool, as_of: datetime | None, output: Path | None,
    **selection: Any,
) -> None:  # fmt: skip
    """Do what every command does: make the export, or take the one that was kept, and write it."""
    form = form or form_of(output)
    check_selection(selection, form, excel=excel, output=output)
    if as_of is None:
        rows = write_export(context, table, output, form=form, excel=excel, **selection)
        if output is not None:
            warn(f"{rows} rows written to {output}")
        return
    from db.exports.kept import find
    from db.exports.write import restored

    folder = exports_folder(context.settings)
    record = find(folder, table, _parameters(selection, form, excel=excel), until=as_of)
    with restored(folder, record) as kept:
        deliver_rows(kept, output)
    warn(f"{record.rows} rows, as they were exported at {record.made_at}")


def check_selection(selection: Mapping[str, Any], form: Format, *, excel: bool, output: Path | None) -> None:
    """Check that the options of an export go together.

    Raises:
        ConfigError: they do not.
    """
    since, until = selection.get("since"), selection.get("until")
    if since and until and since > until:
        raise ConfigError(f"--since {since} is later than --until {until}")
    if excel and form != "csv":
        raise ConfigError(f"--excel is for CSV, and this is {form}: leave it away")
    if form == "parquet" and output is None and sys.stdout.isatty():
        raise ConfigError("Parquet is nothing for a terminal: name a file with -o, or write to a pipe")


def write_export(
    context: Context, table: str, output: Path | None, *, form: Format = "csv", excel: bool = False, **selection: Any
) -> int:
    """Write a table to `output` with its sidecar and dictionary, or to stdout; keep it; return the number of rows.

    A device or pipe gets the rows alone.

    `selection`: grain, since, until, kinds, entities, segment (`*`: every one), wide, cell of `ExportRequest`.
    """
    from db.connection import open_existing
    from db.exports.request import ExportRequest
    from db.exports.write import made
    from nlp.precision import ENOUGH, load_precision

    settings = context.settings
    request = ExportRequest(
        table,
        context.now,
        settings.base_url,
        excerpt_chars=settings.excerpt_chars,
        precision=load_precision(least=ENOUGH),
        **selection | ({"segment": None} if selection.get("segment") == "*" else {}),
    )
    parameters = _parameters(selection, form, excel=excel)
    with closing(open_existing(settings.db)) as db, closing(RowCounter()) as counter:
        if table in ("trends", "cooccurrence"):
            warn_of_articles_without_story(db)
        making = made(
            db, request, form=form, excel=excel, parameters=parameters, version=__version__, step=counter.step
        )
        with making as export:
            counter.close()  # before anything is written to the terminal
            _keep(export, exports_folder(settings))
            deliver_rows(export, output)
            return export.record.rows


def _keep(export: Made, folder: Path) -> None:
    from db.exports.kept import keep

    try:
        keep(folder, export.record, export.data, export.meta)
    except (AiwireError, OSError) as e:  # a reader of somebody else's database may not write beside it
        warn(f"this export is not kept for --as-of: {e}")


def deliver_rows(export: Made, output: Path | None) -> None:
    """Write an export to a file, with its sidecar and the dictionary, or the rows alone to stdout."""
    from db.exports.write import deliver, write_dictionary

    if output is None:
        with suppress(BrokenPipeError):  # the reader has seen enough; click would make a failure of it
            copyfileobj(export.data, sys.stdout.buffer)
            sys.stdout.buffer.flush()
        return
    if deliver(export, output) and (why_not := write_dictionary(output.parent)):
        warn(why_not)


def form_of(output: Path | None) -> Format:
    """Return the format that the name of a file asks for; without one CSV.

    Raises:
        ConfigError: its suffix is that of a spreadsheet.
    """
    suffix = output.suffix.lower() if output else ""
    if suffix in _SPREADSHEETS:
        raise ConfigError(f"{output}: {suffix} files are not written; name it .csv and give --excel, or give --format")
    return "parquet" if suffix == ".parquet" else "json" if suffix == ".json" else "csv"


def _parameters(selection: Mapping[str, Any], form: Format, *, excel: bool) -> dict[str, Any]:
    """Return what was asked for beyond the defaults, in one spelling, by the names of the options."""
    asked = {
        "grain": selection.get("grain"),
        "since": selection.get("since") and str(selection["since"]),
        "until": selection.get("until") and str(selection["until"]),
        "kind": sorted(set(selection.get("kinds", ()))),
        "entity": sorted(set(selection.get("entities", ()))),
        "segment": (selection.get("segment") or "all").lower(),
        "wide": selection.get("wide"),
        "cell": selection.get("cell"),
    }
    given = {name: value for name, value in asked.items() if value and value != _DEFAULTS.get(name)}
    return given | {"format": form} | ({"excel": True} if excel else {})


class RowCounter:
    """The number of rows read so far, on the terminal, if stderr is one and the export takes its time."""

    def __init__(self) -> None:
        self._begun, self._rows = time.monotonic(), 0
        self._status = console().status("") if sys.stderr.isatty() else None

    def step(self, rows: int) -> None:
        self._rows += rows
        if self._status is not None and time.monotonic() - self._begun > STATUS_AFTER_S:
            self._status.update(f"{self._rows:,} rows")
            self._status.start()

    def close(self) -> None:
        if self._status is not None:
            self._status.stop()
