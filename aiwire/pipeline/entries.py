"""Entry -> article: is it new, has it changed, which text, which date. Pure: no network, no clock, no database."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from urllib.parse import urldefrag

from aiwire.types import ArticleUpdate, Entry, Source, StoredArticle, iso
from ingest.htmltext import html_to_text
from ingest.urls import normalize_url

__all__ = ["Draft", "dated", "drafts", "entry_hash", "new_or_changed"]

OLDEST = datetime(1995, 1, 1, tzinfo=UTC)  # before RSS: an earlier date is a default value of the publisher's software
FUTURE = timedelta(days=1)  # clocks and time zones differ; what is further ahead is wrong


@dataclass(frozen=True, slots=True)
class Draft:
    """An entry with the identity its article has: the normalized URL."""

    url: str  # of a new article
    also: tuple[str, ...]  # other URLs under which the article may be known already
    entry: Entry
    hash: str

    def stored_in(self, known: Mapping[str, StoredArticle]) -> StoredArticle | None:
        """Return the article if it is known, under whatever URL."""
        return next((known[url] for url in (self.url, *self.also) if url in known), None)


def drafts(entries: Iterable[Entry], *, source: Source) -> list[Draft]:
    """Return one draft per article of a document; an entry that says nothing at all is left out.

    A URL without its fragment is an article's identity, except where several entries of a document share it (a
    changelog, release notes): there each is an article of its own, `URL#fragment` or `URL#entry-<digest>`. An entry
    that names no URL (a podcast, a bare status) is known by the source's URL and a digest. Of two entries with one URL
    and the same guid or the same title, the first wins.
    """
    by_page: dict[str, dict[str, Entry]] = {}
    seen: set[tuple[str, str, str]] = set()
    for entry in entries:
        words = entry.title or entry.summary or entry.content or ""
        if not (entry.url or entry.guid or words):
            continue
        page = (normalize_url(entry.url) if entry.url else None) or f"{source.url}#"
        marks = {(page, "guid", entry.guid or words), (page, "words", words or entry.guid or "")}
        if not marks & seen:
            by_page.setdefault(page, {})[entry.guid or words] = entry
        seen |= marks
    return [draft for page, members in by_page.items() for draft in _drafts_of_page(page, members)]


def _drafts_of_page(page: str, members: Mapping[str, Entry]) -> Iterator[Draft]:
    """Yield the drafts of the entries (by guid, or words) that share one page."""
    fragments = [urldefrag(entry.url or "").fragment for entry in members.values()]
    apart = len(set(fragments)) == len(fragments) and all(fragments)
    for (key, entry), fragment in zip(members.items(), fragments, strict=True):
        own = f"{page}#{fragment}" if apart else f"{page.removesuffix('#')}#entry-{_digest(key)[:16]}"
        alone = len(members) == 1 and not page.endswith("#")
        known_as = (own, *_other_scheme(page)) if alone else ()
        yield Draft(page if alone else own, known_as, entry, entry_hash(entry))


def _other_scheme(url: str) -> tuple[str, ...]:
    """A site that moved to https has not published its articles again."""
    scheme, _, rest = url.partition("://")
    return (f"{'http' if scheme == 'https' else 'https'}://{rest}",)


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
    first_answer: bool,
) -> Iterator[ArticleUpdate]:
    """Yield what has to be saved, without tags.

    An article belongs to the source that brought it first; the same URL in another source's feed changes nothing,
    unless the owner left sources.toml: then the other source takes the article over.

    Args:
        first_answer: nothing of the source was read before, so what it holds may have been written at any time.
    """
    saved: set[int] = set()
    for draft in found:
        stored = draft.stored_in(known)
        if stored and (stored.id in saved or not _is_to_save(draft, stored, source)):
            continue
        saved |= {stored.id} if stored else set()
        yield _article(draft, stored, source, language, now, full_text_below_words, first_answer)


def _is_to_save(draft: Draft, stored: StoredArticle, source: Source) -> bool:
    if stored.source_id == source.id:
        return stored.entry_hash != draft.hash
    return not stored.owner_active


def _article(
    draft: Draft,
    stored: StoredArticle | None,
    source: Source,
    language: str | None,
    now: datetime,
    short: int,
    first_answer: bool,
) -> ArticleUpdate:
    entry = draft.entry
    text = _best_text(entry)
    stated, date_source = (entry.published, "published") if entry.published else (entry.updated, "updated")
    dated_at, date_source = dated(stated, date_source, now, first_answer=first_answer)
    return ArticleUpdate(
        url=stored.url if stored else draft.url,
        guid=entry.guid,
        title=entry.title or _first_words(text),
        author=entry.author,
        published_at=stated,
        dated_at=dated_at,
        date_source=date_source,
        language=entry.language or language or source.language,
        text=text,
        entry_hash=draft.hash,
        wants_page=_wants_page(source, stored.url if stored else draft.url, text, short),
        tagging=None,
        article_id=stored.id if stored else None,
    )


def dated(
    stated: datetime | None, date_source: str, now: datetime, *, first_answer: bool = False
) -> tuple[datetime, str]:
    """Return the date that counts and where it came from.

    `stated` counts unless it is absent or absurd (before 1995, more than a day ahead): then it is `now`, "first_seen";
    in a source's first answer "backlog", as what a source held before we came was not written in that week.
    """
    if stated is None or not OLDEST <= stated <= now + FUTURE:
        return now, "backlog" if first_answer else "first_seen"
    return stated, date_source


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


def _digest(text: str) -> str:
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
