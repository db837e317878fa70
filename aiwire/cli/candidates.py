"""candidates: the names that no list has, and what is decided on them."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import click

from aiwire.cli.common import Context, common_options, console, print_json, printable, tagger_options, warn
from aiwire.cli.database import writable
from aiwire.cli.progress import bars
from aiwire.cli.tagging import prepared_tagger, tagger_config
from aiwire.config import load_settings, own_gazetteer
from aiwire.exceptions import ConfigError

if TYPE_CHECKING:
    from sqlite_utils import Database

    from db.candidates import QueuedName
    from nlp.gazetteer import Lexicon

__all__ = ["candidates"]

_LineOf: TypeAlias = "Callable[[str, QueuedName | None, Lexicon], dict[str, Any]]"
_COLUMNS = ("name", "looks like", "articles", "tagged", "publishers", "first", "last", "found by", "evidence", "url")
_OFTEN, _FEW = 0.05, 5  # a name tagged in a larger share of the articles, and in so many, is no name more likely
_NARROW = 7  # columns before those that need the width of a terminal
_force = click.option("--force", is_flag=True, help="Also a name that waits in no article.")
_names = click.argument("names", nargs=-1, required=True, metavar="NAME...")


@click.group()
def candidates() -> None:
    """Review the names that no list has: unlisted companies that are tagged, and weaker finds that are not.

    A decision is a line of your own gazetteer file: the first --gazetteer, else the first `gazetteer` of aiwire.toml,
    else gazetteer.jsonl beside aiwire.toml. The articles that it concerns are tagged again at once.
    """


@candidates.command("list")
@click.option("--looks-like", type=click.Choice(("company", "product")), help="Only these.")
@click.option("--min-articles", type=click.IntRange(min=1), default=1, help="Only names in at least so many articles.")
@click.option("--limit", type=click.IntRange(min=1), help="The most names [default: all].")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@common_options
def list_candidates(
    context: Context, looks_like: str | None, min_articles: int, limit: int | None, as_json: bool
) -> None:
    """Show the names that wait for a decision, those of most articles first.

    "tagged" counts the articles where the evidence was strong enough for a tag (`listed` is 0 there). Where the output
    is no terminal: a line each, tab-separated, after a line of names.

    \b
    Example:
      aiwire candidates list --min-articles 3
    """
    from db.candidates import queue
    from db.connection import open_existing

    db = open_existing(context.settings.db)
    found = queue(db, looks_like=looks_like, min_articles=min_articles, limit=limit)
    if as_json:
        print_json([asdict(name) for name in found])
    elif sys.stdout.isatty():
        _print_table(found)
    else:
        for row in (_COLUMNS, *map(_row, found)):
            click.echo("\t".join(printable(value) for value in row))


def _row(found: QueuedName) -> tuple[str, ...]:
    """Return the texts of `_COLUMNS`."""
    counts = (found.articles, found.tagged, found.publishers)
    evidence = " ".join(found.evidence.split())
    where = (found.first, found.last, ", ".join(found.rules), evidence, found.url)
    return found.name, found.looks_like, *map(str, counts), *where


def _print_table(found: Iterable[QueuedName]) -> None:
    from rich.table import Table
    from rich.text import Text

    table = Table(*_COLUMNS[:_NARROW], "evidence")
    for name in found:
        row = _row(name)
        table.add_row(*(Text(printable(value)) for value in (*row[:_NARROW], row[-2])))
    console(stderr=False).print(table)


@candidates.command()
@_names
@click.option("--id", "entity_id", help="Its id [default: from the name].")
@click.option("--name", "full_name", help="The name to show, if it is not NAME.")
@click.option(
    "--kind",
    type=click.Choice(("company", "accelerator", "model")),
    help="What it is [default: company; must be said of a product].",
)
@click.option("--category", help="Of a company: chips, cloud, lab, ...")
@click.option("--country", help="ISO 3166-1 code such as DE.")
@click.option("--parent", help="Id of the company that owns or makes it.")
@click.option(
    "--policy",
    type=click.Choice(("any", "cased", "context")),
    help="When NAME counts: always, as capitalised in NAME, or with evidence beside it [default: cased; context for an "
    "ordinary word].",
)
@_force
@tagger_options
@common_options
def accept(
    context: Context, names: tuple[str, ...], entity_id: str | None, full_name: str | None, force: bool, **facts: Any
) -> None:
    """Put names on your own list: a line of your gazetteer file, and the tag in all stored articles.

    \b
    Examples:
      aiwire candidates accept "Quorvex Labs" --category chips --country DE
      aiwire candidates accept Foo-70B --kind model --parent foo-ai
    """
    if len(names) > 1 and (entity_id or full_name):
        raise click.UsageError("--id and --name are for one NAME")

    def line(name: str, waiting: QueuedName | None, lexicon: Lexicon) -> dict[str, Any]:
        if facts["kind"] is None and waiting is not None and waiting.looks_like == "product":
            raise ConfigError(f"{name!r} looks like a product: say --kind accelerator or --kind model")
        return _entity_line(name, entity_id, full_name or name, facts, lexicon)

    _decide(context, names, line, force=force)


@candidates.command()
@_names
@_force
@tagger_options
@common_options
def reject(context: Context, names: tuple[str, ...], force: bool) -> None:
    """Have names neither tagged nor proposed any more, as companies or products that no list has.

    \b
    Example:
      aiwire candidates reject "Investor Relations" 2FA
    """
    _decide(context, names, lambda name, _waiting, _lexicon: {"not_company": name}, force=force)


def _entity_line(
    name: str, entity_id: str | None, full_name: str, facts: dict[str, Any], lexicon: Lexicon
) -> dict[str, Any]:
    """Return the line that lists an accepted name."""
    from nlp.datafile import hint
    from nlp.text import fold
    from nlp.unlisted import load_unlisted_rules, slug

    if entity_id is not None and slug(entity_id) != entity_id:
        raise ConfigError(f"--id {entity_id!r} is no lower-case slug such as 'acme-ai'")
    entity_id = entity_id or slug(name)
    if not entity_id:
        raise ConfigError(f"{name!r} gives no id: name one with --id")
    kinds = {entity.id: entity.kind for entity in lexicon.entities}
    if entity_id in kinds:
        raise ConfigError(f"the id {entity_id!r} is taken: choose another with --id")
    if facts["parent"] is not None and kinds.get(facts["parent"]) != "company":
        near = hint(facts["parent"], (i for i, kind in kinds.items() if kind == "company"))
        raise ConfigError(f"--parent {facts['parent']!r} is the id of no company; {near or 'accept that one first'}")
    country = facts["country"]
    if country is not None and not (len(country) == 2 and country.isascii() and country.isalpha()):
        raise ConfigError(f"--country {country!r} is no ISO 3166-1 code of two letters such as DE")
    line = {"id": entity_id, "kind": facts["kind"] or "company", "name": full_name}
    line |= {key: facts[key] for key in ("category", "parent") if facts[key]}
    if country:
        line["country"] = country.upper()
    ordinary = load_unlisted_rules().vocabulary.common | lexicon.common_words
    policy = facts["policy"] or ("context" if fold(name) in ordinary else "cased")
    if policy == "cased" and full_name == name:
        return line  # a name alone is its alias
    return line | {"aliases": [{"s": name, "policy": policy}, *([] if full_name == name else [full_name])]}


def _decide(context: Context, names: Sequence[str], line: _LineOf, *, force: bool) -> None:
    """Write a line for each of `names`, all or none, and tag what they concern again."""
    from db.candidates import queue
    from db.files import write_atomically
    from nlp.gazetteer import lexicon_with
    from nlp.overlay import read_overlay, with_lines

    files, path = _files(context)
    with writable(context.settings, create=False) as db:
        texts = {_key(file): "" if file == path and not path.exists() else read_overlay(file) for file in files}
        lexicon = lexicon_with(tuple(texts.items()))
        waiting = {found.name: found for found in queue(db)}
        lines = []
        for name in dict.fromkeys(names):
            _check_undecided(name, lexicon, path, tuple(texts))
            if name not in waiting and not force:
                raise ConfigError(_not_waiting(name, waiting))
            lines.append(line(name, waiting.get(name), lexicon))
        texts[_key(path)] = with_lines(texts[_key(path)], lines)
        lexicon_with(tuple(texts.items()))  # what could not be loaded is refused before it is written
        write_atomically(path, lambda out: out.write(texts[_key(path)]))
        click.echo(f"written to {path}")
        _retag(context, db, files, lines)
    _warn_of_unused(context, path)


def _key(file: Path) -> str:
    """Return a file's name as the tagger has it, so that the lexicon is made once."""
    return str(file.absolute())


def _files(context: Context) -> tuple[tuple[Path, ...], Path]:
    """Return the gazetteer files and which of them is written, which need not be there."""
    files = context.settings.gazetteer
    if context.given_gazetteer:
        given = context.given_gazetteer[0].resolve()
        return files, next(file for file in files if file.resolve() == given)
    path = files[0] if files else own_gazetteer(context.config)
    return files or (path,), path


def _check_undecided(name: str, lexicon: Lexicon, path: Path, own: tuple[str, ...]) -> None:
    """Raise ConfigError if the name has been rejected, or is on a list; `own` are the names of the user's files."""
    from nlp.text import fold

    if fold(name) in lexicon.not_companies:
        raise ConfigError(f'{name!r} has been rejected: to change that, take its "not_company" line out of {path}')
    for record in lexicon.records:
        if any(fold(alias.surface) == fold(name) for alias in record.aliases):
            file, _, number = record.where.rpartition(":")
            remedy = f"change line {number} of {file}" if file in own else f"write a line for that id into {path}"
            raise ConfigError(
                f"{name!r} is a name of {record.entity.id!r} already ({record.where}); to change or remove it, {remedy}"
            )


def _not_waiting(name: str, waiting: Iterable[str]) -> str:
    from nlp.datafile import hint

    told = hint(name, waiting) or "`aiwire candidates list` shows those that do"
    return f"{name!r} waits in no article: {told} (--force takes it all the same)"


def _retag(context: Context, db: Database, files: tuple[Path, ...], lines: Iterable[dict[str, Any]]) -> None:
    """Bring the stored articles up to date with the files and tell what has become of the names."""
    from aiwire.pipeline.retag import tag_stored
    from db.candidates import tagged_articles
    from nlp.pipeline import versions
    from nlp.unlisted import slug

    ids = {line.get("id") or slug(line["not_company"]): line for line in lines}
    before = {entity_id: tagged_articles(db, entity_id) for entity_id in ids}
    config = tagger_config(replace(context.settings, gazetteer=files))
    tagger = prepared_tagger(db, config)
    with bars() as progress:
        tag_stored(db, tagger, stale_for=versions(config), now=context.now, progress=progress)
    for entity_id, line in ids.items():
        tagged = tagged_articles(db, entity_id)
        click.echo(_told(entity_id, line, before=before[entity_id], now=tagged))
        _warn_of_common(db, line, tagged)


def _warn_of_common(db: Database, line: dict[str, Any], tagged: int) -> None:
    """Warn of an accepted name that is found all over: it is an ordinary word more likely than a company."""
    total = db["articles"].count
    if "id" in line and tagged >= _FEW and tagged > _OFTEN * total:
        warn(
            f"{line['name']} is now tagged in {tagged} of {total} articles: is it an ordinary word? Its line may have"
            ' the "policy" "context", or go'
        )


def _told(entity_id: str, line: dict[str, Any], *, before: int, now: int) -> str:
    """Return what has become of a name: in how many articles it was a tag, and is one now."""
    if "id" in line:
        return f"{line['name']} ({entity_id}): tagged in {now} {_articles(now)}, {now - before} of them new"
    lost = before - now
    done = f"its tag taken from {lost} {_articles(lost)}" if lost else "no longer proposed"
    return f"{line['not_company']}: rejected, {done}"


def _articles(number: int) -> str:
    return "article" if number == 1 else "articles"


def _warn_of_unused(context: Context, path: Path) -> None:
    """Tell what to add to the settings if they do not name the file: the next run would take the decision back."""
    listed = load_settings(context.config, environ=os.environ, overrides={}).gazetteer
    if path.resolve() not in {file.resolve() for file in listed}:
        wanted = json.dumps([str(file.absolute()) for file in (*listed, path)], ensure_ascii=False)
        warn(f"the next run will not know {path}: set gazetteer = {wanted} in aiwire.toml")
