"""The rules of HTTP that the schedule keeps, over real sockets: a source is checked again and again as time passes."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from exchanges import fetch

from aiwire.exceptions import FetchError
from aiwire.types import FeedHints, Response, Source, SourceState
from ingest.schedule import Check, Timing, after_failure, after_success, request_for

if TYPE_CHECKING:
    from conftest import Loopback, Seen

START = datetime(2026, 11, 23, 6, tzinfo=UTC)


@dataclass
class Watched:
    """A feed on the loopback server, and what each check of it leaves behind."""

    server: Loopback
    path: str = "/feed"
    now: datetime = START
    state: SourceState = field(default_factory=lambda: SourceState("s"))

    @property
    def source(self) -> Source:
        return Source(id="s", name="S", kind="feed", url=self.server.url(self.path), publisher="s")

    def check(self, *, after: timedelta = timedelta(0), entries: int = 10) -> SourceState:
        self.now += after
        outcome = fetch(request_for(self.source, self.state, self.now)).outcome
        if isinstance(outcome, FetchError):
            self.state = after_failure(self.source, self.state, outcome, now=self.now, timing=Timing())
            return self.state
        whole = isinstance(outcome, Response)
        check = Check(entries if whole else None, (), FeedHints() if whole else None, self.state.ok_at is None)
        self.state = after_success(self.source, self.state, outcome, check, now=self.now, timing=Timing())
        return self.state

    def asked(self) -> list[tuple[str | None, str | None]]:
        """Return If-None-Match and If-Modified-Since of each request."""
        return [(s.headers.get("if-none-match"), s.headers.get("if-modified-since")) for s in self.server.seen]


@pytest.fixture
def watched(loopback: Loopback) -> Watched:
    return Watched(loopback)


HOUR, DAY = timedelta(hours=1), timedelta(days=1)
NOT_MODIFIED = "304 Not Modified"


def test_validators_go_back_as_they_came_however_odd_and_a_304_keeps_them(watched: Watched) -> None:
    odd = {"ETag": 'W/"a b"', "Last-Modified": "Mon, 99 Foo 26 8:00 +0900"}
    watched.server.reply("/feed", b"one", headers=odd)
    watched.check()
    watched.server.reply("/feed", status=NOT_MODIFIED)

    first = watched.check(after=HOUR)
    watched.check(after=HOUR)

    assert first.status == "ok"
    assert watched.asked() == [(None, None), *[('W/"a b"', "Mon, 99 Foo 26 8:00 +0900")] * 2]


def test_a_304_and_a_200_with_the_same_body_both_renew_the_validators(watched: Watched) -> None:
    watched.server.reply("/feed", b"one", headers={"ETag": '"1"'})
    watched.check()
    watched.server.reply("/feed", b"one", headers={"ETag": '"2"'})
    watched.check(after=HOUR)
    watched.server.reply("/feed", status=NOT_MODIFIED, headers={"ETag": '"3"'})
    watched.check(after=HOUR)

    watched.check(after=HOUR)

    assert [etag for etag, _ in watched.asked()] == [None, '"1"', '"2"', '"3"']


def test_the_same_strong_etag_with_another_body_is_found_out_at_once(watched: Watched) -> None:
    watched.server.reply("/feed", b"one", headers={"ETag": '"1"'})
    watched.check()
    watched.server.reply("/feed", b"two", headers={"ETag": '"1"'})

    assert not watched.check(after=HOUR).validators_trusted


@pytest.mark.parametrize(("body", "trusted"), [(b"one", True), (b"two", False)])
def test_a_server_that_always_says_304_is_asked_once_without_validators(
    watched: Watched, body: bytes, trusted: bool
) -> None:
    stamp = {"Last-Modified": "Mon, 23 Nov 2026 05:00:00 GMT"}
    watched.server.reply("/feed", b"one", headers=stamp)
    watched.check()
    watched.server.reply("/feed", status=NOT_MODIFIED)
    watched.check(after=DAY)
    watched.server.reply("/feed", body, headers=stamp)

    state = watched.check(after=HOUR)

    assert [date is None for _, date in watched.asked()] == [True, False, True]
    assert state.validators_trusted is trusted


def redirect(watched: Watched, path: str, target: str, status: str) -> None:
    watched.server.reply(path, status=status, headers={"Location": target})


@pytest.mark.parametrize("conditional", [False, True])
def test_a_permanent_redirect_is_followed_for_good_at_the_third_time_over_two_days(
    watched: Watched, conditional: bool
) -> None:
    async def answer(seen: Seen, writer: asyncio.StreamWriter) -> None:
        if conditional and "if-none-match" in seen.headers:
            writer.write(b'HTTP/1.1 304 Not Modified\r\nETag: "1"\r\n\r\n')
        else:
            writer.write(b'HTTP/1.1 200 OK\r\nETag: "1"\r\nContent-Length: 3\r\n\r\none')

    redirect(watched, "/feed", "/newer", "301 Moved Permanently")
    redirect(watched, "/newer", "/newest", "308 Permanent Redirect")
    newest = watched.server.script("/newest", answer)

    states = [watched.check(after=DAY) for _ in range(3)]
    watched.check(after=HOUR)

    assert [state.moved_to for state in states] == [None, None, newest]
    assert watched.server.paths() == ["/feed", "/newer", "/newest"] * 3 + ["/newest"]


@pytest.mark.parametrize("status", ["302 Found", "303 See Other", "307 Temporary Redirect"])
def test_a_temporary_redirect_is_followed_each_time_and_never_for_good(watched: Watched, status: str) -> None:
    redirect(watched, "/feed", "/mixed", "301 Moved Permanently")
    redirect(watched, "/mixed", "/else", status)
    watched.server.reply("/else", b"one", headers={"ETag": '"1"'})

    states = [watched.check(after=DAY) for _ in range(5)]

    assert {(state.moved_to, state.redirect_count, state.status) for state in states} == {(None, 0, "ok")}


def test_a_permanent_redirect_to_another_host_is_only_suggested(watched: Watched) -> None:
    elsewhere = watched.server.url("/else", host="localhost")
    redirect(watched, "/feed", elsewhere, "301 Moved Permanently")
    watched.server.reply("/else", b"one", headers={"ETag": '"1"'})

    states = [watched.check(after=DAY) for _ in range(4)]

    assert [(state.moved_to, state.suggestion) for state in states] == [
        *[(None, None)] * 2, *[(None, elsewhere)] * 2,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("target", "kind"),
    [
        ("/feed", "temp"),
        ("file:///etc/passwd", "refused"),
        ("gopher://127.0.0.1/", "refused"),
        ("http://10.0.0.1/", "refused"),
    ],
)
def test_a_redirect_that_leads_nowhere_is_an_error_of_its_class(watched: Watched, target: str, kind: str) -> None:
    redirect(watched, "/feed", target, "301 Moved Permanently")

    state = watched.check()

    assert (state.error_class, state.error_count, state.status, state.moved_to) == (kind, 1, "failing", None)


def test_410_once_is_doubted_and_twice_a_day_apart_believed(watched: Watched) -> None:
    watched.server.reply("/feed", b"gone\n", status="410 Gone")

    once, twice = watched.check(), watched.check(after=DAY)

    assert (once.status, once.next_check_at) == ("missing", START + DAY)
    assert (twice.status, twice.next_check_at) == ("gone", None)


@pytest.mark.parametrize(
    ("status", "headers", "kind", "hours"),
    [
        ("429 Too Many Requests", {"Retry-After": "7200"}, "throttled", 2),
        ("503 Service Unavailable", {"Retry-After": "7200"}, "throttled", 2),
        ("403 Forbidden", {"Retry-After": "7200"}, "throttled", 2),
        ("403 Forbidden", {"CF-Mitigated": "challenge", "Retry-After": "7200"}, "blocked", 6),
        ("451 Unavailable For Legal Reasons", {}, "blocked", 6),
        ("404 Not Found", {}, "missing", 6),
    ],
)
def test_the_answer_of_a_server_decides_how_long_it_is_left_alone(
    watched: Watched, status: str, headers: dict[str, str], kind: str, hours: float
) -> None:
    watched.server.reply("/feed", status=status, headers=headers)

    state = watched.check()

    assert (state.error_class, state.next_check_at) == (kind, START + hours * HOUR)


def test_a_feed_that_shrinks_is_suspicious_until_it_is_whole_again(watched: Watched) -> None:
    watched.server.reply("/feed", b"ten", headers={"ETag": '"1"'})
    watched.check(entries=10)
    watched.server.reply("/feed", b"one", headers={"ETag": '"2"'})
    shrunk = watched.check(after=HOUR, entries=1)
    watched.server.reply("/feed", b"nine", headers={"ETag": '"3"'})

    whole = watched.check(after=HOUR, entries=9)

    assert (shrunk.status, shrunk.entries, whole.status, whole.entries) == ("suspicious", 10, "ok", 9)


def test_max_age_is_kept_when_a_304_does_not_repeat_it(watched: Watched) -> None:
    watched.server.reply("/feed", b"one", headers={"ETag": '"1"', "Cache-Control": "max-age=18000"})
    first = watched.check()
    watched.server.reply("/feed", status=NOT_MODIFIED)

    second = watched.check(after=5 * HOUR)

    assert (second.hint_s, second.hint_name) == (18000, "max-age")
    assert (second.next_check_at, first.next_check_at) > (START + 9 * HOUR, START + 4 * HOUR)
