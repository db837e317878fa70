"""What the checks of a source leave behind, in SQLite and back."""

import json
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta

import pytest
from db_rows import NOW, answer, article, id_of, make_db, one, page_update, save
from hypothesis import given
from hypothesis import strategies as st

from aiwire.exceptions import FetchError
from aiwire.types import (
    FetchResult,
    Hop,
    LaneState,
    ListingRule,
    NotModified,
    Request,
    Response,
    RobotsFile,
    SeenItem,
    Source,
    SourceState,
    SourceUpdate,
)
from db.dump import dump_rows
from db.lanes import lane_states, robots_files, save_lanes
from db.runs import finish_run
from db.state import seen_items, source_states
from db.store import known_canonicals, known_guids, save_page, save_robots, save_source, save_source_state, sync_sources

MOMENTS = st.none() | st.integers(0, 10**9).map(lambda s: datetime(2000, 1, 1, tzinfo=UTC) + timedelta(seconds=s))
TEXTS = st.none() | st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
STATES = st.builds(
    SourceState,
    source_id=st.just("example"),
    etag=TEXTS,
    validators_trusted=st.booleans(),
    ok_at=MOMENTS,
    next_check_at=MOMENTS,
    new_gap_s=st.none() | st.floats(0, 1e9),
    skip_hours=st.lists(st.integers(0, 23), max_size=4).map(tuple),
    skip_days=st.lists(st.integers(0, 6), max_size=4).map(tuple),
    entries=st.none() | st.integers(0, 5000),
    error_weight=st.floats(0, 100),
    failing_since=MOMENTS,
    moved_to=TEXTS,
)
SHARED_DB = make_db()
ITEM = SeenItem("d1", "https://example.org/a", "k", "w", "")


@given(STATES)
def test_a_state_comes_back_as_it_was_stored(state):
    save_source_state(SHARED_DB, state, now=NOW)

    assert source_states(SHARED_DB)["example"] == state


def test_every_field_of_a_state_has_a_column(db):
    columns = {row[1] for row in db.execute("PRAGMA table_info(source_state)")}

    assert columns == {field.name for field in fields(SourceState)} | {"sample"}


def test_the_items_of_the_last_document_replace_those_of_the_one_before(db):
    other = replace(ITEM, digest="d2", fragment="2")
    state = SourceState("example")

    save_source(db, SourceUpdate(state, answer(), seen=(ITEM,)), run_id=1, now=NOW)
    save_source(db, SourceUpdate(state, answer(), seen=(other,)), run_id=1, now=NOW)
    save_source(db, SourceUpdate(state, answer(), seen=None), run_id=1, now=NOW)

    assert seen_items(db, "example") == {"d2": other}


def test_the_sample_of_an_unreadable_body_stays_until_an_answer_can_be_read(db):
    def stored(sample):
        save_source(db, SourceUpdate(SourceState("example"), answer(), sample=sample), run_id=1, now=NOW)
        return one(db, "SELECT sample FROM source_state WHERE source_id = 'example'")[0]

    assert [stored(b"<oops"), stored(None)] == [b"<oops", None]


def test_a_move_is_history(db):
    update = SourceUpdate(SourceState("example"), answer(), moved=("https://old.example/", "https://new.example/"))

    save_source(db, update, run_id=1, now=NOW)

    assert db.execute("SELECT source_id, url_before, url_after FROM source_moves").fetchall() == [
        ("example", "https://old.example/", "https://new.example/")
    ]


def test_another_address_in_the_list_forgets_validators_and_items_but_not_that_the_source_was_read(db):
    state = SourceState("example", etag='"1"', ok_at=NOW, moved_to="https://moved.example/", status="gone")
    save_source(db, SourceUpdate(state, answer(), seen=(ITEM,)), run_id=1, now=NOW)

    sync_sources(db, [Source("example", "Example", "feed", "https://example.org/other", "example")])

    assert source_states(db)["example"] == SourceState("example", ok_at=NOW)
    assert seen_items(db, "example") == {}


def test_a_source_that_leaves_the_list_has_the_items_of_all_others_looked_at_again(db):
    state = SourceState("mirror", etag='"1"', body_hash="h")
    save_source(db, SourceUpdate(state, answer(), seen=(ITEM,)), run_id=1, now=NOW)

    sync_sources(db, [Source("mirror", "Mirror", "feed", "https://mirror.example/feed", "example")])

    assert seen_items(db, "mirror") == {}
    assert (source_states(db)["mirror"].etag, source_states(db)["mirror"].body_hash) == (None, None)


def test_lanes_come_back_as_they_were_stored_and_with_every_request(db):
    blocked = LaneState("example.org", 0.25, 30.0, NOW, 1.5, NOW + timedelta(hours=1), "429")

    save_source(db, SourceUpdate(SourceState("example"), replace(answer(), lane=blocked)), run_id=1, now=NOW)
    save_lanes(db, [LaneState("other.example")])

    assert lane_states(db) == {"example.org": blocked, "other.example": LaneState("other.example")}


def test_a_robots_file_is_kept_with_the_ai_crawlers_that_it_keeps_out_and_counts_as_no_source(db):
    file = RobotsFile("https://example.org", NOW, 200, "User-agent: GPTBot\nDisallow: /")
    fetch = answer("https://example.org/robots.txt", purpose="robots")

    save_robots(db, file, fetch, ai_opt_outs=("GPTBot", "CCBot"), run_id=1, now=NOW)
    finish_run(db, 1, now=NOW)

    assert robots_files(db) == {"https://example.org": file}
    assert one(db, "SELECT ai_opt_outs FROM robots") == ("GPTBot, CCBot",)
    assert one(db, "SELECT sources_ok FROM runs WHERE id = 1") == (0,)


def test_a_request_is_recorded_with_its_redirects_and_the_way_its_body_was_read(db):
    url = "https://example.org/feed"
    hops = (Hop("https://example.org/feed", 301), Hop("https://example.org/f", 302))
    read = FetchResult(Request(url, "example", "feed"), Response(url, url + "2", 200, {}, b"", hops), 1, 0)
    same = FetchResult(Request(url, "example", "feed"), NotModified(url, {}, url + "2", hops[:1]), 1, 0)

    save_source(db, SourceUpdate(SourceState("example"), read, mode="delta"), run_id=1, now=NOW)
    save_source(db, SourceUpdate(SourceState("example"), same), run_id=1, now=NOW)

    rows = db.execute("SELECT hops, mode, final_url FROM fetches ORDER BY id").fetchall()
    assert [(json.loads(row[0]), row[1], row[2]) for row in rows] == [
        ([[301, hops[0].url], [302, hops[1].url]], "delta", url + "2"),
        ([[301, hops[0].url]], None, url + "2"),
    ]


def test_articles_are_known_by_a_guid_that_only_one_of_the_source_has(db):
    save(db, article("a"), article("b", guid="shared"), article("c", guid="shared"))
    save(db, article("d", guid="a"), source_id="vendor")

    found = known_guids(db, "example", ["a", "shared", "none"])

    assert {guid: stored.url for guid, stored in found.items()} == {"a": "https://example.org/a"}
    assert (found["a"].title, found["a"].published_at) == ("Title of a", NOW)


def test_articles_are_known_by_the_address_that_their_page_declares_if_it_is_theirs_alone(db):
    save(db, article("a"), article("b"), article("c"))
    for name, canonical in (("a", "one"), ("b", "many"), ("c", "many")):
        update = page_update(id_of(db, name), "Text of the page.")
        declared = replace(update.extracted, canonical_url=f"https://example.org/{canonical}")
        save_page(db, replace(update, extracted=declared), run_id=1, now=NOW)

    found = known_canonicals(db, [f"https://example.org/{name}" for name in ("one", "many", "none")])

    assert {url: stored.url for url, stored in found.items()} == {"https://example.org/one": "https://example.org/a"}


def test_other_rules_for_a_listing_make_its_page_be_read_again(db):
    def source(item):
        return Source("example", "E", "listing", "https://example.org/feed", "example", listing=ListingRule(item))

    sync_sources(db, [source("li")])
    state = SourceState("example", etag='"1"', body_hash="h", ok_at=NOW)
    for rule in ("li", "article"):
        save_source_state(db, state, now=NOW)
        sync_sources(db, [source(rule)])

        assert (source_states(db)["example"].etag is None) is (rule == "article")


def test_of_an_article_that_is_edited_all_the_time_the_first_and_the_newest_versions_are_kept(db):
    for n in range(40):
        save(db, article("a", f"Text number {n} of NVIDIA."))

    versions = [row[0] for row in db.execute("SELECT text FROM article_versions ORDER BY version")]
    assert len(versions) == 24
    assert (versions[0], versions[1], versions[-1]) == (
        "Text number 0 of NVIDIA.", "Text number 16 of NVIDIA.", "Text number 38 of NVIDIA.",
    )  # fmt: skip


@pytest.mark.parametrize(("rung", "kept"), [("published", 1), ("updated", 0), ("lastmod", 0)])
def test_a_date_of_change_that_is_stamped_anew_is_no_edit(db, rung, kept):
    for day in (NOW - timedelta(1), NOW):
        save(db, article("a", day=day, date_source=rung))

    assert db.execute("SELECT count(*) FROM article_versions").fetchone() == (kept,)


def test_a_date_of_change_does_not_go_over_one_of_publication(db):
    save(db, article("a", day=NOW - timedelta(9), date_source="json-ld"))
    save(db, article("a", "Another text.", day=NOW, date_source="lastmod"))

    assert one(db, "SELECT dated_at, date_source FROM articles") == ("2026-11-14T06:00:00Z", "json-ld")


def test_a_flawed_date_is_flagged_until_a_plausible_one_is_stated(db):
    save(db, article("a", date_source="first_seen", date_flaw="future"))
    first = one(db, "SELECT date_flaw FROM articles")
    save(db, article("a", "Another text.", date_source="published"))

    assert (first, one(db, "SELECT date_flaw FROM articles")) == (("future",), (None,))


def test_what_politeness_remembers_is_no_part_of_a_comparison_of_two_databases(db):
    before = dump_rows(db)

    save_lanes(db, [LaneState("example.org", latency_s=0.3)])
    save_robots(db, RobotsFile("https://example.org", NOW, None, "", "no answer"),
                FetchResult(Request("https://example.org/robots.txt", "example", "robots"),
                            FetchError("u", "x", reason="timeout"), 1, 0),
                ai_opt_outs=(), run_id=1, now=NOW)  # fmt: skip

    assert dump_rows(db) == before
