"""Entry -> article: is it new, has it changed, which text, which date. Pure: no network, no clock, no database."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from aiwire.pipeline.identity import Draft, is_restamped, stored_guid, stored_title
from aiwire.types import ArticleUpdate, Entry, Source, StoredArticle
from ingest.htmltext import html_to_text

__all__ = ["MAX_AUTHOR", "Dated", "Reading", "dated", "new_or_changed"]

OLDEST = datetime(1995, 1, 1, tzinfo=UTC)  # before RSS: an earlier date is a default value of the publisher's software
FUTURE = timedelta(minutes=10)  # clocks differ; what is further ahead is a wrong time zone or a wrong date
MAX_AUTHOR = 300  # characters
FEW = 3  # so many entries may well have been edited at once
ZONE_SLIP = timedelta(days=1)  # so far ahead is the wrong time zone: it was written now


@dataclass(frozen=True, slots=True)
class Reading:
    """The circumstances under which a document is read."""

    source: Source
    now: datetime
    language: str | None = None  # that the document declares
    full_text_below_words: int = 200
    entries: int = 0  # in the document, those included that were seen before
    first_answer: bool = False  # nothing of the source was read before: what it holds may be of any time


@dataclass(frozen=True, slots=True)
class Dated:
    """The date that counts, where it came from, and what is wrong with the one stated."""

    at: datetime
    source: str
    flaw: str | None = None


def new_or_changed(
    found: Iterable[Draft],
    known: Mapping[str, StoredArticle],
    by_guid: Mapping[str, StoredArticle],
    *,
    reading: Reading,
) -> Iterator[ArticleUpdate]:
    """Yield what has to be saved, without tags.

    An article belongs to the source that brought it first; the same URL in another source's feed changes nothing,
    unless the owner left sources.toml: then the other source takes the article over. A document that stamps most of its
    entries anew has been built anew, not edited.
    """
    pairs = [(draft, draft.stored_in(known, by_guid)) for draft in found]
    restamped = sum(stored is not None and is_restamped(stored.entry_hash, draft.hash) for draft, stored in pairs)
    rebuilt = restamped > FEW and 2 * restamped > max(reading.entries, len(pairs))
    saved: set[int] = set()
    for draft, stored in pairs:
        if stored and (stored.id in saved or not _is_to_save(draft, stored, reading.source)):
            continue
        if stored and rebuilt and stored.owner_active and is_restamped(stored.entry_hash, draft.hash):
            continue
        saved |= {stored.id} if stored else set()
        yield _article(draft, stored, reading)


def _is_to_save(draft: Draft, stored: StoredArticle, source: Source) -> bool:
    if stored.source_id == source.id:
        return stored.entry_hash != draft.hash
    return not stored.owner_active


def _article(draft: Draft, stored: StoredArticle | None, reading: Reading) -> ArticleUpdate:
    entry, source = draft.entry, reading.source
    text = _best_text(entry)
    stated = entry.published or entry.updated
    date = dated(stated, _date_source(entry), reading.now, first_answer=reading.first_answer)
    url = stored.url if stored else draft.url
    return ArticleUpdate(
        url=url,
        guid=stored_guid(entry),
        title=stored_title(entry.title) or _first_words(text),
        author=entry.author[:MAX_AUTHOR] if entry.author else None,
        published_at=stated,
        dated_at=date.at,
        date_source=date.source,
        date_flaw=date.flaw,
        language=entry.language or reading.language or source.language,
        text=text,
        entry_hash=draft.hash,
        wants_page=_wants_page(source, url, text, reading.full_text_below_words),
        tagging=None,
        article_id=stored.id if stored else None,
    )


def _date_source(entry: Entry) -> str:
    if entry.date_source == "lastmod":  # of a sitemap: when the page was changed in any way
        return "lastmod"
    return entry.date_source or "published" if entry.published else "updated"


def dated(stated: datetime | None, date_source: str, now: datetime, *, first_answer: bool = False) -> Dated:
    """Return the date that counts.

    `stated` counts unless it is absent or absurd (before 1995) or in the future: then it is `now`, "first_seen"; in a
    source's first answer "backlog", as what a source held before we came was not written in that week.
    """
    if stated is not None and OLDEST <= stated <= now + FUTURE:
        return Dated(stated, date_source)
    flaw = None if stated is None else "absurd" if stated < OLDEST else "future"
    slip = stated is not None and now < stated <= now + ZONE_SLIP
    return Dated(now, "backlog" if first_answer and not slip else "first_seen", flaw)


def _best_text(entry: Entry) -> str:
    content, summary = (html_to_text(part) if part else "" for part in (entry.content, entry.summary))
    return content if len(content) >= len(summary) else summary


def _first_words(text: str, limit: int = 100) -> str:
    line = text.split("\n", 1)[0]
    return line if len(line) <= limit else line[:limit].rsplit(" ", 1)[0] + "…"


def _wants_page(source: Source, url: str, text: str, short: int) -> bool:
    if source.full_text == "never" or "#" in url:  # such a page holds other entries, too
        return False
    return source.full_text == "always" or len(text.split()) < short
