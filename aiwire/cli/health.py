"""sources doctor: which sources are in trouble, worst first, with the reason and the remedy."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict
from datetime import datetime, timedelta
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

import click

from aiwire.cli.common import Context, common_options, print_json, printable, warn
from aiwire.cli.sources import sources
from aiwire.exceptions import InputError
from aiwire.health_words import STANDINGS, asked_url, needs_hand, reason, remedy, span, standing
from aiwire.types import iso

if TYPE_CHECKING:
    from sqlite_utils import Database

    from db.health import HealthRow

__all__ = ["source_doctor"]

_NO_TROUBLE = ("ok", "off")
_NOT_RUN_FOR = timedelta(days=1)  # after that cron is asked about: every source is due once a day
_WIDTH = 79  # of a line, unless an address is longer


@sources.command("doctor")
@click.option("--all", "everything", is_flag=True, help="Show those that are well or switched off, too.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--sample", metavar="ID", help="Print the start of the document of this source that could not be read.")
@common_options
def source_doctor(context: Context, everything: bool, as_json: bool, sample: str | None) -> None:
    """Show which sources are in trouble, worst first, why, and what helps. Times are UTC.

    Exit status 1 if one needs your hand: blocked, missing, gone, refused, or failing or empty for more than 7 days.

    \b
    Examples:
      aiwire sources doctor
      aiwire sources doctor --all --json
      aiwire sources doctor --sample example
    """
    from db.connection import open_existing
    from db.health import health_rows

    db = open_existing(context.settings.db)
    if sample is not None:
        _print_sample(db, sample)
        return
    rows = sorted(health_rows(db), key=_badness)
    shown = [row for row in rows if everything or standing(row) not in _NO_TROUBLE]
    if as_json:
        print_json([_json(row) for row in shown])
    else:
        for row in shown:
            click.echo(_block(row))
        click.echo(_totals(rows))
    _ask_about_cron(rows, context.now)
    if any(map(needs_hand, rows)):
        raise SystemExit(1)


def _badness(row: HealthRow) -> tuple[int, str, str]:
    """Sort key: worst first, of these the one that fails for longest."""
    return STANDINGS.index(standing(row)), iso(row.failing_since) if row.failing_since else "~", row.source_id


def _block(row: HealthRow) -> str:
    """Return a few lines on one source. No address is ever broken or cut, so that it can be copied."""
    lines = [printable(f"{standing(row):<10} {row.source_id}"), *_wrapped(asked_url(row))]
    if row.moved_to:
        lines += _wrapped(f"(in sources.toml: {row.url})")
    lines += [*_wrapped(reason(row)), *_wrapped(_history(row))]
    if advice := remedy(row):
        lines += _wrapped(advice, first="  -> ", then="     ")
    return "\n".join([*lines, ""])


def _wrapped(text: str, *, first: str = "  ", then: str = "  ") -> list[str]:
    return textwrap.wrap(
        printable(text), _WIDTH, initial_indent=first, subsequent_indent=then,
        break_long_words=False, break_on_hyphens=False,
    )  # fmt: skip


def _history(row: HealthRow) -> str:
    parts = []
    if row.failing_since:
        times = "once" if row.error_count == 1 else f"{row.error_count} times"
        parts.append(f"failed {times} since {_minute(row.failing_since)}")
    parts.append(f"last read {_minute(row.last_ok_at)}")
    if standing(row) not in ("off", "gone"):
        due = _minute(row.next_check_at) if row.next_check_at else "at the next run"
        parts.append(f"next try {due}" + (f" ({row.next_check_reason})" if row.next_check_reason else ""))
    return "; ".join(parts)


def _totals(rows: Iterable[HealthRow]) -> str:
    counts = Counter(map(standing, rows))
    if not counts:
        return "no source is in this database yet; `aiwire run` brings those of sources.toml"
    each = ", ".join(f"{counts[word]} {word}" for word in reversed(STANDINGS) if counts[word])
    return f"{counts.total()} sources: {each}"


def _json(row: HealthRow) -> dict[str, Any]:
    values = {name: iso(value) if isinstance(value, datetime) else value for name, value in asdict(row).items()}
    said = {"standing": standing(row), "needs_hand": needs_hand(row), "reason": reason(row), "remedy": remedy(row)}
    return values | said


def _minute(moment: datetime | None) -> str:
    return moment.strftime("%Y-%m-%d %H:%M") if moment else "never"


def _ask_about_cron(rows: Iterable[HealthRow], now: datetime) -> None:
    """Say so if nothing was checked for long: then no source can be in trouble, and no news come either."""
    checked = max((row.last_checked_at for row in rows if row.enabled and row.last_checked_at), default=None)
    if span(checked, now) > _NOT_RUN_FOR:
        warn(f"nothing was checked since {_minute(checked)}: does cron run? `aiwire cron` prints its line")


def _print_sample(db: Database, source_id: str) -> None:
    from db.health import body_sample

    try:
        body = body_sample(db, source_id)
    except LookupError as e:
        ids = [row[0] for row in db.execute("SELECT id FROM sources ORDER BY id")]
        near = get_close_matches(source_id, ids, n=1)
        hint = f"did you mean '{near[0]}'?" if near else "`aiwire sources list` shows all"
        raise InputError(f"there is no source '{source_id}' in the database; {hint}") from e
    if body is None:
        warn(f"nothing is kept of '{source_id}': its last document could be read, or none came")
        raise SystemExit(1)
    click.echo(printable(body.decode("utf-8", "backslashreplace"), keep="\n\t"))
