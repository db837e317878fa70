"""reference history: the prices of an accelerator in three voices."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from aiwire.cli.chart_file import forget_backend, kind_of, write_chart
from aiwire.cli.common import Context, common_options, console, print_json, warn
from aiwire.cli.database import reference_database
from aiwire.cli.export import ISO_DATE
from aiwire.types import iso

if TYPE_CHECKING:
    from aiwire.charts.prices import PriceChart, Voice
    from aiwire.charts.render import Format
    from db.price_history import VoiceMonth

__all__ = ["history"]

MONTHS_SHOWN = 24
UNITS = ("gpu-hour", "card", "system", "server", "instance-hour", "month")


@click.command()
@click.argument("accelerator")
@click.option("--unit", type=click.Choice(UNITS), default="gpu-hour", show_default=True, help="What is paid for.")
@click.option(
    "--terms",
    type=click.Choice(["on-demand", "spot", "reserved"]),
    default="on-demand",
    show_default=True,
    help="Of a rented hour; on-demand: all that is neither of the others.",
)
@click.option("--since", type=ISO_DATE, help="Only prices that held on this day or later.")
@click.option("--json", "as_json", is_flag=True, help="Every price, as JSON.")
@click.option(
    "--chart", type=click.Path(path_type=Path, dir_okay=False), help="Draw them into this file, .svg or .png."
)
@click.option(
    "--width", type=click.IntRange(320, 4096), default=1280, show_default=True, help="Of the chart, in pixels."
)
@common_options
def history(
    context: Context,
    accelerator: str,
    unit: str,
    terms: str,
    since: date | None,
    as_json: bool,
    chart: Path | None,
    width: int,
) -> None:
    """Show what an accelerator cost, as the reference, the clouds and the press tell it.

    By month: how many prices, the median, and from lowest to highest, in US dollars. A cloud's price counts in each
    month in which it is known to have held. Implausible ones are left out of these; --json has them, with the reason,
    and so has the CSV of `aiwire export price-history`. Without a database the shipped reference is taken.

    \b
    Examples:
      aiwire reference history nvidia-h100
      aiwire reference history nvidia-a100 --unit card --json
      aiwire reference history nvidia-h100 --since 2024-01-01 --chart h100.svg
    """
    from db.price_history import check_family, months, observations, terms_of

    kind = kind_of(chart) if chart is not None else None
    with reference_database(context) as (db, has_articles):
        family = check_family(db, accelerator)
        everything = observations(db, family, since=since.isoformat() if since else "")
        told = [one for one in months(db, family, unit, terms) if not since or one.month >= since.isoformat()[:7]]
    rows = [row for row in everything if row["unit"] == unit and terms_of(row["kind"]) == terms]
    if not has_articles:
        warn(f"there is no database {context.settings.db}: these are the shipped prices, and none of the press")
    if chart is not None and kind is not None:
        _draw(chart, kind, width, family, unit, rows, told, now=context.now)
    if as_json:
        print_json({"family_id": family, "unit": unit, "prices": rows})
    elif not rows:
        warn(f"no price of {family} per {unit} is known{_other_units(everything, unit) or '; nor any other'}")
    else:
        _print_table(family, unit, told)
        click.echo(_summary(rows, months=len({one.month for one in told})) + _other_units(everything, unit))


def _print_table(family: str, unit: str, told: Sequence[VoiceMonth]) -> None:
    from rich.table import Table

    from db.price_history import VOICES

    by_month: dict[str, dict[str, VoiceMonth]] = {}
    for one in told:
        by_month.setdefault(one.month, {})[one.voice] = one
    table = Table("month", *VOICES, title=f"{family}: US dollars per {unit}, median (lowest to highest, prices)")
    for month in sorted(by_month, reverse=True)[:MONTHS_SHOWN]:
        table.add_row(month, *(_cell(by_month[month].get(voice)) for voice in VOICES))
    if by_month:
        console(stderr=False).print(table)


def _cell(one: VoiceMonth | None) -> str:
    if one is None:
        return ""
    undated = f", {one.undated} undated" if one.undated else ""
    return f"{one.median:,.2f} ({one.lowest:,.2f} to {one.highest:,.2f}, {one.prices}{undated})"


def _other_units(rows: Sequence[dict[str, Any]], unit: str) -> str:
    """Return what else prices are told of, with how many."""
    others = Counter(row["unit"] for row in rows if row["unit"] != unit)
    return "; of other units: " + ", ".join(f"{name} {n}" for name, n in others.most_common()) if others else ""


def _summary(rows: Sequence[dict[str, Any]], *, months: int) -> str:
    """Return what the table leaves out, so that nobody takes it for all there is."""
    implausible = sum(not row["is_plausible"] for row in rows)
    foreign = sum(row["currency"] != "USD" for row in rows)
    undated = sum(len(row["price_date"] or "") < len("2026-11") for row in rows)
    left_out = [
        text
        for number, text in (
            (implausible, f"{implausible} implausible"),
            (foreign, f"{foreign} in other currencies"),
            (undated, f"{undated} dated to a year or not at all"),
        )
        if number
    ]
    said = f"{len(rows)} prices" + (f"; not in the table: {', '.join(left_out)}" if left_out else "")
    cut = f"; the newest {MONTHS_SHOWN} of {months} months" if months > MONTHS_SHOWN else ""
    read = "; undated: read in that month, and perhaps older" if not all(row["is_dated"] for row in rows) else ""
    return f"{said}{cut}{read}; --json has all, with sources"


def _draw(
    path: Path, kind: Format, width: int, family: str, unit: str, rows: Sequence[dict[str, Any]],
    told: Sequence[VoiceMonth], *, now: datetime,
) -> None:  # fmt: skip
    forget_backend()
    from aiwire.charts import Size
    from aiwire.charts.prices import price_image

    size = Size(width, max(480, round(width * 0.5)))
    write_chart(path, price_image(_chart(family, unit, rows, told, as_of=iso(now)), size, kind))


def _chart(
    family: str, unit: str, rows: Sequence[dict[str, Any]], told: Sequence[VoiceMonth], *, as_of: str
) -> PriceChart:
    from aiwire.charts.prices import PriceChart

    dated = [row for row in rows if _usd(row) is not None and len(row["price_date"] or "") >= len("2026-11")]
    first_days = sorted(
        {_day(row).replace(day=1) for row in dated} | {date.fromisoformat(f"{m.month}-01") for m in told}
    )
    months = tuple(_every_month(first_days[0], first_days[-1])) if first_days else ()
    voices = tuple(
        _voice(voice, [row for row in dated if row["voice"] == voice and row["is_plausible"]], told, months)
        for voice in ("reference", "cloud", "press")
    )
    doubted = _voice("implausible", [row for row in dated if not row["is_plausible"]], (), months)
    undated = sum(not row["is_dated"] for row in dated)
    notes = (f"{undated} prices are not dated by their source: drawn where they were read",) if undated else ()
    return PriceChart(f"{family}: what it cost, in three voices", unit, months, voices, doubted, as_of, notes)


def _voice(name: str, rows: Sequence[dict[str, Any]], told: Sequence[VoiceMonth], months: Sequence[date]) -> Voice:
    import numpy as np

    from aiwire.charts.prices import Voice

    medians = {one.month: one.median for one in told if one.voice == name}
    return Voice(
        name,
        tuple(_day(row) for row in rows),
        tuple(_usd(row) or 0.0 for row in rows),
        np.array([medians.get(f"{month:%Y-%m}", math.nan) for month in months]),
    )


def _usd(row: dict[str, Any]) -> float | None:
    """Return the price, of a range its middle; None: in another currency."""
    if row["usd_low"] is not None and row["usd_high"] is not None:
        return float(row["usd_low"] + row["usd_high"]) / 2
    return None if row["usd"] is None else float(row["usd"])


def _day(row: dict[str, Any]) -> date:
    said = str(row["price_date"])
    return date.fromisoformat(said if len(said) > len("2026-11") else f"{said}-15")


def _every_month(first: date, last: date) -> Iterator[date]:
    while first <= last:
        yield first
        first = date(first.year + first.month // 12, first.month % 12 + 1, 1)
