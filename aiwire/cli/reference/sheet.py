"""What is known of a part, for eyes: facts with their sources as footnotes, disagreements, prices; 100 columns."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import click

from aiwire.cli.common import console, printable

__all__ = ["print_part"]

_MOST_OFFERS = 15  # cheapest first; --json has all
_WHOLE = ("fact", "as of", "date", "provider")  # columns that are never broken into lines
_SHORT = {
    "ondemand_usd_per_gpu_hour": "on demand",
    "spot_usd_per_gpu_hour": "spot",
    "reserved_1y_usd_per_gpu_hour": "1 year",
    "reserved_3y_usd_per_gpu_hour": "3 years",
}


class _Notes:
    """Sources as footnotes: each is printed once."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    def mark(self, source: str) -> str:
        return f"[{self._numbers.setdefault(source, len(self._numbers) + 1)}]"

    def lines(self) -> Iterator[str]:
        return (f"  [{number}] {printable(source)}" for source, number in self._numbers.items())


def print_part(part: Mapping[str, Any]) -> None:
    """Print one part as `db.reference.describe` gives it."""
    notes = _Notes()
    out = console(stderr=False)
    click.echo(printable(f"{part['name']}  ({part['id']}, of {part['family_id']}, {part['segment']})"))
    _print_table(out, "facts", ("fact", "value", "unit", "", "as of", "note"), _facts(part["facts"], notes))
    offers = part["cloud_prices"]
    if offers:
        columns = ("provider", "region", "instance", "x", *_SHORT.values(), "date", "")
        more = f" (the first {_MOST_OFFERS} of {len(offers)}; --json has all)" if len(offers) > _MOST_OFFERS else ""
        title = f"cloud prices, US dollars per accelerator and hour{more}"
        _print_table(out, title, columns, _offers(offers[:_MOST_OFFERS], notes))
    if part["hardware_prices"]:
        columns = ("date", "kind", "item", "x", "US dollars", "")
        _print_table(out, "hardware prices, for the whole item", columns, _items(part["hardware_prices"], notes))
    if part["quality_note"]:
        click.echo(printable(f"note: {part['quality_note']}"))
    click.echo("\n".join(["sources", *notes.lines(), ""]))


def _print_table(out: Any, title: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.table import Column, Table

    heads = (Column(name, no_wrap=name in _WHOLE, overflow="fold") for name in columns)
    table = Table(*heads, title=title, title_justify="left", box=SIMPLE_HEAD, pad_edge=False)
    for row in rows:
        table.add_row(*map(printable, row))
    out.print(table)


def _facts(facts: Iterable[Mapping[str, Any]], notes: _Notes) -> Iterator[tuple[str, ...]]:
    """Yield a row per statement: what is used first, then what other sources say, in brackets."""
    for fact in facts:
        is_used = fact["standing"] == "used" and not fact["implausible"]
        name = fact["fact"] if fact["standing"] == "used" else f"  {fact['standing']}"
        value = fact["value"] if is_used else f"({fact['value']})"
        remark = "; ".join(text for text in (fact["note"], _never_used(fact)) if text)
        yield name, value, fact["unit"] or "", notes.mark(fact["source"]), fact["as_of"], remark


def _offers(offers: Iterable[Mapping[str, Any]], notes: _Notes) -> Iterator[tuple[str, ...]]:
    for offer in offers:
        prices = (_money(offer[column]) for column in _SHORT)
        date = offer["price_date"] or "undated"
        mark = notes.mark(offer["source"]) + (" implausible" if offer["implausible"] else "")
        yield (
            offer["provider"], offer["region"] or "", offer["instance_type"] or "", str(offer["gpu_count"]),
            *prices, date, mark,
        )  # fmt: skip


def _items(items: Iterable[Mapping[str, Any]], notes: _Notes) -> Iterator[tuple[str, ...]]:
    for item in items:
        whose = item["item"] if item["accelerator_id"] else f"{item['item']} (of the family)"
        mark = notes.mark(item["source"]) + (" implausible" if item["implausible"] else "")
        yield item["price_date"] or "undated", item["kind"], whose, str(item["gpu_count"]), _price(item), mark


def _price(item: Mapping[str, Any]) -> str:
    """Return the price of an item, or the range that is said instead."""
    ends = [f"{item[end]:,.0f}" if item[end] is not None else "?" for end in ("usd_low", "usd_high")]
    spread = "" if ends == ["?", "?"] else f"{ends[0]} to {ends[1]}"
    if item["usd"] is None:
        return spread
    return f"{item['usd']:,.0f}" + (f" ({spread})" if spread else "")


def _never_used(fact: Mapping[str, Any]) -> str | None:
    return f"implausible: {fact['implausible']}" if fact["implausible"] else None


def _money(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"
