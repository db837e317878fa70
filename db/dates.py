"""The date of an article: what its publisher states, and what a person has put right (corrections of a wrong date).

Entries and pages change what is stated. Where a correction covers it, it is kept in `stated_dates`: later entries and
pages are judged by it, and it holds again when the correction is taken back.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlite_utils import Database

from aiwire.types import iso, parse_iso
from db.corrections import right_date

__all__ = ["STATED_JOIN_SQL", "Dates", "is_other_date", "settle_date", "state_dates", "stated_sql", "week_of"]

RESTAMPED = ("updated", "lastmod")  # values of date_source that change without an edit
UNDATED = ("first_seen", "backlog")  # values of date_source: no plausible date is stated
STATED_JOIN_SQL = "LEFT JOIN stated_dates ON stated_dates.article_id = articles.id"


def stated_sql(column: str) -> str:
    """Return SQL of what is stated in a date column of `articles`, beside which stands `STATED_JOIN_SQL`."""
    return f"iif(stated_dates.article_id IS NULL, articles.{column}, stated_dates.{column})"


@dataclass(frozen=True, slots=True)
class Dates:
    """A plausible date that an entry or page states: the three columns that change together."""

    published_at: str | None
    dated_at: datetime
    date_source: str

    @classmethod
    def of(cls, published_at: datetime | None, dated_at: datetime | None, date_source: str) -> Dates | None:
        """Return None where no plausible date is stated: nothing changes then."""
        if dated_at is None or not date_source or date_source in UNDATED:
            return None
        return cls(None if published_at is None else iso(published_at), dated_at, date_source)


def is_other_date(published_at: str | None, date_source: str, dates: Dates | None) -> bool:
    """Tell whether the publisher replaced the date stated before by another; the first one given is no change.

    A date of the last change is stamped anew with every rebuild of a site: that alone is no edit.
    """
    if dates is None or published_at is None or {dates.date_source, date_source} & set(RESTAMPED):
        return False
    return dates.published_at != published_at


def state_dates(db: Database, article_id: int, date_source: str, dates: Dates | None) -> None:
    """Store what is stated now; the date of a last change does not go over one of publication.

    Part of the caller's transaction. What a person has put right stays.

    Args:
        date_source: of what was stated before.
        dates: None: nothing plausible is stated, nothing changes.
    """
    if dates is None or (dates.date_source in RESTAMPED and date_source not in (*RESTAMPED, *UNDATED)):
        return
    covered = db.execute(
        """
        UPDATE stated_dates SET published_at = ?, dated_at = ?, date_source = ?, date_flaw = NULL WHERE article_id = ?
        """,
        [dates.published_at, iso(dates.dated_at), dates.date_source, article_id],
    ).rowcount
    if not covered:
        _write(db, article_id, dates.published_at, dates.dated_at, dates.date_source, None)


def settle_date(db: Database, article_id: int, url: str) -> None:
    """Give an article the date that a person has put right, or again what is stated. Part of the caller's transaction.

    The caller carries a date that may have changed over to the tags (`db.tags.redate`).
    """
    right = right_date(db, url)
    if right is not None:
        db.execute(
            """
            INSERT INTO stated_dates (article_id, published_at, dated_at, date_source, date_flaw)
            SELECT id, published_at, dated_at, date_source, date_flaw FROM articles WHERE id = ?
            ON CONFLICT (article_id) DO NOTHING
            """,
            [article_id],
        )
        _write(db, article_id, iso(right), right, "correction", None)
        return
    stated = db.execute(
        "SELECT published_at, dated_at, date_source, date_flaw FROM stated_dates WHERE article_id = ?", [article_id]
    ).fetchone()
    if stated is not None:
        published_at, dated_at, date_source, flaw = stated
        _write(db, article_id, published_at, parse_iso(dated_at), date_source, flaw)
        db.execute("DELETE FROM stated_dates WHERE article_id = ?", [article_id])


def week_of(moment: datetime) -> str:
    """Return the Monday of the ISO week, in UTC."""
    day = moment.astimezone(UTC).date()
    return (day - timedelta(days=day.weekday())).isoformat()


def _write(
    db: Database, article_id: int, published_at: str | None, dated_at: datetime, date_source: str, flaw: str | None
) -> None:
    db.execute(
        "UPDATE articles SET published_at = ?, dated_at = ?, week = ?, date_source = ?, date_flaw = ? WHERE id = ?",
        [published_at, iso(dated_at), week_of(dated_at), date_source, flaw, article_id],
    )
