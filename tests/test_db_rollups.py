"""Rollups against plain counting: whatever changes, refreshes and a rebuild leave what counting by hand gives."""

from collections import defaultdict
from datetime import date, timedelta
from itertools import combinations

from hypothesis import given, settings
from hypothesis import strategies as st

from aiwire.types import Entity, Source
from db.connection import connect
from db.store import sync_entities, sync_sources
from db.trends import rebuild, refresh_days, refresh_entities
from db.trends.cooccurrence import MOST_NAMED
from db.trends.repair import Compared, compare
from db.trends.tables import CELLS, PAIRS, ROLLUPS, TOTALS

SOURCES = {
    "press": ("press", None, "press"),
    "press-de": ("press", None, None),
    "blog": ("blogger", None, "research"),
    "vendor": ("vendor", "nvidia", "chips"),
    "vendor-press": ("press", "nvidia", "chips"),
}
ENTITIES = ("amd", "nvidia", "tco", "tsmc")
LANGUAGES = {"en": "lang:en", "en-US": "lang:en", "ZH_cn": "lang:zh", None: "lang:und", "": "lang:und"}


def make_db():
    db = connect(":memory:")
    sync_sources(db, [
        Source(i, i, "feed", f"https://{i}.example/", publisher, owner=owner, category=category)
        for i, (publisher, owner, category) in SOURCES.items()
    ])  # fmt: skip
    sync_entities(db, [Entity(i, "company", i.upper()) for i in ENTITIES])
    return db


def add(
    db, number, *, day, source_id="press", language="en", date_source="published", scope="full", story=None, tags=()
):
    """Store an article with its tags as (entity, role, about, mentions); None for tags: it is not tagged yet."""
    moment = f"{day}T12:00:00Z"
    tagged = tags is not None
    monday = date.fromisoformat(day) - timedelta(date.fromisoformat(day).weekday())
    if story is not None:
        db.execute("INSERT OR IGNORE INTO stories VALUES (?, 1, 1, ?, ?)", [story, moment, moment])
    db.execute(
        "INSERT INTO articles (id, url, source_id, title, dated_at, week, date_source, first_seen_at, updated_at, text,"
        " text_hash, text_origin, entry_hash, page_state, page_attempts, language, tag_scope, tagger_version, story_id)"
        " VALUES (?, ?, ?, 't', ?, ?, ?, '', '', '', '', 'feed', '', 'none', 0, ?, ?, ?, ?)",
        [number, str(number), source_id, moment, monday.isoformat(), date_source, language,
         scope if tagged else None, "1" if tagged else None, story],
    )  # fmt: skip
    db.conn.executemany(
        "INSERT INTO article_entities (article_id, entity_id, dated_at, kind, count, salience, about, about_in_text,"
        " role, confidence, surfaces, evidence) VALUES (?, ?, ?, 'company', ?, 0, ?, ?, ?, 1, '[]', '')",
        [(number, entity_id, moment, count, about, about, role) for entity_id, role, about, count in tags or ()],
    )


def remove(db, number):
    db.execute("DELETE FROM article_entities WHERE article_id = ?", [number])
    db.execute("DELETE FROM articles WHERE id = ?", [number])


def stored(db):
    return {
        rollup.name: {
            row[: len(rollup.key)]: row[len(rollup.key) :]
            for row in db.execute(f"SELECT {', '.join((*rollup.key, *rollup.counts))} FROM {rollup.name}")
        }
        for rollup in ROLLUPS
    }


def counted(articles):
    """Count by hand, from the articles as they were given to `add`, by number."""
    cells, totals, pairs = defaultdict(list), defaultdict(list), defaultdict(list)
    for number, one in articles.items():
        if one["tags"] is None or one["date_source"] == "backlog":
            continue
        publisher, owner, category = SOURCES[one["source_id"]]
        day = date.fromisoformat(one["day"])
        starts = {"day": day, "week": day - timedelta(day.weekday()), "month": day.replace(day=1)}
        segments = {"all", "owned" if owner else "independent", LANGUAGES[one["language"]]}
        segments |= {f"category:{category}"} if category else set()
        story = one["story"] if one["story"] is not None else number
        named = sorted(tag for tag in one["tags"] if tag[1] in ("subject", "mention"))
        for grain, start in starts.items():
            for segment in segments:
                totals[grain, start.isoformat(), segment].append((story, publisher, one["scope"] == "full"))
                for entity_id, _, about, count in named:
                    cell = (publisher, owner is not None, story, about, count)
                    cells[CELLS[grain].name, entity_id, segment, start.isoformat()].append(cell)
        if len(named) <= MOST_NAMED:
            for a, b in combinations(named, 2):
                pairs[starts["week"].isoformat(), a[0], b[0]].append(story)
    found = {rollup.name: {} for rollup in ROLLUPS}
    for (table, *key), rows in cells.items():
        found[table][tuple(key)] = (
            len(rows), sum(r[3] for r in rows), sum(r[1] for r in rows), len({r[2] for r in rows}),
            len({r[0] for r in rows}), len({r[0] for r in rows if not r[1]}), sum(r[4] for r in rows),
        )  # fmt: skip
    for key, rows in totals.items():
        full = [row for row in rows if row[2]]
        found[TOTALS.name][key] = tuple(
            number
            for some in (rows, full)
            for number in (len(some), len({r[0] for r in some}), len({r[1] for r in some}))
        )
    found[PAIRS.name] = {key: (len(stories), len(set(stories))) for key, stories in pairs.items()}
    return found


TAGS = st.lists(
    st.tuples(
        st.sampled_from(ENTITIES),
        st.sampled_from(["subject", "subject", "mention", "source", "venue"]),
        st.integers(0, 1),
        st.integers(1, 5),
    ),
    max_size=4,
    unique_by=lambda tag: tag[0],
)
TURN_OF_THE_YEAR = st.dates(date(2026, 12, 20), date(2027, 1, 12))
DAYS = (TURN_OF_THE_YEAR | TURN_OF_THE_YEAR | st.dates(date(2024, 2, 26), date(2024, 3, 3))).map(date.isoformat)
ARTICLES = st.fixed_dictionaries(
    {
        "day": DAYS,
        "source_id": st.sampled_from(sorted(SOURCES)),
        "language": st.sampled_from(list(LANGUAGES)),
        "date_source": st.sampled_from(["published", "published", "first_seen", "backlog"]),
        "scope": st.sampled_from(["full", "full", "names"]),
        "story": st.none() | st.integers(1, 3),
        "tags": st.none() | TAGS | TAGS | TAGS,
    }
)
CHANGES = st.lists(st.dictionaries(st.integers(1, 6), st.none() | ARTICLES, min_size=1, max_size=4), max_size=5)


def change(db, articles, changes):
    """Write a transaction's changes, None: the article goes; return which entities of which days they touched."""
    touched = defaultdict(set)
    for number, after in changes.items():
        before = articles.pop(number, None)
        if before is not None:
            remove(db, number)
        if after is not None:
            add(db, number, **after)
            articles[number] = after
        for one in (before, after):
            if one is not None:
                touched[one["day"]] |= {tag[0] for tag in one["tags"] or ()}
    return touched


@settings(max_examples=150, deadline=None)
@given(CHANGES)
def test_after_every_transaction_the_rollups_are_what_counting_by_hand_gives(transactions):
    db, articles = make_db(), {}
    for changes in transactions:
        refresh_entities(db, change(db, articles, changes))
        assert stored(db) == counted(articles)
    kept = stored(db)

    weeks = rebuild(db)

    assert stored(db) == kept
    assert weeks == sum(key[0] == "week" and key[2] == "all" for key in kept[TOTALS.name])
    db.close()


@settings(max_examples=50, deadline=None)
@given(CHANGES)
def test_whole_days_counted_anew_are_what_counting_by_hand_gives(transactions):
    db, articles = make_db(), {}
    for changes in transactions:
        refresh_days(db, change(db, articles, changes).keys())
    assert stored(db) == counted(articles)
    db.close()


@settings(max_examples=50, deadline=None)
@given(CHANGES, st.data())
def test_whatever_is_wrong_in_the_rollups_is_found_counted_and_put_right(transactions, data):
    db, articles = make_db(), {}
    for changes in transactions:
        refresh_entities(db, change(db, articles, changes))
    right = stored(db)
    wrong = 0
    for rollup in ROLLUPS:
        for key in data.draw(st.sets(st.sampled_from(sorted(right[rollup.name])))) if right[rollup.name] else ():
            where = " AND ".join(f"{column} = ?" for column in rollup.key)
            if data.draw(st.booleans()):
                db.execute(f"UPDATE {rollup.name} SET {rollup.counts[-1]} = 99 WHERE {where}", key)
            else:
                db.execute(f"DELETE FROM {rollup.name} WHERE {where}", key)
            wrong += 1
    if data.draw(st.booleans()):
        PAIRS.insert(db, {("2001-01-01", "amd", "nvidia"): (1, 1)})
        wrong += 1
    spoilt = stored(db)
    weeks = sum(key[0] == "week" and key[2] == "all" for key in right[TOTALS.name])

    assert compare(db, mend=False) == Compared(weeks, wrong)
    assert stored(db) == spoilt
    assert compare(db, mend=True) == Compared(weeks, wrong)
    assert stored(db) == right
    assert compare(db, mend=True) == Compared(weeks, 0)
    db.close()
