"""The tables of articles, prices, entities, sources and mentions, and what is quoted in them."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest
from counted_rows import MONDAY, NOW, fill_at_random, make_one_story, put, tagging
from db_rows import NAMES, article, make_db, save, tag
from hypothesis import given
from hypothesis import strategies as st

from aiwire.exceptions import ConfigError
from aiwire.types import Correction, Price, Sketch, Source, Tagging
from db.corrections import add_corrections
from db.exports import articles, entities, evidence, prices, sources
from db.exports.evidence import excerpt
from db.exports.request import ExportRequest
from db.exports.table import schema
from db.store import sync_sources

MODULES = {"articles": articles, "entities": entities, "evidence": evidence, "prices": prices, "sources": sources}
FILTERED = [name for name in MODULES if name != "sources"]
URL = "https://example.org/a"


@pytest.fixture
def db():
    filled = make_db()
    yield filled
    filled.close()


def frame(db, table, **asked):
    request = ExportRequest(table, NOW, "http://127.0.0.1:8001", **asked)
    module = MODULES[table]
    with db.atomic():
        return pl.concat([pl.DataFrame(schema=schema(module.COLUMNS)), *module.table(db, request).chunks])


def rows(db, table, **asked):
    return frame(db, table, **asked).rows(named=True)


def price(quote, amount, *, accelerator=None, product=None, amount_max=None, start=0):
    return Price(
        quote, amount, amount_max, "USD", "gpu-hour", "from", accelerator, f"It is {quote} an hour.", "text", start,
        start + len(quote), product,
    )  # fmt: skip


def put_prices(db, name, *quoted, **more):
    priced = Tagging(prices=quoted, tagger_version="1", taxonomy_version="t")
    save(db, article(name, "It is priced.", **({"day": MONDAY, "tagging": priced} | more)), now=NOW)


# ---------------------------------------------------------------- every table


@pytest.mark.parametrize("name", MODULES)
def test_rows_are_typed_sorted_by_their_key_and_unique(db, name):
    fill_at_random(db, 7)
    put_prices(db, "p1", price("$2", 2.0), price("$3", 3.0))
    put_prices(db, "p2", price("$2", 2.0))

    found = frame(db, name)

    module = MODULES[name]
    assert found.height > 2
    assert found.schema == schema(module.COLUMNS)
    assert found.sort(module.KEY).equals(found)
    assert found.select(module.KEY).is_unique().all()
    may_be_empty = {column.name for column in module.COLUMNS if column.null}
    assert {column for column in found.columns if found[column].null_count()} <= may_be_empty


@pytest.mark.parametrize("name", FILTERED)
def test_an_empty_database_gives_columns_without_rows(name):
    db = make_db()
    db.execute("DELETE FROM aliases")
    db.execute("DELETE FROM entities")

    assert frame(db, name).is_empty()
    db.close()


@pytest.mark.parametrize("name", MODULES)
def test_the_same_database_gives_the_same_frames(db, name):
    fill_at_random(db, 7)
    put_prices(db, "p", price("$2", 2.0))

    assert frame(db, name).equals(frame(db, name))


@pytest.mark.parametrize("name", FILTERED)
@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"entities": ("nvidea",)}, "no entity 'nvidea'; did you mean 'nvidia'"),
        ({"entities": ("zzz",)}, "no entity 'zzz'; see the ids with `aiwire export entities`"),
        ({"segment": "owner"}, "no segment 'owner'; did you mean 'owned'"),
    ],
)
def test_what_there_is_not_is_a_clear_error(db, name, asked, message):
    with pytest.raises(ConfigError, match=message):
        frame(db, name, **asked)


def test_a_segment_may_be_given_in_any_case(db):
    fill_at_random(db, 7)

    assert rows(db, "articles", segment="CATEGORY:chips/racks & CO") == rows(db, "articles", segment="owned")


# ---------------------------------------------------------------- articles


def test_an_article_has_what_it_names_and_its_story(db):
    sketched = replace(tagging("nvidia", "reuters", "nvidia-h100", "tco"), sketch=Sketch(words=2, bands=()))
    save(db, article("a", "Some words.", day=MONDAY, tagging=sketched, author="A. N. Author"), now=NOW)
    put(db, "b", day=MONDAY + timedelta(days=1), source_id="vendor")
    story = make_one_story(db, "a", "b")

    first, second = rows(db, "articles")

    assert {key: first[key] for key in ("url", "title", "author", "publisher", "owned", "words", "tag_scope")} == {
        "url": URL, "title": "Title of a", "author": "A. N. Author", "publisher": "example", "owned": 0,
        "words": 2, "tag_scope": "full",
    }  # fmt: skip
    kinds = ("companies", "accelerators", "themes", "models", "regulations")
    assert [first[kind] for kind in kinds] == ["nvidia;reuters", "nvidia-h100", "tco", None, None]
    assert [(row["story_id"], row["story_articles"], row["is_lead"]) for row in (first, second)] == [
        (story, 2, 1), (story, 2, 0),
    ]  # fmt: skip
    assert (second["owned"], second["companies"]) == (1, None)


def test_what_is_only_quoted_is_not_among_what_an_article_names(db):
    save(db, article("a", "NVIDIA told Reuters."), now=NOW)

    assert rows(db, "articles")[0]["companies"] == "nvidia"


def test_an_article_that_is_not_tagged_yet_is_a_story_of_its_own(db):
    save(db, article("a", tagged=False), now=NOW)

    (row,) = rows(db, "articles")

    assert (row["story_id"], row["story_articles"], row["is_lead"], row["tag_scope"]) == (row["article_id"], 1, 1, None)


@pytest.mark.parametrize(
    ("asked", "names"),
    [
        ({}, ["old", "a", "b", "c"]),
        ({"since": date(2026, 11, 16)}, ["a", "b", "c"]),
        ({"until": date(2026, 11, 16)}, ["old", "a", "b"]),
        ({"since": date(2026, 11, 16), "until": date(2026, 11, 16)}, ["a", "b"]),
        ({"until": date.max}, ["old", "a", "b", "c"]),
        ({"entities": ("tco",)}, ["b"]),
        ({"kinds": ("theme", "company")}, ["old", "a", "b"]),
        ({"kinds": ("theme",), "entities": ("nvidia",)}, []),
        ({"segment": "owned"}, ["a"]),
        ({"segment": None}, ["old", "a", "b", "c"]),
        ({"segment": "lang:zh"}, ["c"]),
    ],
)
def test_the_days_of_a_filter_are_both_in_it_and_the_next_is_not(db, asked, names):
    put(db, "old", "nvidia", day=MONDAY - timedelta(seconds=1))
    put(db, "a", "nvidia", source_id="vendor")
    put(db, "b", "tco", day=MONDAY + timedelta(hours=23, minutes=59))
    put(db, "c", day=MONDAY + timedelta(days=1), language="zh-Hant")

    assert [row["title"].removeprefix("Title of ") for row in rows(db, "articles", **asked)] == names


# ---------------------------------------------------------------- prices


def test_a_price_has_its_words_its_article_and_what_it_is_of(db):
    quoted = price("$2–3", 2.0, accelerator="nvidia-h100", amount_max=3.0, start=6)
    put_prices(db, "a", quoted, price("€9", 9.0, product="nvidia"))

    first, second = rows(db, "prices")

    assert {key: first[key] for key in ("accelerator_id", "accelerator_label", "product_id", "amount", "amount_max",
            "currency", "unit", "qualifier", "quote", "sentence", "field", "start", "end", "is_duplicate")} == {
        "accelerator_id": "nvidia-h100", "accelerator_label": "NVIDIA H100", "product_id": None, "amount": 2.0,
        "amount_max": 3.0, "currency": "USD", "unit": "gpu-hour", "qualifier": "from", "quote": "$2–3",
        "sentence": "It is $2–3 an hour.", "field": "text", "start": 6, "end": 10, "is_duplicate": 0,
    }  # fmt: skip
    assert (second["product_id"], second["product_label"], second["position"]) == ("nvidia", "NVIDIA", 1)


def test_a_price_that_a_copy_repeats_is_a_duplicate_and_the_first_one_is_none(db):
    h100 = price("$2", 2.0, accelerator="nvidia-h100")
    put_prices(db, "a", h100, price("$2", 2.0))
    put_prices(db, "copy", h100, price("$4", 4.0), day=MONDAY + timedelta(days=1))
    put_prices(db, "other", h100, h100, day=MONDAY + timedelta(days=2))
    make_one_story(db, "a", "copy")

    flags = [(row["title"][9:], row["position"], row["is_duplicate"]) for row in rows(db, "prices")]

    assert flags == [("a", 0, 0), ("a", 1, 0), ("copy", 0, 1), ("copy", 1, 0), ("other", 0, 0), ("other", 1, 1)]
    later = rows(db, "prices", since=date(2026, 11, 17))
    assert [row["is_duplicate"] for row in later] == [1, 0, 0, 1]  # the first one stands before the window


@pytest.mark.parametrize(
    ("asked", "quotes"),
    [
        ({}, ["$1", "$2", "$3"]),
        ({"entities": ("nvidia-h100",)}, ["$1"]),
        ({"entities": ("nvidia", "nvidia-h100")}, ["$1", "$2"]),
        ({"kinds": ("company",)}, ["$2"]),
        ({"kinds": ("accelerator",), "entities": ("nvidia",)}, []),
        ({"segment": "owned"}, []),
    ],
)
def test_prices_of_a_kind_or_entity_are_those_of_such_an_accelerator_or_product(db, asked, quotes):
    put_prices(
        db, "a", price("$1", 1.0, accelerator="nvidia-h100"), price("$2", 2.0, product="nvidia"), price("$3", 3.0)
    )

    assert [row["quote"] for row in rows(db, "prices", **asked)] == quotes


# ---------------------------------------------------------------- entities


def test_an_entity_has_what_the_window_says_of_it_zeros_included(db):
    put(db, "a", "nvidia", "tco")
    put(db, "b", "nvidia", source_id="mirror", day=MONDAY + timedelta(days=1))
    put(db, "c", "nvidia", source_id="vendor", day=MONDAY + timedelta(days=2))
    put(db, "undated", "nvidia", published_at=None, date_source="backlog")
    make_one_story(db, "a", "b")

    found = {row["entity_id"]: row for row in rows(db, "entities")}

    columns = ("articles", "stories", "publishers", "first_at", "last_at")
    assert [found["nvidia"][name] for name in columns] == [3, 2, 2, "2026-11-16T00:00:00Z", "2026-11-18T00:00:00Z"]
    assert [found["reuters"][name] for name in columns] == [0, 0, 0, None, None]
    assert sorted(found) == list(found) == sorted(NAMES.values())
    window = {row["entity_id"]: row["articles"] for row in rows(db, "entities", since=date(2026, 11, 17))}
    assert (window["nvidia"], window["tco"]) == (2, 0)
    assert [row["articles"] for row in rows(db, "entities", entities=("nvidia",), segment="owned")] == [1]
    assert [row["entity_id"] for row in rows(db, "entities", kinds=("theme",))] == ["tco"]


def test_a_name_on_no_list_is_there_while_the_window_has_it(db):
    text = "Zebra Corp is new."
    save(db, article("a", text, day=MONDAY, tagging=tag("T", text, unlisted=["Zebra"]), title="T"), now=NOW)

    assert [(row["listed"], row["articles"]) for row in rows(db, "entities", entities=("zebra",))] == [(0, 1)]
    assert rows(db, "entities", entities=("zebra",), since=date(2026, 11, 17)) == []


# ---------------------------------------------------------------- what is quoted


@given(st.text(max_size=40), st.none() | st.integers(0, 50), st.integers(0, 50))
def test_an_excerpt_is_the_beginning_as_far_as_the_source_allows_else_the_setting(words, source, setting):
    cut, is_cut = excerpt(words, source, setting)

    assert words.startswith(cut)
    assert len(cut) == min(len(words), setting if source is None else source)
    assert is_cut == (cut != words)


@pytest.mark.parametrize(
    ("source", "setting", "sentence", "is_cut"),
    [
        (None, 300, "Größe 🎉 zählt: NVIDIA.", 0),
        (None, 7, "Größe 🎉", 1),
        (8, 300, "Größe 🎉 ", 1),
        (0, 300, None, 1),
        (300, 0, "Größe 🎉 zählt: NVIDIA.", 0),
        (None, 0, None, 1),
    ],
)
def test_a_sentence_is_cut_as_its_source_says(source, setting, sentence, is_cut):
    db = make_db()
    sync_sources(db, [Source("example", "E", "feed", "https://e.example/", "example", excerpt_chars=source)])
    text = "Größe 🎉 zählt: NVIDIA."
    quoted = replace(price("$2", 2.0), sentence=text)
    tagged = replace(article("a", text).tagging, prices=(quoted,))
    save(db, article("a", text, tagging=tagged), now=NOW)

    (mention,) = rows(db, "evidence", excerpt_chars=setting)
    (quote,) = rows(db, "prices", excerpt_chars=setting)

    for row in (mention, quote):
        assert (row["sentence"] or None, row["excerpt_cut"]) == (sentence, is_cut)
    assert (mention["surface"], mention["sent_end"], quote["quote"]) == ("NVIDIA", len(text), "$2")
    db.close()


def test_a_tag_that_a_person_has_put_there_is_evidence_too(db):
    put(db, "a", "nvidia")
    with db.atomic():
        db.execute("UPDATE article_entities SET correction = 'added'")
        db.execute("DELETE FROM mentions")

    (row,) = rows(db, "evidence", cell="week/2026-11-16/nvidia/all")

    assert (row["correction"], row["rule"], row["sentence"]) == ("added", "correction", "Some words.")
    assert [row[name] for name in ("field", "start", "end", "surface", "sentence_id", "sent_start", "sent_end")] == [
        None
    ] * 7
    assert row["evidence_id"] == "week/2026-11-16/nvidia/all"


def test_corrections_are_in_the_evidence_and_what_they_took_away_is_not(db):
    with db.atomic():
        add_corrections(db, [
            Correction(URL, "missing-tag", "tco", about=True, evidence="It adds up.", made_at="2026-11-20T00:00:00Z"),
            Correction(URL, "wrong-tag", "nvidia", made_at="2026-11-20T00:00:00Z"),
        ])  # fmt: skip
    save(db, article("a", "NVIDIA sells. It adds up.", day=MONDAY), now=NOW)

    (row,) = rows(db, "evidence")

    assert (row["entity_id"], row["correction"], row["rule"], row["surface"]) == (
        "tco", "added", "correction", "It adds up.",
    )  # fmt: skip


def test_times_are_utc_whatever_the_day(db):
    put(db, "a", "nvidia", day=datetime(2026, 12, 31, 23, 59, 59, tzinfo=UTC))

    assert [row["evidence_id"] for row in rows(db, "evidence")] == ["week/2026-12-28/nvidia/all"]
    assert len(rows(db, "evidence", since=date(2026, 12, 31), until=date(2026, 12, 31))) == 1
    assert rows(db, "evidence", since=date(2027, 1, 1)) == []


# ---------------------------------------------------------------- sources


def test_a_source_has_its_voice_its_policy_and_what_it_gave_in_the_last_full_period(db):
    sync_sources(db, [
        Source("example", "Example", "feed", "https://example.org/feed", "example", excerpt_chars=0, licence="CC BY"),
        Source("vendor", "Vendor", "feed", "https://vendor.example/feed", "vendor", owner="nvidia", category="chips"),
    ])  # fmt: skip
    for day in (0, 7, 14):
        fresh = [article(f"{day}-{n}", day=MONDAY - timedelta(days=14 - day)) for n in range(2)]
        save(db, *fresh, now=MONDAY - timedelta(days=14 - day, hours=-1))
    save(db, now=NOW)

    found = {row["source_id"]: row for row in rows(db, "sources")}

    assert list(found) == ["example", "mirror", "vendor"]
    columns = ("publisher", "owner", "category", "licence", "excerpt_chars", "active", "articles")
    assert [found["example"][name] for name in columns] == ["example", None, None, "CC BY", 0, 1, 6]
    assert [found["vendor"][name] for name in columns] == ["vendor", "nvidia", "chips", None, 300, 1, 0]
    assert (found["example"]["first_answer_at"], found["example"]["last_answer_at"]) == (
        "2026-11-02T01:00:00Z", "2026-11-23T06:00:00Z",
    )  # fmt: skip
    of_period = ("period_start", "period_end", "checks", "answers", "articles_expected", "articles_given", "covered")
    assert [found["example"][name] for name in of_period] == [
        date(2026, 11, 16), date(2026, 11, 22), 1, 1, 2.0, 2, 1,
    ]  # fmt: skip
    assert [found["vendor"][name] for name in of_period] == [date(2026, 11, 16), date(2026, 11, 22), *[None] * 5]
    assert found["mirror"]["active"] == 0


def test_the_ledger_of_an_earlier_period_is_there_for_the_asking(db):
    for week in range(3):
        save(db, now=MONDAY - timedelta(weeks=week))

    def period(**asked):
        return {row["period_start"] for row in rows(db, "sources", **asked)}

    assert period(until=date(2026, 11, 15)) == {date(2026, 11, 9)}
    assert period(grain="day") == {date(2026, 11, 15)}
    assert period(grain="month") == {None}  # November began before the first answer, and is not over
    assert period(until=date(2026, 1, 1)) == {None}


def test_without_an_answer_there_is_no_period(db):
    assert {row["period_start"] for row in rows(db, "sources")} == {None}
