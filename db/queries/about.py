"""How good the tags are, name by name: what the page about the data shows, and its JSON and CSV hold."""

from __future__ import annotations

from db.queries.canned import CannedQuery

__all__ = ["ABOUT_THE_DATA"]

ABOUT_THE_DATA = CannedQuery(
    "about_the_data",
    "About the data",
    "What is counted and how, how good the tags are, where the figures come from. The rows: every company, accelerator"
    " and theme of which tags were judged by hand; gold_tags: how many were; tag_precision: the share of them that was"
    " right, empty where too few were judged to say.",
    """
SELECT kind, name, tag_precision, gold_tags, id AS entity_id
FROM entities
WHERE gold_tags IS NOT NULL
ORDER BY kind, gold_tags DESC, id
""",
)
