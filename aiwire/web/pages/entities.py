"""The list of entities: those that are most in the news stand before the alphabet."""

from __future__ import annotations

from dataclasses import dataclass

from sqlite_utils import Database

from aiwire.web.pages import Ask
from aiwire.web.pages.home import TITLES, Row, spark, weeks_words
from db.pages import home

__all__ = ["EntitiesPage", "load"]

TOP = 24
KINDS = {**TITLES, "model": "Models", "regulation": "Regulations"}


@dataclass(frozen=True, slots=True)
class EntitiesPage:
    """What stands before the rows of the table."""

    title: str  # of the page: Companies
    rows: tuple[Row, ...]  # most in the news first
    weeks: str  # that rank
    shown_weeks: int  # that are drawn


def load(db: Database, ask: Ask) -> EntitiesPage | None:
    """Return the page of one kind on its first page; None: of none, of several, or further down the alphabet."""
    kind = ask.first("kind")
    if kind not in KINDS or ask.args.get("_next") or not home.is_ours(db):
        return None
    weeks = home.window(db, ask.now)
    rows = tuple(Row(leader, spark(leader, weeks)) for leader in home.leaders(db, weeks, (kind,), top=TOP)[kind])
    return EntitiesPage(KINDS[kind], rows, weeks_words(weeks), len(weeks.shown))
