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
        "ALTER TABLE prices ADD COLUMN implausible INTEGER",  # 1: outside the band of the reference; NULL: no band
    )
