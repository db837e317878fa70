"""The columns of what an archive job writes: the tables of a part, and those of the whole archive.

Moments are ISO 8601 texts in UTC, as in SQLite: they sort, and are equal where the database's are. Names and meanings
are the database's (`db/migrations`); what it lacks is told here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import polars as pl

__all__ = ["ARCHIVE_TABLES", "PARTITIONED", "PART_TABLES", "Columns"]

Columns = Mapping[str, pl.DataType]

_TEXT, _INT, _REAL, _BOOL = pl.String(), pl.Int64(), pl.Float64(), pl.Boolean()

# columns of a mention and of a price, whoever's it is
_MENTION: Columns = {
    "field": _TEXT, "start": _INT, "end": _INT, "entity_id": _TEXT, "surface": _TEXT, "sent_start": _INT,
    "sent_end": _INT, "rule": _TEXT, "confidence": _REAL, "part": _TEXT,
}  # fmt: skip
_PRICE: Columns = {
    "position": _INT, "accelerator": _TEXT, "quote": _TEXT, "amount": _REAL, "amount_max": _REAL, "currency": _TEXT,
    "unit": _TEXT, "qualifier": _TEXT, "sentence": _TEXT, "field": _TEXT, "start": _INT, "end": _INT, "product": _TEXT,
}  # fmt: skip
_TAG: Columns = {
    "entity_id": _TEXT, "kind": _TEXT, "count": _INT, "salience": _REAL, "about_in_text": _BOOL, "role": _TEXT,
    "confidence": _REAL, "surfaces": pl.List(_TEXT), "evidence": _TEXT, "best_field": _TEXT, "best_start": _INT,
    "best_end": _INT, "unlisted_name": _TEXT,
}  # fmt: skip
_ARTICLE: Columns = {
    "url": _TEXT, "source_id": _TEXT, "captured_at": _TEXT, "title": _TEXT, "author": _TEXT, "published_at": _TEXT,
    "dated_at": _TEXT, "date_source": _TEXT, "date_flaw": _TEXT, "language": _TEXT, "text": _TEXT, "text_hash": _TEXT,
    "canonical_url": _TEXT, "paywalled": _BOOL, "rights": _TEXT, "tag_scope": _TEXT, "tagger_version": _TEXT,
    "taxonomy_version": _TEXT,
}  # fmt: skip

# of a part: rows belong to a capture (`capture_id`: 64 bits of a hash of shard key and offset), as the page of one URL
# may stand in several shards
PART_TABLES: Final[Mapping[str, Columns]] = {
    "articles": {
        "capture_id": _INT, "shard": _TEXT, "offset": _INT,
        "url_key": _TEXT,  # the URL without scheme and slash at its end: two spellings are one article
        **_ARTICLE,
        "sketch_words": _INT, "sketch_bands": pl.List(pl.Int32()),
    },
    "mentions": {"capture_id": _INT, **_MENTION},
    "article_entities": {"capture_id": _INT, **_TAG},
    "prices": {"capture_id": _INT, **_PRICE},
    "sentences": {  # those that are long enough to be stock (`db.stock`)
        "capture_id": _INT, "field": _TEXT, "start": _INT, "end": _INT, "hash": _INT,
    },
    "captures": {  # pages of a source in a day, dropped ones included: that it was looked at
        "source_id": _TEXT, "site": _TEXT, "day": _TEXT, "pages": _INT, "kept": _INT, "first_at": _TEXT,
        "last_at": _TEXT,
    },
}  # fmt: skip

# of the whole archive: one row per article, as SQLite would have it
ARCHIVE_TABLES: Final[Mapping[str, Columns]] = {
    "articles": {
        "id": _INT, **_ARTICLE,
        "first_seen_at": _TEXT,  # of its first capture
        "story_id": _INT, "publisher": _TEXT, "shard": _TEXT, "offset": _INT, "day": _TEXT,
    },
    "mentions": {"article_id": _INT, **_MENTION, "day": _TEXT},
    "article_entities": {
        "article_id": _INT, "dated_at": _TEXT, **_TAG, "about": _BOOL, "day": _TEXT,
    },
    "prices": {"article_id": _INT, "dated_at": _TEXT, **_PRICE, "day": _TEXT},
    "captures": {
        "source_id": _TEXT, "day": _TEXT, "pages": _INT, "kept": _INT, "first_at": _TEXT, "last_at": _TEXT,
    },
    "sources": {
        "id": _TEXT, "name": _TEXT, "kind": _TEXT, "url": _TEXT, "publisher": _TEXT, "owner": _TEXT, "language": _TEXT,
        "category": _TEXT, "licence": _TEXT,
        "is_listed": _BOOL,  # it is in the source list; False: made of a site
    },
    "entities": {
        "id": _TEXT, "kind": _TEXT, "name": _TEXT, "category": _TEXT, "description": _TEXT, "parent": _TEXT,
        "country": _TEXT, "ticker": _TEXT, "listed": _BOOL,
    },
}  # fmt: skip
PARTITIONED = ("articles", "mentions", "article_entities", "prices")  # by day: articles/day=2026-11-16/*.parquet
