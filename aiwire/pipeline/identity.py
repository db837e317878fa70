"""Which article is an entry? Identity by URL, fragment and guid. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from urllib.parse import urldefrag

from aiwire.types import Entry, SeenItem, Source, StoredArticle, iso
from ingest.urls import host_key, normalize_url

__all__ = [
    "Draft", "drafts", "entry_hash", "is_restamped", "items_of", "movable_guids", "stored_guid", "stored_title",
    "without_own_ref",
]  # fmt: skip

_DIGEST_CHARS = 16
_STAMP_CHARS = 8
_MAX_FRAGMENT = 200  # characters, as of the next two
_MAX_GUID = 512
_MAX_TITLE = 500


@dataclass(frozen=True, slots=True)
class Draft:
    """An entry with the identity its article has: the normalized URL."""

    url: str  # of a new article
    also: tuple[str, ...]  # other URLs under which the article may be known already
    entry: Entry
    hash: str
    alone: bool = True  # no other entry of the document has this page

    @property
    def addresses(self) -> tuple[str, ...]:
        """Every URL under which the article may be stored."""
        return (self.url, *self.also)

    def stored_in(
        self, known: Mapping[str, StoredArticle], by_guid: Mapping[str, StoredArticle] | None = None
    ) -> StoredArticle | None:
        """Return the article if it is known.

        Under any of its addresses with the same guid, or without guids with the same title or date; else by its URL,
        whatever the entry says now; else under another URL of the source by a guid that title or date confirm.
        """
        there = [known[url] for url in self.addresses if url in known]
        agreeing = next((article for article in there if self._agrees(article)), None)
        if agreeing is not None:
            return agreeing
        if there and (self.alone or self.url in known):
            return known.get(self.url, there[0])
        moved = (by_guid or {}).get(stored_guid(self.entry) or "") if self.alone else None
        return moved if moved is not None and self._is_said_of(moved) else None

    def _agrees(self, article: StoredArticle) -> bool:
        if self.entry.guid and article.guid:
            return stored_guid(self.entry) == article.guid
        return self._is_said_of(article)

    def _is_said_of(self, article: StoredArticle) -> bool:
        """Whether title or date are the article's: a guid by itself proves little, some give every item the same."""
        same_title = bool(self.entry.title) and stored_title(self.entry.title).casefold() == article.title.casefold()
        return same_title or (self.entry.published is not None and self.entry.published == article.published_at)


def drafts(
    entries: Sequence[Entry], *, source: Source, seen: Sequence[SeenItem] = (), places: Sequence[int] = ()
) -> list[Draft]:
    """Return one draft per article of a document; an entry that says nothing at all is left out.

    A URL without its fragment is an article's identity, except where several entries of a document share it (a
    changelog, release notes): there each is an article of its own, `URL#fragment` or `URL#entry-<digest>`. An entry
    that names no URL (a podcast, a bare status) is known by the source's URL and a digest. Of two entries with one URL
    and the same guid or the same title, the first wins.

    Args:
        seen: items of the document that were known and left out: they share their pages with the others.
        places: how many of `entries` stand before each of `seen`; not given: all of `seen` stand first.
    """
    by_page: dict[str, list[_Member]] = {}
    marks: set[tuple[str, str, str]] = set()
    for member in _in_order(entries, source, seen, places or (0,) * len(seen)):
        item = member.item
        own = {(item.page, "key", item.key), (item.page, "words", item.words)}
        if not marks & own:
            by_page.setdefault(item.page, []).append(member)
        marks |= own
    return [draft for members in by_page.values() for draft in _drafts_of_page(members)]


def _in_order(
    entries: Sequence[Entry], source: Source, seen: Sequence[SeenItem], places: Sequence[int]
) -> Iterator[_Member]:
    """Yield the members of a document as they stand in it."""
    left = deque(zip(places, seen, strict=True))
    for position, entry in enumerate(entries):
        while left and left[0][0] <= position:
            yield _Member(left.popleft()[1])
        if entry.url or entry.guid or _words(entry):
            yield _Member.of(entry, source)
    yield from (_Member(item) for _, item in left)


def items_of(entries: Iterable[Entry], *, source: Source) -> tuple[SeenItem, ...]:
    """Return what the next parse needs to know of the entries of a document that was split."""
    return tuple(_Member.of(entry, source).item for entry in entries if entry.digest is not None)


def movable_guids(found: Iterable[Draft]) -> list[str]:
    """Return the guids that one draft alone has: an article may be known by such a one under another URL."""
    counts: dict[str, int] = {}
    for draft in found:
        if draft.alone and (guid := stored_guid(draft.entry)):
            counts[guid] = counts.get(guid, 0) + 1
    return [guid for guid, count in counts.items() if count == 1]


def stored_guid(entry: Entry) -> str | None:
    """Return an entry's guid as it is stored: a digest of one that is too long to be an identifier."""
    if entry.guid is None or len(entry.guid) <= _MAX_GUID:
        return entry.guid
    return f"digest:{_digest(entry.guid)}"


def stored_title(title: str) -> str:
    """Return a title as it is stored: the start of one that is a text."""
    return title if len(title) <= _MAX_TITLE else title[:_MAX_TITLE].rsplit(" ", 1)[0] + "…"


def entry_hash(entry: Entry) -> str:
    """Return a fingerprint of what the entry says (title, texts, author and date), and one of its last change.

    They are apart because many feeds stamp every entry anew with each build (`is_restamped`).
    """
    own_date = iso(entry.published) if entry.published and entry.date_source != "updated" else ""
    parts = (entry.title, entry.summary or "", entry.content or "", entry.author or "", own_date)
    changed = iso(entry.updated) if entry.updated else ""
    return _digest("\x1f".join(parts)) + _digest(changed)[:_STAMP_CHARS]


def is_restamped(before: str, after: str) -> bool:
    """Return whether of two fingerprints of an entry only the date of its last change differs."""
    return before != after and before[:-_STAMP_CHARS] == after[:-_STAMP_CHARS]


@dataclass(frozen=True, slots=True)
class _Member:
    """An entry among those that share its page; without `entry` one that was seen before."""

    item: SeenItem
    page: str = ""
    entry: Entry | None = None

    @classmethod
    def of(cls, entry: Entry, source: Source) -> _Member:
        url = normalize_url(entry.url) if entry.url else None
        page = without_own_ref(url, source) if url else f"{source.url}#"
        words = _words(entry)
        return cls(
            SeenItem(
                digest=entry.digest or "",
                page=_digest(page)[:_DIGEST_CHARS],
                key=_digest(entry.guid or words)[:_DIGEST_CHARS],
                words=_digest(words or entry.guid or "")[:_DIGEST_CHARS],
                fragment=urldefrag(entry.url or "").fragment[:_MAX_FRAGMENT],
            ),
            page,
            entry,
        )


def _words(entry: Entry) -> str:
    return entry.title or entry.summary or entry.content or ""


def _drafts_of_page(members: list[_Member]) -> Iterator[Draft]:
    """Yield the drafts of the entries that share one page; members that were seen before count, but are none."""
    fragments = [member.item.fragment for member in members]
    apart = len(set(fragments)) == len(fragments) and all(fragments)
    for member in members:
        if member.entry is None:
            continue
        page, item = member.page.removesuffix("#"), member.item
        by_fragment = f"{page}#{item.fragment}" if item.fragment else None
        by_key = f"{page}#entry-{item.key}"
        alone = len(members) == 1 and page == member.page
        url = page if alone else by_fragment if apart and by_fragment else by_key
        spellings = (by_fragment, by_key, page, *(_other_spellings(page) if alone else ()))
        also = tuple(dict.fromkeys(other for other in spellings if other and other != url))
        yield Draft(url, also, member.entry, entry_hash(member.entry), alone)


def _other_spellings(url: str) -> tuple[str, ...]:
    """Return what else the article may be called: a site that moved to https has not published everything again, and
    feeds do not agree on the slash at the end.
    """
    scheme, _, rest = url.partition("://")
    path, mark, query = rest.partition("?")
    host, _, name = path.partition("/")
    slashed = f"{host}/{name.removesuffix('/') if name.endswith('/') else name + '/'}{mark}{query}" if name else rest
    spellings = (f"{s}://{r}" for s in (scheme, "http" if scheme == "https" else "https") for r in (rest, slashed))
    return tuple(spelling for spelling in dict.fromkeys(spellings) if spelling != url)


def without_own_ref(url: str, source: Source) -> str:
    """Return a URL without the parameter by which a publisher tells where a reader came from: ?ref=<its own host>."""
    if "ref=" not in url:
        return url
    head, mark, query = url.partition("?")
    own = host_key(source.url)
    kept = [
        part
        for part in query.split("&")
        if not (part.startswith("ref=") and host_key(f"https://{part.removeprefix('ref=')}/") == own)
    ]
    return f"{head}{mark}{'&'.join(kept)}" if kept else head


def _digest(text: str) -> str:
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
