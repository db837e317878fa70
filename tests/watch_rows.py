"""Articles, copies, prices and watches for the tests of watches."""

from dataclasses import replace
from datetime import datetime, timedelta

from db_rows import NOW, answer, article, id_of, make_db, save, tag

from aiwire.types import Price, SourceState, SourceUpdate, iso
from db.connection import transaction
from db.store import save_source, save_taggings
from db.watch_news import fresh_news
from db.watches import Watch, WatchFilter, add_watch, all_watches, write_batch

DAY = timedelta(days=1)
H100_TEXT = "The H100 is for rent."


def h100_price(quote="$2.99 per GPU-hour", *, amount=2.99, unit="gpu-hour", accelerator="nvidia-h100", **more):
    values = {
        "quote": quote, "amount": amount, "amount_max": None, "currency": "USD", "unit": unit, "qualifier": None,
        "accelerator": accelerator, "sentence": f"It costs {quote}.", "field": "text", "start": 0, "end": 5,
    }  # fmt: skip
    return Price(**(values | more))


def priced(title, text, *prices, **more):
    return replace(tag(title, text, **more), prices=prices)


def made_long_ago():
    """A database whose sources were read long ago."""
    db = make_db()
    read_before(db, "example", "vendor", "mirror", at=NOW - 300 * DAY)
    return db


def told_of(name, *prices, text=H100_TEXT, **more):
    """An article with prices."""
    title = f"Title of {name}"
    return article(name, text, tagging=priced(title, text, *prices), **more)


def come(db, *articles, now=NOW, source_id="example"):
    """Save articles as an answer of a source that was read before, or for the first time."""
    save(db, *articles, now=now, source_id=source_id)
    return [id_of(db, one.guid) for one in articles]


def read_before(db, *source_ids, at):
    """Note an answer of sources without entries."""
    for source_id in source_ids:
        state = SourceState(source_id, checked_at=at, ok_at=at)
        save_source(db, SourceUpdate(state, answer(source_id=source_id), (), entries=0), run_id=1, now=at)


def make_copies(db, leader, *others):
    """Put articles into one story, as `db.stories` does with near-identical texts."""
    ids = [leader, *others]
    with transaction(db):
        db.execute(f"UPDATE articles SET story_id = ? WHERE id IN ({marks(ids)})", [leader, *ids])
        db.execute(
            f"""
            INSERT OR REPLACE INTO stories (id, articles, publishers, first_at, last_at)
            SELECT ?, count(*), count(DISTINCT source_id), min(dated_at), max(dated_at) FROM articles
            WHERE id IN ({marks(ids)})
            """,
            [leader, *ids],
        )


def marks(values):
    return ", ".join("?" * len(values))


def weeks_of(db, counts, *, others=30):
    """Save articles of whole weeks up to NOW: so many on the H100 in each, and others on nothing that is known."""
    for back, count in zip(range(len(counts), 0, -1), counts, strict=True):
        monday = NOW.replace(hour=0) - back * 7 * DAY
        named = [article(f"{back}-{n}", H100_TEXT, day=monday + n % 7 * DAY) for n in range(count)]
        rest = [article(f"o{back}-{n}", "Nothing.", day=monday + n % 7 * DAY) for n in range(others)]
        come(db, *named, *rest, now=monday + 7 * DAY)


def retag(db, name, tagging, *, now=NOW):
    save_taggings(db, [(id_of(db, name), tagging)], now=now)


def made(db, name="gpu", *, at=NOW, deliveries=(), since=None, **said):
    """Make a watch and return it."""
    start = iso(since or at - 7 * DAY)
    add_watch(db, Watch(name, WatchFilter(start, **said), iso(at), tuple(deliveries)))
    return watch_of(db, name)


def watch_of(db, name="gpu"):
    return next(one for one in all_watches(db) if one.name == name)


def day(text):
    return datetime.fromisoformat(f"{text}T06:00:00+00:00")


def fresh(db, watch="gpu", excerpt_chars=300):
    return list(fresh_news(db, watch_of(db, watch), excerpt_chars=excerpt_chars))


def titles(news):
    return [one.item["title"].removeprefix("Title of ") for one in news]


def tell(db, watch="gpu", now=NOW + DAY):
    """Look as a run does; return the titles that are news."""
    with transaction(db):
        news = fresh(db, watch)
        if news:
            write_batch(db, watch, news, now=now)
    return titles(news)
