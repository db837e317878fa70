"""sources test and sources add: look at an address, and take it into the source list."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from aiwire.cli.common import Context, common_options, print_json, printable, read_input, warn
from aiwire.exceptions import ConfigError, SourceError
from aiwire.types import Entry, ParsedFeed, Source, iso

if TYPE_CHECKING:
    from aiwire.pipeline.probe import Found, Lead, Probe
    from ingest.http.fetch import Fetcher

__all__ = ["add", "sources_file", "test"]

F = TypeVar("F", bound=Callable[..., Any])
_SHOWN = 20  # entries of the preview
_MAX_NAME = 80

sources_file = click.option(
    "--sources", type=click.Path(path_type=Path, dir_okay=False), help="Source list [default: sources.toml]."
)
_replay = click.option(
    "--replay",
    type=click.Path(path_type=Path, dir_okay=False),
    multiple=True,
    help="Answer from this .warc.gz instead of the network (may be repeated).",
)


@click.command()
@click.argument("address", metavar="URL|ID")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, with every entry.")
@click.option("--file", help="Read this file (- for stdin) as if URL had answered with it: no network.")
@_replay
@sources_file
@common_options
def test(
    context: Context, address: str, as_json: bool, file: str | None, replay: tuple[Path, ...], sources: Path | None
) -> None:
    """Show what would be taken from an address, or from a source of the list: nothing is stored.

    Ends with 1 if nothing can be taken.

    \b
    Examples:
      aiwire sources test https://example.org/news
      aiwire sources test nvidia-blog --json
      aiwire sources test https://example.org/news --file saved.html
    """
    if file is not None and replay:
        raise click.UsageError("--file and --replay exclude each other")
    source = _source_named(address, context.settings.sources)
    seen = _look(context, source.url if source else address, source=source, replay=replay, file=file)
    if as_json:
        print_json(_to_json(seen))
    else:
        _print(seen)
    if seen.found is None or not seen.found.feed.entries:
        raise SystemExit(1)


@click.command()
@click.argument("url")
@click.option("--id", "source_id", help="Short name [default: made from the host].")
@click.option("--name", help="Name to show [default: the feed's title].")
@click.option("--kind", type=click.Choice(["feed", "listing", "sitemap"]), help="What it is [default: what is found].")
@click.option("--publisher", help="Family of sources with one voice [default: the id].")
@click.option("--owner", help="Company id, where it is a vendor's own voice.")
@click.option("--language", help="Language code, for example en [default: what the feed says].")
@click.option("--category", help="For example press, lab, cloud.")
@click.option("--licence", help="Of its texts.")
@click.option("--unchecked", is_flag=True, help="Add the address as it is, without a look at it.")
@_replay
@sources_file
@common_options
def add(
    context: Context,
    url: str,
    source_id: str | None,
    name: str | None,
    kind: str | None,
    unchecked: bool,
    replay: tuple[Path, ...],
    sources: Path | None,
    **fields: str | None,
) -> None:
    """Add a source: a feed, or a page whose feed is then looked for; without one its sitemap or its list of articles.

    \b
    Examples:
      aiwire sources add https://example.org/news --category press
      aiwire sources add https://example.org/feed.xml --name "Example" --unchecked
    """
    from ingest.sources import add_source, load_sources, new_source

    _check_owner(fields.get("owner"), context)
    path = context.settings.sources
    present = load_sources(path) if path.is_file() else ()
    _check_new(url, source_id, present, path)
    source = new_source(url, present, source_id=source_id, name=name, kind=kind, **fields)
    if not unchecked:
        found = _usable(_look(context, url, source=source if kind else None, replay=replay))
        _check_new(found.url, None, present, path)
        fields["language"] = fields["language"] or _language(found.feed)
        name = name or _name(found.feed)
        source = new_source(found.url, present, source_id=source_id, name=name, kind=found.kind, **fields)
        warn(f"{found.url}: a {found.kind} with {len(found.feed.entries)} entries, {found.how}")
        if untitled := _untitled(found.feed):
            warn(untitled)
    add_source(path, source)
    warn(f"added '{source.id}' to {path}")


def _check_new(url: str, source_id: str | None, present: Iterable[Source], path: Path) -> None:
    """Raise ConfigError if the list has the address or the id already."""
    from ingest.sources import same_address

    if (there := same_address(url, present)) is not None:
        raise ConfigError(f"{path}: nothing added: {url} has the same URL as source '{there.id}'")
    if source_id is not None and any(source.id == source_id for source in present):
        raise ConfigError(f"{path}: nothing added: the id '{source_id}' is taken; choose another with --id")


def _check_owner(owner: str | None, context: Context) -> None:
    """Raise ConfigError if the owner is on no list, own ones included: no trend would know the source as a vendor's."""
    if owner is None:
        return
    from nlp.gazetteer import load_lexicon

    lexicon = load_lexicon(gazetteer=context.settings.gazetteer)
    companies = [entity.id for entity in lexicon.entities if entity.kind == "company"]
    if owner not in companies:
        near = get_close_matches(owner, companies, n=1)
        hint = f", did you mean '{near[0]}'?" if near else "; leave it out"
        raise ConfigError(f"'{owner}' is no company id of the lexicon{hint}")


def _usable(seen: Probe) -> Found:
    """Return what a probe found.

    Raises:
        SourceError: nothing that can be used.
    """
    if seen.found is not None and seen.found.feed.entries:
        return seen.found
    problems = list(seen.problems) or ["it has no entries"]
    reason = "; ".join(problem.removeprefix(f"{seen.url}: ") for problem in problems)
    unsaid = [lead.url for lead in seen.others if lead.url not in reason][:3]
    leads = f"; the site names {', '.join(unsaid)}" if unsaid else ""
    raise SourceError(seen.url, f"nothing added: {reason}{leads} (--unchecked adds it without a look)")


def _name(feed: ParsedFeed) -> str | None:
    """Return the feed's title as a name, None if it has none that fits in a line."""
    name = " ".join("".join(char for char in feed.title or "" if char.isprintable()).split())[:_MAX_NAME].strip()
    return name or None


def _untitled(feed: ParsedFeed) -> str | None:
    """Return in words how many entries have no title, as in most sitemaps; None if all have one."""
    count = sum(not entry.title for entry in feed.entries)
    return f"{count} of {len(feed.entries)} entries have no title: their pages give it" if count else None


def _language(feed: ParsedFeed) -> str | None:
    from ingest.feeds.jsonfeed import language_tag

    return language_tag(feed.language)


def _source_named(address: str, path: Path) -> Source | None:
    """Return the source with that id; None if `address` is an address.

    Raises:
        ConfigError: it is neither.
    """
    if "://" in address:
        return None
    from ingest.sources import load_sources

    listed = {source.id: source for source in load_sources(path)} if path.is_file() else {}
    if address in listed:
        return listed[address]
    near = get_close_matches(address, listed, n=1)
    hint = f"did you mean '{near[0]}'?" if near else "give an id, or a URL with https://"
    if not near and ("." in address or "/" in address):
        hint = f"an address is given with its scheme: https://{address.lstrip('/')}"
    raise ConfigError(f"'{address}' is no source of {path}; {hint}")


# ---------------------------------------------------------------- looking


def _look(
    context: Context, url: str, *, source: Source | None, replay: tuple[Path, ...], file: str | None = None
) -> Probe:
    """Return what is at an address: on the network, in an archive or in a file."""
    from aiwire.pipeline.probe import probe
    from ingest.urls import normalize_url
    from ingest.worker import ParserPool

    if normalize_url(url) is None:
        raise ConfigError(f"'{url}' is no http or https URL")
    settings = context.settings
    with ExitStack() as stack:
        fetcher, now = stack.enter_context(_fetcher(context, url, replay, file))
        parsers = stack.enter_context(ParserPool(workers=1, timeout_s=settings.parse_timeout_s))
        return probe(fetcher, url, now=now, parsers=parsers, source=source)


@contextmanager
def _fetcher(
    context: Context, url: str, replay: tuple[Path, ...], file: str | None
) -> Iterator[tuple[Fetcher, datetime]]:
    """Yield what fetches, and the time that counts as now."""
    from aiwire.cli.run import open_fetcher
    from ingest.http.fetch import Fetcher, FetchLimits
    from ingest.http.onefile import OneFileTransport
    from ingest.http.warc import ReplayTransport

    if file is not None:
        transport = OneFileTransport(url, read_input(file))
        yield Fetcher(FetchLimits().for_replay(), user_agent="aiwire", transport=transport), context.now
        return
    archive = ReplayTransport(replay, at=context.given_now) if replay else None
    now = context.given_now or (archive.newest if archive else context.now)
    with open_fetcher(context.settings, archive, None, now) as fetcher:
        yield fetcher, now


# ---------------------------------------------------------------- printing


def _print(seen: Probe) -> None:
    """Print the entries, an address on a line of its own: no terminal cuts it then; and below them the summary."""
    if seen.found is not None:
        feed = seen.found.feed
        for entry in feed.entries[:_SHOWN]:
            date = entry.published or entry.updated
            shown = date.strftime("%Y-%m-%d %H:%M") if date else "no date"
            click.echo(
                f"{shown:16}  {printable(entry.title) or '(no title)'}\n{'':18}{printable(entry.url or 'no address')}"
            )
        if len(feed.entries) > _SHOWN:
            click.echo(f"... and {len(feed.entries) - _SHOWN} more (--json shows all)")
        click.echo()
    for line in _summary(seen):
        click.echo(printable(line))


def _summary(seen: Probe) -> Iterator[str]:
    from aiwire.pipeline.probe import dated_share

    if seen.found is None:
        yield f"nothing usable at {seen.url}"
    else:
        feed = seen.found.feed
        yield f"kind:      {seen.found.kind} ({feed.kind}), {seen.found.how}: {seen.found.url}"
        yield f"title:     {feed.title or 'none'}"
        yield f"entries:   {len(feed.entries)}, {dated_share(feed):.0%} with a date"
        if untitled := _untitled(feed):
            yield f"titles:    {untitled}"
        yield f"language:  {feed.language or 'not stated'}"
        yield f"asks for:  {_hints(feed)}"
        yield f"robots:    {seen.robots or 'its pages may be fetched, as far as known'}"
        if feed.warning:
            yield f"warning:   {feed.warning}"
    if seen.final_url != seen.url:
        yield f"redirect:  {seen.final_url}"
    for lead in seen.others:
        yield f"also:      {_lead(lead)}"
    for problem in seen.problems:
        yield f"problem:   {problem}"


def _lead(lead: Lead) -> str:
    count = "" if lead.entries is None else f", {lead.entries} entries"
    return f"{lead.kind} {lead.url} ({lead.how}{count})" + (f" {lead.title}" if lead.title else "")


def _hints(feed: ParsedFeed) -> str:
    """Return in words how often a feed wants to be asked."""
    hints = feed.hints
    waits = ((hints.ttl_s, "ttl"), (hints.period_s, "sy:updatePeriod"))
    said = [f"{seconds / 60:g} minutes between two checks ({name})" for seconds, name in waits if seconds]
    said += [f"no check in {len(hints.skip_hours)} hours of the day"] if hints.skip_hours else []
    said += [f"no check on {len(hints.skip_days)} days of the week"] if hints.skip_days else []
    return ", ".join(said) or "nothing"


def _to_json(seen: Probe) -> dict[str, Any]:
    from dataclasses import asdict

    found = seen.found
    return {
        "url": seen.url,
        "final_url": seen.final_url,
        "found": None if found is None else _found_to_json(found),
        "others": [asdict(lead) for lead in seen.others],
        "robots": seen.robots,
        "problems": list(seen.problems),
    }


def _found_to_json(found: Found) -> dict[str, Any]:
    from dataclasses import asdict

    feed = found.feed
    return {
        "kind": found.kind,
        "url": found.url,
        "how": found.how,
        "format": feed.kind,
        "title": feed.title,
        "language": feed.language,
        "warning": feed.warning,
        "hints": asdict(feed.hints),
        "entries": [_entry_to_json(entry) for entry in feed.entries],
    }


def _entry_to_json(entry: Entry) -> dict[str, Any]:
    return {
        "url": entry.url,
        "title": entry.title,
        "published": iso(entry.published) if entry.published else None,
        "updated": iso(entry.updated) if entry.updated else None,
        "date_source": entry.date_source,
        "summary": entry.summary,
    }
