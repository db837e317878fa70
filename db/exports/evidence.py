"""The evidence: every place that names an entity, with its sentence; or exactly that behind one cell."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import lru_cache
from itertools import groupby
from typing import Any, NamedTuple

from sqlite_utils import Database

from aiwire.exceptions import ConfigError
from db.exports.article_columns import (
    ARTICLE_ID,
    DATED_AT,
    ENTITY_ID,
    ENTITY_LABEL,
    ENTITY_TYPE,
    EXCERPT,
    PUBLISHER,
    SOURCE_ID,
    STORY_ID,
    TITLE,
    URL,
)
from db.exports.cells import Cell, parse_cell
from db.exports.request import ExportRequest
from db.exports.selection import bounds, check_entities, checked_segment, entity_condition
from db.exports.table import Column, Table, frames
from db.queries.evidence import CELL_SQL, SEGMENT_CONDITION_SQL
from db.trends.counting import DATED_SQL, STORY_SQL
from db.trends.periods import Span, span_at

__all__ = ["COLUMNS", "KEY", "excerpt", "table"]

_NO_PLACE = "a person has put the tag there, and no place names it"

COLUMNS = (
    DATED_AT,
    ARTICLE_ID,
    URL,
    TITLE,
    SOURCE_ID,
    PUBLISHER,
    STORY_ID,
    ENTITY_ID,
    ENTITY_LABEL,
    ENTITY_TYPE,
    Column(
        "role", "text", "",
        "subject or mention, which are counted; source (only quoted) or venue (where something was posted), which are"
        " not.",
    ),
    Column("about", "boolean", "0 or 1", "1: the article is about the entity."),
    Column(
        "correction", "text", "", "What a person has put right: added (the tagger had not found it) or changed.",
        null="the tagger's own finding",
    ),
    Column("field", "text", "", "Where the sentence is: title or text.", null=_NO_PLACE),
    Column("start", "integer", "code points", "First character of the name in its field.", null=_NO_PLACE),
    Column("end", "integer", "code points", "After its last character.", null=_NO_PLACE),
    Column("surface", "text", "", "The name as it is written there.", null=_NO_PLACE),
    Column(
        "sentence_id", "text", "", "Stable name of the sentence.", "article_id:field:sent_start, with colons between",
        null=_NO_PLACE,
    ),
    Column("sent_start", "integer", "code points", "First character of the sentence in its field.", null=_NO_PLACE),
    Column("sent_end", "integer", "code points", "After its last character, uncut.", null=_NO_PLACE),
    *EXCERPT,
    Column("rule", "text", "", "What found it: any, cased, context:..., lexicon:..., unlisted:... or correction."),
    Column("confidence", "real", "0 to 1", "How sure the rule is of this place; without a place, of the tag."),
    Column(
        "evidence_id", "text", "",
        "The row of trends that counts the article: of the cell asked for, else of its week in the segment asked for.",
        null="nothing counts it: role is source or venue, or nobody knows the article's date",
    ),
)  # fmt: skip
KEY = ("dated_at", "article_id", "entity_id", "field", "start", "end")
RULES = {
    "rows": "one per place that names an entity; a tag without a place, which a person has set, has a row of its own",
    "cell": "with a cell, the articles are exactly those that its number counts: one or more rows each",
    "excerpt": "a sentence is cut at a code point; offsets count code points of the stored title or text",
}

_TAG_COLUMNS = """article_entities.dated_at, article_entities.article_id, article_entities.entity_id, entities.name,
    entities.kind, article_entities.role, article_entities.about, article_entities.confidence,
    article_entities.evidence, article_entities.correction"""


class _Tag(NamedTuple):
    dated_at: str
    article_id: int
    entity_id: str
    label: str
    kind: str
    role: str
    about: int
    confidence: float
    evidence: str
    correction: str | None


@dataclass(frozen=True, slots=True)
class _Evidence:
    """Names the cell that counts a tag: the one asked for, else that of its week."""

    cell: Cell | None
    segment: str

    def id_of(self, tag: _Tag) -> str:
        if self.cell is not None:
            return self.cell.evidence_id
        return Cell(_week(tag.dated_at[:10]), tag.entity_id, self.segment).evidence_id


class _Article(NamedTuple):
    url: str
    title: str
    text: str
    source_id: str
    publisher: str
    story_id: int
    excerpt_chars: int | None
    is_dated: int


def table(db: Database, request: ExportRequest) -> Table:
    """Return the mentions of the articles asked for, or of one cell; read within the caller's snapshot.

    Raises:
        ConfigError: there is no such entity, segment or cell; or a cell and other filters are asked for at once.
    """
    if request.cell is not None:
        cell = _checked_cell(db, request, request.cell)
        rows = _rows(db, _cell_tags(db, cell), request.excerpt_chars, _Evidence(cell, cell.segment))
    else:
        check_entities(db, request.entities)
        segment = checked_segment(db, request.segment)
        evidence = _Evidence(None, segment or "all")
        rows = _rows(db, _tags(db, request, segment), request.excerpt_chars, evidence)
    return Table("evidence", COLUMNS, KEY, frames(COLUMNS, rows), RULES, "Evidence behind the trends")


def excerpt(words: str, source_chars: int | None, setting_chars: int) -> tuple[str, bool]:
    """Return as much of a sentence as may be quoted, and whether that is less than all of it. Pure.

    Args:
        words: the whole sentence.
        source_chars: what its source allows, code points; None: it says nothing.
        setting_chars: what holds then.
    """
    allowed = setting_chars if source_chars is None else source_chars
    return words[:allowed], len(words) > allowed


def _checked_cell(db: Database, request: ExportRequest, evidence_id: str) -> Cell:
    if request.since or request.until or request.kinds or request.entities:
        raise ConfigError("a cell is one entity in one period: leave out --since, --until, --kind and --entity")
    cell = parse_cell(evidence_id)
    check_entities(db, filter(None, (cell.entity_id, cell.with_id)))
    return replace(cell, segment=checked_segment(db, cell.segment))


@lru_cache(maxsize=4096)
def _week(day: str) -> Span:
    return span_at(date.fromisoformat(day), "week")


def _tags(db: Database, request: ExportRequest, segment: str) -> Iterator[_Tag]:
    """Yield the tags in the order of the key."""
    condition, values = entity_condition(request, "article_entities.entity_id", "entities.kind")
    # few entities: their articles first, out of an index; else the articles by their date
    order = (
        "article_entities INDEXED BY article_entities_entity CROSS JOIN articles"
        " ON articles.id = article_entities.article_id"
        if request.entities
        else "articles INDEXED BY articles_dated CROSS JOIN article_entities"
        " ON article_entities.article_id = articles.id"
    )
    dated = "article_entities.dated_at" if request.entities else "articles.dated_at"
    rows = db.execute(
        f"""
        SELECT {_TAG_COLUMNS}
        FROM {order}
        JOIN sources ON sources.id = articles.source_id
        JOIN entities ON entities.id = article_entities.entity_id
        WHERE {dated} >= :start AND {dated} < :stop AND {SEGMENT_CONDITION_SQL} AND {condition}
        ORDER BY {dated}, article_entities.article_id, article_entities.entity_id
        """,
        {**bounds(request), "segment": segment, **values},
    )
    return map(_Tag._make, rows)


def _cell_tags(db: Database, cell: Cell) -> Iterator[_Tag]:
    """Yield the tags that a cell counts, in the order of the key; of a pair, those of both entities."""
    rows = db.execute(
        f"""
        WITH counted AS MATERIALIZED (
            SELECT articles.id
            {CELL_SQL}
            AND article_entities.dated_at >= :start AND article_entities.dated_at < :stop
        )
        SELECT {_TAG_COLUMNS}
        FROM counted
        CROSS JOIN article_entities ON article_entities.article_id = counted.id
            AND article_entities.entity_id IN (:entity_id, :with_id)
        JOIN entities ON entities.id = article_entities.entity_id
        ORDER BY article_entities.dated_at, article_entities.article_id, article_entities.entity_id
        """,
        {
            "entity_id": cell.entity_id,
            "with_id": cell.with_id,
            "segment": cell.segment,
            "start": cell.span.start.isoformat(),
            "stop": cell.span.stop.isoformat(),
        },
    )
    return map(_Tag._make, rows)


def _rows(db: Database, tags: Iterable[_Tag], chars: int, evidence: _Evidence) -> Iterator[tuple[Any, ...]]:
    for article_id, of_article in groupby(tags, key=lambda tag: tag.article_id):
        article = _article(db, article_id)
        mentions = _mentions(db, article_id)
        for tag in of_article:
            is_counted = article.is_dated and tag.role in ("subject", "mention")
            evidence_id = evidence.id_of(tag) if is_counted else None
            yield from _tag_rows(tag, article, mentions.get(tag.entity_id, ()), chars, evidence_id)


def _article(db: Database, article_id: int) -> _Article:
    return _Article._make(
        db.execute(
            f"""
            SELECT articles.url, articles.title, articles.text, sources.id, sources.publisher, {STORY_SQL},
                sources.excerpt_chars, {DATED_SQL}
            FROM articles JOIN sources ON sources.id = articles.source_id WHERE articles.id = ?
            """,
            [article_id],
        ).fetchone()
    )


def _mentions(db: Database, article_id: int) -> dict[str, list[tuple[Any, ...]]]:
    """Return the places of each entity in an article, in the order of the key."""
    found: dict[str, list[tuple[Any, ...]]] = {}
    for entity_id, *place in db.execute(
        """
        SELECT entity_id, field, start, "end", surface, sent_start, sent_end, rule, confidence FROM mentions
        WHERE article_id = ? ORDER BY field, start, "end"
        """,
        [article_id],
    ):
        found.setdefault(entity_id, []).append(tuple(place))
    return found


def _tag_rows(
    tag: _Tag, article: _Article, mentions: Sequence[tuple[Any, ...]], chars: int, evidence_id: str | None
) -> Iterator[tuple[Any, ...]]:
    head = (tag.dated_at, tag.article_id, article.url, article.title, article.source_id, article.publisher,
            article.story_id, tag.entity_id, tag.label, tag.kind, tag.role, tag.about, tag.correction)  # fmt: skip
    for field, start, end, surface, sent_start, sent_end, rule, confidence in mentions:
        words = (article.title if field == "title" else article.text)[sent_start:sent_end]
        sentence, is_cut = excerpt(words, article.excerpt_chars, chars)
        yield (*head, field, start, end, surface, f"{tag.article_id}:{field}:{sent_start}", sent_start, sent_end,
               sentence, int(is_cut), rule, confidence, evidence_id)  # fmt: skip
    if not mentions:
        sentence, is_cut = excerpt(tag.evidence, article.excerpt_chars, chars)
        yield (*head, None, None, None, None, None, None, None, sentence, int(is_cut), "correction", tag.confidence,
               evidence_id)  # fmt: skip
