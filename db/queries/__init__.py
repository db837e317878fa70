"""The SQL of the canned queries: what the site offers under `/news/<name>`.

Lists of articles are in the order of an index, so that they are as quick on a million articles as on ten. Datasette
hands parameters over as text, and an empty one where the reader gave none: every query has a sensible answer to that.
"""

from __future__ import annotations

from db.queries.about import ABOUT_THE_DATA
from db.queries.canned import CannedQuery
from db.queries.compare import COMPARE
from db.queries.evidence import EVIDENCE
from db.queries.feeds import FEED, FEED_OF_ENTITY, FEED_OF_THEME, TITLES_SQL
from db.queries.news import COPIED_STORIES, ENTITY_NEWS, LATEST, STORY
from db.queries.prices import (
    API_PRICE_TABLE,
    CLOUD_PRICE_TABLE,
    HARDWARE_PRICE_TABLE,
    PRICE_HISTORY,
    PRICE_MONTHS,
    PRICES_QUOTED,
)
from db.queries.reference import (
    ACCELERATOR_CONFLICTS,
    ACCELERATOR_FACTS,
    ACCELERATOR_SHEETS,
    ENERGY,
    REFERENCE_CHANGES,
    TCO_INPUTS,
)
from db.queries.search import SEARCH
from db.queries.sources import SOURCE_COVERAGE, SOURCE_TROUBLE
from db.queries.trends import CO_MENTIONS, COMPARE_WEEKS, SOURCE_LIFT, TREND

__all__ = ["QUERIES", "TITLES_SQL", "CannedQuery"]

QUERIES = (
    LATEST,
    SEARCH,
    ENTITY_NEWS,
    COPIED_STORIES,
    STORY,
    EVIDENCE,
    TREND,
    COMPARE_WEEKS,
    COMPARE,
    CO_MENTIONS,
    SOURCE_LIFT,
    PRICES_QUOTED,
    PRICE_HISTORY,
    PRICE_MONTHS,
    CLOUD_PRICE_TABLE,
    HARDWARE_PRICE_TABLE,
    API_PRICE_TABLE,
    ACCELERATOR_SHEETS,
    ACCELERATOR_FACTS,
    ACCELERATOR_CONFLICTS,
    ENERGY,
    TCO_INPUTS,
    REFERENCE_CHANGES,
    SOURCE_COVERAGE,
    SOURCE_TROUBLE,
    ABOUT_THE_DATA,
    FEED,
    FEED_OF_ENTITY,
    FEED_OF_THEME,
)
