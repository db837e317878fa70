"""Tags that can be put right, traced to their lists and judged by their precision; prices that can be doubted."""

from __future__ import annotations

from sqlite_utils import Database

from db.migrations.steps import MIGRATIONS, execute

__all__: list[str] = []


@MIGRATIONS()
def m008_tagging(db: Database) -> None:
    """Corrections, what the lists said when articles were tagged, precision of entities, plausibility of prices."""
    execute(
        db,
        """
        CREATE TABLE corrections (
            url TEXT NOT NULL,              -- of the article, normalized; it need not be stored yet
            kind TEXT NOT NULL,             -- wrong-tag, missing-tag, wrong-date or wrong-story
            entity TEXT NOT NULL,           -- id, for the kinds on tags; else empty
            about INTEGER,                  -- missing-tag: 1 or 0; NULL: as the tagger would say
            value TEXT NOT NULL,            -- wrong-date: the right one; wrong-story: URL of a sibling, or own
            evidence TEXT NOT NULL,         -- missing-tag: the sentence that proves it
            note TEXT NOT NULL,             -- why
            made_at TEXT NOT NULL,
            PRIMARY KEY (url, kind, entity)
        ) STRICT, WITHOUT ROWID
        """,
        """
        CREATE TABLE lexicon (
            key TEXT PRIMARY KEY,           -- id of an entity, or name of a file that concerns all
            digest TEXT NOT NULL,           -- hash of what was said of it when the articles were tagged
            surfaces TEXT NOT NULL          -- all spellings that are looked for: a JSON array
        ) STRICT, WITHOUT ROWID
        """,
        "ALTER TABLE entities ADD COLUMN tag_precision REAL",  # right tags / judged tags in labelled texts; NULL: few
        "ALTER TABLE entities ADD COLUMN gold_tags INTEGER",  # judged tags behind it; NULL: none
        "ALTER TABLE prices ADD COLUMN product TEXT REFERENCES entities(id)",  # model or company whose price it is
        "CREATE INDEX prices_product ON prices(product, dated_at DESC, article_id)",  # newest of a product
        "ALTER TABLE prices ADD COLUMN implausible INTEGER",  # 1: outside the band of the reference; NULL: no band
    )


@MIGRATIONS()
def m009_put_right(db: Database) -> None:
    """What a correction covers: the dates that are stated, and which tags a person has a hand in."""
    execute(
        db,
        """
        CREATE TABLE stated_dates (         -- of articles whose date a person has put right: what holds without that
            article_id INTEGER NOT NULL REFERENCES articles(id),
            published_at TEXT,              -- the four as in articles
            dated_at TEXT NOT NULL,
            date_source TEXT NOT NULL,
            date_flaw TEXT,
            PRIMARY KEY (article_id)
        ) STRICT, WITHOUT ROWID
        """,
        # added: by a person; changed: a person has said if the article is about it, or what proves it; NULL: as tagged
        "ALTER TABLE article_entities ADD COLUMN correction TEXT",
    )
