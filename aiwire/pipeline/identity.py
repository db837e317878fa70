"""Which article is an entry? Identity by URL, fragment and guid. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from urllib.parse import urldefrag

from aiwire.types import Entry, SeenItem, Source, StoredArticle, iso
from ingest.urls import normalize_url

__all__ = ["Draft", "drafts", "entry_hash", "items_of", "movable_guids"]

_DIGEST_CHARS = 16


@dataclass(frozen=True, slots=True)
class Draft:
    """An entry with the identity its article has: the normalized URL."""

    url: str  # of a new article
    also: tuple[str, ...]  # other URLs under which the article may be known already
    entry: Entry
    hash: str
    item: SeenItem  # without a digest where the document was not split

    def stored_in(
        self, known: Mapping[str, StoredArticle], by_guid: Mapping[str, StoredArticle] | None = None
    ) -> StoredArticle | None:
        """Return the article if it is known, under whatever URL, or as the same guid with the same title or date."""
        found = next((known[url] for url in (self.url, *self.also) if url in known), None)
        if found is not None or not self.entry.guid:
            return found
        alone_before = known.get(self.item.page)  # the first entry of a page that later got more of them
        if alone_before is not None and alone_before.guid == self.entry.guid:
            return alone_before
        moved = (by_guid or {}).get(self.entry.guid) if "#" not in self.url else None
        return moved if moved is not None and self._is_the_same(moved) else None

    @property
    def addresses(self) -> tuple[str, ...]:
        """Every URL under which the article may be stored."""
        return (self.url, *self.also, self.item.page)

    def _is_the_same(self, article: StoredArticle) -> bool:
        """A guid by itself proves little: some publishers give every item the same one."""
        same_title = bool(self.entry.title) and self.entry.title.casefold() == article.title.casefold()
        return same_title or (self.entry.published is not None and self.entry.published == article.published_at)


def drafts(entries: Iterable[Entry], *, source: Source, seen: Iterable[SeenItem] = ()) -> list[Draft]:
    """Return one draft per article of a document; an entry that says nothing at all is left out.

    A URL without its fragment is an article's identity, except where several entries of a document share it (a
    changelog, release notes): there each is an article of its own, `URL#fragment` or `URL#entry-<digest>`. An entry
    that names no URL (a podcast, a bare status) is known by the source's URL and a digest. Of two entries with one URL
    and the same guid or the same title, the first wins.

    Args:
        seen: items of the document that were known and left out: they share their pages with the others.
    """
    by_page: dict[str, list[tuple[SeenItem, Entry | None]]] = {}
    marks: set[tuple[str, str, str]] = set()
    known = ((item, None) for item in seen)
    fresh = ((_item(entry, source), entry) for entry in entries if entry.url or entry.guid or _words(entry))
    for item, entry in (*known, *fresh):
        own = {(item.page, "key", item.key), (item.page, "words", item.words)}
        if not marks & own:
            by_page.setdefault(item.page, []).append((item, entry))
        marks |= own
    return [draft for page, members in by_page.items() for draft in _drafts_of_page(page, members)]


def items_of(entries: Iterable[Entry], *, source: Source) -> tuple[SeenItem, ...]:
    """Return what the next parse needs to know of the entries of a document that was split."""
    return tuple(_item(entry, source) for entry in entries if entry.digest is not None)


def movable_guids(found: Iterable[Draft]) -> list[str]:
    """Return the guids that one draft alone has: an article may be known by such a one under another URL."""
    counts: dict[str, int] = {}
    for draft in found:
        if draft.entry.guid and "#" not in draft.url:
            counts[draft.entry.guid] = counts.get(draft.entry.guid, 0) + 1
    return [guid for guid, count in counts.items() if count == 1]


def entry_hash(entry: Entry) -> str:
    """Return a fingerprint of what the entry says: title, texts, author and dates."""
    dates = tuple(iso(d) if d else "" for d in (entry.published, entry.updated))
    parts = (entry.title, entry.summary or "", entry.content or "", entry.author or "", *dates)
    return _digest("\x1f".join(parts))


def _item(entry: Entry, source: Source) -> SeenItem:
    page = (normalize_url(entry.url) if entry.url else None) or f"{source.url}#"
    words = _words(entry)
    key = _digest(entry.guid or words)[:_DIGEST_CHARS]
    fragment = urldefrag(entry.url or "").fragment
    return SeenItem(entry.digest or "", page, key, _digest(words or entry.guid or "")[:_DIGEST_CHARS], fragment)


def _words(entry: Entry) -> str:
    return entry.title or entry.summary or entry.content or ""


def _drafts_of_page(page: str, members: list[tuple[SeenItem, Entry | None]]) -> Iterator[Draft]:
    """Yield the drafts of the entries that share one page; members that were seen before count, but are none."""
    fragments = [item.fragment for item, _ in members]
    apart = len(set(fragments)) == len(fragments) and all(fragments)
    for item, entry in members:
        if entry is None:
            continue
        own = f"{page}#{item.fragment}" if apart else f"{page.removesuffix('#')}#entry-{item.key}"
        alone = len(members) == 1 and not page.endswith("#")
        known_as = (own, *_other_scheme(page)) if alone else ()
        yield Draft(page if alone else own, known_as, entry, entry_hash(entry), item)


def _other_scheme(url: str) -> tuple[str, ...]:
    """A site that moved to https has not published its articles again."""
    scheme, _, rest = url.partition("://")
    return (f"{'http' if scheme == 'https' else 'https'}://{rest}",)


def _digest(text: str) -> str:
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
