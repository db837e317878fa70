"""What articles in a list are about: their chips, and the sentence that proves the first of these."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter

from sqlite_utils import Database

from db.pages.refs import EntityRef
from db.trends.counting import COUNTED_ROLES_SQL

__all__ = ["MOST_CHIPS", "NONE", "Chips", "chips_of"]

MOST_CHIPS = 4

TAGS_SQL = f"""
    SELECT asked.key, tags.article_id, entities.id, entities.name, entities.kind, tags.about, tags.evidence
    FROM json_each(?) AS asked
    CROSS JOIN article_entities AS tags ON tags.article_id = asked.value
    CROSS JOIN entities ON entities.id = tags.entity_id
    WHERE tags.role IN {COUNTED_ROLES_SQL} AND entities.listed = 1
    ORDER BY asked.key, tags.about DESC, tags.salience DESC, entities.id
"""


@dataclass(frozen=True, slots=True)
class Chips:
    """What an article is about, else what it names: at most `MOST_CHIPS`, the weightiest first."""

    entities: tuple[EntityRef, ...] = ()
    evidence: str = ""  # of the first, if the article is about it


NONE = Chips()


def chips_of(db: Database, article_ids: Sequence[int]) -> dict[int, Chips]:
    """Return the chips of articles by their ids; an article without tags is not in it."""
    rows = db.execute(TAGS_SQL, [json.dumps(list(article_ids))]).fetchall()
    found = {}
    for article_id, of_article in groupby(rows, key=itemgetter(1)):
        tags = list(of_article)[:MOST_CHIPS]
        evidence = tags[0][6] if tags[0][5] else ""
        found[article_id] = Chips(tuple(EntityRef(*tag[2:5]) for tag in tags), evidence)
    return found
