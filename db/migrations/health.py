"""The health of sources as a view: what `aiwire sources doctor`, Datasette and the metrics read."""

from __future__ import annotations

from sqlite_utils import Database

from db.migrations.steps import MIGRATIONS, execute

__all__: list[str] = []


@MIGRATIONS()
def m007_source_health(db: Database) -> None:
    """One row per source that is still in sources.toml, those in trouble first.

    Nothing here reads the clock: what happened lately is counted back from the newest request. The two indexes hold
    all that the counts need, so that no text and no page's request is read.
    """
    execute(
        db,
        # what came of a source's own address, by time; page requests, most of the table, are left out
        """
        CREATE INDEX fetches_documents ON fetches(source_id, fetched_at, id, purpose, outcome, elapsed_ms)
        WHERE purpose IN ('feed', 'listing', 'sitemap')
        """,
        "CREATE INDEX articles_source_seen ON articles(source_id, first_seen_at)",  # how many of a source, and lately
        """
        CREATE VIEW source_health AS
        WITH newest AS MATERIALIZED (       -- last request for the source's own address
            SELECT id AS source_id, (
                SELECT max(fetched_at) FROM fetches
                WHERE source_id = sources.id AND purpose IN ('feed', 'listing', 'sitemap')
            ) AS fetched_at
            FROM sources WHERE active = 1
        ),
        windows AS (
            SELECT source_id,
                strftime('%Y-%m-%dT%H:%M:%SZ', fetched_at, '-30 days') AS answers_since,
                strftime('%Y-%m-%dT%H:%M:%SZ', (SELECT max(fetched_at) FROM newest), '-28 days') AS articles_since
            FROM newest
        )
        SELECT
            sources.id AS source_id,
            name,
            kind,
            sources.url AS url,
            publisher,
            category,
            coalesce(status, 'new') AS status,
            error_class,
            error,
            (
                SELECT outcome FROM fetches
                WHERE source_id = sources.id AND purpose IN ('feed', 'listing', 'sitemap')
                ORDER BY fetched_at DESC, id DESC LIMIT 1
            ) AS last_outcome,
            failing_since,
            coalesce(error_count, 0) AS error_count,
            ok_at AS last_ok_at,
            checked_at AS last_checked_at,
            new_at AS last_new_at,
            next_check_at,
            next_check_reason,
            entries,
            round(new_gap_s / 3600.0, 1) AS new_gap_hours,
            (SELECT count(*) FROM articles WHERE source_id = sources.id) AS articles,
            (
                SELECT round(count(*) / 4.0, 2) FROM articles
                WHERE source_id = sources.id AND first_seen_at > articles_since
            ) AS new_per_week,
            (
                SELECT round(avg(outcome = 'not-modified'), 3) FROM fetches
                WHERE source_id = sources.id AND purpose IN ('feed', 'listing', 'sitemap')
                    AND outcome IN ('ok', 'not-modified') AND fetched_at > answers_since
            ) AS not_modified_share,
            (
                SELECT cast(round(avg(elapsed_ms)) AS INTEGER) FROM (
                    SELECT elapsed_ms, row_number() OVER (ORDER BY elapsed_ms) AS place, count(*) OVER () AS answers
                    FROM fetches
                    WHERE source_id = sources.id AND purpose IN ('feed', 'listing', 'sitemap')
                        AND outcome IN ('ok', 'not-modified') AND fetched_at > answers_since
                )
                WHERE place IN ((answers + 1) / 2, (answers + 2) / 2)  -- the one in the middle, or the two
            ) AS p50_latency_ms,
            coalesce(validators_trusted, 1) AS validators_trusted,
            suggestion,
            moved_to,
            hub,
            (
                SELECT robots FROM fetches
                WHERE source_id = sources.id AND purpose IN ('feed', 'listing', 'sitemap')
                ORDER BY fetched_at DESC, id DESC LIMIT 1
            ) AS robots,
            enabled
        FROM sources
        JOIN windows ON windows.source_id = sources.id
        LEFT JOIN source_state ON source_state.source_id = sources.id
        ORDER BY
            enabled DESC,
            CASE coalesce(status, 'new')
                WHEN 'gone' THEN 1 WHEN 'blocked' THEN 2 WHEN 'missing' THEN 3 WHEN 'failing' THEN 4
                WHEN 'suspicious' THEN 5 WHEN 'throttled' THEN 6 WHEN 'new' THEN 7 ELSE 8
            END,
            failing_since,
            sources.id
        """,
    )
