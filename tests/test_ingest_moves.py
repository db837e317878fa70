from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from aiwire.types import Hop, NotModified, Response, Source, SourceState
from ingest.schedule.moves import address, follow_redirects, give_up_move, move_of

NOW = datetime(2026, 11, 23, 6, tzinfo=UTC)
OLD, NEW, OTHER, ELSEWHERE = (
    "https://example.com/feed",
    "https://www.example.com/rss",
    "https://news.example.com/atom",
    "https://example.net/feed",
)
SOURCE = Source(id="a", name="A", kind="feed", url=OLD, publisher="a")
DAY = timedelta(days=1)


def redirected(target: str, *statuses: int) -> Response:
    return Response(OLD, target, 200, {}, b"x", tuple(Hop(OLD, status) for status in statuses))


def seen(count: int, *, since: datetime = NOW - 2 * DAY, target: str = NEW, **values: object) -> SourceState:
    state = SourceState("a", redirect_to=target, redirect_since=since, redirect_count=count)
    return replace(state, **values)


def after(state: SourceState, answer: Response | NotModified, now: datetime = NOW) -> SourceState:
    return follow_redirects(SOURCE, state, answer, now=now)


@pytest.mark.parametrize("statuses", [(301,), (308,), (301, 308)])
def test_a_move_is_believed_at_the_third_sighting_over_two_days(statuses: tuple[int, ...]) -> None:
    first = after(SourceState("a"), redirected(NEW, *statuses), NOW - 2 * DAY)
    second = after(first, redirected(NEW, *statuses), NOW - DAY)
    third = after(second, redirected(NEW, *statuses))

    assert first == seen(1)
    assert second == seen(2)
    assert third == SourceState("a", moved_to=NEW)
    assert (address(SOURCE, second), address(SOURCE, third)) == (OLD, NEW)
    assert move_of(second, third, SOURCE) == (OLD, NEW)
    assert move_of(first, second, SOURCE) is None


def test_three_sightings_in_less_than_two_days_are_not_enough() -> None:
    since = NOW - 2 * DAY + timedelta(seconds=1)

    assert after(seen(2, since=since), redirected(NEW, 301)) == seen(3, since=since)


def test_two_sightings_are_not_enough_however_far_apart() -> None:
    assert after(seen(1, since=NOW - 90 * DAY), redirected(NEW, 301)) == seen(2, since=NOW - 90 * DAY)


def test_a_304_counts_as_a_sighting_too() -> None:
    answer = NotModified(OLD, {}, NEW, (Hop(OLD, 301),))

    assert after(seen(2), answer) == SourceState("a", moved_to=NEW)


@pytest.mark.parametrize("statuses", [(), (302,), (303,), (307,), (301, 302), (307, 308)])
def test_a_temporary_redirect_or_none_begins_the_count_anew(statuses: tuple[int, ...]) -> None:
    answer = redirected(NEW if statuses else OLD, *statuses)

    assert after(seen(2, suggestion="https://example.org/"), answer) == SourceState("a")


def test_another_target_begins_the_count_anew() -> None:
    assert after(seen(2), redirected(OTHER, 301)) == seen(1, since=NOW, target=OTHER)


def test_a_move_to_another_domain_is_named_and_not_followed() -> None:
    believed = after(seen(2, target=ELSEWHERE), redirected(ELSEWHERE, 301))
    again = after(believed, redirected(ELSEWHERE, 301), NOW + DAY)

    assert believed == seen(3, target=ELSEWHERE, suggestion=ELSEWHERE)
    assert again == seen(4, target=ELSEWHERE, suggestion=ELSEWHERE)
    assert after(again, redirected(OLD)).suggestion is None


def test_a_source_that_moved_can_move_on_or_home_again() -> None:
    on = after(seen(2, moved_to=NEW, target=OTHER), redirected(OTHER, 301))
    home = after(seen(2, moved_to=NEW, target=OLD), redirected(OLD, 301))

    assert on == SourceState("a", moved_to=OTHER)
    assert home == SourceState("a")
    assert move_of(seen(2, moved_to=NEW), home, SOURCE) == (NEW, OLD)


def test_a_sighting_from_the_future_counts_from_now() -> None:
    assert after(seen(2, since=NOW + DAY), redirected(NEW, 301)) == seen(3, since=NOW)


def failed(count: int, kind: str = "missing", **values: object) -> SourceState:
    state = SourceState("a", moved_to=NEW, error_class=kind, error_count=count, etag='"1"', last_modified="x")
    return replace(state, **values)


def test_a_new_address_with_nothing_there_is_given_up_at_the_third_failure() -> None:
    back = give_up_move(failed(2), failed(3, "gone"))

    assert back == failed(3, "gone", moved_to=None, etag=None, last_modified=None)
    assert move_of(failed(2), back, SOURCE) == (NEW, OLD)


@pytest.mark.parametrize(
    ("before", "now"),
    [
        pytest.param(failed(1), failed(2), id="twice only"),
        pytest.param(failed(2, "temp"), failed(3), id="once only"),
        pytest.param(failed(2), failed(3, "temp"), id="not there now, but no answer either"),
        pytest.param(failed(2, moved_to=None), failed(3, moved_to=None), id="never moved"),
    ],
)
def test_a_new_address_is_kept_otherwise(before: SourceState, now: SourceState) -> None:
    assert give_up_move(before, now) == now


class Redirects(RuleBasedStateMachine):
    """Any answers in any rhythm: the address changes only by the rule, which is counted here by a log of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.now, self.state = NOW, SourceState("a")
        self.row: list[tuple[datetime, str]] = []  # permanent sightings of one target, in a row

    @rule(
        hours=st.integers(1, 40),
        to=st.sampled_from([NEW, NEW, NEW, OTHER, OLD, ELSEWHERE]),
        statuses=st.sampled_from([(301,), (308, 301), (301,), (302,), (301, 307), ()]),
        not_modified=st.booleans(),
    )
    def answer(self, hours: int, to: str, statuses: tuple[int, ...], not_modified: bool) -> None:
        self.now += timedelta(hours=hours)
        asked = address(SOURCE, self.state)
        hops = tuple(Hop(asked, status) for status in statuses) if to != asked else ()
        final = to if hops else asked
        answer = NotModified(asked, {}, final if hops else "", hops) if not_modified else redirected(final)
        before, self.state = self.state, after(self.state, replace(answer, hops=hops), self.now)
        permanent = bool(hops) and set(statuses) <= {301, 308}
        self.row = [*(seen for seen in self.row if permanent and seen[1] == final), (self.now, final)]
        self.row = self.row if permanent else []

        may_move = len(self.row) >= 3 and self.now - self.row[0][0] >= 2 * DAY and final != ELSEWHERE
        assert (move_of(before, self.state, SOURCE) == (asked, final)) is may_move
        self.row = [] if may_move else self.row

    @invariant()
    def another_domain_is_never_asked(self) -> None:
        assert address(SOURCE, self.state) != ELSEWHERE

    @invariant()
    def the_count_is_the_row(self) -> None:
        assert self.state.redirect_count == len(self.row)


TestRedirects = Redirects.TestCase
