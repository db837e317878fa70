"""Entry -> article: identity, change, text and date, as plain values."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiwire.pipeline.entries import FUTURE, OLDEST, Dated, Reading, dated, new_or_changed
from aiwire.pipeline.identity import drafts, entry_hash, items_of, movable_guids
from aiwire.types import Entry, Source, StoredArticle

NOW = datetime(2026, 3, 2, 6, tzinfo=UTC)
SOURCE = Source("wire", "Wire", "feed", "https://wire.example/feed", "wire", language="en")


def _updates(*entries, known=(), source=SOURCE, short=200, first_answer=False, seen=(), places=(), **more):
    stored = {article.url: article for article in known}
    found = drafts(entries, source=source, seen=seen, places=places)
    unique = movable_guids(found)
    by_guid = {article.guid: article for article in known if article.guid in unique}
    reading = Reading(source, NOW, full_text_below_words=short, first_answer=first_answer, **more)
    return list(new_or_changed(found, stored, by_guid, reading=reading))


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
        pytest.param(None, Dated(NOW, "first_seen"), id="none"),
        pytest.param(datetime(1970, 1, 1, tzinfo=UTC), Dated(NOW, "first_seen", "absurd"), id="epoch"),
        pytest.param(NOW + timedelta(days=30), Dated(NOW, "first_seen", "future"), id="far-ahead"),
        pytest.param(NOW + timedelta(hours=8), Dated(NOW, "first_seen", "future"), id="time-zone-slip"),
        pytest.param(NOW + timedelta(minutes=5), Dated(NOW + timedelta(minutes=5), "published"), id="their-clock"),
    ],
)
def test_an_absent_absurd_or_future_date_is_replaced_by_first_seen_and_flagged(stated, counts):
    assert dated(stated, "published", NOW) == counts


def test_a_wrong_time_zone_in_a_first_answer_is_no_backlog():
    slip, far = (
        dated(NOW + ahead, "published", NOW, first_answer=True) for ahead in (timedelta(hours=9), timedelta(9))
    )

    assert (slip.source, far.source) == ("first_seen", "backlog")


@given(st.datetimes(timezones=st.just(UTC)))
def test_the_date_that_counts_is_always_plausible(stated):
    assert OLDEST <= dated(stated, "published", NOW).at <= NOW + FUTURE


def test_the_date_says_which_element_of_the_entry_gave_it():
    made, changed, touched = _updates(
        Entry("1", "https://wire.example/a", "A", published=NOW, date_source="created"),
        Entry("2", "https://wire.example/b", "B", updated=NOW, date_source="updated"),
        Entry("3", "https://wire.example/c", "C", updated=NOW, date_source="lastmod"),
    )

    assert [u.date_source for u in (made, changed, touched)] == ["created", "updated", "lastmod"]


@given(st.text(), st.text())
def test_different_words_have_different_fingerprints(a, b):
    same = entry_hash(Entry("g", "u", a)) == entry_hash(Entry("g", "u", b))

    assert same == (a == b)


def test_an_item_whose_address_changed_is_known_by_its_guid_if_title_or_date_agree():
    old = StoredArticle(7, "https://wire.example/old", "wire", "h", "feed", True, "g1", "Title", NOW)
    url = "https://wire.example/new"

    [same_title] = _updates(Entry("g1", url, "title", published=NOW - timedelta(1)), known=[old])
    [same_date] = _updates(Entry("g1", url, "Another title", published=NOW), known=[old])
    [neither] = _updates(Entry("g1", url, "Another title"), known=[old])

    assert [(u.article_id, u.url) for u in (same_title, same_date)] == [(7, old.url)] * 2
    assert (neither.article_id, neither.url) == (None, url)


def test_a_guid_that_several_items_of_a_document_share_identifies_none_of_them():
    old = StoredArticle(7, "https://wire.example/old", "wire", "h", "feed", True, "g1", "Title", NOW)

    updates = _updates(
        Entry("g1", "https://wire.example/x", "Title"), Entry("g1", "https://wire.example/y", "Title"), known=[old]
    )

    assert [u.article_id for u in updates] == [None, None]


def test_a_second_entry_on_a_page_does_not_bring_the_first_again():
    page = "https://wire.example/changelog"
    first = Entry("g1", page, "One")
    known = StoredArticle(7, page, "wire", entry_hash(first), "feed", True, "g1", "One")

    [update] = _updates(Entry("g2", page, "Two"), first, known=[known])

    assert (update.title, update.article_id) == ("Two", None)
    assert update.url.startswith(f"{page}#entry-")


def _stamped(number, moment):
    url = f"https://wire.example/{number}"
    return Entry(str(number), url, f"T{number}", published=moment, updated=moment, date_source="updated")


@pytest.mark.parametrize(("restamped", "changed"), [(1, 1), (3, 3), (4, 4), (6, 0), (10, 0)])
def test_a_feed_that_stamps_most_of_its_entries_anew_has_edited_none(restamped, changed):
    before = [_stamped(n, NOW - timedelta(2)) for n in range(10)]
    after = [_stamped(n, NOW if n < restamped else NOW - timedelta(2)) for n in range(10)]
    known = [replace(_stored(entry, url=entry.url), id=n) for n, entry in enumerate(before)]

    assert len(_updates(*after, known=known)) == changed


def test_of_a_document_split_into_seen_and_new_the_whole_counts():
    """Only what was restamped is left of such a document: three quarters of it say nothing new."""
    before = [_stamped(n, NOW - timedelta(2)) for n in range(5)]
    known = [replace(_stored(entry, url=entry.url), id=n) for n, entry in enumerate(before)]

    assert len(_updates(*(_stamped(n, NOW) for n in range(5)), known=known, entries=20)) == 5


def test_an_entry_that_was_edited_is_changed_however_many_others_were_restamped():
    before = [_stamped(n, NOW - timedelta(2)) for n in range(10)]
    after = [replace(_stamped(n, NOW), title=f"T{n}, corrected" if n == 4 else f"T{n}") for n in range(10)]
    known = [replace(_stored(entry, url=entry.url), id=n) for n, entry in enumerate(before)]

    assert [update.title for update in _updates(*after, known=known)] == ["T4, corrected"]


@pytest.mark.parametrize(
    ("stored", "asked", "same"),
    [
        ("https://wire.example/a", "https://wire.example/a/", True),
        ("https://wire.example/a/", "http://wire.example/a", True),
        ("https://wire.example/a?id=1", "https://wire.example/a/?id=1", True),
        ("https://wire.example/a?id=1", "https://wire.example/a?id=2", False),
        ("https://wire.example/", "https://wire.example/a", False),
        ("https://wire.example/a", "https://wire.example/a?ref=wire.example", True),
        ("https://wire.example/a", "https://wire.example/a?ref=other.example", False),
        ("https://wire.example/a?ref=main", "https://wire.example/a?ref=main", True),
    ],
)
def test_an_article_is_known_under_other_spellings_of_its_address(stored, asked, same):
    [update] = _updates(Entry(None, asked, "Another title"), known=[_stored(Entry(None, stored, "Title"), url=stored)])

    assert (update.article_id is not None) is same


CHANGELOG = st.lists(
    st.builds(
        Entry,
        guid=st.one_of(st.none(), st.sampled_from("abcd")),
        url=st.sampled_from(["https://wire.example/log", "https://wire.example/log#1", "https://wire.example/a"]),
        title=st.sampled_from(["", "One", "Two", "Three"]),
    ),
    max_size=6,
)


@given(CHANGELOG, st.sets(st.integers(0, 5)))
def test_items_left_out_as_seen_change_nothing_for_those_that_are_new(entries, left_out):
    """Whichever items are left out, the others keep the identity that they have in the whole document."""
    entries = [replace(entry, digest=str(place)) for place, entry in enumerate(entries)]
    fresh = [entry for place, entry in enumerate(entries) if place not in left_out]
    old = [(place, entry) for place, entry in enumerate(entries) if place in left_out]
    seen = items_of([entry for _, entry in old], source=SOURCE)
    places = [place - sum(other < place for other, _ in old) for place, _ in old]

    whole = {draft.entry.digest: draft for draft in drafts(entries, source=SOURCE)}
    rest = {draft.entry.digest: draft for draft in drafts(fresh, source=SOURCE, seen=seen, places=places)}

    assert rest == {digest: draft for digest, draft in whole.items() if int(digest) not in left_out}


def test_an_edit_is_seen_though_the_document_lists_the_item_twice():
    old, new = (Entry("g", "https://wire.example/a", title, digest=title) for title in ("Old", "New"))
    seen = items_of([old], source=SOURCE)

    [update] = _updates(new, known=[_stored(old)], seen=seen, places=[1])

    assert (update.article_id, update.title) == (7, "New")


def test_what_is_kept_of_an_item_tells_its_page_and_fragment_in_few_bytes():
    url = "https://wire.example/" + "x" * 9000
    one, two = items_of(
        [Entry("g", f"{url}#2", "T" * 9000, digest="d"), Entry("h", url, "", digest="e")], source=SOURCE
    )

    assert (one.digest, one.fragment, two.fragment) == ("d", "2", "")
    assert one.page == two.page
    assert all(len(value) <= 16 for item in (one, two) for value in (item.page, item.key, item.words))


NOTES = "https://wire.example/notes"


@pytest.mark.parametrize(
    ("before", "after", "changed"),
    [
        pytest.param(
            [Entry("t2", f"{NOTES}#d2", "Two"), Entry("t1", f"{NOTES}#d1", "One")],
            [Entry("t3", NOTES, "Three"), Entry("t2", f"{NOTES}#d2", "Two, edited"), Entry("t1", f"{NOTES}#d1", "One")],
            {"Three": False, "Two, edited": True},
            id="a newer one without fragment",
        ),
        pytest.param(
            [Entry("t2", f"{NOTES}#d2", "Two"), Entry("t1", f"{NOTES}#d1", "One")],
            [Entry("t3", f"{NOTES}#d2", "Three"), Entry("t2", f"{NOTES}#d2", "Two"), Entry("t1", f"{NOTES}#d1", "One")],
            {"Three": False},
            id="a second one with the same fragment",
        ),
        pytest.param(
            [Entry(None, NOTES, "Notes 1")],
            [Entry(None, NOTES, "Notes 2"), Entry(None, NOTES, "Notes 1")],
            {"Notes 2": False},
            id="no guids, a second one joins",
        ),
        pytest.param(
            [Entry("g0", NOTES, "T0"), Entry(None, f"{NOTES}#1", "T1")],
            [Entry("g0", "https://wire.example/other", "T0"), Entry(None, f"{NOTES}#1", "T1")],
            {},
            id="the other one moves away",
        ),
    ],
)
def test_entries_that_share_a_page_keep_their_articles_when_others_come_and_go(before, after, changed):
    stored = [
        StoredArticle(n, u.url, "wire", entry_hash(e), "feed", True, e.guid, e.title)
        for n, (e, u) in enumerate(zip(before, _updates(*before), strict=True), 1)
    ]

    updates = _updates(*after, known=stored)

    assert {update.title: update.article_id is not None for update in updates} == changed


def test_what_a_hostile_feed_says_at_length_is_stored_in_short_and_known_again():
    entry = Entry("g" * 10**6, "https://wire.example/a", "word " * 10**5, "a" * 10**6, NOW)
    [update] = _updates(entry)
    stored = StoredArticle(7, update.url, "wire", update.entry_hash, "feed", True, update.guid, update.title, NOW)

    [moved] = _updates(replace(entry, url="https://wire.example/b"), known=[replace(stored, entry_hash="other")])

    assert (len(update.title) <= 501, len(update.guid) <= 512, len(update.author)) == (True, True, 300)
    assert moved.article_id == 7
