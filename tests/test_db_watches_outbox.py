"""New prices and signals of a watch, and its outbox, on a real database."""

import json
from dataclasses import asdict

import pytest
from db_rows import NOW, article, id_of, one
from watch_rows import (
    DAY,
    H100_TEXT,
    come,
    fresh,
    h100_price,
    made,
    made_long_ago,
    make_copies,
    priced,
    retag,
    tell,
    titles,
    told_of,
    watch_of,
    weeks_of,
)

from aiwire.types import iso
from db.connection import transaction
from db.watch_news import (
    Signal,
    changed_signals,
    signals,
)
from db.watches import (
    STDOUT,
    Delivery,
    News,
    all_watches,
    mark_delivered,
    mark_looked,
    newest_batches,
    note_signals,
    pending_batches,
    pending_counts,
    remove_watch,
    told_signals,
    write_batch,
)

LATER = NOW + DAY
HOOK = Delivery("webhook", ("https://hooks.example/x?key=1",))
FEED = Delivery("atom", ("/srv/feed.xml",))


@pytest.fixture
def db():
    """Sources that were read long ago."""
    with_rows = made_long_ago()
    yield with_rows
    with_rows.close()


# ---------------------------------------------------------------- prices


def test_a_price_is_told_with_its_words(db):
    come(db, told_of("a", h100_price(amount_max=3.5, qualifier="from")))
    made(db, what=("prices",), entities=("nvidia-h100",))

    (news,) = fresh(db)

    assert news.kind == "price"
    assert news.item == {
        "article": id_of(db), "title": "Title of a", "url": "https://example.org/a", "publisher": "example",
        "dated_at": iso(NOW), "entity": "nvidia-h100", "name": "NVIDIA H100", "amount": 2.99, "amount_max": 3.5,
        "currency": "USD", "unit": "gpu-hour", "qualifier": "from", "implausible": False,
        "quote": "$2.99 per GPU-hour", "sentence": "It costs $2.99 per GPU-hour.",
    }  # fmt: skip


def test_a_price_is_told_once_though_its_place_among_the_prices_shifts(db):
    come(db, told_of("a", h100_price()))
    made(db, what=("prices",))
    assert len(tell(db)) == 1

    retag(db, "a", priced("Title of a", H100_TEXT, h100_price("$9 a card", unit="card"), h100_price()))
    (news,) = fresh(db)

    assert news.item["quote"] == "$9 a card"


def test_the_same_price_twice_in_an_article_is_told_once(db):
    come(db, told_of("a", h100_price(), h100_price(start=50, end=60)))
    made(db, what=("prices",))

    assert len(fresh(db)) == 1


def test_copies_of_a_price_within_a_story_are_told_once(db):
    a, b = come(db, told_of("a", h100_price()), told_of("b", h100_price(), h100_price("$4 per GPU-hour")))
    make_copies(db, a, b)
    made(db, what=("prices",))
    quotes = [news.item["quote"] for news in fresh(db)]
    tell(db)
    (c,) = come(db, told_of("c", h100_price()), now=LATER)
    make_copies(db, a, b, c)

    assert quotes == ["$2.99 per GPU-hour", "$4 per GPU-hour"]
    assert fresh(db) == []


def test_the_same_price_in_another_story_is_another_observation(db):
    come(db, told_of("a", h100_price()), told_of("b", h100_price()))
    made(db, what=("prices",))

    assert len(fresh(db)) == 2


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({}, {"hour", "card", "model", "none"}),
        ({"entities": ("nvidia-h100",)}, {"hour", "card"}),
        ({"entities": ("nvidia",)}, {"model"}),
        ({"kinds": ("company",)}, {"model"}),
        ({"kinds": ("accelerator",)}, {"hour", "card"}),
        ({"price_units": ("card",)}, {"card"}),
        ({"price_units": ("card", "month")}, {"card", "model"}),
        ({"entities": ("nvidia-h100",), "price_units": ("month",)}, set()),
        ({"words": "title card"}, {"card"}),
        ({"segment": "owned"}, set()),
    ],
)
def test_prices_are_filtered_by_whose_they_are(db, said, expected):
    come(
        db,
        told_of("hour", h100_price()),
        told_of("card", h100_price("$9", unit="card")),
        told_of("model", h100_price("$20", unit="month", accelerator=None, product="nvidia")),
        told_of("none", h100_price("$7", accelerator=None)),
    )
    made(db, what=("prices",), **said)

    assert set(titles(fresh(db))) == expected


def test_about_only_wants_prices_of_what_the_article_is_about(db):
    come(db, told_of("about", h100_price()), told_of("names", h100_price()))
    db.execute("UPDATE article_entities SET about = 0 WHERE article_id = ?", [id_of(db, "names")])
    made(db, what=("prices",), about_only=True)

    assert titles(fresh(db)) == ["about"]


def test_stories_and_prices_come_in_the_order_of_their_dates(db):
    come(db, told_of("b", h100_price(), day=NOW - DAY), article("a"), article("c", day=NOW - 2 * DAY))
    made(db)

    assert [(news.kind, news.item["title"][-1]) for news in fresh(db)] == [
        ("story", "c"), ("story", "b"), ("price", "b"), ("story", "a"),
    ]  # fmt: skip


# ---------------------------------------------------------------- signals


def signal(word, entity="nvidia-h100", kind="accelerator", **more):
    values = {
        "entity": entity, "name": entity.upper(), "kind": kind, "segment": "all", "week": "2026-11-16",
        "signal": word, "stories": 20, "share": 0.1, "momentum": 2.0, "momentum_lo": 1.5, "momentum_hi": 2.6,
        "q": 0.01, "coverage_ok": True, "evidence_url": "http://127.0.0.1:8001/news/evidence",
    }  # fmt: skip
    return Signal(**(values | more))


def tell_signals(db, *found, watch="gpu"):
    with transaction(db):
        news, unsaid = changed_signals(db, watch_of(db, watch), list(found))
        if news:
            write_batch(db, watch, news, now=LATER)
        note_signals(db, watch, unsaid)
    return [(one.item["before"], one.item["signal"]) for one in news]


@pytest.mark.parametrize(
    ("course", "told"),
    [
        (["flat", "flat"], []),
        (["too_few", "flat"], []),
        (["rising", "rising"], [("", "rising")]),
        (["flat", "falling"], [("", "falling")]),
        (["rising", "falling"], [("", "rising"), ("rising", "falling")]),
        (["rising", "flat", "flat"], [("", "rising"), ("rising", "flat")]),
        (["rising", "flat", "rising"], [("", "rising"), ("rising", "flat"), ("flat", "rising")]),
        (["rising", "too_few", "rising"], [("", "rising")]),
        (["rising", "too_few", "flat"], [("", "rising"), ("rising", "flat")]),
    ],
)
def test_a_signal_is_news_when_it_changes(db, course, told):
    made(db)

    assert [change for word in course for change in tell_signals(db, signal(word))] == told


@pytest.mark.parametrize(
    ("wanted", "course", "told"),
    [
        (("rising",), ["rising", "flat", "rising"], ["rising", "rising"]),
        (("rising",), ["falling", "rising", "falling", "rising"], ["rising", "rising"]),
        (("rising",), ["rising", "too_few", "rising"], ["rising"]),
        (("flat",), ["rising", "flat"], []),
        (("falling", "flat"), ["falling", "rising", "flat"], ["falling", "flat"]),
    ],
)
def test_a_watch_that_wants_some_signals_still_knows_when_they_come_again(db, wanted, course, told):
    made(db, signals=wanted)

    assert [word for step in course for _, word in tell_signals(db, signal(step))] == told


def test_signals_are_those_of_the_entities_of_the_watch(db):
    made(db, "one", entities=("nvidia-h100",))
    made(db, "kind", kinds=("company",))
    made(db, "all")
    found = [signal("rising"), signal("falling", "nvidia", "company")]

    assert tell_signals(db, *found, watch="one") == [("", "rising")]
    assert tell_signals(db, *found, watch="kind") == [("", "falling")]
    assert len(tell_signals(db, *found, watch="all")) == 2
    assert told_signals(db, "all") == {"nvidia-h100/all": "rising", "nvidia/all": "falling"}


def test_the_signals_are_those_of_the_newest_full_week(db):
    weeks_of(db, [5] * 14 + [20] * 4)
    come(db, article("today", H100_TEXT, day=NOW), now=NOW + DAY)

    (found,) = (one for one in signals(db, "all", now=NOW + DAY, base_url="http://x") if one.entity == "nvidia-h100")

    assert (found.week, found.signal, found.stories, found.coverage_ok) == ("2026-11-16", "rising", 20, True)
    assert found.share == pytest.approx(20 / 50)
    assert found.momentum_lo < found.momentum < found.momentum_hi
    assert found.q < 0.1
    assert found.evidence_url.startswith("http://x/news/evidence?entity_id=nvidia-h100&grain=week&period=2026-11-16")
    json.dumps(asdict(found))


def test_what_is_no_longer_written_of_is_found_to_fall(db):
    weeks_of(db, [20] * 14 + [0] * 4)

    (found,) = (one for one in signals(db, "all", now=NOW, base_url="http://x") if one.entity == "nvidia-h100")

    assert (found.signal, found.stories) == ("falling", 0)


def test_too_few_articles_give_no_signal_and_no_articles_none(db):
    assert signals(db, "all", now=NOW, base_url="http://x") == []
    weeks_of(db, [1] * 3)

    found = signals(db, "all", now=NOW, base_url="http://x")

    assert {one.signal for one in found} == {"too_few"}
    assert {one.momentum for one in found} == {None}


def test_a_segment_without_articles_has_no_signal(db):
    weeks_of(db, [1] * 3)

    assert signals(db, "lang:zh", now=NOW, base_url="http://x") == []


# ---------------------------------------------------------------- outbox


def some_news(*names):
    return [News("story", iso(NOW), {"title": name}, {name: ""}) for name in names]


def test_a_batch_waits_until_all_of_its_deliveries_are_done(db):
    made(db, deliveries=(HOOK, FEED))
    keys = (STDOUT, HOOK.key, FEED.key)
    batch = write_batch(db, "gpu", some_news("a"), now=NOW)

    for key in keys:
        assert [waiting.number for waiting in pending_batches(db, "gpu")] == [batch.number]
        assert pending_counts(db) == {"gpu": 1}
        batch = mark_delivered(db, batch, key, of=keys, now=LATER)

    assert list(pending_batches(db, "gpu")) == []
    assert one(db, "SELECT done_at FROM watch_batches") == (iso(LATER),)


def test_batches_come_out_as_they_went_in_the_oldest_first(db):
    made(db)
    made(db, "other")
    batches = [write_batch(db, "gpu", some_news(f"n{n}"), now=NOW) for n in range(3)]
    write_batch(db, "other", some_news("n0"), now=NOW)

    assert list(pending_batches(db, "gpu")) == batches


def test_the_newest_batches_hold_the_items_asked_for(db):
    made(db)
    numbers = [write_batch(db, "gpu", some_news(f"a{n}", f"b{n}"), now=NOW).number for n in range(4)]

    assert [one.number for one in newest_batches(db, "gpu", items=3)] == [numbers[3], numbers[2]]
    assert [one.number for one in newest_batches(db, "gpu", items=2, up_to=numbers[1])] == [numbers[1]]
    assert [one.number for one in newest_batches(db, "gpu", items=99)] == numbers[::-1]


def test_a_watch_comes_back_as_it_was_made(db):
    said = {
        "entities": ("nvidia-h100", "nvidia"), "kinds": (), "about_only": True, "segment": "lang:zh",
        "words": 'a "b" 数据', "price_units": ("card",), "what": ("prices",), "signals": ("rising",),
    }  # fmt: skip
    watch = made(db, deliveries=(HOOK, Delivery("command", ("mail", "-s", "a b\udcff", "me"))), **said)

    assert watch.filter.since == iso(NOW - 7 * DAY)
    assert {name: getattr(watch.filter, name) for name in said} == said
    assert watch.deliveries[1].target == ("mail", "-s", "a b\udcff", "me")
    assert all_watches(db) == [watch]


def test_the_key_of_a_delivery_does_not_hold_what_may_be_a_secret():
    assert "key" not in HOOK.key
    assert "hooks" not in HOOK.key
    assert HOOK.key != Delivery("webhook", ("https://hooks.example/x?key=2",)).key


def test_a_removed_watch_leaves_nothing_and_its_ids_do_not_come_again(db):
    made(db)
    before = write_batch(db, "gpu", some_news("a"), now=NOW)
    remove_watch(db, "gpu")
    left = [one(db, f"SELECT count(*) FROM {table}")[0] for table in ("watches", "watch_batches", "watch_items")]
    made(db)
    after = write_batch(db, "gpu", some_news("a"), now=LATER)

    assert left == [0, 0, 0]
    assert before.id != after.id


def test_what_was_looked_at_is_noted(db):
    made(db)
    mark_looked(db, "gpu", now=LATER)

    assert watch_of(db).looked_at == iso(LATER)
