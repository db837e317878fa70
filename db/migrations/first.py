"""The first release: sources, articles, tags, trends, reference."""

from __future__ import annotations

from sqlite_utils import Database

from db.migrations.steps import MIGRATIONS, execute

__all__: list[str] = []


@MIGRATIONS()
def m001_sources_and_runs(db: Database) -> None:
    """Sources, their HTTP state, and the history of runs and requests."""
    execute(
        db,
        """
        CREATE TABLE sources (
            id TEXT PRIMARY KEY,            -- slug, as in sources.toml
            name TEXT NOT NULL,
            kind TEXT NOT NULL,             -- feed or listing
            url TEXT NOT NULL,              -- of the feed or listing page
            publisher TEXT NOT NULL,        -- family of sources that speak with one voice
            owner TEXT,                     -- company id, where the source is a vendor's own voice; NULL: independent
            language TEXT,                  -- BCP 47; NULL: as the feed or page declares
            category TEXT,                  -- lab, chips, cloud, press, research, regulation ...
            licence TEXT,                   -- of the texts, in words
            every_minutes INTEGER,          -- between two checks; NULL: the common setting
            full_text TEXT NOT NULL,        -- whether linked pages are fetched: auto, never or always
            enabled INTEGER NOT NULL,       -- 1: sources.toml wants it checked
            active INTEGER NOT NULL         -- 1: still in sources.toml; one that leaves it keeps its articles
        ) STRICT
        """,
        """
        CREATE TABLE source_state (
            source_id TEXT PRIMARY KEY REFERENCES sources(id),
            etag TEXT,                      -- as sent by the server (RFC 9110 8.8.3)
            last_modified TEXT,             -- as sent by the server (RFC 9110 8.8.2)
            checked_at TEXT,
            ok_at TEXT,                     -- last 200 that could be read, or 304
            next_check_at TEXT,             -- NULL: due now
            next_check_reason TEXT,         -- in words
            error_count INTEGER NOT NULL,   -- since the last success
            error TEXT                      -- the last one; NULL after a success
        ) STRICT
        """,
        """
        CREATE TABLE runs (
            id INTEGER PRIMARY KEY,
            command TEXT NOT NULL,          -- run, fetch, tag, demo ...
            started_at TEXT NOT NULL,
            finished_at TEXT,               -- NULL: still running, or killed
            status TEXT NOT NULL,           -- running, done, failed, or stopped (before all was done)
            sources_due INTEGER,            -- NULL: not known, as the run did not end or fetches nothing
            sources_ok INTEGER NOT NULL DEFAULT 0,
            sources_not_modified INTEGER NOT NULL DEFAULT 0,
            sources_failed INTEGER NOT NULL DEFAULT 0,
            articles_new INTEGER NOT NULL DEFAULT 0,
            articles_changed INTEGER NOT NULL DEFAULT 0,
            pages_fetched INTEGER NOT NULL DEFAULT 0,
            pages_failed INTEGER NOT NULL DEFAULT 0,
            sources_not_in_archive INTEGER NOT NULL DEFAULT 0,  -- a replay had no answer: not counted as failed
            pages_not_in_archive INTEGER NOT NULL DEFAULT 0,
            message TEXT                    -- why it failed or stopped
        ) STRICT
        """,
        """
        CREATE TABLE fetches (
            id INTEGER PRIMARY KEY,
            run_id INTEGER NOT NULL REFERENCES runs(id),
            source_id TEXT NOT NULL REFERENCES sources(id),
            article_id INTEGER REFERENCES articles(id),  -- for purpose page
            url TEXT NOT NULL,              -- as asked
            final_url TEXT,                 -- after redirects; NULL without an answer
            purpose TEXT NOT NULL,          -- feed, listing or page
            outcome TEXT NOT NULL,          -- ok, not-modified, unreadable, or why no answer came: timeout ...
            status INTEGER,                 -- HTTP status; NULL without an answer
            wire_bytes INTEGER NOT NULL,    -- body bytes received, before decoding
            elapsed_ms INTEGER NOT NULL,
            error TEXT,
            entries INTEGER NOT NULL,       -- in the document
            new INTEGER NOT NULL,           -- articles added
            changed INTEGER NOT NULL,       -- articles changed
            fetched_at TEXT NOT NULL
        ) STRICT
        """,
        "CREATE INDEX fetches_run ON fetches(run_id)",  # the totals of a run
        "CREATE INDEX fetches_source ON fetches(source_id, id)",  # the history of a source, in order
        "CREATE INDEX fetches_article ON fetches(article_id) WHERE article_id IS NOT NULL",  # tries of one page
        # the first and the last good answer: what lies between was looked at
        """
        CREATE INDEX fetches_good ON fetches(fetched_at)
        WHERE purpose <> 'page' AND outcome IN ('ok', 'not-modified')
        """,
    )


@MIGRATIONS()
def m002_articles(db: Database) -> None:
    """Articles, their earlier texts, and the full-text index."""
    execute(
        db,
        """
        CREATE TABLE articles (
            id INTEGER PRIMARY KEY,         -- 52 bits of a hash of the URL: the same in every database
            url TEXT NOT NULL UNIQUE,       -- normalized: the identity of an article
            canonical_url TEXT,             -- as the page itself declares
            source_id TEXT NOT NULL REFERENCES sources(id),  -- that brought it or took it over
            guid TEXT,                      -- as the feed gives it
            title TEXT NOT NULL,
            author TEXT,
            -- published_at, dated_at and date_source are written together: by the entry that adds the article, later
            -- only by an entry or page with a plausible date
            published_at TEXT,              -- as stated, even if absurd; NULL: no date was
            dated_at TEXT NOT NULL,         -- the date that counts: published_at; first_seen_at if absent or absurd
            week TEXT NOT NULL              -- Monday of dated_at, UTC (an index on a generated column covers nothing)
                CHECK (week = date(dated_at, 'weekday 0', '-6 days')),
            date_source TEXT NOT NULL,      -- what gave dated_at: published, updated, a place in the page, first_seen,
                                            -- or backlog: undated in its source's first answer, in no trend
            first_seen_at TEXT NOT NULL,
            updated_at TEXT NOT NULL,       -- last change of title, text or date by the publisher, or first_seen_at
            language TEXT,                  -- BCP 47, upper and lower case as RFC 5646 2.1.1 recommends
            text TEXT NOT NULL,             -- paragraphs parted by line feeds
            text_hash TEXT NOT NULL,        -- BLAKE2b-128 of text, hexadecimal
            text_origin TEXT NOT NULL,      -- feed or page
            entry_hash TEXT NOT NULL,       -- of what the feed's entry said, to see changes
            page_state TEXT NOT NULL,       -- none (not wanted), pending, fetched or failed
            page_attempts INTEGER NOT NULL, -- tries so far
            page_tried_at TEXT,
            page_next_at TEXT,              -- no try before; NULL: at once
            page_error TEXT,                -- of the last try
            paywalled INTEGER,              -- 1: the page says so; NULL: page not read
            tag_scope TEXT,                 -- full, or names (language not tagged for themes); NULL: not tagged
            tagger_version TEXT,            -- NULL: not tagged, or the text changed since
            taxonomy_version TEXT,          -- hash of gazetteer and lexicon
            tagged_at TEXT
        ) STRICT
        """,
        # newest first, of all and of a source; date_source last, to pass over a backlog without reading its rows
        "CREATE INDEX articles_dated ON articles(dated_at DESC, id, date_source)",
        "CREATE INDEX articles_source_dated ON articles(source_id, dated_at DESC, id, date_source)",
        # a week's totals, without reading the articles' texts
        "CREATE INDEX articles_week ON articles(week, tagger_version, source_id, language, date_source, tag_scope)",
        "CREATE INDEX articles_first_seen ON articles(first_seen_at)",  # what is new since; when coverage began
        "CREATE INDEX articles_tagged ON articles(tagger_version, taxonomy_version)",  # what must be tagged again
        # the queue of pages, newest first
        "CREATE INDEX articles_pending ON articles(dated_at DESC, id) WHERE page_state = 'pending'",
        """
        CREATE TABLE article_versions (
            article_id INTEGER NOT NULL REFERENCES articles(id),
            version INTEGER NOT NULL,       -- 1 is the oldest
            title TEXT NOT NULL,
            text TEXT NOT NULL,
            text_hash TEXT NOT NULL,
            published_at TEXT,              -- as it was stated then
            replaced_at TEXT NOT NULL,      -- when the next title, text or date was first seen
            PRIMARY KEY (article_id, version)
        ) STRICT, WITHOUT ROWID
        """,
        """
        CREATE VIRTUAL TABLE articles_fts USING fts5(
            title, text, content='articles', content_rowid='id', tokenize='porter unicode61 remove_diacritics 2'
        )
        """,
        """
        CREATE TRIGGER articles_fts_insert AFTER INSERT ON articles BEGIN
            INSERT INTO articles_fts(rowid, title, text) VALUES (new.id, new.title, new.text);
        END
        """,
        """
        CREATE TRIGGER articles_fts_delete AFTER DELETE ON articles BEGIN
            INSERT INTO articles_fts(articles_fts, rowid, title, text) VALUES ('delete', old.id, old.title, old.text);
        END
        """,
        # only when the words change: the index is most of what a write costs
        """
        CREATE TRIGGER articles_fts_update AFTER UPDATE OF title, text ON articles
        WHEN old.title IS NOT new.title OR old.text IS NOT new.text BEGIN
            INSERT INTO articles_fts(articles_fts, rowid, title, text) VALUES ('delete', old.id, old.title, old.text);
            INSERT INTO articles_fts(rowid, title, text) VALUES (new.id, new.title, new.text);
        END
        """,
    )


@MIGRATIONS()
def m003_entities_and_tags(db: Database) -> None:
    """What is looked for, and what was found in which article."""
    execute(
        db,
        """
        CREATE TABLE entities (
            id TEXT PRIMARY KEY,            -- slug, unique across kinds
            kind TEXT NOT NULL,             -- company, accelerator, theme, model or regulation
            name TEXT NOT NULL,
            category TEXT,                  -- of companies: chips, cloud, lab ...; of themes: deployment ...
            description TEXT,
            parent TEXT REFERENCES entities(id) DEFERRABLE INITIALLY DEFERRED,  -- owning company, or maker
            country TEXT,                   -- ISO 3166-1 alpha-2
            ticker TEXT,                    -- exchange symbol
            listed INTEGER NOT NULL         -- 0: found in a text, on no list of ours
        ) STRICT
        """,
        "CREATE INDEX entities_kind ON entities(kind, name)",  # lists by kind
        "CREATE INDEX entities_parent ON entities(parent) WHERE parent IS NOT NULL",  # what belongs to a company
        """
        CREATE TABLE aliases (
            surface TEXT NOT NULL,          -- a name as it is written
            entity_id TEXT NOT NULL REFERENCES entities(id),
            policy TEXT NOT NULL,           -- any, cased (capital letters count) or context (needs evidence beside it)
            PRIMARY KEY (surface, entity_id)
        ) STRICT, WITHOUT ROWID
        """,
        "CREATE INDEX aliases_entity ON aliases(entity_id)",  # the names of an entity
        """
        CREATE TABLE article_entities (
            article_id INTEGER NOT NULL REFERENCES articles(id),
            entity_id TEXT NOT NULL REFERENCES entities(id),
            dated_at TEXT NOT NULL,         -- of the article; here so that an entity's news can be listed by an index
            kind TEXT NOT NULL,             -- of the entity
            count INTEGER NOT NULL,         -- mentions
            salience REAL NOT NULL,         -- 0..1
            about INTEGER NOT NULL,         -- 1: the article is about it, and not by a stock sentence alone
            about_in_text INTEGER NOT NULL, -- 1: the tagger's verdict on the article by itself
            role TEXT NOT NULL,             -- subject, mention, source (quoted) or venue (where something was posted)
            confidence REAL NOT NULL,       -- 0..1, of the best mention
            surfaces TEXT NOT NULL,         -- the ways it is written in the article: a JSON array
            evidence TEXT NOT NULL,         -- the sentence that proves it best
            best_field TEXT,                -- where the best mention is: title or text
            best_start INTEGER,             -- code point
            best_end INTEGER,               -- code point after it
            unlisted_name TEXT,             -- name as this article gives it, if the entity is on no list; NULL: listed
            PRIMARY KEY (article_id, entity_id)
        ) STRICT, WITHOUT ROWID
        """,
        # news of an entity, newest first, and the articles behind a cell of trends_weekly
        "CREATE INDEX article_entities_entity ON article_entities(entity_id, dated_at DESC, article_id)",
        "CREATE INDEX article_entities_dated ON article_entities(dated_at DESC, article_id)",  # newest first
        """
        CREATE TABLE mentions (
            article_id INTEGER NOT NULL REFERENCES articles(id),
            field TEXT NOT NULL,            -- title or text
            start INTEGER NOT NULL,         -- code point
            "end" INTEGER NOT NULL,         -- code point after it
            entity_id TEXT NOT NULL REFERENCES entities(id),
            surface TEXT NOT NULL,          -- the words
            sent_start INTEGER NOT NULL,    -- of the sentence around it, in the same field
            sent_end INTEGER NOT NULL,
            rule TEXT NOT NULL,             -- what found it: any, cased, context:..., lexicon:..., unlisted:...
            confidence REAL NOT NULL,       -- 0..1
            part TEXT,                      -- accelerator id, where the text names the variant
            PRIMARY KEY (article_id, field, start, "end", entity_id)
        ) STRICT, WITHOUT ROWID
        """,
        "CREATE INDEX mentions_entity ON mentions(entity_id, article_id)",  # the places of an entity
        """
        CREATE TABLE prices (
            article_id INTEGER NOT NULL REFERENCES articles(id),
            position INTEGER NOT NULL,      -- 0 is the first price in the article
            dated_at TEXT NOT NULL,         -- of the article
            accelerator TEXT REFERENCES entities(id),  -- family the price is of; NULL: not said
            quote TEXT NOT NULL,            -- the words
            amount REAL NOT NULL,           -- in its own currency; low end of a range
            amount_max REAL,                -- high end; NULL: not a range
            currency TEXT NOT NULL,         -- ISO 4217
            unit TEXT NOT NULL,             -- gpu-hour, instance-hour, card, server, system, month, 1M-tokens ...
            qualifier TEXT,                 -- from, up-to, list, street, spot, reserved, on-demand
            sentence TEXT NOT NULL,
            field TEXT NOT NULL,            -- title or text
            start INTEGER NOT NULL,         -- code point
            "end" INTEGER NOT NULL,         -- code point after it
            PRIMARY KEY (article_id, position)
        ) STRICT, WITHOUT ROWID
        """,
        "CREATE INDEX prices_dated ON prices(dated_at DESC, article_id)",  # newest first
        "CREATE INDEX prices_accelerator ON prices(accelerator, dated_at DESC, article_id)",  # newest of a family
        """
        CREATE TABLE candidates (
            surface TEXT NOT NULL,          -- a name that no list has
            looks_like TEXT NOT NULL,       -- company or product
            rule TEXT NOT NULL,             -- what found it
            article_id INTEGER NOT NULL REFERENCES articles(id),
            sentence TEXT NOT NULL,
            PRIMARY KEY (surface, looks_like, rule, article_id, sentence)
        ) STRICT, WITHOUT ROWID
        """,
        "CREATE INDEX candidates_article ON candidates(article_id)",  # to replace those of one article
        """
        CREATE TABLE sentences (
            article_id INTEGER NOT NULL REFERENCES articles(id),
            field TEXT NOT NULL,            -- title or text
            start INTEGER NOT NULL,         -- code point
            "end" INTEGER NOT NULL,         -- code point after it
            hash INTEGER NOT NULL,          -- 64 bits over source and words, without case and spacing
            is_stock INTEGER NOT NULL,      -- 1: unrelated articles of the same source have it too (db.stock)
            PRIMARY KEY (article_id, field, start)
        ) STRICT, WITHOUT ROWID
        """,
        "CREATE INDEX sentences_hash ON sentences(hash, is_stock, article_id)",  # who else says it
    )


@MIGRATIONS()
def m004_trends(db: Database) -> None:
    """Weekly rollups, kept up to date by every transaction that touches a week."""
    execute(
        db,
        """
        CREATE TABLE trends_weekly (
            entity_id TEXT NOT NULL REFERENCES entities(id),
            segment TEXT NOT NULL,          -- all, owned (a vendor's own voice), independent, or lang:xx
            period_start TEXT NOT NULL,     -- Monday, UTC
            articles INTEGER NOT NULL,      -- that name it as subject or mention
            articles_about INTEGER NOT NULL,-- that are about it
            publishers INTEGER NOT NULL,    -- families of sources
            mentions INTEGER NOT NULL,      -- places
            PRIMARY KEY (entity_id, segment, period_start)
        ) STRICT, WITHOUT ROWID
        """,
        # to replace a week, and to compare entities in it
        "CREATE INDEX trends_weekly_period ON trends_weekly(period_start, segment, articles DESC, entity_id)",
        """
        CREATE TABLE week_totals (
            period_start TEXT NOT NULL,     -- Monday, UTC
            segment TEXT NOT NULL,          -- as in trends_weekly
            articles_total INTEGER NOT NULL,-- tagged articles: the denominator of a share, but of a theme's
            publishers_active INTEGER NOT NULL,  -- families of sources of these articles
            articles_full INTEGER NOT NULL, -- of these, tagged for themes, too: the denominator of a theme's share
            publishers_full INTEGER NOT NULL,
            PRIMARY KEY (period_start, segment)
        ) STRICT, WITHOUT ROWID
        """,
    )


@MIGRATIONS()
def m005_reference(db: Database) -> None:
    """What the hardware is and costs: loaded from the files in db/reference."""
    execute(
        db,
        """
        CREATE TABLE accelerator_families (
            id TEXT PRIMARY KEY,            -- as tags name it
            vendor TEXT NOT NULL,
            kind TEXT NOT NULL,             -- product, series, architecture or system
            name TEXT NOT NULL,
            source TEXT NOT NULL,           -- where vendor, kind and name come from
            note TEXT,
            as_of TEXT NOT NULL             -- day the source was read
        ) STRICT
        """,
        """
        CREATE TABLE accelerators (
            id TEXT PRIMARY KEY,
            family_id TEXT NOT NULL REFERENCES accelerator_families(id),
            vendor TEXT NOT NULL,
            name TEXT NOT NULL,
            segment TEXT NOT NULL,          -- datacenter, workstation, consumer, cloud-only, edge or internal
            architecture TEXT,
            release_date TEXT,              -- ISO date, or a year
            memory_gb REAL,                 -- GB or GiB, as the source prints it
            memory_type TEXT,
            bandwidth_gbs REAL,             -- memory bandwidth, GB/s
            fp16_bf16_dense_tflops REAL,    -- tensor TFLOPS without sparsity
            fp8_dense_tflops REAL,
            fp4_dense_tflops REAL,
            int8_dense_tops REAL,           -- TOPS without sparsity
            tdp_w REAL,                     -- watts
            tdp_term TEXT,                  -- the vendor's own word for that power
            interconnect TEXT,
            form_factor TEXT,
            launch_price_usd REAL,          -- US dollars
            price_note TEXT,                -- what kind of price, and its source
            sources TEXT NOT NULL,          -- which field came from where
            conflicts TEXT,                 -- figures of sources that differ by more than 5 %
            quality_note TEXT,
            as_of TEXT NOT NULL             -- day the sources were read
        ) STRICT
        """,
        "CREATE INDEX accelerators_family ON accelerators(family_id)",  # the parts of a family
        """
        CREATE TABLE cloud_prices (
            id INTEGER PRIMARY KEY,         -- row of the data file
            provider TEXT NOT NULL,
            accelerator_id TEXT NOT NULL REFERENCES accelerators(id),
            gpu_count INTEGER NOT NULL,     -- in the instance
            instance_type TEXT NOT NULL,
            region TEXT,
            ondemand_usd_per_gpu_hour REAL, -- US dollars
            spot_usd_per_gpu_hour REAL,     -- US dollars; the lowest of the zones
            price_date TEXT,                -- as the source dates it; NULL: not dated
            source_repo TEXT NOT NULL,      -- GitHub repository
            source_path TEXT NOT NULL,
            source_commit TEXT NOT NULL,
            note TEXT,
            as_of TEXT NOT NULL             -- day the source was read
        ) STRICT
        """,
        # the offers for a part, cheapest first
        "CREATE INDEX cloud_prices_accelerator ON cloud_prices(accelerator_id, ondemand_usd_per_gpu_hour)",
        """
        CREATE TABLE reference_files (
            name TEXT PRIMARY KEY,          -- of the data file
            sha256 TEXT NOT NULL,           -- of its bytes as loaded: another one is loaded anew
            rows INTEGER NOT NULL
        ) STRICT
        """,
    )
