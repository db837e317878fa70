"""tag: tag again what is stored; and the tagger as every command makes it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from aiwire.cli.common import Context, common_options, print_json_line, printable, tagger_options
from aiwire.cli.database import writable
from aiwire.cli.progress import bars
from aiwire.config import Settings
from aiwire.exceptions import TryLater

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlite_utils import Database

    from aiwire.pipeline.diff import Diff, EntityDiff
    from aiwire.pipeline.retag import Retagged
    from aiwire.pipeline.tagger import Tagger
    from aiwire.types import LexiconLine
    from db.diff import Change, What
    from nlp.pipeline import TaggerConfig

__all__ = ["prepared_tagger", "tag", "tagger_config"]


def tagger_config(settings: Settings) -> TaggerConfig:
    """Return what the settings say of the tagger."""
    from nlp.pipeline import TaggerConfig

    return TaggerConfig(gazetteer=settings.gazetteer, spacy_model=settings.spacy_model)


def prepared_tagger(db: Database, config: TaggerConfig) -> Tagger:
    """Return the tagger, its entities and aliases brought into the database."""
    from aiwire.pipeline.retag import keep_first_lexicon
    from aiwire.pipeline.tagger import Tagger
    from db.store import sync_entities
    from nlp.gazetteer import load_lexicon
    from nlp.impact import fingerprint
    from nlp.pipeline import load_tagger, tag_articles, versions
    from nlp.precision import judged, load_precision

    before = versions(config)
    nlp = load_tagger(config)
    lexicon = load_lexicon(config.data, config.gazetteer)
    if not before == versions(config):
        raise TryLater("the lists of names were changed while they were read: call it again")

    def lines() -> Mapping[str, LexiconLine]:
        return fingerprint(lexicon, folder=config.data, spacy_model=config.spacy_model)

    tagger = Tagger(lambda texts: tag_articles(nlp, texts), before, lines)
    sync_entities(db, lexicon.entities, judged=judged(load_precision()))
    keep_first_lexicon(db, tagger)
    return tagger


@click.command()
@click.option(
    "--all", "everything", is_flag=True, help="Retag every article, not only what is untagged or out of date."
)
@click.option("--diff", "with_diff", is_flag=True, help="Print what changes, entity by entity, with examples.")
@click.option("--dry-run", is_flag=True, help="Print what would change and change nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON Lines: every change, if asked for, then the counts.")
@tagger_options
@common_options
def tag(context: Context, everything: bool, with_diff: bool, dry_run: bool, as_json: bool) -> None:
    """Tag the stored articles that have no tags, or tags of an older tagger or lexicon.

    Where only the lexicon has changed, articles that the change does not concern keep their tags without a look by the
    tagger. The outcome is the same as with --all, and as with a run into a new database.

    \b
    Examples:
      aiwire tag --dry-run
      aiwire tag --diff
      aiwire tag --all --diff --json > changes.jsonl
    """
    from aiwire.pipeline.diff import Diff

    diff = Diff()
    watch = (_print_change if as_json else diff) if with_diff or dry_run else None
    with _database(context.settings, dry_run=dry_run) as db, bars() as progress:
        from aiwire.pipeline.retag import tag_stored

        config = tagger_config(context.settings)
        tagger = prepared_tagger(db, config)
        stale_for = None if everything else tagger.versions
        done = tag_stored(db, tagger, stale_for=stale_for, now=context.now, progress=progress, watch=watch)
    if as_json:
        counts = {"looked_at": done.looked_at, "tagged": done.tagged, "unchanged": done.unchanged, "dry_run": dry_run}
        print_json_line({"articles": counts})
        return
    for line in (*_diff_lines(diff), _summary(done, dry_run=dry_run)):
        click.echo(printable(line))


@contextmanager
def _database(settings: Settings, *, dry_run: bool) -> Iterator[Database]:
    """Yield the database for writing; after a dry run it is what it was before."""
    if not dry_run:
        with writable(settings, create=False) as db:
            yield db
        return
    from aiwire.lock import writer_lock
    from db.connection import connect, open_existing
    from db.diff import rehearsal

    open_existing(settings.db).close()  # one of an older aiwire would be brought up to date by `connect`
    with writer_lock(settings.db), ExitStack() as stack:
        db = connect(settings.db)
        stack.callback(db.close)
        with rehearsal(db):
            yield db


def _summary(done: Retagged, *, dry_run: bool) -> str:
    counts = (
        f"{done.looked_at} articles looked at, {done.tagged} articles tagged, "
        f"{done.unchanged} unchanged by the change of the lexicon"
    )
    return f"{counts} (a dry run: nothing was written)" if dry_run else counts


def _print_change(change: Change) -> None:
    print_json_line({key: value for key, value in asdict(change).items() if value is not None})


_COUNTED: dict[What, str] = {
    "gained": "gained",
    "lost": "lost",
    "about-gained": "now about it",
    "about-lost": "no longer about it",
    "evidence": "with other evidence",
    "price-added": "added",
    "price-removed": "removed",
    "price-changed": "changed",
}


def _diff_lines(diff: Diff) -> Iterator[str]:
    for entity_id, entity in diff.most_changed():
        yield f"{entity.name} ({entity.kind} {entity_id}): {_counts(entity)}"
        yield from _examples(entity)
    if diff.prices.counts:
        yield f"prices: {_counts(diff.prices)}"
        yield from _examples(diff.prices)


def _counts(entity: EntityDiff) -> str:
    return ", ".join(f"{entity.counts[what]} {words}" for what, words in _COUNTED.items() if entity.counts[what])


def _examples(entity: EntityDiff) -> Iterator[str]:
    for what, words in _COUNTED.items():
        for change in entity.examples[what] if what != "evidence" else ():
            yield f"  {words}{_price(change)}: {change.title}"
            yield f"    {' '.join(change.sentence.split())}"
            yield f"    {change.url}"


def _price(change: Change) -> str:
    if change.quote is None:
        return ""
    return f" {change.quote}" + (f" ({change.entity})" if change.entity else "")
