"""Article rows: identity, text, earlier versions and the queue of pages. The tags are in db.tags."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import blake2b
from typing import Any

from sqlite_utils import Database

from aiwire.types import (
    ArticleText,
    ArticleUpdate,
    Page,
    PageState,
    PageUpdate,
    PendingPage,
    StoredArticle,
    TextOrigin,
    iso,
    parse_iso,
)
from db.dates import STATED_JOIN_SQL, Dates, is_other_date, settle_date, state_dates, stated_sql, week_of
from db.language import normal_language

__all__ = [
    "ArticleRow",
    "StoredPage",
    "article_id",
    "article_row",
    "article_text",
    "count_pending_pages",
    "count_texts",
    "insert_article",
    "known_articles",
    "known_canonicals",
    "known_guids",
    "page_text",
    "pending_pages",
    "save_page_state",
    "stored_page",
    "text_hash",
    "texts",
    "update_from_entry",
    "update_from_page",
]

CHUNK = 500  # values in one IN (...); rows in one page of a stream
MAX_VERSIONS = 24  # kept of one article: the first and the newest
ROW_SQL = f"""
    SELECT articles.id, source_id, title, text, text_hash, text_origin, entry_hash, {stated_sql("published_at")},
        {stated_sql("date_source")}, (SELECT active FROM sources WHERE sources.id = articles.source_id)
    FROM articles {STATED_JOIN_SQL}
"""
# tagged by other versions than these, or not at all; without versions, every article that has words
STALE_SQL = """
    (:tagger IS NULL OR tagger_version IS NOT :tagger OR taxonomy_version IS NOT :taxonomy)
    AND (title <> '' OR text <> '')
"""
PAGE_COLUMNS = f"""
    articles.id, source_id, articles.url, page_attempts, page_tried_at, title, text, text_origin, articles.language,
    {stated_sql("published_at")}, {stated_sql("dated_at")}, {stated_sql("date_source")}, author,
    {stated_sql("date_flaw")}
"""
ID_BITS = 52  # exact in JavaScript, where a row's JSON may be read


@dataclass(frozen=True, slots=True)
class ArticleRow:
    """What the decisions about a stored article need of its row; the date is the one that is stated."""

    id: int
    source_id: str
    title: str
    text: str
    text_hash: str
    text_origin: TextOrigin
    entry_hash: str
    published_at: str | None
    date_source: str
    owner_active: int


def text_hash(text: str) -> str:
    """Return the hash by which texts are compared: BLAKE2b-128, hexadecimal."""
    return blake2b(text.encode(), digest_size=16).hexdigest()


def article_id(url: str) -> int:
    """Return the id that an article should have: 52 bits of a hash of its URL, whatever the order of saving."""
    return int.from_bytes(blake2b(url.encode(), digest_size=8).digest()) >> (64 - ID_BITS)


# ---------------------------------------------------------------- reading


def known_articles(db: Database, urls: Iterable[str]) -> dict[str, StoredArticle]:
    """Return those of `urls` that are stored, by URL."""
    return {article.url: article for article in _stored(db, "articles.url", list(dict.fromkeys(urls)))}


def known_canonicals(db: Database, urls: Iterable[str]) -> dict[str, StoredArticle]:
    """Return the articles whose pages declare one of `urls` as their own; one that several declare is left out."""
    wanted = list(dict.fromkeys(urls))
    by_id: dict[int, str] = {}
    for start in range(0, len(wanted), CHUNK):
        chunk = wanted[start : start + CHUNK]
        sql = f"SELECT id, canonical_url FROM articles WHERE canonical_url IN ({', '.join('?' * len(chunk))})"
        by_id |= dict(db.execute(sql, chunk).fetchall())
    counts = Counter(by_id.values())
    found = _stored(db, "articles.id", [article_id for article_id, url in by_id.items() if counts[url] == 1])
    return {by_id[article.id]: article for article in found}


def known_guids(db: Database, source_id: str, guids: Iterable[str]) -> dict[str, StoredArticle]:
    """Return the source's articles by guid; a guid that several of them share tells nothing and is left out."""
    found: dict[str, list[StoredArticle]] = {}
    for article in _stored(db, "source_id = ? AND guid", list(dict.fromkeys(guids)), before=[source_id]):
        found.setdefault(article.guid or "", []).append(article)
    return {guid: articles[0] for guid, articles in found.items() if len(articles) == 1}


def _stored(
    db: Database, column: str, wanted: Sequence[str | int], *, before: Iterable[str] = ()
) -> Iterator[StoredArticle]:
    for start in range(0, len(wanted), CHUNK):
        chunk = wanted[start : start + CHUNK]
        sql = f"""
            SELECT articles.id, articles.url, source_id, entry_hash, text_origin, active, guid, title,
                {stated_sql("published_at")}
            FROM articles JOIN sources ON sources.id = source_id {STATED_JOIN_SQL}
            WHERE {column} IN ({", ".join("?" * len(chunk))})
        """
        for row in db.execute(sql, [*before, *chunk]).fetchall():
            yield StoredArticle(
                row[0], row[1], row[2], row[3], row[4], owner_active=bool(row[5]), guid=row[6], title=row[7],
                published_at=_moment(row[8]),
            )  # fmt: skip


def article_row(db: Database, *, article_id: int | None = None, url: str | None = None) -> ArticleRow | None:
    """Return the row of an article by its id, else by its URL; None if it is not stored."""
    column, value = ("url", url) if article_id is None else ("id", article_id)
    row = db.execute(f"{ROW_SQL} WHERE articles.{column} = ?", [value]).fetchone()
    return None if row is None else ArticleRow(*row)


def pending_pages(db: Database, *, now: datetime, limit: int | None = None) -> list[PendingPage]:
    """Return the articles whose full page is wanted and due at `now`, newest first, at most `limit` (None: all).

    Pages of a source that left the list, was switched off, or wants no pages any more are not wanted. A page that was
    tried under a clock far ahead of `now` is due.
    """
    rows = db.execute(
        f"""
        SELECT {PAGE_COLUMNS}
        FROM articles CROSS JOIN sources ON sources.id = articles.source_id {STATED_JOIN_SQL}
        WHERE page_state = 'pending'
            AND (page_next_at IS NULL OR page_next_at <= :now OR page_tried_at > :tomorrow)
            AND active AND enabled AND full_text <> 'never'
        ORDER BY articles.dated_at DESC, articles.id LIMIT :limit
        """,
        {"now": iso(now), "tomorrow": iso(now + timedelta(days=1)), "limit": -1 if limit is None else limit},
    )
    return [_pending(row) for row in rows]


def _pending(row: Sequence[Any]) -> PendingPage:
    return PendingPage(
        article_id=row[0], source_id=row[1], url=row[2], attempts=row[3], tried_at=_moment(row[4]), title=row[5],
        text=row[6], text_origin=row[7], language=row[8], published_at=_moment(row[9]),
        dated_at=parse_iso(row[10]), date_source=row[11], author=row[12], date_flaw=row[13],
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class StoredPage:
    """The page of a stored article, wanted or not."""

    pending: PendingPage  # the article, as if its page were wanted
    state: PageState
    updated_at: datetime
    rights: str | None  # the reservation that it states


def stored_page(db: Database, article_id: int) -> StoredPage:
    """Return what is known of an article's page.

    Raises:
        LookupError: there is no such article.
    """
    row = db.execute(
        f"""
        SELECT {PAGE_COLUMNS}, page_state, updated_at, rights FROM articles {STATED_JOIN_SQL} WHERE articles.id = ?
        """,
        [article_id],
    ).fetchone()
    if row is None:
        raise LookupError(f"there is no article {article_id}")
    *columns, state, updated_at, rights = row
    return StoredPage(_pending(columns), state, parse_iso(updated_at), rights)


def count_pending_pages(db: Database) -> int:
    """Return how many pages are wanted, whether due or not."""
    return int(db.execute("SELECT count(*) FROM articles WHERE page_state = 'pending'").fetchone()[0])


def article_text(db: Database, article_id: int) -> ArticleText:
    """Return one stored article, as the tagger reads it.

    Raises:
        LookupError: there is no such article.
    """
    row = db.execute("SELECT id, title, text, language, source_id FROM articles WHERE id = ?", [article_id]).fetchone()
    if row is None:
        raise LookupError(f"there is no article {article_id}")
    return ArticleText(*row)


def page_text(db: Database, article_id: int) -> str | None:
    """Return the text that an article's page gave; None if its text is the feed's."""
    row = db.execute("SELECT text FROM articles WHERE id = ? AND text_origin = 'page'", [article_id]).fetchone()
    return None if row is None else str(row[0])


def texts(db: Database, *, stale_for: tuple[str, str] | None = None) -> Iterator[ArticleText]:
    """Yield the stored articles, newest first; articles may be written meanwhile.

    By date, because the rollups of a day and its week are then settled once for many articles: ids are in no order.

    Args:
        stale_for: (tagger version, taxonomy version): only articles not tagged by these; None: all.
    """
    sql = f"""
        SELECT id, title, text, language, source_id, dated_at FROM articles
        WHERE (dated_at < :dated_at OR dated_at = :dated_at AND id > :after) AND {STALE_SQL}
        ORDER BY dated_at DESC, id LIMIT :chunk
    """
    last: tuple[str, int] = ("~", -1)
    while rows := db.execute(
        sql, {"dated_at": last[0], "after": last[1], "chunk": CHUNK} | _versions(stale_for)
    ).fetchall():
        yield from (ArticleText(*row[:5]) for row in rows)
        last = rows[-1][5], rows[-1][0]


def count_texts(db: Database, *, stale_for: tuple[str, str] | None = None) -> int:
    """Return how many articles `texts` yields."""
    sql = f"SELECT count(*) FROM articles WHERE {STALE_SQL}"
    return int(db.execute(sql, _versions(stale_for)).fetchone()[0])


def _versions(stale_for: tuple[str, str] | None) -> dict[str, str | None]:
    tagger, taxonomy = stale_for or (None, None)
    return {"tagger": tagger, "taxonomy": taxonomy}


# ---------------------------------------------------------------- writing: each is part of the caller's transaction


def insert_article(db: Database, update: ArticleUpdate, *, source_id: str, now: datetime) -> int:
    """Add an article with the feed's own text and return its id; a date that was put right before it came holds."""
    article_id = _free_id(db, update.url)
    db.execute(
        """
        INSERT INTO articles (id, url, source_id, guid, title, author, published_at, dated_at, week, date_source,
            date_flaw, first_seen_at, updated_at, language, text, text_hash, text_origin, entry_hash, page_state,
            page_attempts)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'feed', ?, ?, 0)
        """,
        [article_id, update.url, source_id, update.guid, update.title, update.author, _text(update.published_at),
         iso(update.dated_at), week_of(update.dated_at), update.date_source, update.date_flaw,
         iso(now), iso(now), normal_language(update.language),
         update.text, text_hash(update.text), update.entry_hash, "pending" if update.wants_page else "none"],
    )  # fmt: skip
    settle_date(db, article_id, update.url)
    return article_id


def update_from_entry(db: Database, row: ArticleRow, update: ArticleUpdate, *, source_id: str, now: datetime) -> bool:
    """Store what a changed entry says of a known article; return whether an earlier version was kept.

    Another title, text or date than the publisher gave before is an edit. A page's text stays (`update.text_origin`)
    until the page is read again, or gives way to the feed's if that is full by now. What the entry does not say is
    kept: an absent or absurd date changes none of published_at, dated_at and date_source.
    """
    takes_text = update.text_origin == "feed" and text_hash(update.text) != row.text_hash
    dates = Dates.of(update.published_at, update.dated_at, update.date_source)
    edit = (takes_text and row.text_origin == "feed") or _is_edited(row, update.title, dates)
    if edit:
        _keep_version(db, row, now=now)
    if takes_text:
        _set_text(db, row.id, update.text, "feed")
    state_dates(db, row.id, row.date_source, dates)
    db.execute(
        """
        UPDATE articles SET source_id = ?, guid = ?, title = ?, author = coalesce(?, author),
            language = coalesce(?, language), entry_hash = ?, updated_at = CASE WHEN ? THEN ? ELSE updated_at END
        WHERE id = ?
        """,
        [source_id, update.guid, update.title, update.author, normal_language(update.language), update.entry_hash,
         edit, iso(now), row.id],
    )  # fmt: skip
    state: PageState = "pending" if update.wants_page else "none"
    save_page_state(db, row.id, Page(state=state, attempts=0, tried_at=None, next_at=None, error=None))
    return edit


def update_from_page(db: Database, row: ArticleRow, update: PageUpdate, *, now: datetime) -> bool:
    """Store what the page says of an article, and keep what it does not say; return whether a version was kept.

    The feed's text replaced by the page's text is no edit; another text of the page is, and so is another title or
    date than was stated before. An absent or absurd date of the page changes no date.
    """
    if update.extracted is None:
        raise ValueError("a page update without an extracted page changes the page's state only")
    takes_text = update.text_origin == "page" and (
        row.text_origin == "feed" or text_hash(update.extracted.text) != row.text_hash
    )
    dates = Dates.of(update.published_at, update.dated_at, update.date_source)
    edit = (takes_text and row.text_origin == "page") or _is_edited(row, update.title, dates)
    if edit:
        _keep_version(db, row, now=now)
    if takes_text:
        _set_text(db, row.id, update.extracted.text, "page")
    state_dates(db, row.id, row.date_source, dates)
    db.execute(
        """
        UPDATE articles SET canonical_url = ?, paywalled = ?, rights = ?, title = coalesce(nullif(?, ''), title),
            author = coalesce(?, author), language = coalesce(?, language),
            updated_at = CASE WHEN ? THEN ? ELSE updated_at END
        WHERE id = ?
        """,
        [update.extracted.canonical_url, int(update.extracted.paywalled), update.extracted.rights, update.title,
         update.author,
         normal_language(update.language), edit, iso(now), row.id],
    )  # fmt: skip
    return edit


def _is_edited(row: ArticleRow, title: str, dates: Dates | None) -> bool:
    """Tell whether the publisher replaced a title or date by another; the first one given is no change."""
    renamed = bool(row.title and title) and title != row.title
    return renamed or is_other_date(row.published_at, row.date_source, dates)


def save_page_state(db: Database, article_id: int, page: Page) -> None:
    """Store how the last try of a page went, and when the next is due."""
    db.execute(
        """
        UPDATE articles SET page_state = ?, page_attempts = ?, page_tried_at = ?, page_next_at = ?, page_error = ?
        WHERE id = ?
        """,
        [page.state, page.attempts, _text(page.tried_at), _text(page.next_at), page.error, article_id],
    )


def _free_id(db: Database, url: str) -> int:
    """Return the id of a new article."""
    wanted = article_id(url)
    while db.execute("SELECT 1 FROM articles WHERE id = ?", [wanted]).fetchone():
        wanted += 1  # two URLs with one hash: once in 10 million articles, with a chance of 1 %
    return wanted


def _keep_version(db: Database, row: ArticleRow, *, now: datetime) -> None:
    db.execute(
        """
        INSERT INTO article_versions (article_id, version, title, text, text_hash, published_at, replaced_at)
        SELECT ?, 1 + coalesce(max(version), 0), ?, ?, ?, ?, ? FROM article_versions WHERE article_id = ?
        """,
        [row.id, row.title, row.text, row.text_hash, row.published_at, iso(now), row.id],
    )
    db.execute(
        """
        DELETE FROM article_versions WHERE article_id = :id AND version > 1 AND version <=
            (SELECT max(version) FROM article_versions WHERE article_id = :id) - :kept
        """,
        {"id": row.id, "kept": MAX_VERSIONS - 1},
    )


def _set_text(db: Database, article_id: int, text: str, origin: TextOrigin) -> None:
    db.execute(
        "UPDATE articles SET text = ?, text_hash = ?, text_origin = ? WHERE id = ?",
        [text, text_hash(text), origin, article_id],
    )


def _text(moment: datetime | None) -> str | None:
    return None if moment is None else iso(moment)


def _moment(text: str | None) -> datetime | None:
    return None if text is None else parse_iso(text)
