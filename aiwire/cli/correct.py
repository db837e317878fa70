"""correct: what people put right in articles, and its way out of one database into another."""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterable, Iterator
from contextlib import closing
from dataclasses import asdict, replace
from datetime import datetime
from difflib import get_close_matches
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, get_args

import click

from aiwire.cli.articles import stored_article
from aiwire.cli.common import (
    ISO_MOMENT,
    Context,
    common_options,
    console,
    print_json,
    printable,
    read_input,
    tagger_options,
    warn,
)
from aiwire.cli.database import writable
from aiwire.cli.progress import bars
from aiwire.cli.tagging import prepared_tagger, tagger_config
from aiwire.exceptions import InputError
from aiwire.types import OWN_STORY, Correction, CorrectionKind, iso

if TYPE_CHECKING:
    from sqlite_utils import Database

    from aiwire.pipeline.correctionfile import Line
    from db.corrections import Target
    from db.story_list import Story

__all__ = ["correct"]

_COLUMNS = ("url", "kind", "entity", "about", "value", "evidence", "note", "made_at", "stored")
_NARROW = ("kind", "entity", "about", "value")  # for a terminal, with what is said
_article = click.argument("article", metavar="URL|ID")
_note = click.option("--note", default="", help="Why, in your words.")


@click.group()
def correct() -> None:
    """Put an article right: a tag that is wrong or missing, its date, the story it belongs to.

    What you put right holds through retags and fetches until you undo it, and counts in trends and exports at once.
    An article is named by its URL or its id.
    """


@correct.command()
@_article
@click.argument("entity")
@click.option("--wrong", is_flag=True, help="The article does not name it: take the tag away.")
@click.option("--missing", is_flag=True, help="The article names it: add the tag.")
@click.option("--about/--not-about", default=None, help="Whether the article is about it; alone, for a tag it has.")
@click.option("--evidence", default="", help="The sentence of the article that proves the tag.")
@_note
@tagger_options
@common_options
def tag(
    context: Context,
    article: str,
    entity: str,
    wrong: bool,
    missing: bool,
    about: bool | None,
    evidence: str,
    note: str,
) -> None:
    """Put a tag right. ENTITY is an id such as nvidia-h100; the article must be stored.

    --about or --not-about alone: the tag is right, but not what the article is said to be about. A tag can be added of
    what is on a list, a theme in English articles only. --evidence may be spaced as you like.

    \b
    Examples:
      aiwire correct tag https://example.org/orchard apple --wrong
      aiwire correct tag https://example.org/cards nvidia-h100 --missing --about --evidence "It bought 40 of the cards."
      aiwire correct tag 1234567890 nvidia --not-about
    """
    from aiwire.pipeline.correcting import put_right
    from aiwire.pipeline.correctionfile import checked
    from db.corrections import said_tags

    says = about is not None or bool(evidence)
    if wrong and (missing or says):
        raise click.UsageError("--wrong stands alone: a tag that goes has neither evidence nor is the article about it")
    if not (wrong or missing or says):
        raise click.UsageError("say what is to be put right: --wrong, --missing, --about, --not-about or --evidence")
    kind: CorrectionKind = "wrong-tag" if wrong else "missing-tag"
    with writable(context.settings, create=False) as db:
        tagger = prepared_tagger(db, tagger_config(context.settings))
        found = _stored(db, article)
        said = checked(
            Correction(found.url, kind, entity, about, evidence=evidence, note=note, made_at=iso(context.now))
        )
        if wrong:
            _check_wrong(db, found, said)
        else:
            _check_missing(db, found, said, is_new=missing)
        put_right(db, tagger, add=[_merged(db, said)], now=context.now)
        after = said_tags(db, found.id).get(entity)
    if after is None:
        click.echo(f"{found.url}: no tag {entity}")
    else:
        about_it = "about it" if after.about else "not about it"
        click.echo(f"{found.url}: {entity}, {about_it}, in {after.count} place{'' if after.count == 1 else 's'}")


def _check_wrong(db: Database, found: Target, said: Correction) -> None:
    """Raise InputError if the article has no such tag and never had."""
    from db.corrections import all_corrections, said_tags

    tags = said_tags(db, found.id)
    if said.entity in tags or all_corrections(db, url=said.url, kind="wrong-tag", entity=said.entity):
        return
    none = "it has none" if found.tag_scope else "`aiwire tag` must tag it first"
    has = f"it has {', '.join(tags)}" if tags else none
    raise InputError(f"{found.url} has no tag '{said.entity}'{_hint(said.entity, tags)}; {has}")


def _check_missing(db: Database, found: Target, said: Correction, *, is_new: bool) -> None:
    """Raise InputError if the tag cannot be in the article, or the article does not say what is said to prove it."""
    from db.corrections import find_words, listed_entities, names_it, said_tags

    tags = said_tags(db, found.id)
    entity = listed_entities(db, [said.entity]).get(said.entity)
    if is_new and entity is None:
        raise InputError(_unknown(db, said.entity))
    if said.entity not in tags and not is_new:
        raise InputError(
            f"{found.url} has no tag '{said.entity}'{_hint(said.entity, tags)}; --missing adds one that is missing"
        )
    if said.evidence and find_words(said.evidence, found.title, found.text) is None:
        raise InputError(
            f"{found.url} does not say {said.evidence!r}; evidence is a sentence of its title or text, word by word"
        )
    if said.entity in tags or entity is None:
        return
    if entity.kind == "theme" and found.tag_scope == "names":
        raise InputError(
            f"{found.url} is not in English: shares of themes count English articles only, so it gets none"
        )
    if not said.evidence and not names_it(entity, found.title, found.text):
        raise InputError(f"{found.url} does not name {entity.name}; give the sentence that speaks of it as evidence")


def _merged(db: Database, said: Correction) -> Correction:
    """Return the correction with what was said of the same tag before and is not said anew."""
    from db.corrections import all_corrections

    kept = all_corrections(db, url=said.url, kind=said.kind, entity=said.entity)
    if not kept:
        return said
    before = kept[0]
    return replace(
        said,
        about=before.about if said.about is None else said.about,
        evidence=said.evidence or before.evidence,
        note=said.note or before.note,
    )


@correct.command()
@_article
@click.argument("day", metavar="DATE", type=ISO_MOMENT)
@_note
@common_options
def date(context: Context, article: str, day: datetime, note: str) -> None:
    """Put the date right: DATE is ISO 8601, in UTC without a time zone. The article must be stored.

    \b
    Example:
      aiwire correct date https://example.org/cards 2026-03-01
    """
    from aiwire.pipeline.correcting import put_right

    with writable(context.settings, create=False) as db:
        url = _stored(db, article).url
        said = _said(url, "wrong-date", iso(day), note, context)
        put_right(db, None, add=[said], now=context.now)
    click.echo(f"{url}: of {iso(day)}")


@correct.command()
@_article
@click.option("--same-as", metavar="URL|ID", help="An article that tells the same story.")
@click.option("--own", is_flag=True, help="It tells a story that no other article tells.")
@_note
@common_options
def story(context: Context, article: str, same_as: str | None, own: bool, note: str) -> None:
    """Say which story an article tells, whatever the texts say. Articles must be stored.

    It is said of this one article: its copies stay where they are, but for those that were said to be of its story.

    \b
    Examples:
      aiwire correct story https://example.org/cards --own
      aiwire correct story https://example.org/cards --same-as https://example.com/forty-cards
    """
    from aiwire.pipeline.correcting import put_right
    from db.story_list import story_of

    if own == (same_as is not None):
        raise click.UsageError("one of --same-as and --own says which story it is")
    with writable(context.settings, create=False) as db:
        found = _stored(db, article)
        value = OWN_STORY if same_as is None else _stored(db, same_as).url
        put_right(db, None, add=[_said(found.url, "wrong-story", value, note, context)], now=context.now)
        told = story_of(db, found.id)
        is_waiting = told is None or (not own and story_of(db, _stored(db, value).id) is None)
    click.echo(f"{found.url}: {_told(told, found.url, is_waiting=is_waiting)}")


def _told(story: Story | None, url: str, *, is_waiting: bool) -> str:
    """Return in words which story an article tells."""
    if story is None or is_waiting:
        return "kept; it takes effect when `aiwire tag` has tagged the articles"
    if story.articles == 1:
        return "a story of its own"
    leader = "it leads it" if story.url == url else f"led by {story.url}"
    return f"a story of {story.articles} articles, {leader}"


def _said(url: str, kind: CorrectionKind, value: str, note: str, context: Context) -> Correction:
    from aiwire.pipeline.correctionfile import checked

    return checked(Correction(url, kind, value=value, note=note, made_at=iso(context.now)))


@correct.command("list")
@click.argument("article", metavar="[URL|ID]", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@common_options
def list_corrections(context: Context, article: str | None, as_json: bool) -> None:
    """Show what was put right, of one article or of all.

    "stored" is 0 for an article that is still to come. Where the output is no terminal: a line each, tab-separated,
    after a line of names.

    \b
    Example:
      aiwire correct list
    """
    from db.connection import open_existing
    from db.corrections import all_corrections
    from db.store import known_articles

    with closing(open_existing(context.settings.db)) as db:
        found = all_corrections(db, url=None if article is None else _corrected(db, article))
        stored = known_articles(db, (one.url for one in found))
    if as_json:
        print_json([asdict(one) | {"stored": one.url in stored} for one in found])
    elif sys.stdout.isatty():
        _print_table(found)
    else:
        for row in (_COLUMNS, *(_row(one, is_stored=one.url in stored) for one in found)):
            click.echo("\t".join(printable(value) for value in row))


def _row(one: Correction, *, is_stored: bool) -> tuple[str, ...]:
    """Return the texts of `_COLUMNS`."""
    about = "" if one.about is None else str(int(one.about))
    return one.url, one.kind, one.entity, about, one.value, one.evidence, one.note, one.made_at, str(int(is_stored))


def _print_table(found: Iterable[Correction]) -> None:
    from rich.table import Column, Table
    from rich.text import Text

    table = Table(Column("article", overflow="fold"), *_NARROW, "evidence, note")
    for one in found:
        row = dict(zip(_COLUMNS, _row(one, is_stored=True), strict=True))
        words = " — ".join(filter(None, (one.evidence, one.note)))
        table.add_row(*(Text(printable(value)) for value in (one.url, *(row[name] for name in _NARROW), words)))
    console(stderr=False).print(table)


@correct.command()
@_article
@click.option("--kind", type=click.Choice(get_args(CorrectionKind)), help="Only what is put right of this kind.")
@click.option("--entity", help="Only what is put right of this tag.")
@tagger_options
@common_options
def undo(context: Context, article: str, kind: CorrectionKind | None, entity: str | None) -> None:
    """Take back what was put right in an article: it says again what publisher and tagger say.

    \b
    Examples:
      aiwire correct undo https://example.org/cards --kind wrong-date
      aiwire correct undo https://example.org/cards --entity nvidia-h100
    """
    from aiwire.pipeline.correcting import put_right
    from db.corrections import all_corrections

    with writable(context.settings, create=False) as db:
        url = _corrected(db, article)
        found = all_corrections(db, url=url, kind=kind, entity=entity)
        if not found:
            raise InputError(f"nothing like that was put right in {url}; `aiwire correct list {url}` shows what was")
        of_tag = any(one.is_of_tag for one in found)
        tagger = prepared_tagger(db, tagger_config(context.settings)) if of_tag else None
        put_right(db, tagger, undo=found, now=context.now)
    click.echo(f"{url}: {len(found)} taken back")


@correct.command("export")
@click.option(
    "-o", "--output", type=click.Path(path_type=Path, dir_okay=False), help="File to write [default: stdout]."
)
@common_options
def export_corrections(context: Context, output: Path | None) -> None:
    """Write all that was put right as CSV, for `aiwire correct import` and for spreadsheets.

    A cell that a spreadsheet would run as a formula has an apostrophe before it; the import takes it off.

    \b
    Example:
      aiwire correct export -o corrections.csv
    """
    from aiwire.pipeline.correctionfile import write_corrections
    from db.connection import open_existing
    from db.corrections import all_corrections
    from db.files import write_atomically

    with closing(open_existing(context.settings.db)) as db:
        found = all_corrections(db)
    if output is None:
        write_corrections(found, sys.stdout)
        return
    rows = write_atomically(output, partial(write_corrections, found))
    warn(f"{rows} corrections written to {output}")


@correct.command("import")
@click.argument("file", metavar="FILE.csv|-")
@tagger_options
@common_options
def import_corrections(context: Context, file: str) -> None:
    """Keep the corrections of a CSV file, all or none. What is for articles to come waits for them.

    A tag that is to be added to a stored article must be in it, as for `aiwire correct tag`; where its evidence does
    not stand in an article to come, another sentence or the title is shown for it.

    Columns, in any order: url, kind (wrong-tag, missing-tag, wrong-date, wrong-story), and where the kind has them
    entity, about (1, 0 or empty), value (a date; a URL or "own"), evidence; note, made_at. What is kept already stays.

    \b
    Example:
      aiwire correct import corrections.csv
    """
    from aiwire.pipeline.correcting import article_url, put_right
    from aiwire.pipeline.correctionfile import read_corrections

    data = read_input(file)
    with writable(context.settings) as db:
        tagger = prepared_tagger(db, tagger_config(context.settings))
        lines = read_corrections(data, origin=file, now=context.now, url_of=partial(article_url, db))
        strange = _strange(db, lines)
        with bars() as progress:
            done = put_right(db, tagger, add=(line.correction for line in lines), now=context.now, progress=progress)
    for warning in strange:
        warn(warning)
    to_come = len({one.url for one in done.changed}) - done.articles - done.idle
    idle = f", {done.idle} as they were" if done.idle else ""
    click.echo(
        f"{len(done.changed)} new or changed, {len(lines) - len(done.changed)} kept already; "
        f"{done.articles} articles put right{idle}, {to_come} to come"
    )


def _strange(db: Database, lines: Iterable[Line]) -> list[str]:
    """Return warnings on tags that are not there to be put right: names on no list come and go with their articles.

    Raises:
        InputError: a tag is to be added that is on no list, or cannot be in the article, which is stored; every
            message names file and line.
    """
    from aiwire.pipeline.correctionfile import refuse
    from db.corrections import listed_entities, load_corrections, target

    ids = {row[0] for row in db.execute("SELECT id FROM entities")}
    of_tag = [line for line in lines if line.correction.is_of_tag]
    listed = listed_entities(db, {line.correction.entity for line in of_tag})
    kept = load_corrections(db, (line.correction.url for line in of_tag))
    errors, warnings = [], []
    for where, one in of_tag:
        if any((before.kind, before.entity) == (one.kind, one.entity) for before in kept.get(one.url, ())):
            continue  # it was looked at when it came
        found = target(db, url=one.url)
        adds = one.kind == "missing-tag" and (one.about is None or bool(one.evidence))  # else it may be of a tag it has
        try:
            if adds and one.entity not in listed:
                raise InputError(_unknown(db, one.entity))
            if found is not None and one.kind == "missing-tag" and one.entity in listed:
                _check_missing(db, found, one, is_new=True)
        except InputError as e:
            errors.append(f"{where}: {e}")
        else:
            warnings += [f"{where}: {strange}" for strange in _absent(db, found, one, ids)]
    refuse(errors)
    return warnings


def _absent(db: Database, found: Target | None, one: Correction, ids: Collection[str]) -> Iterator[str]:
    """Yield a warning if a stored article does not have the tag that is to go or to be changed."""
    from db.corrections import said_tags

    if found is None or (one.kind == "missing-tag" and one.entity in ids):
        return
    if one.entity not in ids:
        yield f"no article has a tag '{one.entity}'{_hint(one.entity, ids)}; kept all the same"
    elif found.tag_scope and one.entity not in said_tags(db, found.id):
        yield f"{found.url} has no tag '{one.entity}' to take away; kept all the same"


def _stored(db: Database, address: str) -> Target:
    return stored_article(db, address, hint="; `aiwire correct import` takes what is for articles to come")


def _corrected(db: Database, address: str) -> str:
    """Return the URL of an article that is stored, or is still to come and put right already.

    Raises:
        InputError: it is neither.
    """
    from aiwire.pipeline.correcting import article_url
    from db.corrections import all_corrections

    url = article_url(db, address)
    return url if url is not None and all_corrections(db, url=url) else _stored(db, address).url


def _unknown(db: Database, entity: str) -> str:
    """Return what is wrong with an entity that is on no list."""
    rows = db.execute("SELECT id, name, listed FROM entities").fetchall()
    if any(entity == row[0] for row in rows):
        return (
            f"'{entity}' is on no list: only what is on one can be added; "
            "`aiwire candidates accept` puts the name on your own"
        )
    names = {surface.casefold(): of for surface, of in db.execute("SELECT surface, entity_id FROM aliases")}
    names |= {row[1].casefold(): row[0] for row in rows if row[2]}
    named = names.get(entity.casefold())
    hint = f"; did you mean '{named}'?" if named else _hint(entity, (row[0] for row in rows if row[2]))
    return f"there is no entity '{entity}'{hint or '; the table `entities` has all ids'}"


def _hint(wrong: str, known: Iterable[str]) -> str:
    near = get_close_matches(wrong.casefold(), list(known), n=1)
    return f"; did you mean '{near[0]}'?" if near else ""
