"""When sources were read, and what tagged their articles: the same for every row of an export."""

from __future__ import annotations

from datetime import UTC, date, datetime

from sqlite_utils import Database

from aiwire.types import iso
from db.runs import GOOD_ANSWER_SQL
from db.trends.periods import Span
from db.trends.query import Vintage
from db.trends.reading import ArticleReader, StoredArticles

__all__ = ["is_partial", "load_vintage", "looked_until"]

# two subqueries: each end is one step in an index
ANSWERS_SQL = f"""
    SELECT (SELECT min(fetched_at) FROM fetches WHERE {GOOD_ANSWER_SQL}),
        (SELECT max(fetched_at) FROM fetches WHERE {GOOD_ANSWER_SQL})
"""


def load_vintage(db: Database, now: datetime, reader: ArticleReader | None = None) -> Vintage:
    """Return the vintage of what is computed at `now`.

    Args:
        reader: of the articles; None: those of the database.
    """
    first, last = db.execute(ANSWERS_SQL).fetchone()
    versions = list((reader or StoredArticles(db)).versions())
    return Vintage(
        # prefixes: a hash such as 1234e567, or version 1.0, would be read as a number
        taxonomy="+".join(sorted({f"tx-{taxonomy}" for _, taxonomy in versions})),
        tagger="+".join(sorted({f"tagger-{tagger}" for tagger, _ in versions})),
        as_of=iso(now),
        first_answer=first or "",
        last_answer=last or "",
    )


def looked_until(vintage: Vintage) -> str:
    """Return the moment (ISO) up to which it was looked at the sources; "" if no source ever gave a good answer."""
    return min(vintage.as_of, vintage.last_answer)


def is_partial(span: Span, vintage: Vintage) -> bool:
    """Tell whether the period is not over, was not looked at to its end, or not from its beginning."""
    if not vintage.first_answer:
        return True
    return _midnight(span.stop) > looked_until(vintage) or _midnight(span.start) < vintage.first_answer


def _midnight(day: date) -> str:
    return iso(datetime(day.year, day.month, day.day, tzinfo=UTC))
