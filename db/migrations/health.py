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

    `status` is that of source_state, but `off` where sources.toml wants no check, and `empty` where all is well except
    that nothing has ever come. The state knows no number of entries of a sitemap, which may be many documents: it is
    that of the newest documents that had any, as parts of an index that have not changed are not read again.
    """
    execute(
        db,
        # what came of a source's own address, by time; page requests, most of the table, are left out
        """
        CREATE INDEX fetches_documents
            ON fetches(source_id, fetched_at, id, purpose, outcome, elapsed_ms, entries)
        WHERE purpose IN ('feed', 'listing', 'sitemap')
        """,
        "CREATE INDEX articles_source_seen ON articles(source_id, first_seen_at)",  # how many of a source, and lately
        """
        CREATE VIEW source_health AS
        WITH asked AS MATERIALIZED (        -- what came of requests for the source's own address
            SELECT id AS source_id, (
                SELECT max(fetched_at) FROM fetches
                WHERE source_id = sources.id AND purpose IN ('feed', 'listing', 'sitemap')
            ) AS last_at, (
                SELECT min(fetched_at) FROM fetches
                WHERE source_id = sources.id AND purpose IN ('feed', 'listing', 'sitemap')
                    AND outcome IN ('ok', 'not-modified')
            ) AS first_read_at
            FROM sources WHERE active = 1
        ),
        counted AS MATERIALIZED (
            SELECT asked.source_id, first_read_at,
                strftime('%Y-%m-%dT%H:%M:%SZ', last_at, '-30 days') AS answers_since,
                max(
                    strftime('%Y-%m-%dT%H:%M:%SZ', newest_at, '-28 days'),
                    coalesce(first_read_at, '')  -- the backlog of the first answer is not new
                ) AS articles_since,
                min(4.0, max(1 / 7.0, coalesce((julianday(newest_at) - julianday(first_read_at)) / 7, 4.0))) AS weeks,
                coalesce(
                    iif(kind = 'sitemap', NULL, source_state.entries),
                    (
                        SELECT sum(entries) FROM fetches
                        WHERE source_id = asked.source_id AND purpose IN ('feed', 'listing', 'sitemap')
                            AND outcome = 'ok' AND fetched_at = (  -- all requests of a run have the same time
                                SELECT max(fetched_at) FROM fetches
                                WHERE source_id = asked.source_id AND purpose IN ('feed', 'listing', 'sitemap')
                                    AND outcome = 'ok' AND entries > 0
                            )
                    ),
                    iif(first_read_at IS NULL, NULL, 0)
                ) AS entries
            FROM asked
            CROSS JOIN (SELECT max(last_at) AS newest_at FROM asked)
            JOIN sources ON sources.id = asked.source_id
            LEFT JOIN source_state ON source_state.source_id = asked.source_id
        ),
        judged AS MATERIALIZED (
            SELECT counted.*, CASE
                WHEN enabled = 0 THEN 'off'
                WHEN status = 'ok' AND counted.entries = 0
                    AND NOT EXISTS (SELECT 1 FROM articles WHERE source_id = counted.source_id) THEN 'empty'
                ELSE coalesce(status, 'new')
            END AS standing
            FROM counted
            JOIN sources ON sources.id = counted.source_id
            LEFT JOIN source_state ON source_state.source_id = counted.source_id
        )
        SELECT
            standing AS status,
            sources.id AS source_id,
            error,
            failing_since,
            next_check_at,
            next_check_reason,
            name,
            kind,
            sources.url AS url,
            publisher,
            category,
            error_class,
            (
                SELECT outcome FROM fetches
                WHERE source_id = sources.id AND purpose IN ('feed', 'listing', 'sitemap')
                ORDER BY fetched_at DESC, id DESC LIMIT 1
            ) AS last_outcome,
            coalesce(error_count, 0) AS error_count,
            first_read_at,
            ok_at AS last_ok_at,
            checked_at AS last_checked_at,
            new_at AS last_new_at,
            judged.entries AS entries,
            round(new_gap_s / 3600.0, 1) AS new_gap_hours,
            (SELECT count(*) FROM articles WHERE source_id = sources.id) AS articles,
            (
                SELECT round(count(*) / weeks, 2) FROM articles
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
        JOIN judged ON judged.source_id = sources.id
        LEFT JOIN source_state ON source_state.source_id = sources.id
        ORDER BY
            CASE standing
                WHEN 'gone' THEN 1 WHEN 'blocked' THEN 2 WHEN 'missing' THEN 3 WHEN 'failing' THEN 4
                WHEN 'suspicious' THEN 5 WHEN 'empty' THEN 6 WHEN 'throttled' THEN 7 WHEN 'new' THEN 8
                WHEN 'ok' THEN 9 ELSE 10
            END,
            failing_since,
            sources.id
        """,
    )
