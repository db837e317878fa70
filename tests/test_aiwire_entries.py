"""Entry -> article: identity, change, text and date, as plain values."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiwire.pipeline.entries import FUTURE, OLDEST, dated, drafts, entry_hash, new_or_changed
from aiwire.types import Entry, Source, StoredArticle

NOW = datetime(2026, 3, 2, 6, tzinfo=UTC)
SOURCE = Source("wire", "Wire", "feed", "https://wire.example/feed", "wire", language="en")


def _updates(*entries, known=(), source=SOURCE, short=200, first_answer=False):
    stored = {article.url: article for article in known}
    return list(
        new_or_changed(
            drafts(entries, source=source),
            stored,
            source=source,
            language=None,
            now=NOW,
            full_text_below_words=short,
            first_answer=first_answer,
        )
    )


def _stored(entry, url="https://wire.example/a", source_id="wire", owner_active=True):
    return StoredArticle(7, url, source_id, entry_hash(entry), "feed", owner_active)


def test_a_new_entry_becomes_an_article():
    entry = Entry("g1", "https://wire.example/a?utm_source=x#top", "Title", "Ann", NOW, summary="<p>One &amp; two</p>")

    [update] = _updates(entry)

    assert (update.url, update.title, update.text, update.published_at, update.dated_at, update.date_source) == (
        "https://wire.example/a",
        "Title",
        "One & two",
        NOW,
        NOW,
        "published",
    )
    assert (update.article_id, update.wants_page, update.language) == (None, True, "en")


def test_an_entry_that_says_the_same_is_nothing_to_save():
    entry = Entry("g1", "https://wire.example/a", "Title", published=NOW)

    assert _updates(entry, known=[_stored(entry)]) == []


def test_an_entry_that_says_something_else_changes_its_article():
    old, new = (Entry("g1", "https://wire.example/a", title) for title in ("Old", "New"))

    [update] = _updates(new, known=[_stored(old)])

    assert (update.article_id, update.title) == (7, "New")


def test_an_article_belongs_to_the_source_that_brought_it_first():
    old, new = (Entry("g1", "https://wire.example/a", title) for title in ("Old", "New"))

    assert _updates(new, known=[_stored(old, source_id="other")]) == []


def test_an_article_whose_source_is_gone_is_taken_over_changed_or_not():
    entry = Entry("g1", "https://wire.example/a", "Title")

    [update] = _updates(entry, known=[_stored(entry, source_id="gone", owner_active=False)])

    assert update.article_id == 7


def test_what_a_first_answer_holds_without_a_date_is_a_backlog():
    undated, dated_ = (
        Entry("1", "https://wire.example/a", "A"),
        Entry("2", "https://wire.example/b", "B", published=NOW),
    )
    absurd = Entry("3", "https://wire.example/c", "C", published=datetime(1970, 1, 1, tzinfo=UTC))

    first = _updates(undated, dated_, absurd, first_answer=True)
    later = _updates(undated, dated_, absurd)

    assert [u.date_source for u in first] == ["backlog", "published", "backlog"]
    assert [u.date_source for u in later] == ["first_seen", "published", "first_seen"]


def test_of_two_entries_with_one_address_and_one_guid_or_title_the_first_wins():
    url = "https://wire.example/a"
    updates = _updates(Entry("1", url, "A"), Entry("1", url, "A, again"), Entry("2", f"{url}#x", "A"))

    assert [(u.url, u.title) for u in updates] == [(url, "A")]


def test_the_entries_of_a_changelog_are_articles_of_their_own():
    page = "https://wire.example/changelog"
    by_fragment = _updates(Entry(None, f"{page}#2.0", "Two"), Entry(None, f"{page}#1.9", "One nine"))
    by_guid = _updates(Entry("g2", page, "Two"), Entry("g1", page, "One nine"))

    assert [u.url for u in by_fragment] == [f"{page}#2.0", f"{page}#1.9"]
    assert len({u.url for u in by_guid}) == 2
    assert all(u.url.startswith(f"{page}#entry-") for u in by_guid)
    assert not any(u.wants_page for u in by_fragment + by_guid)


def test_a_changelog_that_shrinks_to_one_entry_does_not_bring_it_again():
    page = "https://wire.example/changelog"
    for entries in (
        (Entry("g2", page, "Two"), Entry("g1", page, "One")),
        (Entry("g2", f"{page}#2", "Two"), Entry("g1", f"{page}#1", "One")),
    ):
        known = [_stored(e, url=u.url) for e, u in zip(entries, _updates(*entries), strict=True)]

        assert _updates(entries[0], known=known) == []


def test_a_site_that_moves_to_https_does_not_publish_its_articles_again():
    entry = Entry("g1", "https://wire.example/a", "Title")

    assert _updates(entry, known=[_stored(entry, url="http://wire.example/a")]) == []


def test_an_entry_that_says_nothing_at_all_is_left_out():
    assert _updates(Entry(None, None, "")) == []


def test_an_entry_without_address_is_known_by_its_guid_and_gets_no_page():
    first, again = (_updates(Entry("ep-1", None, title))[0] for title in ("Episode", "Episode, corrected"))

    assert first.url == again.url
    assert first.url.startswith("https://wire.example/feed#entry-")
    assert not first.wants_page


def test_an_entry_without_address_and_guid_is_known_by_its_words():
    a, b = _updates(Entry(None, None, "A"), Entry(None, None, "B"))

    assert a.url != b.url


@pytest.mark.parametrize(
    ("full_text", "words", "wanted"),
    [("auto", 199, True), ("auto", 200, False), ("always", 500, True), ("never", 3, False)],
)
def test_the_page_is_wanted_where_the_feeds_text_is_short(full_text, words, wanted):
    source = Source("wire", "Wire", "feed", "https://wire.example/feed", "wire", full_text=full_text)

    [update] = _updates(Entry("1", "https://wire.example/a", "T", content="word " * words), source=source)

    assert update.wants_page is wanted


def test_the_longer_of_content_and_summary_is_the_text():
    [update] = _updates(Entry("1", "https://wire.example/a", "T", summary="A much longer summary.", content="Short."))

    assert update.text == "A much longer summary."


def test_an_entry_without_title_is_called_by_its_first_words():
    [update] = _updates(Entry("1", "https://wire.example/a", "", summary="Just a note.\nMore."))

    assert update.title == "Just a note."


@pytest.mark.parametrize(
    ("stated", "counts"),
    [
        pytest.param(None, (NOW, "first_seen"), id="none"),
        pytest.param(datetime(1970, 1, 1, tzinfo=UTC), (NOW, "first_seen"), id="epoch"),
        pytest.param(NOW + timedelta(days=30), (NOW, "first_seen"), id="far-ahead"),
        pytest.param(NOW + timedelta(hours=20), (NOW + timedelta(hours=20), "published"), id="time-zone-slip"),
    ],
)
def test_an_absent_or_absurd_date_is_replaced_by_first_seen(stated, counts):
    assert dated(stated, "published", NOW) == counts


@given(st.datetimes(timezones=st.just(UTC)))
def test_the_date_that_counts_is_always_plausible(stated):
    when, _ = dated(stated, "published", NOW)

    assert OLDEST <= when <= NOW + FUTURE


@given(st.text(), st.text())
def test_different_words_have_different_fingerprints(a, b):
    same = entry_hash(Entry("g", "u", a)) == entry_hash(Entry("g", "u", b))

    assert same == (a == b)
