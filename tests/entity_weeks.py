"""An archive of full weeks for tests of pages: who names what in which week, and sources that answered each week."""

from datetime import timedelta

from counted_rows import MONDAY, NOW, tagging
from db_rows import article, save

SOURCES = ("example", "vendor", "mirror")


def fill_weeks(db, told, *, weeks=10):
    """Save stories: {weeks before the last full one: [(names, source), ...]}; every source answers in every week."""
    first = MONDAY - timedelta(weeks=weeks - 1)
    _answered(db, first - timedelta(hours=1))
    for back in range(weeks - 1, -1, -1):
        monday = MONDAY - timedelta(weeks=back)
        for n, (names, source) in enumerate(told.get(back, ())):
            day = monday + timedelta(hours=1 + n)
            save(db, article(f"{back}-{n}", "Some words.", day=day, tagging=tagging(*names)), source_id=source, now=day)
        _answered(db, min(monday + timedelta(days=7, hours=1), NOW))


def _answered(db, now):
    for source in SOURCES:
        save(db, source_id=source, now=now)
