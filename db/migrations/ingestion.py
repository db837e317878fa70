"""Ingestion at full strength: adaptive schedule, health, lanes, robots, items that were seen, rights."""

from __future__ import annotations

from sqlite_utils import Database

from db.migrations.steps import MIGRATIONS, execute

__all__: list[str] = []


@MIGRATIONS()
def m006_ingestion(db: Database) -> None:
    """What politeness, the adaptive schedule and health have to remember."""
    execute(
        db,
        "ALTER TABLE sources ADD COLUMN own_server INTEGER NOT NULL DEFAULT 0",  # 1: may be asked below the floor
        "ALTER TABLE sources ADD COLUMN rules TEXT",  # JSON: of listing and sitemap, as in sources.toml; NULL: none
        # validators
        "ALTER TABLE source_state ADD COLUMN validators_trusted INTEGER NOT NULL DEFAULT 1",  # 0: the server lied
        "ALTER TABLE source_state ADD COLUMN body_hash TEXT",  # BLAKE2b-128 of the last whole body, hexadecimal
        "ALTER TABLE source_state ADD COLUMN body_bytes INTEGER",  # its size, decoded
        "ALTER TABLE source_state ADD COLUMN full_at TEXT",  # last answer with a whole body
        "ALTER TABLE source_state ADD COLUMN unmoved INTEGER NOT NULL DEFAULT 0",  # same bodies in a row
        # freshness
        "ALTER TABLE source_state ADD COLUMN new_gap_s REAL",  # smoothed seconds between two new items
        "ALTER TABLE source_state ADD COLUMN new_at TEXT",  # when something new was last found
        "ALTER TABLE source_state ADD COLUMN hint_s INTEGER",  # seconds that server or feed ask to wait
        "ALTER TABLE source_state ADD COLUMN hint_name TEXT",  # ttl, sy:updatePeriod, max-age or Expires
        "ALTER TABLE source_state ADD COLUMN skip_hours TEXT",  # JSON array of 0..23, UTC; NULL: none
        "ALTER TABLE source_state ADD COLUMN skip_days TEXT",  # JSON array, 0 is Monday, UTC; NULL: none
        "ALTER TABLE source_state ADD COLUMN hub TEXT",  # WebSub hub that the feed names
        "ALTER TABLE source_state ADD COLUMN entries INTEGER",  # in the last document that was not suspicious
        # health
        "ALTER TABLE source_state ADD COLUMN status TEXT NOT NULL DEFAULT 'new'",
        "ALTER TABLE source_state ADD COLUMN error_class TEXT",
        "ALTER TABLE source_state ADD COLUMN error_weight REAL NOT NULL DEFAULT 0",
        "ALTER TABLE source_state ADD COLUMN failing_since TEXT",
        "ALTER TABLE source_state ADD COLUMN gone_at TEXT",  # first 410 in the row
        "ALTER TABLE source_state ADD COLUMN suspicious_since TEXT",
        "ALTER TABLE source_state ADD COLUMN suggestion TEXT",  # an address that would work better
        "ALTER TABLE source_state ADD COLUMN sample BLOB",  # start of a body that could not be read, at most 64 KiB
        # redirects
        "ALTER TABLE source_state ADD COLUMN moved_to TEXT",  # asked instead of sources.url
        "ALTER TABLE source_state ADD COLUMN redirect_to TEXT",
        "ALTER TABLE source_state ADD COLUMN redirect_since TEXT",
        "ALTER TABLE source_state ADD COLUMN redirect_count INTEGER NOT NULL DEFAULT 0",
        "UPDATE source_state SET status = iif(error IS NULL, 'ok', 'failing') WHERE checked_at IS NOT NULL",
        """
        CREATE TABLE source_moves (
            source_id TEXT NOT NULL REFERENCES sources(id),
            moved_at TEXT NOT NULL,
            url_before TEXT NOT NULL,
            url_after TEXT NOT NULL,
            PRIMARY KEY (source_id, moved_at)
        ) STRICT, WITHOUT ROWID
        """,
        """
        CREATE TABLE source_items (
            source_id TEXT NOT NULL REFERENCES sources(id),
            digest TEXT NOT NULL,           -- of the item's bytes and of what around them can change its meaning
            page TEXT NOT NULL,             -- digest of the URL of its page, without fragment
            key TEXT NOT NULL,              -- digest of its guid, else of its words: tells items of one page apart
            words TEXT NOT NULL,            -- digest of its title or text, else of its guid
            fragment TEXT NOT NULL,
            PRIMARY KEY (source_id, digest)
        ) STRICT, WITHOUT ROWID
        """,
        """
        CREATE TABLE lanes (
            lane TEXT PRIMARY KEY,          -- registrable domain, or host:port of IP addresses and local names
            latency_s REAL,                 -- smoothed
            gap_s REAL,                     -- raised gap between two starts
            gap_until TEXT,
            crawl_delay_s REAL,             -- of its robots.txt
            blocked_until TEXT,             -- no request before
            reason TEXT
        ) STRICT
        """,
        """
        CREATE TABLE robots (
            origin TEXT PRIMARY KEY,        -- scheme://host[:port]
            fetched_at TEXT NOT NULL,
            status INTEGER,                 -- NULL: no answer
            body TEXT NOT NULL,
            error TEXT,                     -- of the last try
            ai_opt_outs TEXT                -- crawlers of AI companies that it keeps out, comma-separated
        ) STRICT
        """,
        "ALTER TABLE articles ADD COLUMN rights TEXT",  # opt-outs from text and data mining that its page states
        "ALTER TABLE articles ADD COLUMN date_flaw TEXT",  # why the stated date does not count: future, absurd
        "CREATE INDEX articles_canonical ON articles(canonical_url) WHERE canonical_url IS NOT NULL",  # other names
        "CREATE INDEX articles_guid ON articles(source_id, guid) WHERE guid IS NOT NULL",  # an item that moved
        "ALTER TABLE fetches ADD COLUMN hops TEXT",  # redirects: JSON array of [status, URL]; NULL: none
        "ALTER TABLE fetches ADD COLUMN robots TEXT",  # what in robots.txt forbids a feed that was fetched all the same
        "ALTER TABLE fetches ADD COLUMN mode TEXT",  # how the document was read: delta, full, repaired ...
        "DROP INDEX fetches_good",
        # the first and the last good answer: what lies between was looked at
        """
        CREATE INDEX fetches_good ON fetches(fetched_at)
        WHERE purpose IN ('feed', 'listing', 'sitemap') AND outcome IN ('ok', 'not-modified')
        """,
    )
