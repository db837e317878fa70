"""An article and its tags -> rows of `PART_TABLES`: the values that `db` would write. Pure."""

from __future__ import annotations

from datetime import datetime
from hashlib import blake2b

from aiwire.types import Sketch, Tagging, iso
from aiwire.types.archive import ArchivedArticle
from db.articles import text_hash
from db.stock import sentence_hash
from db.tags import best_mention

__all__ = ["Row", "Rows", "article_rows", "capture_id", "url_key"]

Row = tuple[object, ...]  # values in the order of the table's columns
Rows = dict[str, list[Row]]  # by table


def capture_id(shard: str, number: int) -> int:
    """Return the id of a capture: 64 bits of a hash of its shard and the number of its record, as a signed number."""
    return int.from_bytes(blake2b(f"{shard}\0{number}".encode(), digest_size=8).digest(), signed=True)


def url_key(url: str) -> str:
    """Return a normalized URL without its scheme and the slash at the end of its path: what its spellings share."""
    path, mark, query = url.partition("://")[2].partition("?")
    host, _, name = path.partition("/")
    return f"{host}/{name.removesuffix('/')}{mark}{query}"


def article_rows(article: ArchivedArticle, tagging: Tagging, *, shard: str, offset: int, number: int) -> Rows:
    """Return the rows of one article by table, `captures` excepted.

    Args:
        shard: the key of the shard that holds the capture.
        offset: where it is in there, as `CapturedPage.offset`.
        number: of its record, as `CapturedPage.number`.

    Raises:
        UnicodeEncodeError: a word of it cannot be written in UTF-8.
    """
    capture = capture_id(shard, number)
    return {
        "articles": [_article_row(article, tagging, capture, shard, offset)],
        "mentions": _mention_rows(tagging, capture),
        "article_entities": _entity_rows(article, tagging, capture),
        "prices": _price_rows(tagging, capture),
        "sentences": _sentence_rows(article, tagging, capture),
    }


def _article_row(article: ArchivedArticle, tagging: Tagging, capture: int, shard: str, offset: int) -> Row:
    sketch = tagging.sketch or Sketch(0, ())  # as db.stories keeps one that was not taken
    row = (
        capture, shard, offset, url_key(article.url), article.url, article.source_id, iso(article.captured_at),
        article.title, article.author, _moment(article.published_at), iso(article.dated_at), article.date_source,
        article.date_flaw, article.language, article.text, text_hash(article.text), article.canonical_url,
        article.paywalled, article.rights, tagging.scope, tagging.tagger_version, tagging.taxonomy_version,
        sketch.words, list(sketch.bands),
    )  # fmt: skip
    for value in row:  # here it costs one page, in a file it would cost the rows of hundreds
        if isinstance(value, str):
            value.encode()
    return row


def _mention_rows(tagging: Tagging, capture: int) -> list[Row]:
    rows: dict[Row, Row] = {}
    for tag in tagging.tags:
        for m in tag.mentions:
            key = (m.field, m.start, m.end, tag.id)  # the table's key: the first one holds
            rows.setdefault(
                key,
                (capture, m.field, m.start, m.end, tag.id, m.surface, m.sent_start, m.sent_end, m.rule, m.confidence,
                 m.part),
            )  # fmt: skip
    return list(rows.values())


def _entity_rows(article: ArchivedArticle, tagging: Tagging, capture: int) -> list[Row]:
    texts = {"title": article.title, "text": article.text}
    rows: list[Row] = []
    for tag in tagging.tags:
        best = best_mention(tag, texts)
        place = (None, None, None) if best is None else (best.field, best.start, best.end)
        rows.append(
            (capture, tag.id, tag.kind, tag.count, tag.salience, tag.about, tag.role, tag.confidence,
             list(tag.surfaces), tag.evidence, *place, None if tag.listed else tag.name)
        )  # fmt: skip
    return rows


def _price_rows(tagging: Tagging, capture: int) -> list[Row]:
    return [
        (capture, position, p.accelerator, p.quote, p.amount, p.amount_max, p.currency, p.unit, p.qualifier,
         p.sentence, p.field, p.start, p.end, p.product)
        for position, p in enumerate(tagging.prices)
    ]  # fmt: skip


def _sentence_rows(article: ArchivedArticle, tagging: Tagging, capture: int) -> list[Row]:
    rows: list[Row] = []
    for one in tagging.sentences:
        words = (article.title if one.field == "title" else article.text)[one.start : one.end]
        if (hashed := sentence_hash(article.source_id, words)) is not None:
            rows.append((capture, one.field, one.start, one.end, hashed))
    return rows


def _moment(moment: datetime | None) -> str | None:
    return None if moment is None else iso(moment)
