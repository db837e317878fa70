"""stories: near-identical articles, linked."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from contextlib import closing
from dataclasses import asdict
from datetime import date
from difflib import get_close_matches
from typing import TYPE_CHECKING

import click

from aiwire.cli.articles import stored_article
from aiwire.cli.common import Context, common_options, console, print_json_line, printable
from aiwire.cli.export import ISO_DATE
from aiwire.exceptions import ConfigError, InputError

if TYPE_CHECKING:
    from sqlite_utils import Database

    from db.story_list import Copy, Story

__all__ = ["stories"]

_COLUMNS = ("date", "articles", "publishers", "title", "url")
_COPY_COLUMNS = ("date", "publisher", "title", "url")

_Rows = Iterable[tuple[str, ...]]


@click.command()
@click.option("--since", type=ISO_DATE, help="First day of the articles that lead.")
@click.option("--until", type=ISO_DATE, help="Last day of the articles that lead.")
@click.option("--entity", metavar="ID", help="Only stories with an article that names it as subject or mention.")
@click.option(
    "--min-articles",
    type=click.IntRange(1),
    default=2,
    show_default=True,
    help="Only stories of so many articles or more; 1: also what nobody copied.",
)
@click.option("--limit", type=click.IntRange(1), default=50, show_default=True, help="At most so many stories.")
@click.option("--url", metavar="URL|ID", help="The one story of this article, copy by copy.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON lines, each with all copies.")
@common_options
def stories(
    context: Context,
    since: date | None,
    until: date | None,
    entity: str | None,
    min_articles: int,
    limit: int,
    url: str | None,
    as_json: bool,
) -> None:
    """List stories, newest first: what was published more than once, and where first.

    A story is one or more articles with nearly the same text. The earliest leads: date, title and URL are its own. What
    was linked wrongly is put right by `aiwire correct story`. Where the output is no terminal: a line each,
    tab-separated, after a line of names.

    \b
    Examples:
      aiwire stories --since 2026-11-01 --entity nvidia
      aiwire stories --min-articles 5 --json | jq .members
      aiwire stories --url https://example.org/forty-cards
    """
    from db import story_list
    from db.connection import open_existing

    if url is not None and (since or until or entity):
        raise click.UsageError("--url shows the one story of an article: leave --since, --until and --entity out")
    if since and until and since > until:
        raise ConfigError(f"--since {since} is later than --until {until}")
    with closing(open_existing(context.settings.db)) as db:
        if url is not None:
            found = [_story_of(db, url)]
        else:
            _check_entity(db, entity)
            found = story_list.stories(
                db, since=since, until=until, entity=entity, min_articles=min_articles, limit=limit
            )
        if as_json:
            for story in found:
                members = [asdict(copy) for copy in story_list.copies(db, story.id)]
                print_json_line(asdict(story) | {"members": members})
        elif url is not None:
            _print(_COPY_COLUMNS, map(_copy_row, story_list.copies(db, found[0].id)))
        elif found:
            _print(_COLUMNS, map(_row, found))
        else:
            click.echo(_none(story_list.count_without_story(db), is_narrow=bool(since or until or entity)))


def _story_of(db: Database, address: str) -> Story:
    """Return the story of an article.

    Raises:
        InputError: the article is not stored, or has none yet.
    """
    from db.story_list import story_of

    article = stored_article(db, address)
    story = story_of(db, article.id)
    if story is None:
        raise InputError(f"{article.url} is in no story yet; run `aiwire tag`")
    return story


def _check_entity(db: Database, entity: str | None) -> None:
    """Raise ConfigError if there is no such entity; the message names the nearest."""
    if entity is None or db.execute("SELECT 1 FROM entities WHERE id = ?", [entity]).fetchone():
        return
    known = [row[0] for row in db.execute("SELECT id FROM entities ORDER BY id")]
    near = get_close_matches(entity.casefold(), known, n=1)
    hint = f"did you mean {near[0]!r}?" if near else "the table `entities` has all ids"
    raise ConfigError(f"there is no entity {entity!r}; {hint}")


def _row(story: Story) -> tuple[str, ...]:
    """Return the texts of `_COLUMNS`."""
    return story.first_at, str(story.articles), str(story.publishers), story.title, story.url


def _copy_row(copy: Copy) -> tuple[str, ...]:
    """Return the texts of `_COPY_COLUMNS`."""
    return copy.dated_at, copy.publisher, copy.title, copy.url


def _print(columns: tuple[str, ...], rows: _Rows) -> None:
    if sys.stdout.isatty():
        _print_table(columns, rows)
        return
    for row in (columns, *rows):
        click.echo("\t".join(map(printable, row)))


def _print_table(columns: tuple[str, ...], rows: _Rows) -> None:
    from rich.table import Column, Table
    from rich.text import Text

    numbers = ("articles", "publishers")
    table = Table(*(Column(name, overflow="fold", justify="right" if name in numbers else "left") for name in columns))
    for row in rows:
        cells = dict(zip(columns, map(printable, row), strict=True)) | {"date": row[0][:10]}
        table.add_row(*(Text(cell) for cell in cells.values()))
    console(stderr=False).print(table)


def _none(without_story: int, *, is_narrow: bool) -> str:
    """Return in words that there is nothing to list, and what can be done."""
    if without_story:
        return f"no story: {without_story} articles are in none yet; run `aiwire tag`"
    return "no story in that selection; widen it" if is_narrow else "no story has so many articles"
