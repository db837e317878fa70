"""News of an entity as its page shows it: the newest stories, copies folded, and the sentences worth quoting."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from sqlite_utils import Database

from db.pages.refs import ArticleRef
from db.trends.counting import DATED_SQL, STORY_SQL

__all__ = ["QUOTE_CHARS", "Quote", "Quotes", "Tagged", "marked", "newest", "quotes", "worth_quoting"]

STORIES = 20
TAGS_READ = 120  # to find that many stories among copies
QUOTES, TAGS_WEIGHED = 5, 300
QUOTE_CHARS = range(60, 301)
ENDS = tuple(".!?。！？”\"'»」…)")
SURE, SURE_THEME = 0.8, 0.6  # confidence of a tag that is quoted; of themes it is lower by nature: they are no names

# the articles of a first answer are dated when we came, and lie behind all others in a replay
NEWEST_SQL = f"""
    SELECT dated_at, coalesce(strftime('%Y-%m-%dT%H:%M:%SZ', dated_at, :days), '')
    FROM articles INDEXED BY articles_dated
    WHERE dated_at > '' AND date_source <> 'first_seen' AND {DATED_SQL} ORDER BY dated_at DESC LIMIT 1
"""


@dataclass(frozen=True, slots=True)
class Tagged:
    """An article and how it names the entity."""

    article: ArticleRef
    role: str  # subject, mention, source (only quoted) or venue (only where something was posted)
    is_about: bool
    evidence: tuple[tuple[str, bool], ...]  # the sentence in parts; True: a part that names the entity
    is_owned: bool  # in a vendor's own voice

    @property
    def more_copies(self) -> int:
        """How many articles tell its story, too."""
        return self.article.copies - 1


@dataclass(frozen=True, slots=True)
class Quote:
    """A sentence worth quoting."""

    article_id: int
    parts: tuple[tuple[str, bool], ...]
    language: str | None
    dated_at: str
    source: str
    owner: str | None  # company id, where the source is a vendor's own voice


@dataclass(frozen=True, slots=True)
class Quotes:
    """The sentences worth quoting, and what was looked at to find them."""

    found: tuple[Quote, ...]
    newest: str  # the date of the newest article of the archive, ISO; "": there is none with a date
    since: str  # older ones were left out
    least: float  # confidence


def newest(db: Database, entity_id: str, *, about_only: bool = False) -> tuple[Tagged, ...]:
    """Return the newest stories that name an entity, each by the copy that came first."""
    about = "AND about = 1" if about_only else ""
    rows = db.execute(
        f"""
        WITH picked AS (
            SELECT article_id, dated_at FROM article_entities WHERE entity_id = :entity_id {about}
            ORDER BY dated_at DESC, article_id LIMIT {TAGS_READ}
        )
        SELECT {STORY_SQL}, articles.id, articles.title, articles.url, articles.dated_at, articles.date_source,
            sources.name, articles.source_id, articles.language, coalesce(stories.articles, 1), tags.role, tags.about,
            tags.evidence, tags.surfaces, sources.owner IS NOT NULL
        FROM picked
        CROSS JOIN article_entities AS tags ON tags.article_id = picked.article_id AND tags.entity_id = :entity_id
        CROSS JOIN articles ON articles.id = picked.article_id
        JOIN sources ON sources.id = articles.source_id
        LEFT JOIN stories ON stories.id = articles.story_id
        WHERE {DATED_SQL}
        ORDER BY picked.dated_at DESC, picked.article_id
        """,
        {"entity_id": entity_id},
    ).fetchall()
    first: dict[int, Tagged] = {}  # the oldest of the copies that were read, in the order of the newest
    for story, *row in rows:
        if story in first or len(first) < STORIES:
            first[story] = _tagged(*row)
    return tuple(sorted(first.values(), key=lambda one: one.article.dated_at, reverse=True))


def _tagged(
    article_id: int, title: str, url: str, dated_at: str, date_source: str, source: str, source_id: str,
    language: str | None, copies: int, role: str, about: int, evidence: str, surfaces: str, owned: int,
) -> Tagged:  # fmt: skip
    article = ArticleRef(
        article_id, title, url, dated_at, date_source, source, source_id, language, evidence, copies=copies
    )
    return Tagged(article, role, bool(about), marked(evidence, _names(surfaces)), bool(owned))


def quotes(db: Database, entity_id: str, kind: str, days: int) -> Quotes:
    """Return up to 5 sentences worth quoting: of articles about the entity, of different stories and publishers.

    Args:
        days: before the newest article of the archive; older ones are left out.
    """
    (newest, since) = db.execute(NEWEST_SQL, {"days": f"-{days} days"}).fetchone() or ("", "")
    least = SURE_THEME if kind == "theme" else SURE
    rows = db.execute(
        f"""
        WITH picked AS (
            SELECT article_id FROM article_entities WHERE entity_id = :entity_id AND about = 1 AND dated_at >= :since
            ORDER BY dated_at DESC, article_id LIMIT {TAGS_WEIGHED}
        )
        SELECT {STORY_SQL}, sources.publisher, tags.evidence, tags.surfaces, articles.id, articles.language,
            articles.dated_at, sources.name, sources.owner
        FROM picked
        CROSS JOIN article_entities AS tags ON tags.article_id = picked.article_id AND tags.entity_id = :entity_id
        CROSS JOIN articles ON articles.id = picked.article_id
        JOIN sources ON sources.id = articles.source_id
        WHERE tags.best_field = 'text' AND tags.confidence >= :least AND {DATED_SQL}
            AND length(tags.evidence) BETWEEN {QUOTE_CHARS.start} AND {QUOTE_CHARS.stop - 1}
        ORDER BY round(tags.salience * tags.confidence, 1) DESC, articles.dated_at DESC, articles.id
        """,
        {"entity_id": entity_id, "since": since, "least": least},
    )
    found: list[Quote] = []
    seen: set[object] = set()  # stories, publishers and sentences
    for story, publisher, evidence, surfaces, *rest in rows:
        keys = {("story", story), ("publisher", publisher), evidence}
        if len(found) < QUOTES and worth_quoting(evidence) and seen.isdisjoint(keys):
            seen |= keys
            article_id, language, dated_at, source, owner = rest
            parts = marked(evidence, _names(surfaces))
            found.append(Quote(article_id, parts, language, dated_at, source, owner))
    return Quotes(tuple(found), newest, since, least)


def _names(surfaces: str) -> list[str]:
    """Return how an article writes a name; nothing where what is stored is damaged."""
    try:
        found = json.loads(surfaces)
    except (ValueError, RecursionError):
        return []
    return [name for name in found if isinstance(name, str)] if isinstance(found, list) else []


def worth_quoting(sentence: str) -> bool:
    """Tell whether a text is a whole sentence of a length that can be quoted. Pure."""
    text = sentence.strip()
    return len(text) in QUOTE_CHARS and text.endswith(ENDS) and not text.endswith("...") and not text[0].islower()


def marked(sentence: str, surfaces: Iterable[str]) -> tuple[tuple[str, bool], ...]:
    """Part a sentence where it names something: pieces that together are the sentence, True for a name. Pure."""
    names = sorted({name for name in surfaces if name}, key=len, reverse=True)
    return tuple(_parts(sentence, names)) if names else ((sentence, False),)


def _parts(sentence: str, names: list[str]) -> Iterator[tuple[str, bool]]:
    # not within a longer word: ARM in harm; in writing without spaces every place is one
    pattern = "|".join(re.escape(name) for name in names)
    at = 0
    for found in re.finditer(f"(?<![0-9A-Za-z])(?:{pattern})(?![0-9A-Za-z])", sentence):
        if found.start() > at:
            yield sentence[at : found.start()], False
        yield found.group(), True
        at = found.end()
    if at < len(sentence):
        yield sentence[at:], False
