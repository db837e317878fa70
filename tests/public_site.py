"""A public copy to serve: two sources, one of them with its texts, and what strangers must not see."""

from contextlib import closing
from datetime import UTC, datetime

from db_rows import article, make_db, save

from aiwire.types import Source
from db.publish import Policy, publish
from db.store import sync_sources

NOW = datetime(2026, 11, 23, 6, tzinfo=UTC)
POLICY = Policy("excerpt", 40, NOW, "1.2.3")
HIDDEN = "Only subscribers learn that NVIDIA moved the orchid shipment to Thursday. It weighs 3 kg."
OPEN = "Everybody may read that NVIDIA sells an ostrich edition of the H100."


def make_database(path, *, articles=1):
    """Make a working database at `path`."""
    with closing(make_db(path)) as db:
        sync_sources(db, [
            Source("example", "Example", "feed", "https://example.org/feed?key=walrus-token", "example"),
            Source("vendor", "Vendor", "feed", "https://vendor.example/feed", "vendor", text_policy="full"),
        ])  # fmt: skip
        for number in range(articles):
            save(db, article(f"hidden-{number}", HIDDEN, title=f"Hidden number {number} is on the H100"))
        save(db, article("open", OPEN, title="Open words"), source_id="vendor")
        save(db, article("sum", OPEN, title="=1+2 is a title"), source_id="vendor")
    return path


def make_copy(folder, *, articles=1, policy=POLICY):
    """Make a public copy in `folder`, of a database of its own beside it."""
    folder.mkdir(parents=True, exist_ok=True)
    work = folder.with_name(f"{folder.name}-work-{articles}.db")
    return publish(make_database(work, articles=articles), folder, policy).path


def article_id(path, url):
    """Return the id of an article."""
    import sqlite3

    with closing(sqlite3.connect(path)) as db:
        return db.execute("SELECT id FROM articles WHERE url = ?", [url]).fetchone()[0]
