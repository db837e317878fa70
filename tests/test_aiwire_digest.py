"""Digests as text, JSON and Atom: for any words, what comes out can be read by what reads such things."""

import json
from xml.sax.saxutils import unescape

import feedparser
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from aiwire.cli.common import printable
from aiwire.digest import as_atom, as_json, as_text, counted, file_json, file_text, newest
from db.watches import Batch

AT = "2026-11-23T06:00:00Z"
ATOM = "{http://www.w3.org/2005/Atom}"


def story(article=1, **more):
    values = {
        "story": article, "article": article, "title": "H100 rents fall", "url": f"https://example.org/{article}",
        "publisher": "example", "owned": False, "dated_at": "2026-11-22T08:00:00Z", "articles": 1,
        "publishers": ["example"],
        "entities": [{"id": "nvidia-h100", "name": "NVIDIA H100", "evidence": "The H100 is for rent."}],
        "snippet": "", "copies": [],
    }  # fmt: skip
    return values | more


def price(**more):
    values = {
        "article": 1, "title": "H100 rents fall", "url": "https://example.org/1", "publisher": "example",
        "dated_at": "2026-11-22T08:00:00Z", "entity": "nvidia-h100", "name": "NVIDIA H100", "amount": 2.99,
        "amount_max": None, "currency": "USD", "unit": "gpu-hour", "qualifier": "on-demand", "implausible": False,
        "quote": "$2.99", "sentence": "It costs $2.99.",
    }  # fmt: skip
    return values | more


def signal(**more):
    values = {
        "entity": "nvidia-h100", "name": "NVIDIA H100", "kind": "accelerator", "segment": "all", "signal": "rising",
        "before": "flat", "week": "2026-11-16", "stories": 23, "share": 0.041, "momentum": 2.0, "momentum_lo": 1.4,
        "momentum_hi": 2.9, "q": 0.031, "coverage_ok": True,
        "evidence_url": "http://127.0.0.1:8001/news/evidence?entity_id=nvidia-h100&grain=week",
    }  # fmt: skip
    return values | more


def batch(stories=(), prices=(), signals=(), *, number=17, made_at=AT):
    return Batch(number, "gpu", made_at, {"stories": list(stories), "prices": list(prices), "signals": list(signals)})


def feed(*batches):
    return as_atom("gpu", batches, updated=AT)


# ---------------------------------------------------------------- text


def test_a_digest_reads_as_a_person_would_write_it():
    text = as_text(batch([story(articles=3, publishers=["example", "other"])], [price()], [signal()]))

    assert text == (
        "gpu: 1 story, 1 price, 1 signal (2026-11-23T06:00:00Z, batch gpu.20261123T060000Z.17)\n"
        "\n"
        "2026-11-22  H100 rents fall\n"
        "            https://example.org/1\n"
        "            example, other; 3 articles\n"
        "            NVIDIA H100: “The H100 is for rent.”\n"
        "\n"
        "2026-11-22  NVIDIA H100: 2.99 USD per gpu-hour, on-demand\n"
        "            https://example.org/1\n"
        "            example: H100 rents fall\n"
        "            “It costs $2.99.”\n"
        "\n"
        "2026-11-16  NVIDIA H100: rising, was flat\n"
        "            week of 2026-11-16: 23 stories, 4.10% of all, momentum 2.00 (1.40 to 2.90), q 0.031\n"
        "            http://127.0.0.1:8001/news/evidence?entity_id=nvidia-h100&grain=week\n"
    )


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({"amount_max": 3.5}, "2.99 to 3.5 USD per gpu-hour"),
        ({"amount": 30000.0, "unit": "card"}, "30,000 USD per card"),
        ({"amount": 0.0005, "unit": "1M-tokens"}, "0.0005 USD per 1M-tokens"),
        ({"implausible": True}, "on-demand (implausible)"),
        ({"qualifier": None}, "2.99 USD per gpu-hour\n"),
        ({"unit": "other"}, "2.99 USD, on-demand"),
        ({"name": None, "entity": None}, "A price: 2.99 USD"),
    ],
)
def test_a_price_is_told_in_its_own_currency(more, expected):
    assert expected in as_text(batch(prices=[price(**more)]))


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({"segment": "lang:zh"}, "NVIDIA H100 (lang:zh): rising"),
        ({"before": ""}, "NVIDIA H100: rising\n"),
        ({"coverage_ok": False}, "some sources were missing that week"),
        ({"share": None, "momentum": None, "q": None}, "23 stories\n"),
        ({"stories": 1}, "1 story,"),
    ],
)
def test_a_signal_is_told_with_what_speaks_for_it(more, expected):
    assert expected in as_text(batch(signals=[signal(**more)]))


def test_a_vendors_own_voice_is_called_so():
    assert "example (a vendor's own voice)" in as_text(batch([story(owned=True)]))


def test_words_that_were_looked_for_are_shown_where_they_stand():
    assert "“the sovereign cloud”" in as_text(batch([story(entities=[], snippet="the sovereign cloud")]))


@pytest.mark.parametrize("numbers", [(0, 0, 0), (1, 0, 0), (2, 1, 0), (0, 0, 2)])
def test_what_is_in_a_batch_is_counted(numbers):
    stories, prices, signals = numbers
    said = counted(batch([story()] * stories, [price()] * prices, [signal()] * signals))

    assert said == {
        (0, 0, 0): "nothing", (1, 0, 0): "1 story", (2, 1, 0): "2 stories, 1 price", (0, 0, 2): "2 signals",
    }[numbers]  # fmt: skip


def columns(line):
    import unicodedata

    return sum(2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in line)


@given(st.lists(st.sampled_from(["word", "a", "数据中心", "longer-word", "，"]), max_size=60), st.integers(40, 120))
def test_lines_are_as_wide_as_they_may_be(words, width):
    text = as_text(batch([story(title=" ".join(words))]), width=width)

    assert all(columns(line) <= width for line in text.splitlines() if "://" not in line)
    assert "".join("".join(words).split()) in "".join(text.split())


def test_a_word_longer_than_a_line_is_not_parted():
    assert "x" * 150 in as_text(batch([story(title="x" * 150)]))


anything = st.text(st.characters(codec=None), max_size=60)  # lone surrogates, too


@given(anything, anything, anything)
def test_nothing_in_a_text_can_be_obeyed_by_a_terminal(title, sentence, name):
    entity = {"id": "x", "name": name, "evidence": sentence}
    told = batch(
        [story(title=title, url=f"https://example.org/{title}", publisher=name, entities=[entity])],
        [price(title=title, sentence=sentence, name=name, qualifier=title)],
        [signal(name=name)],
    )
    text = as_text(told) + file_text("gpu", [told])

    assert printable(text, keep="\n") == text
    assert all(line == line.rstrip() for line in text.splitlines())


# ---------------------------------------------------------------- JSON


def test_json_holds_the_batch_as_it_is():
    told = batch([story()], [price()], [signal()])

    assert as_json(told) == {
        "batch": "gpu.20261123T060000Z.17", "watch": "gpu", "made_at": AT,
        "stories": [story()], "prices": [price()], "signals": [signal()],
    }  # fmt: skip
    assert json.loads(json.dumps(file_json("gpu", [told]))) == {"watch": "gpu", "batches": [as_json(told)]}


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), max_size=6), st.integers(0, 12))
def test_the_newest_items_are_kept(sizes, items):
    batches = [
        batch([story(n) for n in range(stories)], [price()] * prices, number=100 - place)
        for place, (stories, prices) in enumerate(sizes)
    ]
    kept = newest(batches, items)

    assert sum(map(len, kept)) == min(items, sum(map(len, batches)))
    assert [one.number for one in kept] == [one.number for one in batches[: len(kept)]]
    assert kept[:-1] == batches[: len(kept) - 1] if kept else items == 0 or not batches


# ---------------------------------------------------------------- Atom


def test_a_feed_reader_finds_all_that_is_told():
    older = batch([story(2, title="Older")], number=16, made_at="2026-11-22T06:00:00Z")
    parsed = feedparser.parse(feed(batch([story(1)], [price()], [signal()]), older))

    assert not parsed.bozo
    assert parsed.version == "atom10"
    assert (parsed.feed.id, parsed.feed.title, parsed.feed.updated) == (
        "tag:aiwire.invalid,2026:gpu",
        "aiwire: gpu",
        AT,
    )
    assert [entry.title for entry in parsed.entries] == [
        "H100 rents fall", "NVIDIA H100: 2.99 USD per gpu-hour, on-demand", "NVIDIA H100: rising, was flat", "Older",
    ]  # fmt: skip
    first, second, third, last = parsed.entries
    assert first.link == "https://example.org/1"
    assert first.published == "2026-11-22T08:00:00Z"
    assert first.summary == "NVIDIA H100: “The H100 is for rent.”\nexample"
    assert first.author == "example"
    assert "It costs $2.99." in second.summary
    assert third.link == signal()["evidence_url"]
    assert [entry.updated for entry in parsed.entries] == [AT, AT, AT, "2026-11-22T06:00:00Z"]
    assert last.id == "tag:aiwire.invalid,2026:gpu/story/2"


def test_a_feed_without_entries_is_a_feed():
    parsed = feedparser.parse(feed())

    assert not parsed.bozo
    assert (parsed.feed.updated, parsed.entries) == (AT, [])


def test_every_entry_has_what_the_standard_wants_and_an_id_of_its_own():
    signals = [signal(), signal(segment="lang:zh"), signal(entity="nvidia")]
    prices = [price(), price(quote="$3"), price(unit="card"), price(article=2)]
    root = etree.fromstring(
        feed(batch([story(1), story(2)], prices, signals), batch(signals=signals, number=16)).encode()
    )

    ids = [entry.findtext(f"{ATOM}id") for entry in root.iter(f"{ATOM}entry")]
    assert len(set(ids)) == len(ids) == 12
    for entry in root.iter(f"{ATOM}entry"):
        assert all(entry.find(f"{ATOM}{name}") is not None for name in ("id", "title", "updated", "link", "summary"))


def test_ids_do_not_change_when_more_is_told():
    def ids(*batches):
        return [entry.id for entry in feedparser.parse(feed(*batches)).entries]

    before = batch([story()], [price()], [signal()])

    assert ids(batch([story(2)], number=18), before)[1:] == ids(before)


@given(anything, anything, anything)
def test_any_words_make_valid_xml(title, sentence, name):
    entity = {"id": "x", "name": name, "evidence": sentence}
    told = batch(
        [story(title=title, url=f"https://example.org/{title}", publisher=name, entities=[entity])],
        [price(title=title, sentence=sentence, name=name, quote=sentence)],
        [signal(name=name, entity=name)],
    )
    text = feed(told)
    root = etree.fromstring(text.encode())

    assert len(root.findall(f"{ATOM}entry")) == 3
    assert not feedparser.parse(text).bozo


def test_markup_in_a_title_stays_words():
    text = feed(batch([story(title="<script>alert(1)</script> & ]]> more")]))

    title = etree.fromstring(text.encode()).findtext(f"{ATOM}entry/{ATOM}title")
    assert title == "<script>alert(1)</script> & ]]> more"
    assert "<script>" not in text
    assert "<script>" in unescape(text)
