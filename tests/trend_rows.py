"""Databases for the tests of trends: sources that answer day by day, articles written straight into the tables."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

from aiwire.exceptions import FetchError
from aiwire.types import Entity, FetchResult, NotModified, Request, Source, iso
from db.connection import connect
from db.dates import week_of
from db.runs import record_fetch, start_run
from db.sources import sync_sources
from db.store import sync_entities
from db.trends import rebuild

MONDAY = date(2026, 1, 5)
ENTITIES = (
    Entity("nvidia", "company", "NVIDIA"),
    Entity("h100", "accelerator", "H100"),
    Entity("tco", "theme", "TCO"),
    Entity("gdpr", "regulation", "GDPR"),
)


def source(name, *, owner=None, category=None, enabled=True, publisher=None):
    return Source(
        name, name.title(), "feed", f"https://{name}.example/", publisher or name, owner=owner, category=category,
        enabled=enabled,
    )  # fmt: skip


def moment(day, hour=6):
    return datetime(day.year, day.month, day.day, hour, tzinfo=UTC)


def days(first, number, step=1):
    return [first + timedelta(days=step * n) for n in range(number)]


@dataclass
class World:
    """A database with articles that are numbered as they come."""

    sources: list = field(default_factory=lambda: [source("press")])
    entities: tuple = ENTITIES
    path: str = ":memory:"

    def __post_init__(self):
        self.db = connect(self.path)
        self.sync(*self.sources)
        sync_entities(self.db, self.entities)
        start_run(self.db, "run", now=moment(MONDAY))
        self.kinds = {one.id: one.kind for one in self.entities}
        self.articles = Counter()

    def sync(self, *sources):
        self.sources = list(sources)
        sync_sources(self.db, self.sources)

    def answer(self, *when, source_ids=None, hour=6, good=True, reason="timeout", purpose="feed"):
        """Have sources (all) answer on these days, or fail."""
        for day in when:
            for source_id in source_ids or [one.id for one in self.sources]:
                outcome = NotModified("u", {}) if good else FetchError("u", "no", reason=reason)
                fetch = FetchResult(Request("u", source_id, purpose), outcome, 1, 1)
                record_fetch(self.db, fetch, run_id=1, now=moment(day, hour))

    def add(
        self, day, *entities, number=1, source_id="press", language="en", story=None, scope="full", hour=12,
        date_source="published", tagged=True,
    ):  # fmt: skip
        """Add articles of a day that name entities; `story`: the number of the article they are copies of."""
        found = []
        for _ in range(number):
            self.articles["all"] += 1
            article_id = self.articles["all"]
            found.append(article_id)
            at = iso(moment(day, hour))
            self.db.execute(
                """
                INSERT INTO articles (id, url, source_id, title, published_at, dated_at, week, date_source,
                    first_seen_at, updated_at, language, text, text_hash, text_origin, entry_hash, page_state,
                    page_attempts, tag_scope, tagger_version, taxonomy_version, story_id)
                VALUES (?, ?, ?, 't', ?, ?, ?, ?, ?, ?, ?, '', '', 'feed', '', 'none', 0, ?, ?, 't', ?)
                """,
                [article_id, f"https://example.org/{article_id}", source_id, at, at, week_of(moment(day)), date_source,
                 at, at, language, scope if tagged else None, "3" if tagged else None, story],
            )  # fmt: skip
            self.db.conn.executemany(
                """
                INSERT INTO article_entities (article_id, entity_id, dated_at, kind, count, salience, about,
                    about_in_text, role, confidence, surfaces, evidence)
                VALUES (?, ?, ?, ?, 2, 0.5, 1, 1, 'subject', 0.9, '[]', '')
                """,
                [(article_id, entity_id, at, self.kinds[entity_id]) for entity_id in entities],
            )
        return found

    def roll_up(self):
        """Write the rows of stories, roll everything up, and return the database."""
        self.db.execute(
            """
            INSERT OR IGNORE INTO stories (id, articles, publishers, first_at, last_at)
            SELECT story_id, count(*), 1, min(dated_at), max(dated_at) FROM articles
            WHERE story_id IS NOT NULL GROUP BY story_id
            """
        )
        self.db.conn.commit()
        rebuild(self.db)
        return self.db
