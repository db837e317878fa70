"""watch: named filters that tell what is new."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from difflib import get_close_matches
from functools import partial
from typing import TYPE_CHECKING, Any, get_args

import click

from aiwire import __version__
from aiwire.cli.common import ISO_MOMENT, Context, common_options, console, print_json, printable, warn
from aiwire.cli.database import writable
from aiwire.cli.watch_filter import (
    PRICE_UNITS,
    SIGNALS,
    WHAT,
    Words,
    advise,
    check_files,
    check_name,
    deliveries_of,
    described,
    filter_of,
)
from aiwire.config import Settings
from aiwire.exceptions import AiwireError, ConfigError, TryLater
from aiwire.lock import writer_lock
from aiwire.types import EntityKind, iso

if TYPE_CHECKING:
    from sqlite_utils import Database

    from aiwire.pipeline.handover import Means
    from aiwire.pipeline.watching import Look
    from db.watches import Batch, Delivery, Watch

__all__ = ["watch"]

_FIRST = timedelta(days=7)  # of what is there when a watch is made
_MOST_S = 60.0  # that a webhook may take
_COLUMNS = ("name", "watches", "delivers to", "looked at", "waiting")


@click.group()
def watch() -> None:
    """Be told what is new: stories, prices and changed signals that fit a filter, each of them once.

    A watch looks when `aiwire watch run` is called, for example after each run: aiwire run && aiwire watch run
    """


# ---------------------------------------------------------------- add


@watch.command()
@click.argument("name")
@click.option("--entity", "entities", multiple=True, metavar="ID", help="An entity id; repeated: any of them.")
@click.option(
    "--kind", "kinds", type=click.Choice(get_args(EntityKind)), multiple=True, help="Any entity of this kind."
)
@click.option("--about-only", is_flag=True, help="Only articles that are about the entity, not those that name it.")
@click.option("--segment", default="all", help="owned, independent, lang:xx or category:xx [default: all].")
@click.option("--words", default="", help="All of these words stand in title or text, in any form.")
@click.option(
    "--price-unit", "price_units", type=click.Choice(PRICE_UNITS), multiple=True, help="Only prices of this unit."
)
@click.option("--what", type=Words(WHAT), metavar="LIST", help="stories, prices, signals, with commas [default: all].")
@click.option("--signal", "signals", type=Words(SIGNALS), metavar="LIST",
              help="rising, falling, flat, with commas [default: every change].")  # fmt: skip
@click.option("--since", type=ISO_MOMENT, help="Tell of what is there from this date on [default: the last 7 days].")
@click.option("--atom", multiple=True, metavar="FILE", help="Keep the newest 200 in this Atom feed.")
@click.option("--json-file", multiple=True, metavar="FILE", help="Keep the newest 200 in this JSON file.")
@click.option("--text-file", multiple=True, metavar="FILE", help="Keep the newest 200 in this text file.")
@click.option(
    "--command", multiple=True, metavar="ARGV", help="Run this with each digest as JSON on its standard input."
)
@click.option("--webhook", multiple=True, metavar="URL", help="POST each digest as JSON to this address.")
@common_options
def add(context: Context, name: str, entities: tuple[str, ...], since: datetime | None, **options: Any) -> None:
    """Make a watch. What is given must all fit; of --entity, --kind and --price-unit any one.

    Without a delivery (--atom, --json-file, --text-file, --command, --webhook; each may be repeated) `aiwire watch run`
    only prints. A command is run without a shell; its exit status 0 means delivered. Commands and webhooks may get a
    digest twice, under one id: AIWIRE_BATCH in the environment, the header Idempotency-Key. ${NAME} in a URL is taken
    from the environment when it is called, so that no key is stored.

    \b
    Examples:
      aiwire watch add blackwell --entity nvidia-b200 --entity nvidia-gb200 --atom blackwell.xml
      aiwire watch add prices --kind accelerator --what prices --price-unit gpu-hour --webhook https://hooks.example.org/x
      aiwire watch add sovereign --words "sovereign cloud" --segment independent --command "mail -s sovereign me"
    """
    from db.watches import Watch, add_watch, all_watches

    check_name(name)
    deliveries = deliveries_of(options)
    start = iso(since or context.now - _FIRST)
    with writable(context.settings, create=False) as db:
        there = all_watches(db)
        if any(one.name == name for one in there):
            raise ConfigError(f"there is a watch {name!r}; `aiwire watch remove {name}` first, or take another name")
        check_files(deliveries, there)
        said = filter_of(db, entities=entities, start=start, options=options)
        add_watch(db, Watch(name, said, iso(context.now), deliveries))
    advise(said, deliveries)
    click.echo(f"{name}: {described(said)}; `aiwire watch run {name}` tells what is new")


# ---------------------------------------------------------------- list, show, remove


@watch.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@common_options
def list_watches(context: Context, as_json: bool) -> None:
    """Show all watches. "waiting" counts digests that a delivery has not taken yet.

    Where the output is no terminal: a line each, tab-separated, after a line of names.

    \b
    Example:
      aiwire watch list
    """
    from db.connection import open_existing
    from db.watches import all_watches, pending_counts

    with closing(open_existing(context.settings.db)) as db:
        found, waiting = all_watches(db), pending_counts(db)
    if as_json:
        print_json([_as_json(one, waiting) for one in found])
        return
    rows = [_row(one, waiting) for one in found]
    if sys.stdout.isatty():
        _print_table(rows)
    else:
        for row in (_COLUMNS, *rows):
            click.echo("\t".join(printable(value) for value in row))


def _row(one: Watch, waiting: dict[str, int]) -> tuple[str, ...]:
    targets = ", ".join(f"{each.kind} {_shown(each)}" for each in one.deliveries)
    return one.name, described(one.filter), targets, one.looked_at or "never", str(waiting.get(one.name, 0))


def _as_json(one: Watch, waiting: dict[str, int]) -> dict[str, Any]:
    return {
        "name": one.name,
        "filter": asdict(one.filter),
        "deliveries": [{"kind": each.kind, "target": _shown(each)} for each in one.deliveries],
        "made_at": one.made_at,
        "looked_at": one.looked_at,
        "waiting": waiting.get(one.name, 0),
    }


def _print_table(rows: Iterable[tuple[str, ...]]) -> None:
    from rich.table import Table
    from rich.text import Text

    table = Table(*_COLUMNS)
    for row in rows:
        table.add_row(*(Text(printable(value), overflow="fold") for value in row))
    console(stderr=False).print(table)


@watch.command()
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@common_options
def show(context: Context, name: str, as_json: bool) -> None:
    """Show one watch: its filter, where it delivers, what waits.

    \b
    Example:
      aiwire watch show blackwell
    """
    from db.connection import open_existing
    from db.watches import pending_batches, pending_counts

    with closing(open_existing(context.settings.db)) as db:
        (one,) = _chosen(db, [name])
        counts = pending_counts(db)
        pending = list(pending_batches(db, name))
    if as_json:
        print_json(_as_json(one, counts))
        return
    lines = [f"{one.name}: {described(one.filter)}", f"made {one.made_at}, looked at {one.looked_at or 'never'}"]
    for each in one.deliveries:
        waits = sum(each.key not in batch.delivered for batch in pending)
        lines.append(f"{each.kind} {_shown(each)}" + (f": {waits} waiting" if waits else ""))
    click.echo("\n".join(printable(line) for line in lines))


@watch.command()
@click.argument("name")
@common_options
def remove(context: Context, name: str) -> None:
    """Forget a watch, what it was told, and what it has still to deliver. Its files stay.

    \b
    Example:
      aiwire watch remove blackwell
    """
    from db.watches import remove_watch

    with _alone(context.settings), writable(context.settings, create=False) as db:
        _chosen(db, [name])
        remove_watch(db, name)
    click.echo(f"{name}: forgotten")


# ---------------------------------------------------------------- run


@dataclass(slots=True)
class _Told:
    """What a watch has to say."""

    watch: Watch
    batches: list[Batch]
    waiting: int = 0
    problems: tuple[str, ...] = ()


@watch.command()
@click.argument("names", nargs=-1, metavar="[NAME…]")
@click.option("--format", "form", type=click.Choice(("text", "json")), default="text", help="Of what is printed.")
@click.option("--dry-run", is_flag=True, help="Only print what is new; it is told again by the next run.")
@common_options
def run(context: Context, names: tuple[str, ...], form: str, dry_run: bool) -> None:
    """Tell what is new since each watch last looked, and deliver it. Without names: all watches.

    Nothing is told twice, and nothing is lost if this is cut off: what was not delivered is delivered by the next call,
    in order. Exit status 1 if a delivery failed; it is tried again by the next call.

    \b
    Examples:
      aiwire watch run
      aiwire watch run blackwell --format json | jq '.watches[].batches[].stories[].url'
      aiwire watch run --dry-run
    """
    if dry_run:
        told = list(_previewed(context, names))
        _print(told, form)
    else:
        with _alone(context.settings):
            told = _run(context, names)
            _print(told, form)
            _note_printed(context, told)
    for one in told:
        for problem in one.problems:
            warn(f"watch {one.watch.name}: {problem}")
    if any(one.problems for one in told):
        raise SystemExit(1)


def _previewed(context: Context, names: Sequence[str]) -> Iterator[_Told]:
    from aiwire.pipeline.watching import preview
    from db.connection import open_existing
    from db.watches import pending_batches

    needs = _needs(context)
    with closing(open_existing(context.settings.db)) as db:
        for one in _chosen(db, names):
            pending = list(pending_batches(db, one.name))
            try:
                yield _Told(one, [*pending, *preview(db, one, needs)], waiting=len(pending))
            except AiwireError as e:
                yield _Told(one, pending, len(pending), (str(e),))


def _run(context: Context, names: Sequence[str]) -> list[_Told]:
    """Look under the lock of all that write, deliver without it: a slow webhook holds up no run."""
    from aiwire.pipeline.handover import hand_over, write_file
    from aiwire.pipeline.watching import deliver, look
    from db.connection import connect

    needs, means = _needs(context), _means(context)
    failed: dict[str, str] = {}
    with writable(context.settings, create=False) as db:
        chosen = _chosen(db, names)
        for one in chosen:
            try:
                look(db, one, needs)
            except ConfigError as e:
                failed[one.name] = str(e)
    told = []
    with closing(connect(context.settings.db)) as db:
        for one in chosen:
            done = deliver(
                db,
                one,
                partial(hand_over, db, one, means=means),
                partial(write_file, db, one),
                now=context.now,
            )
            problems = (*((failed[one.name],) if one.name in failed else ()), *done.problems)
            told.append(_Told(one, done.unprinted, done.waiting, problems))
    return told


def _note_printed(context: Context, told: Iterable[_Told]) -> None:
    from aiwire.pipeline.watching import mark_printed
    from db.connection import connect

    with closing(connect(context.settings.db)) as db:
        for one in told:
            mark_printed(db, one.watch, one.batches, now=context.now)


@contextmanager
def _alone(settings: Settings) -> Iterator[None]:
    """Hold the outbox: two at once would deliver everything twice.

    Raises:
        TryLater: another `aiwire watch run` is at work.
    """
    with ExitStack() as stack:
        try:
            stack.enter_context(writer_lock(settings.db.with_name(f"{settings.db.name}.watch")))
        except TryLater as e:
            raise TryLater(f"{settings.db}: another `aiwire watch run` delivers; try again later") from e
        yield


def _needs(context: Context) -> Look:
    from aiwire.pipeline.watching import Look

    settings = context.settings
    return Look(context.now, settings.base_url, settings.excerpt_chars)


def _means(context: Context) -> Means:
    from aiwire.pipeline.handover import Means
    from ingest.http.guard import Guard
    from ingest.http.limits import FetchLimits

    s = context.settings
    return Means(
        user_agent=f"aiwire/{__version__}" + (f" (+{s.contact})" if s.contact else ""),
        limits=FetchLimits(
            connect_s=s.connect_timeout_s, read_s=s.read_timeout_s, total_s=min(s.total_timeout_s, _MOST_S)
        ),
        guard=Guard(s.allow_hosts),
        proxy=s.proxy or None,
        environ=os.environ,
    )


def _chosen(db: Database, names: Sequence[str]) -> list[Watch]:
    """Return the watches of these names, all if none is given.

    Raises:
        ConfigError: there is no such watch; the message names the nearest.
    """
    from db.watches import all_watches

    found = {one.name: one for one in all_watches(db)}
    for name in names:
        if name not in found:
            near = get_close_matches(name, found, n=1)
            hint = f"did you mean {near[0]!r}?" if near else "`aiwire watch list` shows all"
            raise ConfigError(f"there is no watch {name!r}; {hint}")
    return [found[name] for name in dict.fromkeys(names)] if names else list(found.values())


def _print(told: Sequence[_Told], form: str) -> None:
    from aiwire.digest import as_json, as_text

    if form == "json":
        print_json({"watches": [
            {
                "watch": one.watch.name,
                "looked_at": one.watch.looked_at,
                "batches": [as_json(batch) for batch in one.batches],
                "waiting": one.waiting,
                "problems": one.problems,
            }
            for one in told
        ]})  # fmt: skip
    else:
        parts = [as_text(batch) for one in told for batch in one.batches]
        parts += [f"{one.watch.name}: nothing new since {_since(one.watch)}\n" for one in told if not one.batches]
        click.echo(printable("\n".join(parts), keep="\n") or "no watch yet; `aiwire watch add --help`", nl=not parts)
    sys.stdout.flush()


def _since(one: Watch) -> str:
    return one.looked_at or one.filter.since


def _shown(delivery: Delivery) -> str:
    from aiwire.pipeline.handover import shown_target

    return shown_target(delivery)
