"""doctor: environment, database and sources: what is wrong, and the remedy."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import Path

import click

from aiwire.cli.common import Context, common_options
from aiwire.config import Settings
from aiwire.exceptions import AiwireError

__all__ = ["doctor"]


@click.command()
@common_options
def doctor(context: Context) -> None:
    """Check the installation, the settings, the source list and the database. Exit status 1 if one fails.

    \b
    Example:
      aiwire doctor
    """
    settings = context.settings  # unusable ones are an error of their own, not of every check
    checks: dict[str, Callable[[Settings], str]] = {
        "packages": _packages,
        "lexicon": _lexicon,
        "sources": _sources,
        "database": _database,
        "tags": _tags,
    }
    failed = False
    for name, check in checks.items():
        try:
            click.echo(f"ok    {name}: {check(settings)}")
        except AiwireError as e:
            failed = True
            click.echo(f"FAIL  {name}: {e}")
    if failed:
        raise SystemExit(1)


def _packages(settings: Settings) -> str:
    """Check that `nlp`, `db` and `ingest` are ours: other distributions own those names, too."""
    home = Path(str(importlib.import_module("aiwire").__file__)).resolve().parent.parent
    for name in ("ingest", "nlp", "db"):
        found = importlib.import_module(name).__file__
        if not found or Path(found).resolve().parent.parent != home:
            raise AiwireError(
                f"'{name}' comes from {found}, not from aiwire; install aiwire in an environment of its own"
            )
    return f"ingest, nlp and db are aiwire's, in {home}"


def _lexicon(settings: Settings) -> str:
    """Check the data and build the tagger of them; what is doubtful is told of the shipped data alone."""
    from aiwire.cli.tagging import tagger_config
    from nlp.gazetteer import load_lexicon
    from nlp.lint import lint
    from nlp.pipeline import load_tagger

    if problems := lint(load_lexicon()):
        raise AiwireError("; ".join(problems[:5]))
    config = tagger_config(settings)
    load_tagger(config)
    lexicon = load_lexicon(gazetteer=config.gazetteer)
    own = f", with {', '.join(map(str, settings.gazetteer))}" if settings.gazetteer else ""
    return f"{len(lexicon.entities)} entities, version {lexicon.version}{own}"


def _sources(settings: Settings) -> str:
    from aiwire.cli.tagging import tagger_config
    from ingest.sources import load_sources
    from nlp.gazetteer import load_lexicon

    lexicon = load_lexicon(gazetteer=tagger_config(settings).gazetteer)
    companies = {entity.id for entity in lexicon.entities if entity.kind == "company"}
    strangers = [f"{s.id} ({s.owner})" for s in load_sources(settings.sources) if s.owner and s.owner not in companies]
    if strangers:
        raise AiwireError(f"an owner that is no company id of the lexicon: {', '.join(strangers)}")
    return f"{len(load_sources(settings.sources))} sources in {settings.sources}"


def _database(settings: Settings) -> str:
    from db.connection import check, open_existing

    if not settings.db.is_file():
        return f"{settings.db} is not there yet; `aiwire run` makes it"
    return check(open_existing(settings.db))


def _tags(settings: Settings) -> str:
    """Check that no article waits for `aiwire tag`: a run tags what is new or has changed, not what is stored."""
    from aiwire.cli.tagging import tagger_config
    from db.connection import open_existing
    from db.store import count_texts
    from nlp.pipeline import versions

    if not settings.db.is_file():
        return "no articles yet"
    stale = count_texts(open_existing(settings.db), stale_for=versions(tagger_config(settings)))
    if stale:
        raise AiwireError(
            f"{stale} articles are untagged or tagged by an older lexicon; `aiwire tag` brings them up to date"
        )
    return "all articles are tagged by the present lexicon"
