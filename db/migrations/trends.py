"""Stories, rollups of every grain, the coverage ledger, watches."""

from __future__ import annotations

from sqlite_utils import Database

from db.migrations.steps import MIGRATIONS, execute

__all__: list[str] = []

_CELLS = """
    CREATE TABLE {table} (
        entity_id TEXT NOT NULL REFERENCES entities(id),
        segment TEXT NOT NULL,              -- all, owned, independent, lang:xx or category:xx
        period_start TEXT NOT NULL,         -- first day, UTC: of the week Monday
        articles INTEGER NOT NULL,          -- that name it as subject or mention
        articles_about INTEGER NOT NULL,    -- that are about it
        articles_owned INTEGER NOT NULL,    -- in a vendor's own voice
        stories INTEGER NOT NULL,           -- different stories these articles tell
        publishers INTEGER NOT NULL,        -- families of sources
        publishers_independent INTEGER NOT NULL,  -- of these, with an article that is in no vendor's own voice
        mentions INTEGER NOT NULL,          -- places
        PRIMARY KEY (entity_id, segment, period_start)
    ) STRICT, WITHOUT ROWID
"""


@MIGRATIONS()
def m010_stories(db: Database) -> None:
    """Near-identical articles, linked."""
    execute(
        db,
        """
        CREATE TABLE stories (
            id INTEGER PRIMARY KEY,         -- of the article that leads it: the earliest, of equals the least id
            articles INTEGER NOT NULL,      -- copies, the leader included
            publishers INTEGER NOT NULL,    -- families of sources of these
            first_at TEXT NOT NULL,         -- dated_at of the leader
            last_at TEXT NOT NULL           -- of the latest copy
        ) STRICT
        """,
        "CREATE INDEX stories_newest ON stories(first_at DESC, id)",
        "CREATE INDEX stories_spread ON stories(articles DESC, first_at DESC, id) WHERE articles > 1",  # copied
        # the story it is a copy of; NULL: not tagged yet, it counts as one of its own
        "ALTER TABLE articles ADD COLUMN story_id INTEGER REFERENCES stories(id) DEFERRABLE INITIALLY DEFERRED",
        "CREATE INDEX articles_story ON articles(story_id, dated_at, id)",  # the copies of a story
        """
        CREATE TABLE story_sketches (
            article_id INTEGER PRIMARY KEY REFERENCES articles(id),
            words INTEGER NOT NULL,         -- of the text
            bands BLOB NOT NULL             -- 32-bit keys, little-endian: the rows of story_bands
        ) STRICT
        """,
        """
        CREATE TABLE story_bands (          -- who may be a copy of whom: articles with a key in common
            band INTEGER NOT NULL,
            words INTEGER NOT NULL,         -- of the text, as in story_sketches: the longest first, db.stories says why
            article_id INTEGER NOT NULL REFERENCES articles(id),
            PRIMARY KEY (band, words DESC, article_id)
        ) STRICT, WITHOUT ROWID
        """,
        """
        CREATE TABLE story_links (          -- who is a copy of whom, both ways
            article_id INTEGER NOT NULL REFERENCES articles(id),
            other_id INTEGER NOT NULL REFERENCES articles(id),
            PRIMARY KEY (article_id, other_id)
        ) STRICT, WITHOUT ROWID
        """,
        # whose story an article was said to tell
        "CREATE INDEX corrections_story ON corrections(value, url) WHERE kind = 'wrong-story'",
    )


@MIGRATIONS()
def m011_rollups(db: Database) -> None:
    """Rollups of days, weeks and months with stories; what each source should have given. `connect` fills them."""
    execute(
        db,
        "DROP TABLE trends_weekly",
        "DROP TABLE week_totals",
        *(_CELLS.format(table=f"trends_{name}") for name in ("daily", "weekly", "monthly")),
        # to replace a period, and to compare entities in it
        *(
            f"CREATE INDEX trends_{name}_period ON trends_{name}(period_start, segment, articles DESC, entity_id)"
            for name in ("daily", "weekly", "monthly")
        ),
        """
        CREATE TABLE period_totals (
            grain TEXT NOT NULL,            -- day, week or month
            period_start TEXT NOT NULL,     -- first day, UTC
            segment TEXT NOT NULL,          -- as in trends_weekly
            articles_total INTEGER NOT NULL,-- tagged articles: the denominator of a share, but of a theme's
            stories_total INTEGER NOT NULL, -- different stories they tell
            publishers_active INTEGER NOT NULL,  -- families of sources of these articles
            articles_full INTEGER NOT NULL, -- of these, tagged for themes, too: the denominators of a theme's share
            stories_full INTEGER NOT NULL,
            publishers_full INTEGER NOT NULL,
            PRIMARY KEY (grain, period_start, segment)
        ) STRICT, WITHOUT ROWID
        """,
        """
        CREATE TABLE cooccurrence_weekly (
            entity_a TEXT NOT NULL REFERENCES entities(id),
            entity_b TEXT NOT NULL REFERENCES entities(id),  -- the greater id
            period_start TEXT NOT NULL,     -- Monday, UTC
            articles INTEGER NOT NULL,      -- that name both
            stories INTEGER NOT NULL,       -- different stories they tell
            PRIMARY KEY (period_start, entity_a, entity_b)
        ) STRICT, WITHOUT ROWID
        """,
        "CREATE INDEX cooccurrence_weekly_a ON cooccurrence_weekly(entity_a, period_start)",  # the others, of one
        "CREATE INDEX cooccurrence_weekly_b ON cooccurrence_weekly(entity_b, period_start)",
        """
        CREATE TABLE coverage (             -- what each source was asked, day by day
            source_id TEXT NOT NULL REFERENCES sources(id),
            day TEXT NOT NULL,              -- UTC
            checks INTEGER NOT NULL,        -- requests for the source itself
            answers INTEGER NOT NULL,       -- good ones: read, or not modified
            PRIMARY KEY (source_id, day)
        ) STRICT, WITHOUT ROWID
        """,
        "CREATE INDEX coverage_day ON coverage(day, source_id, answers)",
        """
        INSERT INTO coverage (source_id, day, checks, answers)
        SELECT source_id, substr(fetched_at, 1, 10), count(*), sum(outcome IN ('ok', 'not-modified'))
        FROM fetches WHERE purpose IN ('feed', 'listing', 'sitemap') AND outcome <> 'not-in-archive' GROUP BY 1, 2
        """,
        "ALTER TABLE sources ADD COLUMN excerpt_chars INTEGER",  # quoted of a sentence in exports; NULL: the setting
        # what trends read of articles, without their texts: by time, and by id
        "DROP INDEX articles_dated",
        "DROP INDEX articles_week",
        """
        CREATE INDEX articles_dated ON articles(dated_at DESC, id, date_source, tagger_version, tag_scope, source_id,
            language, story_id)
        """,
        "CREATE INDEX articles_counted ON articles(id, date_source, source_id, language, story_id)",
        # news of an entity, newest first, and its cells in the rollups
        "DROP INDEX article_entities_entity",
        """
        CREATE INDEX article_entities_entity ON article_entities(entity_id, dated_at DESC, article_id, role, about,
            count)
        """,
        # the entities of an article, without their sentences
        "CREATE INDEX article_entities_article ON article_entities(article_id, entity_id, role, about, count)",
    )


@MIGRATIONS()
def m012_watches(db: Database) -> None:
    """Named filters, what each has been told, and what is on its way."""
    execute(
        db,
        """
        CREATE TABLE watches (
            name TEXT PRIMARY KEY,
            filter TEXT NOT NULL,           -- JSON: what is of interest
            deliveries TEXT NOT NULL,       -- JSON: where it goes
            made_at TEXT NOT NULL,
            looked_at TEXT                  -- the watermark: everything up to then was looked at; NULL: never
        ) STRICT
        """,
        """
        CREATE TABLE watch_batches (
            id INTEGER PRIMARY KEY,
            watch TEXT NOT NULL REFERENCES watches(name),
            made_at TEXT NOT NULL,
            items TEXT NOT NULL,            -- JSON: what is new
            delivered TEXT NOT NULL,        -- JSON array: the deliveries that are done
            done_at TEXT                    -- NULL: still to be delivered
        ) STRICT
        """,
        "CREATE INDEX watch_batches_pending ON watch_batches(watch, id) WHERE done_at IS NULL",
        "CREATE INDEX watch_batches_newest ON watch_batches(watch, id)",  # what stands in its files
        """
        CREATE TABLE watch_items (          -- what is in a batch, so that nothing is told twice
            watch TEXT NOT NULL REFERENCES watches(name),
            kind TEXT NOT NULL,             -- story, price or signal
            key TEXT NOT NULL,
            value TEXT NOT NULL,            -- of a signal: the one seen last, once one was told; else empty
            batch_id INTEGER NOT NULL REFERENCES watch_batches(id),
            PRIMARY KEY (watch, kind, key)
        ) STRICT, WITHOUT ROWID
        """,
    )
