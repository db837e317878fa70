"""What `aiwire archive load` brings: answers that others got, and articles that come long after they were written."""

from __future__ import annotations

from sqlite_utils import Database

from db.migrations.steps import MIGRATIONS, execute

__all__: list[str] = []


@MIGRATIONS()
def m016_archive(db: Database) -> None:
    """Requests with purpose `archive` are good answers, too, and the articles that came so are known as such.

    Such a request says that a source was looked at, not how its server is: the view `source_health` and the index
    `fetches_documents` behind it leave it out.
    """
    execute(
        db,
        "DROP INDEX fetches_good",
        # the first and the last good answer: what lies between was looked at
        """
        CREATE INDEX fetches_good ON fetches(fetched_at)
        WHERE purpose IN ('feed', 'listing', 'sitemap', 'archive') AND outcome IN ('ok', 'not-modified')
        """,
        # one row for each day of a source: entries are the pages of that day, fetched_at is the time of the last one
        "CREATE INDEX fetches_archive ON fetches(source_id, fetched_at) WHERE purpose = 'archive'",
        """
        CREATE TABLE loaded_articles (      -- came out of a web archive, not in the run of that day
            article_id INTEGER PRIMARY KEY REFERENCES articles(id),
            loaded_at TEXT NOT NULL
        ) STRICT
        """,
    )
