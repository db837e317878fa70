"""Entry -> article: is it new, has it changed, which text, which date. Pure: no network, no clock, no database."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import blake2b

from aiwire.types import ArticleUpdate, Entry, Source, StoredArticle, iso
from ingest.htmltext import html_to_text
from ingest.urls import normalize_url

__all__ = ["Draft", "dated", "drafts", "entry_hash", "new_or_changed"]

OLDEST = datetime(1995, 1, 1, tzinfo=UTC)  # before RSS: an earlier date is a default value of the publisher's software
FUTURE = timedelta(days=1)  # clocks and time zones differ; what is further ahead is wrong


@dataclass(frozen=True, slots=True)
class Draft:
    """An entry with the identity its article has: the normalized URL."""

    url: str
    entry: Entry
    hash: str


def drafts(entries: Iterable[Entry], *, source: Source) -> Iterator[Draft]:
    """Yield one draft per article of a document, the first entry winning where two have one URL.

    An entry that names no URL (a podcast, a bare status) is known by its source and guid, else by its words.
    """
    seen: set[str] = set()
    for entry in entries:
        url = normalize_url(entry.url) if entry.url else None
        if url is None:
            key = entry.guid or f"{entry.title}\n{entry.summary or ''}"
            url = f"{source.url}#entry-{_digest(key)[:16]}"
        if url not in seen:
            seen.add(url)
            yield Draft(url, entry, entry_hash(entry))


def entry_hash(entry: Entry) -> str:
    """Return a fingerprint of what the entry says: title, texts, author and dates."""
    dates = tuple(iso(d) if d else "" for d in (entry.published, entry.updated))
    parts = (entry.title, entry.summary or "", entry.content or "", entry.author or "", *dates)
    return _digest("\x1f".join(parts))


def new_or_changed(
    found: Iterable[Draft],
    known: Mapping[str, StoredArticle],
    *,
    source: Source,
    language: str | None,
    now: datetime,
    full_text_below_words: int,
) -> Iterator[ArticleUpdate]:
    """Yield what has to be saved, without tags.

    An article belongs to the source that brought it first; the same URL in another source's feed changes nothing.
    """
    for draft in found:
        stored = known.get(draft.url)
        if stored and (stored.source_id != source.id or stored.entry_hash == draft.hash):
            continue
        yield _article(draft, stored, source, language, now, full_text_below_words)


def _article(
    draft: Draft, stored: StoredArticle | None, source: Source, language: str | None, now: datetime, short: int
) -> ArticleUpdate:
    entry = draft.entry
    text = _best_text(entry)
    stated, date_source = (entry.published, "published") if entry.published else (entry.updated, "updated")
    dated_at, date_source = dated(stated, date_source, now)
    return ArticleUpdate(
        url=draft.url,
        guid=entry.guid,
        title=entry.title or _first_words(text),
        author=entry.author,
        published_at=stated,
        dated_at=dated_at,
        date_source=date_source,
        language=entry.language or language or source.language,
        text=text,
        entry_hash=draft.hash,
        wants_page=_wants_page(source, draft.url, text, short),
        tagging=None,
        article_id=stored.id if stored else None,
    )


def dated(stated: datetime | None, date_source: str, now: datetime) -> tuple[datetime, str]:
    """Return the date that counts and where it came from.

    `stated` counts unless it is absent or absurd (before 1995, more than a day ahead): then it is `now`, "first_seen".
    """
    if stated is None or not OLDEST <= stated <= now + FUTURE:
        return now, "first_seen"
    return stated, date_source


def _best_text(entry: Entry) -> str:
    content, summary = (html_to_text(part) if part else "" for part in (entry.content, entry.summary))
    return content if len(content) >= len(summary) else summary


def _first_words(text: str, limit: int = 100) -> str:
    line = text.split("\n", 1)[0]
    return line if len(line) <= limit else line[:limit].rsplit(" ", 1)[0] + "…"


def _wants_page(source: Source, url: str, text: str, short: int) -> bool:
    if source.full_text == "never" or "#entry-" in url:
        return False
    return source.full_text == "always" or len(text.split()) < short


def _digest(text: str) -> str:
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
