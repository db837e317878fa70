"""What feeds say about when to ask again, and what they say that makes no sense."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aiwire.types import FeedHints
from ingest.feeds.hints import feed_hints, make_hints
from ingest.feeds.parse import parse_feed

URL = "https://example.org/feed.xml"
NAMES = (
    "xmlns:sy='http://purl.org/rss/1.0/modules/syndication/' xmlns:atom='http://www.w3.org/2005/Atom'"
    " xmlns:dc='http://purl.org/dc/elements/1.1/'"
)


def hints(
    channel: str, items: str = "<item><title>t</title><ttl>7</ttl></item>", end: str = "</channel></rss>"
) -> FeedHints:
    body = f"<rss version='2.0' {NAMES}><channel>{channel}{items}{end}"
    return parse_feed(body.encode(), url=URL).hints


def test_the_hints_of_a_feed_are_found() -> None:
    channel = (
        "<ttl> 30 </ttl><sy:updatePeriod>daily</sy:updatePeriod><sy:updateFrequency>4</sy:updateFrequency>"
        "<skipHours><hour>2</hour><hour>1</hour><hour>24</hour></skipHours>"
        "<skipDays><day>Sunday</day><day>monday</day></skipDays>"
        "<atom:link rel='self hub' href='/hub'/><atom:link rel='hub' href='https://other.example/'/>"
    )

    found = hints(channel)

    assert found == FeedHints(
        ttl_s=1800, period_s=21_600, skip_hours=(0, 1, 2), skip_days=(0, 6), hub="https://example.org/hub"
    )


def test_an_item_gives_no_hint() -> None:
    assert hints("") == FeedHints()


@pytest.mark.parametrize("end", ["</channel></rss>", "&broken", "</channel>"])
def test_the_hints_of_a_broken_feed_are_found_too(end: str) -> None:
    assert hints("<ttl>60</ttl>", end=end).ttl_s == 3600


def test_hints_behind_the_items_of_a_sound_feed_count() -> None:
    assert hints("", end="<ttl>60</ttl></channel></rss>").ttl_s == 3600


@pytest.mark.parametrize("ttl", ["0", "-5", "", "soon", "0.5", "99999999", "1e9", "١٢٣٤٥٦٧٨٩٠"])
def test_an_absurd_ttl_is_none(ttl: str) -> None:
    assert hints(f"<ttl>{ttl}</ttl>").ttl_s is None


@pytest.mark.parametrize(
    ("period", "frequency", "seconds"),
    [
        ("hourly", "2", 1800),
        ("Hourly", None, 3600),
        ("dayly", "1", 86_400),
        ("day", "1", 86_400),
        (" weekly\n", "7", 86_400),
        ("monthly", "0.1", 25_920_000),
        ("yearly", "1", 31_536_000),
        (None, "24", 3600),
        ("always", "1", None),
        ("hourly", "0", None),
        ("hourly", "1000", None),
        ("yearly", "0.1", None),
        ("hourly", "often", None),
        ("", "", None),
    ],
)
def test_the_syndication_module_gives_a_period(period: str | None, frequency: str | None, seconds: int | None) -> None:
    channel = f"<sy:updatePeriod>{period}</sy:updatePeriod>" if period is not None else ""
    channel += f"<sy:updateFrequency>{frequency}</sy:updateFrequency>" if frequency is not None else ""

    assert hints(channel).period_s == seconds


def test_a_feed_that_skips_every_hour_or_day_does_not_mean_it() -> None:
    hours = "".join(f"<hour>{hour}</hour>" for hour in range(24))
    days = "".join(f"<day>{day}day</day>" for day in ("Mon", "Tues", "Wednes", "Thurs", "Fri", "Satur", "Sun"))

    found = hints(f"<skipHours>{hours}</skipHours><skipDays>{days}</skipDays>")

    assert (found.skip_hours, found.skip_days) == ((), ())


def test_wrong_hours_and_days_are_left_out() -> None:
    found = hints(
        "<skipHours><hour>25</hour><hour>x</hour><hour>7</hour></skipHours><skipDays><day>Noday</day></skipDays>"
    )

    assert (found.skip_hours, found.skip_days) == ((7,), ())


def test_an_atom_feed_and_a_json_feed_name_their_hub() -> None:
    atom = b"<feed xmlns='http://www.w3.org/2005/Atom'><link rel='hub' href='https://hub.example/'/></feed>"
    hubs = [{"type": "rssCloud", "url": "https://no.example/"}, "x", {"type": "WebSub", "url": "https://hub.example/"}]
    feed = {"version": "https://jsonfeed.org/version/1.1", "items": [], "hubs": hubs}

    found = [parse_feed(body).hints.hub for body in (atom, json.dumps(feed).encode())]

    assert found == ["https://hub.example/"] * 2


def test_a_hub_without_a_web_address_is_none() -> None:
    assert hints("<atom:link rel='hub' href='javascript:x'/><atom:link rel='hub'/>").hub is None


@given(st.binary(max_size=200), st.sampled_from([b"", b"<rss><ttl>", b"<link rel='hub' "]))
@settings(max_examples=200, deadline=None)
def test_no_bytes_raise(rest: bytes, start: bytes) -> None:
    assert isinstance(feed_hints(start + rest, URL), FeedHints)


texts = st.dictionaries(
    st.sampled_from(["ttl", "updateperiod", "updatefrequency", "hour", "day"]),
    st.lists(st.text(max_size=6) | st.from_regex(r"-?[0-9.]{1,8}|hourly|daily|Mon|Sun", fullmatch=True), max_size=4),
)


@given(texts)
@settings(max_examples=300, deadline=None)
def test_hints_are_sensible_or_absent(found: dict[str, list[str]]) -> None:
    made = make_hints(found)

    assert all(seconds is None or 60 <= seconds <= 366 * 86_400 for seconds in (made.ttl_s, made.period_s))
    assert set(made.skip_hours) < set(range(24))
    assert set(made.skip_days) < set(range(7))
