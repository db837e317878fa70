"""parse, extract and tag-text: each layer alone, as a filter from files or stdin to JSON lines."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from aiwire.cli.common import (
    Context,
    common_options,
    print_json_line,
    read_input,
    read_json_lines,
    read_url_map,
    tagger_options,
    warn,
)
from aiwire.cli.tagging import tagger_config
from aiwire.exceptions import AiwireError, ConfigError, InputError, ParseError, SourceError
from aiwire.types import ArticleText

__all__ = ["extract", "parse", "tag_text", "to_article"]

_files = click.argument("files", nargs=-1, required=True, metavar="FILE...|-")
_url = click.option("--url", help="The address that the one input came from.")
_urls = click.option(
    "--urls", type=click.Path(path_type=Path, dir_okay=False), help="Tab-separated: file, its address."
)


@dataclass(frozen=True)
class _Addresses:
    one: str | None
    by_file: dict[str, str]

    def of(self, name: str) -> str | None:
        return self.one or self.by_file.get(name) or self.by_file.get(Path(name).name)


def _addresses(files: tuple[str, ...], url: str | None, urls: Path | None) -> _Addresses:
    if url is not None and urls is not None:
        raise click.UsageError("--url and --urls exclude each other")
    if url is not None and len(files) > 1:
        raise click.UsageError("--url is for one input; for several give --urls MAP.tsv")
    return _Addresses(url, read_url_map(urls))


@click.command()
@_files
@_url
@_urls
@click.option(
    "--headers", type=click.Path(path_type=Path, dir_okay=False), help="JSON object of the HTTP headers it came with."
)
@click.option("--feed", is_flag=True, help="Print a line on the feed itself before its entries.")
@common_options
def parse(
    context: Context, files: tuple[str, ...], url: str | None, urls: Path | None, headers: Path | None, feed: bool
) -> None:
    """Feed bytes -> JSON lines of entries.

    RSS 0.9x, 1.0 and 2.0, Atom and JSON Feed; gzip is opened. An input that is no feed is a line on stderr and exit
    status 1 at the end; the others are still done.

    \b
    Example:
      aiwire parse --feed --url https://example.org/feed.xml feed.xml | jq .title
    """
    from ingest.feeds.parse import parse_feed
    from ingest.jsonl import entry_record, feed_record

    addresses, http = _addresses(files, url, urls), _read_headers(headers)
    failed = False
    for name in files:
        try:
            parsed = parse_feed(read_input(name), url=addresses.of(name), headers=http)
        except AiwireError as e:
            failed = True
            warn(_about(name, e))
            if feed:
                print_json_line(feed_record(e if isinstance(e, SourceError) else ParseError("", str(e)), name))
            continue
        if feed:
            print_json_line(feed_record(parsed, name))
        for entry in parsed.entries:
            print_json_line(entry_record(entry, name))
    _end(failed)


@click.command()
@_files
@_url
@_urls
@common_options
def extract(context: Context, files: tuple[str, ...], url: str | None, urls: Path | None) -> None:
    """HTML page -> a JSON line with its article: title, author, date, language, text.

    \b
    Example:
      aiwire extract --url https://example.org/a.html a.html | jq -r .text
    """
    from ingest.jsonl import page_record
    from ingest.pages.extract import extract_page

    addresses = _addresses(files, url, urls)
    failed = False
    for name in files:
        try:
            print_json_line(page_record(extract_page(read_input(name), url=addresses.of(name)), name))
        except AiwireError as e:
            failed = True
            warn(_about(name, e))
    _end(failed)


@click.command("tag-text")
@click.argument("file", metavar="FILE.jsonl|-")
@tagger_options
@common_options
def tag_text(context: Context, file: str) -> None:
    """JSON lines {"id", "title", "text"} -> JSON lines {"id", "tags", "prices"}.

    Knows no corpus: what needs other articles (stock sentences) is done when articles are stored. English and Chinese
    are tagged in full; of any other "language" (optional: else told by the text) the names alone.

    \b
    Example:
      echo '{"id": 1, "title": "", "text": "AWS rents H100 at $2.99 per GPU-hour."}' | aiwire tag-text -
    """
    from nlp.jsonl import tag_record
    from nlp.pipeline import load_tagger, tag_articles

    tagger = load_tagger(tagger_config(context.settings))
    ids: list[Any] = []
    failed = False

    def articles() -> Iterator[ArticleText]:
        nonlocal failed
        for number, value in read_json_lines(file):
            try:
                if isinstance(value, InputError):
                    raise value
                article = to_article(value, len(ids), f"{file}:{number}")
            except InputError as e:
                failed = True
                warn(str(e))
                continue
            ids.append(value["id"])
            yield article

    try:
        for text, tagging in tag_articles(tagger, articles()):
            print_json_line(tag_record(ids[text.id], tagging))
    except InputError as e:
        failed = True
        warn(str(e))
    _end(failed)


def to_article(record: dict[str, Any], number: int, where: str) -> ArticleText:
    """Return the article of a JSON record of id, title, text and perhaps language.

    Raises:
        InputError: something is missing or is not a text.
    """
    if "id" not in record:
        raise InputError(f'{where}: "id" is missing')
    for key in ("title", "text", "language"):
        if not isinstance(record.get(key) or "", str):
            raise InputError(f'{where}: "{key}" is not a text')
    if not isinstance(record.get("text"), str):
        raise InputError(f'{where}: "text" is missing')
    title, text = record.get("title") or "", record["text"]
    return ArticleText(number, title, text, record.get("language") or None, "")


def _read_headers(path: Path | None) -> dict[str, str] | None:
    if path is None:
        return None
    try:
        value = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as e:
        raise ConfigError(f"{path}: cannot be read as JSON: {e}") from e
    if not isinstance(value, dict) or not all(isinstance(v, str) for v in value.values()):
        raise ConfigError(f'{path}: an object of texts is wanted, for example {{"content-type": "text/xml"}}')
    return {name.lower(): text for name, text in value.items()}


def _about(name: str, error: AiwireError) -> str:
    message = str(error)
    return message if message.startswith(name) else f"{name}: {message}"


def _end(failed: bool) -> None:
    if failed:
        raise SystemExit(1)
