"""What a page does to its article, and when a failed one is tried again."""

from datetime import UTC, datetime, timedelta

import pytest

from aiwire.exceptions import ExtractError, FetchError
from aiwire.pipeline.pages import after_failure, after_opt_out, after_success
from aiwire.types import Extracted, FetchResult, Page, PendingPage, Request

NOW = datetime(2026, 3, 2, 6, tzinfo=UTC)
URL = "https://wire.example/a"


def _pending(**changes):
    values = {
        "article_id": 1, "source_id": "wire", "url": URL, "attempts": 0, "tried_at": None, "title": "Feed title",
        "text": "Feed text.", "text_origin": "feed", "language": None, "published_at": NOW, "dated_at": NOW,
        "date_source": "published", "author": None,
    }  # fmt: skip
    return PendingPage(**(values | changes))


def _result(error):
    return FetchResult(Request(URL, "wire", "page", 1), error, 5, 0)


def _extracted(**changes):
    values = {
        "url": URL, "canonical_url": None, "title": "Page title", "author": "Ann", "published": None,
        "date_source": None, "language": "en", "text": "The whole text of the page.", "paywalled": False,
    }  # fmt: skip
    return Extracted(**(values | changes))


def test_a_failing_page_is_tried_after_6_hours_1_day_and_3_days_then_given_up():
    error = FetchError(URL, "HTTP 500", reason="status", status=500)
    pending, now, waits = _pending(), NOW, []
    while True:
        page = after_failure(pending, error, _result(error), now=now).page
        if page.next_at is None:
            break
        waits.append(page.next_at - now)
        now = page.next_at
        pending = _pending(attempts=page.attempts, tried_at=page.tried_at)

    assert waits == [timedelta(hours=6), timedelta(days=1), timedelta(days=3)]
    assert page == Page("failed", 4, now, None, "HTTP 500")


def test_a_second_try_at_the_same_instant_is_the_same_try():
    error = FetchError(URL, "HTTP 500", reason="status", status=500)
    first = after_failure(_pending(), error, _result(error), now=NOW).page

    again = after_failure(_pending(attempts=1, tried_at=NOW), error, _result(error), now=NOW).page

    assert again == first


def test_a_page_that_is_no_html_is_given_up_at_once():
    error = ExtractError(URL, "a PDF")

    assert after_failure(_pending(), error, _result(error), now=NOW).page == Page("failed", 1, NOW, None, "a PDF")


def test_a_page_that_the_archive_lacks_stays_pending_and_counts_no_try():
    error = FetchError(URL, "not in x.warc.gz", reason="not-in-archive")

    assert after_failure(_pending(), error, _result(error), now=NOW).page == Page(
        "pending", 0, None, None, "not in the archive that was replayed"
    )


def test_the_pages_text_replaces_the_feeds_but_not_its_title_and_date():
    update = after_success(_pending(), _extracted(published=NOW - timedelta(days=9)), _result(None), now=NOW)

    assert update.extracted is not None
    assert (update.extracted.text, update.text_origin) == ("The whole text of the page.", "page")
    assert (update.title, update.author, update.published_at, update.language) == ("Feed title", "Ann", NOW, "en")
    assert update.page == Page("fetched", 1, NOW, None, None)


def test_a_page_that_says_less_than_the_feed_leaves_the_feeds_text():
    update = after_success(
        _pending(text="A longer text than the page has."), _extracted(text="Log in."), _result(None), now=NOW
    )

    assert update.extracted is not None
    assert (update.extracted.text, update.text_origin) == ("A longer text than the page has.", "feed")
    assert update.page.error == "the page holds less text than the feed"


def test_an_edited_page_replaces_the_pages_text_even_if_it_is_somewhat_shorter():
    pending = _pending(text_origin="page", text="An earlier and longer text.")

    update = after_success(pending, _extracted(text="A later, shorter text."), _result(None), now=NOW)

    assert update.extracted is not None
    assert (update.extracted.text, update.text_origin) == ("A later, shorter text.", "page")


@pytest.mark.parametrize("wall", ["", "Please enable JavaScript."])
def test_a_wall_where_the_page_was_leaves_the_text_that_was_read_before(wall):
    pending = _pending(text_origin="page", text="A full article. " * 20)

    update = after_success(pending, _extracted(text=wall), _result(None), now=NOW)

    assert update.extracted is not None
    assert (update.extracted.text, update.text_origin) == (pending.text, "page")
    assert update.page.error


def test_the_pages_date_counts_where_the_feed_has_none():
    stated = NOW - timedelta(days=2)
    pending = _pending(published_at=None, date_source="first_seen")

    update = after_success(pending, _extracted(published=stated, date_source="json-ld"), _result(None), now=NOW)

    assert (update.published_at, update.dated_at, update.date_source) == (stated, stated, "json-ld")


@pytest.mark.parametrize(
    ("of_feed", "rung", "counts"),
    [
        ("published", "json-ld", "published"),
        ("updated", "json-ld", "json-ld"),
        ("lastmod", "meta", "meta"),
        ("updated", "htmldate", "updated"),
        ("lastmod", "url", "lastmod"),
        ("backlog", "url", "url"),
    ],
)
def test_the_pages_date_goes_over_a_date_of_change_but_not_by_guessing(of_feed, rung, counts):
    stated = NOW - timedelta(days=2)

    update = after_success(
        _pending(date_source=of_feed), _extracted(published=stated, date_source=rung), _result(None), now=NOW
    )

    assert (update.date_source, update.dated_at) == (counts, stated if counts == rung else NOW)


def test_a_page_with_a_date_in_the_future_leaves_the_date_that_counts():
    pending = _pending(published_at=None, date_source="first_seen", date_flaw="absurd")

    update = after_success(
        pending, _extracted(published=NOW + timedelta(days=9), date_source="meta"), _result(None), now=NOW
    )

    assert (update.published_at, update.dated_at, update.date_source, update.date_flaw) == (
        None, NOW, "first_seen", "absurd",
    )  # fmt: skip


def test_of_a_page_that_its_publisher_reserves_only_the_reservation_is_taken():
    update = after_opt_out(_pending(), _extracted(rights="tdm-reservation: 1"), _result(None), now=NOW)

    assert update.extracted is not None
    assert (update.extracted.text, update.text_origin, update.author) == ("Feed text.", "feed", None)
    assert update.extracted.rights == "tdm-reservation: 1"
    assert (update.page.state, update.page.next_at) == ("failed", None)
    assert "reserves it from text and data mining" in update.page.error


def test_an_address_inside_of_our_network_is_not_tried_again():
    error = FetchError(URL, "an address of the local network", reason="address")

    assert after_failure(_pending(), error, _result(error), now=NOW).page.state == "failed"
