"""What the site shows beyond the news: verdicts of the newest week, and what a public copy may hold."""

from __future__ import annotations

from sqlite_utils import Database

from db.migrations.steps import MIGRATIONS, execute

__all__: list[str] = []


@MIGRATIONS()
def m015_site(db: Database) -> None:
    """The verdict on each entity in the newest full week; what of a source's texts a public copy may hold."""
    execute(
        db,
        # full, or excerpt: the evidence of tags alone; NULL: the setting `text_policy`
        "ALTER TABLE sources ADD COLUMN text_policy TEXT",
        """
        CREATE TABLE entity_signals (       -- made anew at the end of every command that changes the rollups
            entity_id TEXT PRIMARY KEY REFERENCES entities(id) ON DELETE CASCADE,
            kind TEXT NOT NULL,             -- of the entity
            week TEXT NOT NULL,             -- the newest full one: Monday, UTC
            signal TEXT NOT NULL,           -- rising, falling, flat or too_few, as in the export of trends
            stories INTEGER NOT NULL,       -- of that week
            share_stories REAL,             -- 0..1
            momentum REAL,                  -- share of the last 4 full weeks by that of the 4 before
            momentum_lo REAL,               -- 95 % interval
            momentum_hi REAL,
            signal_q REAL,                  -- false discovery rate at which the signal would still be called
            coverage_ok INTEGER NOT NULL    -- 1: the sources that should have answered in that week did
        ) STRICT
        """,
        "CREATE INDEX entity_signals_signal ON entity_signals(signal, kind, signal_q, entity_id)",
        # of which tags were judged by hand: a few of many thousand names
        "CREATE INDEX entities_judged ON entities(kind, gold_tags DESC, id) WHERE gold_tags IS NOT NULL",
        """
        CREATE TABLE published (            -- one row in a public copy, none elsewhere
            id INTEGER PRIMARY KEY CHECK (id = 1),
            made_at TEXT NOT NULL,
            aiwire_version TEXT NOT NULL,
            text_policy TEXT NOT NULL,      -- of sources that say nothing: full or excerpt
            excerpt_chars INTEGER NOT NULL  -- of sources that say nothing
        ) STRICT
        """,
    )
