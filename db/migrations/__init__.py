"""The schema, as ordered named steps. A released step is never edited: a change is a new step.

Conventions: every table STRICT; timestamps are ISO 8601 in UTC (`2026-11-23T06:00:00Z`); truth values are 0 or 1; text
offsets are Unicode code points into `articles.title` or `articles.text`; unknown is NULL.
The keys of tables that hold what was found in articles are natural or derived from the article's URL, never counted: so
the rows do not depend on the order in which a run, cut short or not, came to save them.
"""

from db.migrations import first, ingestion  # the order of the steps

# isort: split
from db.migrations import health, tagging, trends

# isort: split
from db.migrations import reference, site

# isort: split
from db.migrations import archive
from db.migrations.steps import MIGRATIONS

__all__ = ["MIGRATIONS", "archive", "first", "health", "ingestion", "reference", "site", "tagging", "trends"]
