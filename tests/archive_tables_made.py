"""Tables of an archive made of pages of tests, without shards: what `assemble` would leave of them, but for tags."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl
from archive_shards_small import Page

from aiwire.archive.articles import archived
from aiwire.archive.schemas import ARCHIVE_TABLES, PARTITIONED
from aiwire.archive.sites import Sites
from aiwire.types import Source, iso
from aiwire.types.archive import CapturedPage
from db.articles import article_id, text_hash
from ingest.pages.extract import extract_page

__all__ = ["article_rows", "write_archive", "write_tables"]

Rows = Sequence[Mapping[str, Any]]


def article_rows(pages: Sequence[Page], sources: Sequence[Source]) -> list[dict[str, Any]]:
    """Return a row of `articles` for each page; the first capture of each is the only one."""
    sites = Sites(tuple(sources))
    return [_row(page, sites.source_of(page.url)) for page in pages]


def _row(page: Page, source: Source) -> dict[str, Any]:
    headers = {name.lower(): value for name, value in page.headers}
    extracted = extract_page(page.html, url=page.url, headers=headers, rule=source.article)
    article = archived(CapturedPage(page.url, page.captured_at, headers, page.html, 0), extracted, source)
    assert article is not None
    values = {name: getattr(article, name) for name in ARCHIVE_TABLES["articles"] if hasattr(article, name)}
    moments = ("captured_at", "published_at", "dated_at")
    return values | {name: iso(values[name]) if values[name] else None for name in moments} | {
        "id": article_id(article.url), "text_hash": text_hash(article.text), "tag_scope": "full", "tagger_version": "0",
        "taxonomy_version": "0", "first_seen_at": iso(page.captured_at), "story_id": article_id(article.url),
        "publisher": source.publisher, "shard": "s", "offset": 0, "day": iso(article.dated_at)[:10],
    }  # fmt: skip


def write_archive(
    folder: Path, pages: Sequence[Page], sources: Sequence[Source], *, entities: Mapping[str, Sequence[str]] = {}
) -> Path:
    """Write the tables of an archive of these pages and return its folder.

    Args:
        entities: by URL, the ids that the archive's tagger found.
    """
    rows = article_rows(pages, sources)
    sites = Sites(tuple(sources))
    met = {source.id: source for source in sources} | {
        source.id: source for source in (sites.source_of(page.url) for page in pages)
    }
    listed = {source.id for source in sources}
    captures: dict[tuple[str, str], list[str]] = {}
    for row in rows:
        captures.setdefault((row["source_id"], row["captured_at"][:10]), []).append(row["captured_at"])
    tags = [
        {"article_id": row["id"], "dated_at": row["dated_at"], "entity_id": entity_id, "role": "mention",
         "day": row["day"]}
        for row in rows for entity_id in entities.get(row["url"], ())
    ]  # fmt: skip
    write_tables(folder / "tables", {
        "articles": rows,
        "article_entities": tags,
        "captures": [
            {"source_id": source_id, "day": day, "pages": len(at), "kept": len(at), "first_at": min(at),
             "last_at": max(at)}
            for (source_id, day), at in captures.items()
        ],
        "sources": [
            {name: getattr(source, name) for name in ARCHIVE_TABLES["sources"] if name != "is_listed"}
            | {"is_listed": source.id in listed}
            for source in met.values()
        ],
    })  # fmt: skip
    return folder


def write_tables(tables: Path, rows: Mapping[str, Rows]) -> None:
    """Write rows as the Parquet files of an archive; a table that is not named is empty."""
    for name, columns in ARCHIVE_TABLES.items():
        found = [{column: row.get(column) for column in columns} for row in rows.get(name, ())]
        frame = pl.DataFrame(found, schema=dict(columns))
        if name not in PARTITIONED:
            tables.mkdir(parents=True, exist_ok=True)
            frame.write_parquet(tables / f"{name}.parquet")
            continue
        for (day,), part in frame.partition_by("day", as_dict=True).items():
            (tables / name / f"day={day}").mkdir(parents=True, exist_ok=True)
            part.drop("day").write_parquet(tables / name / f"day={day}" / "data_0.parquet")
