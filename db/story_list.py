"""Stories as they are listed: newest first, with their copies on demand."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from sqlite_utils import Database

from db.trends import COUNTED_ROLES_SQL

__all__ = ["Copy", "Story", "copies", "count_without_story", "stories", "story_of"]

_STORIES_SQL = """
    SELECT stories.id, first_at, last_at, stories.articles, publishers, title, url
    FROM stories CROSS JOIN articles ON articles.id = stories.id
"""
# the entity's articles first, without their texts
_NAMED_SQL = f"""
    SELECT story_id FROM article_entities CROSS JOIN articles INDEXED BY articles_counted ON articles.id = article_id
    WHERE entity_id = :entity AND role IN {COUNTED_ROLES_SQL}
"""


@dataclass(frozen=True, slots=True)
class Story:
    """A story; title and URL are those of the article that leads it."""

    id: int
    first_at: str  # ISO 8601, UTC: date of the leader
    last_at: str
    articles: int
    publishers: int
    title: str
    url: str


@dataclass(frozen=True, slots=True)
class Copy:
    """An article of a story."""

    url: str
    title: str
    publisher: str
    dated_at: str


def stories(
    db: Database,
    *,
    since: date | None = None,
    until: date | None = None,
    entity: str | None = None,
    min_articles: int = 1,
    limit: int = -1,
) -> list[Story]:
    """Return stories, that with the latest leader first.

    Args:
        since: first day of leaders, UTC; None: from the beginning.
        until: their last day, inclusive; None: to the end.
        entity: only stories with an article that names it as subject or mention.
        min_articles: only stories of so many articles or more.
        limit: at most so many; negative: all.
    """
    where: dict[str, tuple[str, object]] = {"least": ("stories.articles >= :least", min_articles)}
    if since is not None:
        where["since"] = "first_at >= :since", since.isoformat()
    if until is not None and until < date.max:
        where["stop"] = "first_at < :stop", (until + timedelta(days=1)).isoformat()
    if entity is not None:
        where["entity"] = f"stories.id IN ({_NAMED_SQL})", entity
    conditions = " AND ".join(condition for condition, _ in where.values())
    rows = db.execute(
        f"{_STORIES_SQL} WHERE {conditions} ORDER BY first_at DESC, stories.id LIMIT :limit",
        {name: value for name, (_, value) in where.items()} | {"limit": limit},
    )
    return [Story(*row) for row in rows.fetchall()]


def story_of(db: Database, article_id: int) -> Story | None:
    """Return the story that an article tells; None: it is not tagged, or by a version that knew no stories."""
    row = db.execute(
        f"{_STORIES_SQL} WHERE stories.id = (SELECT story_id FROM articles WHERE id = ?)", [article_id]
    ).fetchone()
    return None if row is None else Story(*row)


def copies(db: Database, story_id: int) -> Iterator[Copy]:
    """Yield the articles of a story in the order of their dates: the leader first."""
    rows = db.execute(
        """
        SELECT articles.url, title, publisher, dated_at FROM articles JOIN sources ON sources.id = source_id
        WHERE story_id = ? ORDER BY dated_at, articles.id
        """,
        [story_id],
    )
    yield from (Copy(*row) for row in rows)


def count_without_story(db: Database, *, tagged: bool = False) -> int:
    """Return how many articles that have words are in no story: not tagged, or by a version that knew no stories.

    Args:
        tagged: only the latter.
    """
    sql = """
        SELECT count(*) FROM articles
        WHERE story_id IS NULL AND (title <> '' OR text <> '') AND (NOT :tagged OR tagger_version IS NOT NULL)
    """
    return int(db.execute(sql, {"tagged": tagged}).fetchone()[0])
