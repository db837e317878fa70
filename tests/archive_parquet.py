"""The tables of an archive, written from what a database holds."""

from pathlib import Path

import polars as pl

from aiwire.archive.schemas import ARCHIVE_TABLES, PARTITIONED

__all__ = ["write_tables"]

# what the columns of an archive are in the database, where it is not a column of the same name
ARTICLES = {
    "captured_at": "articles.first_seen_at", "publisher": "sources.publisher", "shard": "'shard'", "offset": "0",
    "day": "substr(articles.dated_at, 1, 10)",
}  # fmt: skip
FROM = {
    "articles": "articles JOIN sources ON sources.id = articles.source_id",
    "mentions": "mentions JOIN articles ON articles.id = mentions.article_id",
}


def write_tables(db, folder, captures, *, more_sources=()):
    """Write the tables of `db` as those of the archive in `folder`.

    Args:
        captures: source, day, pages, last moment (ISO).
        more_sources: rows as of `sources`, which have no article.
    """
    made = Path(folder, "generations", "made")
    frames = {name: _read(db, name) for name in ("articles", "mentions", "article_entities", "prices", "entities")}
    rows = [(source, day, pages, pages, last_at, last_at) for source, day, pages, last_at in captures]
    frames["captures"] = pl.DataFrame(rows, schema=dict(ARCHIVE_TABLES["captures"]), orient="row")
    listed = db.execute(
        "SELECT id, name, kind, url, publisher, owner, language, category, licence, 1 FROM sources"
    ).fetchall()
    sources = [(*row[:9], True) for row in [*listed, *more_sources]]
    frames["sources"] = pl.DataFrame(sources, schema=dict(ARCHIVE_TABLES["sources"]), orient="row")
    for name, frame in frames.items():
        if name not in PARTITIONED:
            made.mkdir(parents=True, exist_ok=True)
            frame.write_parquet(made / f"{name}.parquet")
            continue
        days = frame.partition_by("day", include_key=False, as_dict=True) or {("2026-01-01",): frame.drop("day")}
        for (day,), part in days.items():
            path = made / name / f"day={day}"
            path.mkdir(parents=True)
            part.write_parquet(path / "data_0.parquet")
    made.joinpath("meta.json").write_text("{}\n")
    Path(folder, "tables").symlink_to(Path("generations", "made"))


def _read(db, table):
    there = {row[1] for row in db.execute(f"PRAGMA table_info({table})")}
    columns = {name: kind for name, kind in ARCHIVE_TABLES[table].items() if name != "surfaces"}
    sql = []
    for name in columns:
        if table == "articles" and name in ARTICLES:
            sql.append(ARTICLES[name])
        elif name == "day":
            dated = "articles" if table == "mentions" else table
            sql.append(f"substr({dated}.dated_at, 1, 10)")
        else:
            sql.append(f'{table}."{name}"' if name in there else "NULL")
    rows = db.execute(f"SELECT {', '.join(sql)} FROM {FROM.get(table, table)}").fetchall()
    booleans = [name for name, kind in columns.items() if kind == pl.Boolean()]
    raw = {name: pl.Int64() if name in booleans else kind for name, kind in columns.items()}
    frame = pl.DataFrame(rows, schema=raw, orient="row").with_columns(pl.col(booleans).cast(pl.Boolean()))
    if "surfaces" in ARCHIVE_TABLES[table]:
        frame = frame.with_columns(pl.lit([], dtype=pl.List(pl.String())).alias("surfaces"))
    return frame.select(list(ARCHIVE_TABLES[table]))
