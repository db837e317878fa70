"""Articles for tests of what is counted: named entities without a look at a text, stories, and random archives."""

import random
from datetime import UTC, datetime, timedelta

from db_rows import article, one, save, tag

from aiwire.types import Mention, Source, Tag, Tagging
from db.store import start_run, sync_sources
from db.trends import rebuild

NOW = datetime(2026, 11, 23, 6, tzinfo=UTC)
MONDAY = datetime(2026, 11, 16, tzinfo=UTC)  # of the last full week
KINDS = {"tco": "theme", "nvidia-h100": "accelerator"}


def tagging(*entity_ids, scope="full"):
    """Return a tagging that names entities in the first words of the text."""
    mention = Mention("text", 0, 4, "Some", 0, 11, "any", 0.9)
    tags = tuple(
        Tag(
            kind=KINDS.get(entity_id, "company"),
            id=entity_id,
            name=entity_id,
            surfaces=("Some",),
            count=1,
            about=True,
            role="subject",
            listed=True,
            salience=0.5,
            confidence=0.9,
            evidence="Some words.",
            mentions=(mention,),
        )
        for entity_id in entity_ids
    )
    return Tagging(tags, scope=scope, tagger_version="1", taxonomy_version="t")


def put(db, name, *entity_ids, day=MONDAY, source_id="example", scope="full", language="en", **more):
    """Save an article that names these entities."""
    tags = tagging(*entity_ids, scope=scope)
    save(
        db, article(name, "Some words.", day=day, language=language, tagging=tags, **more), source_id=source_id, now=NOW
    )


def make_one_story(db, *names):
    """Put articles into one story, as `db.stories` does with copies, and return its id."""
    urls = [f"https://example.org/{name}" for name in names]
    marks = ", ".join("?" * len(urls))
    leader = one(db, f"SELECT id FROM articles WHERE url IN ({marks}) ORDER BY dated_at, id LIMIT 1", *urls)[0]
    with db.atomic():
        db.execute(f"UPDATE articles SET story_id = ? WHERE url IN ({marks})", [leader, *urls])
        db.execute("DELETE FROM stories")
        db.execute(
            "INSERT INTO stories SELECT story_id, count(*), count(DISTINCT publisher), min(dated_at), max(dated_at)"
            " FROM articles JOIN sources ON sources.id = source_id WHERE story_id IS NOT NULL GROUP BY story_id"
        )
    rebuild(db)
    return leader


SENTENCES = (
    "NVIDIA sells the H100.", "The TCO is low.", "Reuters reports it.", "Nothing of note.", "H100 and H100 again.",
    "NVIDIA's TCO, says Reuters.", "Café – naïve 🎉 NVIDIA.",
)  # fmt: skip


def fill_at_random(db, seed, *, articles=40):
    """Fill a database with articles around a change of years: every kind of source, date, language, role and copy."""
    rng = random.Random(seed)
    sync_sources(db, [
        Source("example", "Example", "feed", "https://example.org/feed", "example", category="press"),
        Source("vendor", "Vendor", "feed", "https://vendor.example/feed", "vendor", owner="nvidia",
               category="Chips/racks & co"),
        Source("mirror", "Mirror", "feed", "https://mirror.example/feed", "example"),
    ])  # fmt: skip
    start_run(db, "run", now=NOW)
    copied = []
    for n in range(articles):
        text = " ".join(rng.choices(SENTENCES, k=rng.randint(1, 5)))
        title = rng.choice(("NVIDIA and the H100", "News", "On TCO"))
        more = {"language": rng.choice(("en", "EN-us", "zh", None)), "title": title}
        if rng.random() < 0.1:
            more |= {"published_at": None, "date_source": rng.choice(("backlog", "first_seen"))}
        if rng.random() < 0.1:
            more["tagging"] = None  # not tagged yet
        elif rng.random() < 0.1:
            names = [f"Corp{i}" for i in range(rng.choice((5, 70)))]
            text += " " + " ".join(names)
            more["tagging"] = tag(title, text, unlisted=names)
        elif rng.random() < 0.3:
            copied.append(f"{seed}-{n}")
        day = datetime(2026, 12, 26, tzinfo=UTC) + timedelta(hours=rng.randint(0, 24 * 18))
        save(
            db,
            article(f"{seed}-{n}", text, day=day, **more),
            source_id=rng.choice(("example", "vendor", "mirror")),
            now=NOW,
        )
    make_one_story(db, *copied)
