"""What is named together: counts against a count by hand, the measures against their definitions."""

from collections import defaultdict
from datetime import date, timedelta
from itertools import combinations
from math import inf, log2, sqrt
from urllib.parse import urlsplit

import numpy as np
import polars as pl
import pytest
from counted_rows import MONDAY, NOW, fill_at_random, make_one_story, put
from db_rows import make_db
from hypothesis import assume, given
from hypothesis import strategies as st

from aiwire.exceptions import ConfigError
from aiwire.web.server import make_datasette
from db.connection import open_existing
from db.exports import cooccurrence
from db.exports.request import ExportRequest
from db.exports.table import schema
from db.trends.cooccurrence import MOST_NAMED
from db.trends.periods import GRAINS, span_at


@pytest.fixture
def db():
    filled = make_db()
    yield filled
    filled.close()


def frame(db, **asked):
    request = ExportRequest("cooccurrence", NOW, "http://127.0.0.1:8001/", **asked)
    with db.atomic():
        table = cooccurrence.table(db, request)
        return pl.concat([pl.DataFrame(schema=schema(table.columns)), *table.chunks])


def rows(db, **asked):
    return frame(db, **asked).rows(named=True)


def by_hand(db, grain):
    """Count pairs from the tags: (first day, a, b) -> articles, stories of both, a and b, and all stories."""
    kinds = dict(db.execute("SELECT id, kind FROM entities").fetchall())
    named, scope, told = defaultdict(set), {}, {}
    for article_id, story, day, tag_scope in db.execute(
        "SELECT id, coalesce(story_id, id), dated_at, tag_scope FROM articles"
        " WHERE tagger_version IS NOT NULL AND date_source <> 'backlog'"
    ):
        told[article_id] = (span_at(date.fromisoformat(day[:10]), grain).start, story)
        scope[article_id] = tag_scope
    for article_id, entity_id in db.execute(
        "SELECT article_id, entity_id FROM article_entities WHERE role IN ('subject', 'mention')"
    ):
        named[article_id].add(entity_id)
    both = defaultdict(list)
    for article_id, (start, story) in told.items():
        if len(named[article_id]) <= MOST_NAMED:
            for pair in combinations(sorted(named[article_id]), 2):
                both[start, *pair].append(story)

    def stories(start, is_full, entity_id=None):
        return len({
            story for article_id, (day, story) in told.items()
            if day == start and (scope[article_id] == "full" or not is_full)
            and (entity_id is None or entity_id in named[article_id])
        })  # fmt: skip

    counted = {}
    for (start, a, b), found in both.items():
        is_full = "theme" in (kinds[a], kinds[b])
        counted[start, a, b] = (len(found), len(set(found)), stories(start, is_full, a), stories(start, is_full, b),
                                stories(start, is_full))  # fmt: skip
    return counted


@pytest.mark.parametrize("grain", GRAINS)
@pytest.mark.parametrize("seed", [1, 2])
def test_the_counts_are_those_of_a_count_by_hand(db, seed, grain):
    fill_at_random(db, seed)

    found = frame(db, grain=grain)

    counts = ("articles_both", "stories_both", "stories_a", "stories_b", "stories_total")
    assert {(row["period_start"], row["entity_a"], row["entity_b"]): tuple(row[name] for name in counts)
            for row in found.rows(named=True)} == by_hand(db, grain)  # fmt: skip
    assert found.height > 5
    assert found.schema == schema(cooccurrence.COLUMNS)
    assert found.sort(cooccurrence.KEY).equals(found)
    assert found.select(cooccurrence.KEY).is_unique().all()
    may_be_empty = {column.name for column in cooccurrence.COLUMNS if column.null}
    assert {name for name in found.columns if found[name].null_count()} <= may_be_empty


@pytest.mark.parametrize("grain", GRAINS)
async def test_the_page_of_a_row_has_as_many_articles_as_it_says(tmp_path, grain):
    path = tmp_path / "news.db"
    filled = make_db(path)
    fill_at_random(filled, 3)
    filled.close()
    db = open_existing(path)
    site = make_datasette(path)

    for row in rows(db, grain=grain):
        url = urlsplit(row["evidence_url"])
        shown = (await site.client.get(f"{url.path}.json?{url.query}&_shape=array")).json()
        assert len(shown) == row["articles_both"], row["evidence_id"]
    db.close()


def test_a_theme_is_paired_among_what_was_tagged_for_themes(db):
    put(db, "a", "nvidia", "tco")
    put(db, "b", "nvidia", "reuters")
    put(db, "c")
    put(db, "zh", "nvidia", "reuters", scope="names", language="zh")

    columns = ("entity_a", "entity_b", "stories_both", "stories_a", "stories_b", "stories_total", "lift")
    assert [tuple(row[name] for name in columns) for row in rows(db)] == [
        ("nvidia", "reuters", 2, 3, 2, 4, 2 * 4 / 6), ("nvidia", "tco", 1, 2, 1, 3, 1.5),
    ]  # fmt: skip


def test_copies_are_many_articles_and_one_story(db):
    for name in "abc":
        put(db, name, "nvidia", "reuters")
    put(db, "other")
    make_one_story(db, "a", "b", "c")

    (row,) = rows(db)

    assert (row["articles_both"], row["stories_both"], row["stories_total"], row["lift"]) == (3, 1, 2, 2.0)


def test_a_row_says_what_it_is_of_and_where_its_evidence_is(db):
    put(db, "a", "nvidia", "nvidia-h100")

    (row,) = rows(db)

    expected = {
        "period_start": date(2026, 11, 16), "period_end": date(2026, 11, 22), "iso_week": "2026-W47", "grain": "week",
        "entity_a": "nvidia", "label_a": "NVIDIA", "type_a": "company", "entity_b": "nvidia-h100",
        "label_b": "NVIDIA H100", "type_b": "accelerator", "evidence_id": "week/2026-11-16/nvidia+nvidia-h100/all",
        "evidence_url": "http://127.0.0.1:8001/news/evidence?entity_id=nvidia&with_id=nvidia-h100&grain=week"
        "&period=2026-11-16&segment=all",
        "npmi": None, "as_of": "2026-11-23T06:00:00Z",
    }  # fmt: skip
    assert {name: row[name] for name in expected} == expected


def test_no_article_no_row(db):
    assert rows(db) == []
    put(db, "a", "nvidia")
    assert rows(db) == []


@pytest.mark.parametrize(
    ("asked", "pairs"),
    [
        ({}, ["nvidia nvidia-h100", "nvidia tco", "nvidia-h100 tco", "nvidia reuters"]),
        ({"entities": ("tco",)}, ["nvidia tco", "nvidia-h100 tco"]),
        ({"entities": ("reuters", "nvidia-h100")}, ["nvidia nvidia-h100", "nvidia-h100 tco", "nvidia reuters"]),
        ({"kinds": ("company",)}, ["nvidia reuters"]),
        ({"kinds": ("company", "theme")}, ["nvidia tco", "nvidia reuters"]),
        ({"kinds": ("theme",), "entities": ("nvidia",)}, ["nvidia tco"]),
        ({"until": date(2026, 11, 16)}, ["nvidia nvidia-h100", "nvidia tco", "nvidia-h100 tco"]),
        ({"since": date(2026, 11, 29)}, ["nvidia reuters"]),
    ],
)
def test_filters(db, asked, pairs):
    put(db, "a", "nvidia", "nvidia-h100", "tco")
    put(db, "b", "nvidia", "reuters", day=MONDAY + timedelta(weeks=1))

    assert [f"{row['entity_a']} {row['entity_b']}" for row in rows(db, **asked)] == pairs


@pytest.mark.parametrize("segment", ["owned", None, "lang:en"])
def test_pairs_are_counted_in_all_articles_alone(db, segment):
    with pytest.raises(ConfigError, match="leave --segment away"):
        rows(db, segment=segment)


def test_an_unknown_entity_is_a_clear_error(db):
    with pytest.raises(ConfigError, match="did you mean 'nvidia'"):
        rows(db, entities=("nvidea",))


def associated(both, a, b, total):
    found = cooccurrence.association(*(np.array([count]) for count in (both, a, b, total)))
    return {name: float(values[0]) for name, values in found.items()}


@st.composite
def tables(draw):
    """Counts of two entities that at least one story names both of."""
    both = draw(st.integers(1, 500))
    a, b = both + draw(st.integers(0, 500)), both + draw(st.integers(0, 500))
    return both, a, b, a + b - both + draw(st.integers(0, 5000))


@given(tables())
def test_the_measures_are_as_their_columns_define_them(counts):
    both, a, b, total = counts
    found = associated(*counts)

    assert found["lift"] == pytest.approx(both * total / (a * b))
    y = both + 1
    assert found["lift_lo"] == pytest.approx(found["lift"] * (1 - 1 / (9 * both) - 1.96 / (3 * sqrt(both))) ** 3)
    assert found["lift_hi"] == pytest.approx(found["lift"] * y / both * (1 - 1 / (9 * y) + 1.96 / (3 * sqrt(y))) ** 3)
    if both < total:
        assert found["npmi"] == pytest.approx(log2(found["lift"]) / -log2(both / total))
        assert -1 <= found["npmi"] <= 1 + 1e-9
    else:
        assert np.isnan(found["npmi"])


@given(tables())
def test_which_of_the_two_comes_first_does_not_matter(counts):
    both, a, b, total = counts

    assert associated(both, a, b, total) == pytest.approx(associated(both, b, a, total), nan_ok=True)


@given(tables(), st.integers(2, 9))
def test_more_of_the_same_narrows_the_interval_and_leaves_the_lift(counts, times):
    few, many = associated(*counts), associated(*(times * count for count in counts))

    assert many["lift"] == pytest.approx(few["lift"])
    assume(few["lift_hi"] > few["lift"] * (1 + 1e-9))
    assert few["lift_lo"] < many["lift_lo"] <= many["lift_hi"] < few["lift_hi"] < inf


@pytest.mark.parametrize(
    ("both", "low", "high"),
    [(2, 0.2422, 7.2247), (5, 1.6235, 11.6683), (20, 12.2165, 30.8884), (100, 81.3636, 121.6268)],
)
def test_the_interval_is_close_to_the_exact_one_of_a_poisson_count(both, low, high):
    """The exact limits: half the chi-square quantiles of 2x and 2x + 2 degrees of freedom (Garwood 1936)."""
    found = associated(both, 1000, 1000, 1_000_000)  # one is expected

    assert found["lift_lo"] == pytest.approx(low, rel=0.08)
    assert found["lift_hi"] == pytest.approx(high, rel=0.01)


def test_a_single_story_proves_nothing():
    assert associated(1, 9, 1, 73)["lift_lo"] < 1 < associated(1, 9, 1, 73)["lift"]


@pytest.mark.parametrize("shares", [(0.02, 0.05, 0.03), (0.004, 0.05, 0.05), (0.1, 0.0, 0.1), (1e-4, 0.01, 0.01)])
def test_the_interval_holds_the_truth_in_at_least_19_of_20_rows(shares):
    """On 20,000 samples of 2,000 stories that name both, only a, only b, or neither; without one of both, no row."""
    rng = np.random.default_rng(5)
    p11, p10, p01 = shares
    x, only_a, only_b, _ = rng.multinomial(2000, [p11, p10, p01, 1 - sum(shares)], size=20_000).T
    rows = x > 0

    found = cooccurrence.association(x[rows], (x + only_a)[rows], (x + only_b)[rows], np.full(int(rows.sum()), 2000))

    truth = p11 / ((p11 + p10) * (p11 + p01))
    held = (found["lift_lo"] <= truth) & (truth <= found["lift_hi"])
    assert held.mean() > 0.94
