"""The articles of a list that somebody else has picked, as far as the list shows them."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence

from sqlite_utils import Database

from db.pages.excerpts import is_echo
from db.pages.refs import ArticleRef, EntityRef

__all__ = ["refs_of"]

CHIPS = 6  # of an article
EXCERPT_CHARS = 280


def refs_of(db: Database, ids: Sequence[int]) -> tuple[ArticleRef, ...]:
    """Return the articles with these ids, in their order; those that are not there are left out."""
    chips = _chips(db, ids)
    rows = db.execute(
        f"""
        SELECT articles.id, articles.title, articles.url, articles.dated_at, articles.date_source, sources.name,
            articles.source_id, articles.language, substr(articles.text, 1, {EXCERPT_CHARS + 1}),
            coalesce(stories.articles, 1)
        FROM json_each(:ids) AS listed
        CROSS JOIN articles ON articles.id = listed.value
        JOIN sources ON sources.id = articles.source_id
        LEFT JOIN stories ON stories.id = articles.story_id
        ORDER BY listed.key
        """,
        {"ids": json.dumps(list(ids))},
    )
    return tuple(
        ArticleRef(
            article_id, title, url, dated_at, date_source, source, source_id, language, _excerpt(title, text), copies,
            tuple(chips.get(article_id, ())),
        )
        for article_id, title, url, dated_at, date_source, source, source_id, language, text, copies in rows
    )  # fmt: skip


def beginning(text: str) -> str:
    """Return the first words of a text on one line, cut between two words."""
    line = " ".join(text.split())
    if len(text) <= EXCERPT_CHARS:
        return line
    return (line.rpartition(" ")[0] or line) + " …"


def _excerpt(title: str, text: str) -> str:
    """Return the beginning of a text; nothing if it only says the title once more."""
    found = beginning(text)
    return "" if is_echo(title, found) else found


def _chips(db: Database, ids: Sequence[int]) -> dict[int, list[EntityRef]]:
    """Return what each article is about, what it speaks of most first."""
    rows = db.execute(
        """
        SELECT tags.article_id, tags.entity_id, entities.name, tags.kind
        FROM json_each(:ids) AS listed
        CROSS JOIN article_entities AS tags ON tags.article_id = listed.value
        JOIN entities ON entities.id = tags.entity_id
        WHERE tags.about = 1
        ORDER BY listed.key, tags.salience DESC, tags.entity_id
        """,
        {"ids": json.dumps(list(ids))},
    )
    found: defaultdict[int, list[EntityRef]] = defaultdict(list)
    for article_id, entity_id, name, kind in rows:
        if len(found[article_id]) < CHIPS:
            found[article_id].append(EntityRef(entity_id, name, kind))
    return found
