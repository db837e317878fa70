"""Article rows: identity, text, earlier versions and the queue of pages. The tags are in db.tags."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import blake2b

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

__all__ = [
    "ArticleRow",
    "article_row",
    "article_text",
    "count_pending_pages",
    "count_texts",
    "insert_article",
    "known_articles",
    "pending_pages",
    "save_page_state",
    "text_hash",
    "texts",
    "update_from_entry",
    "update_from_page",
]

CHUNK = 500  # values in one IN (...); rows in one page of a stream
ROW_COLUMNS = "id, source_id, title, text, text_hash, text_origin, entry_hash, dated_at, week"  # of ArticleRow
# tagged by other versions than these, or not at all; without versions, every article
STALE_SQL = "(:tagger IS NULL OR tagger_version IS NOT :tagger OR taxonomy_version IS NOT :taxonomy)"
ID_BITS = 52  # exact in JavaScript, where a row's JSON may be read


@dataclass(frozen=True, slots=True)
class ArticleRow:
    """What the decisions about a stored article need of its row."""

    id: int
    source_id: str
    title: str
    text: str
    text_hash: str
    text_origin: TextOrigin
    entry_hash: str
    dated_at: str
    week: str


def text_hash(text: str) -> str:
    """Return the hash by which texts are compared: BLAKE2b-128, hexadecimal."""
    return blake2b(text.encode(), digest_size=16).hexdigest()


# ---------------------------------------------------------------- reading


def known_articles(db: Database, urls: Iterable[str]) -> dict[str, StoredArticle]:
    """Return those of `urls` that are stored, by URL."""
    wanted = list(dict.fromkeys(urls))
    known: dict[str, StoredArticle] = {}
    for start in range(0, len(wanted), CHUNK):
        chunk = wanted[start : start + CHUNK]
        marks = ", ".join("?" * len(chunk))
        sql = f"SELECT id, url, source_id, entry_hash, text_origin FROM articles WHERE url IN ({marks})"
        rows = db.execute(sql, chunk)
        known |= {row[1]: StoredArticle(*row) for row in rows}
    return known


def article_row(db: Database, *, article_id: int | None = None, url: str | None = None) -> ArticleRow | None:
    """Return the row of an article by its id, else by its URL; None if it is not stored."""
    column, value = ("url", url) if article_id is None else ("id", article_id)
    sql = f"SELECT {ROW_COLUMNS} FROM articles WHERE {column} = ?"
    row = db.execute(sql, [value]).fetchone()
    return None if row is None else ArticleRow(*row)


def pending_pages(db: Database, *, now: datetime, limit: int | None = None, force: bool = False) -> list[PendingPage]:
    """Return the articles whose full page is wanted and due at `now`, newest first.

    Args:
        limit: at most so many; None: all.
        force: also those whose next try is later.
    """
    rows = db.execute(
        """
        SELECT id, source_id, url, page_attempts, page_tried_at, title, text, text_origin, language, published_at,
            dated_at, date_source, author
        FROM articles
        WHERE page_state = 'pending' AND (:force OR page_next_at IS NULL OR page_next_at <= :now)
        ORDER BY dated_at DESC, id LIMIT :limit
        """,
        {"force": int(force), "now": iso(now), "limit": -1 if limit is None else limit},
    )
    return [
        PendingPage(
            article_id=row[0], source_id=row[1], url=row[2], attempts=row[3], tried_at=_moment(row[4]), title=row[5],
            text=row[6], text_origin=row[7], language=row[8], published_at=_moment(row[9]),
            dated_at=parse_iso(row[10]), date_source=row[11], author=row[12],
        )
        for row in rows
    ]  # fmt: skip


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


def texts(db: Database, *, stale_for: tuple[str, str] | None = None) -> Iterator[ArticleText]:
    """Yield the stored articles in the order of their ids; articles may be written meanwhile.

    Args:
        stale_for: (tagger version, taxonomy version): only articles not tagged by these; None: all.
    """
    sql = f"""
        SELECT id, title, text, language, source_id FROM articles
        WHERE id > :after AND {STALE_SQL} ORDER BY id LIMIT :chunk
    """
    after = -1
    while rows := db.execute(sql, {"after": after, "chunk": CHUNK} | _versions(stale_for)).fetchall():
        yield from (ArticleText(*row) for row in rows)
        after = rows[-1][0]


def count_texts(db: Database, *, stale_for: tuple[str, str] | None = None) -> int:
    """Return how many articles `texts` yields."""
    sql = f"SELECT count(*) FROM articles WHERE {STALE_SQL}"
    return int(db.execute(sql, _versions(stale_for)).fetchone()[0])


def _versions(stale_for: tuple[str, str] | None) -> dict[str, str | None]:
    tagger, taxonomy = stale_for or (None, None)
    return {"tagger": tagger, "taxonomy": taxonomy}


# ---------------------------------------------------------------- writing: each is part of the caller's transaction


def insert_article(db: Database, update: ArticleUpdate, *, source_id: str, now: datetime) -> int:
    """Add an article with the feed's own text and return its id."""
    article_id = _free_id(db, update.url)
    db.execute(
        """
        INSERT INTO articles (id, url, source_id, guid, title, author, published_at, dated_at, week, date_source,
            first_seen_at, updated_at, language, text, text_hash, text_origin, entry_hash, page_state, page_attempts)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'feed', ?, ?, 0)
        """,
        [article_id, update.url, source_id, update.guid, update.title, update.author, _text(update.published_at),
         iso(update.dated_at), _week(update.dated_at), update.date_source, iso(now), iso(now), update.language,
         update.text, text_hash(update.text), update.entry_hash, "pending" if update.wants_page else "none"],
    )  # fmt: skip
    return article_id


def update_from_entry(db: Database, row: ArticleRow, update: ArticleUpdate, *, now: datetime) -> bool:
    """Store what a changed entry says of a known article; return whether an earlier text was kept.

    Another text of the feed is an edit. A page's text stays (`update.text_origin`) until the page is read again, or
    gives way to the feed's if that is full by now. What the entry does not say is kept: above all, the day it was first
    seen.
    """
    takes_text = update.text_origin == "feed" and text_hash(update.text) != row.text_hash
    edit = takes_text and row.text_origin == "feed"
    if edit:
        _keep_version(db, row, now=now)
    if takes_text:
        _set_text(db, row.id, update.text, "feed")
    dated_at = None if update.date_source == "first_seen" else update.dated_at
    date_source = None if dated_at is None else update.date_source
    db.execute(
        """
        UPDATE articles SET guid = ?, title = ?, author = coalesce(?, author), published_at = coalesce(?, published_at),
            dated_at = coalesce(?, dated_at), week = coalesce(?, week), date_source = coalesce(?, date_source),
            language = coalesce(?, language), entry_hash = ?, updated_at = CASE WHEN ? THEN ? ELSE updated_at END
        WHERE id = ?
        """,
        [update.guid, update.title, update.author, _text(update.published_at), _text(dated_at), _week(dated_at),
         date_source, update.language, update.entry_hash, edit or update.title != row.title, iso(now), row.id],
    )  # fmt: skip
    state: PageState = "pending" if update.wants_page else "none"
    save_page_state(db, row.id, Page(state=state, attempts=0, tried_at=None, next_at=None, error=None))
    return edit


def update_from_page(db: Database, row: ArticleRow, update: PageUpdate, *, now: datetime) -> bool:
    """Store what the page says of an article, and keep what it does not say; return whether an earlier text was kept.

    The feed's text replaced by the page's text is no edit; another text of the page is.
    """
    if update.extracted is None:
        raise ValueError("a page update without an extracted page changes the page's state only")
    takes_text = update.text_origin == "page" and (
        row.text_origin == "feed" or text_hash(update.extracted.text) != row.text_hash
    )
    edit = takes_text and row.text_origin == "page"
    if edit:
        _keep_version(db, row, now=now)
    if takes_text:
        _set_text(db, row.id, update.extracted.text, "page")
    edited = edit or (row.text_origin == "page" and bool(update.title) and update.title != row.title)
    db.execute(
        """
        UPDATE articles SET canonical_url = ?, paywalled = ?, title = coalesce(nullif(?, ''), title),
            author = coalesce(?, author), published_at = coalesce(?, published_at), dated_at = coalesce(?, dated_at),
            week = coalesce(?, week), date_source = coalesce(nullif(?, ''), date_source),
            language = coalesce(?, language), updated_at = CASE WHEN ? THEN ? ELSE updated_at END
        WHERE id = ?
        """,
        [update.extracted.canonical_url, int(update.extracted.paywalled), update.title, update.author,
         _text(update.published_at), _text(update.dated_at), _week(update.dated_at), update.date_source,
         update.language, edited, iso(now), row.id],
    )  # fmt: skip
    return edit


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
    """Return the id of a new article: bits of a hash of its URL, so that it does not depend on the order of saving."""
    wanted = int.from_bytes(blake2b(url.encode(), digest_size=8).digest()) >> (64 - ID_BITS)
    while db.execute("SELECT 1 FROM articles WHERE id = ?", [wanted]).fetchone():
        wanted += 1  # two URLs with one hash: once in 10 million articles, with a chance of 1 %
    return wanted


def _keep_version(db: Database, row: ArticleRow, *, now: datetime) -> None:
    db.execute(
        """
        INSERT INTO article_versions (article_id, version, title, text, text_hash, replaced_at)
        SELECT ?, 1 + coalesce(max(version), 0), ?, ?, ?, ? FROM article_versions WHERE article_id = ?
        """,
        [row.id, row.title, row.text, row.text_hash, iso(now), row.id],
    )


def _set_text(db: Database, article_id: int, text: str, origin: TextOrigin) -> None:
    db.execute(
        "UPDATE articles SET text = ?, text_hash = ?, text_origin = ? WHERE id = ?",
        [text, text_hash(text), origin, article_id],
    )


def _week(moment: datetime | None) -> str | None:
    """Return the Monday of the ISO week, in UTC."""
    if moment is None:
        return None
    day = moment.astimezone(UTC).date()
    return (day - timedelta(days=day.weekday())).isoformat()


def _text(moment: datetime | None) -> str | None:
    return None if moment is None else iso(moment)


def _moment(text: str | None) -> datetime | None:
    return None if text is None else parse_iso(text)
