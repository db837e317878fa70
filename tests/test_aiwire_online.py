"""Is it them, or is our own network down? The verdict result by result, without sockets."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiwire.exceptions import FetchError, TryLater
from aiwire.pipeline.online import SAMPLE, Network
from aiwire.types import FetchResult, Request, Response


def _result(number, reason=None):
    url = f"https://host{number}.example/feed"
    error = FetchError(url, "no connection", reason=reason) if reason else Response(url, url, 200, {}, b"")
    return FetchResult(Request(url, str(number), "feed"), error, 1, 0)


def _judged(results, *, good=lambda source_id: True, answers=None):
    return list(Network(good, lambda asked: answers).judged(iter(results)))


def test_more_than_half_of_the_first_20_good_hosts_out_of_reach_is_our_own_network():
    results = [_result(n, "dns" if n < 11 else None) for n in range(SAMPLE)]

    with pytest.raises(TryLater, match="is this machine online"):
        _judged(results)


def test_half_of_them_is_not():
    results = [_result(n, "connect" if n < 10 else None) for n in range(SAMPLE)]

    assert len(_judged(results)) == SAMPLE


def test_sources_that_failed_last_time_speak_against_themselves():
    results = [_result(n, "dns") for n in range(15)] + [_result(n) for n in range(15, 40)]

    assert len(_judged(results, good=lambda source_id: int(source_id) >= 15)) == 40


def test_what_is_out_of_reach_is_held_back_until_the_verdict():
    seen = []
    results = [_result(0, "dns")] + [_result(n) for n in range(1, SAMPLE + 1)]

    for result in Network(lambda source_id: True, lambda asked: None).judged(iter(results)):
        seen.append(result.request.source_id)

    assert seen[0] == "1"
    assert sorted(seen, key=int) == [str(n) for n in range(SAMPLE + 1)]


def test_other_failures_than_a_missing_connection_show_that_we_are_online():
    assert len(_judged([_result(0, "timeout"), _result(1, "dns"), _result(2, "dns"), _result(3, "dns")])) == 4


@pytest.mark.parametrize(("answers", "offline"), [(True, False), (False, True)])
def test_if_none_answers_a_good_one_is_asked(answers, offline):
    results = [_result(n, "connect") for n in range(2)]

    if offline:
        with pytest.raises(TryLater):
            _judged(results, answers=answers)
    else:
        assert len(_judged(results, answers=answers)) == 2


@given(st.lists(st.sampled_from([None, "dns", "connect", "status"]), max_size=60))
def test_either_every_result_comes_out_once_or_none_that_was_out_of_reach(reasons):
    results = [_result(n, reason) for n, reason in enumerate(reasons)]
    out = []

    try:
        for result in Network(lambda source_id: True, lambda asked: None).judged(iter(results)):
            out.append(result)
    except TryLater:
        assert all(getattr(result.outcome, "reason", None) not in ("dns", "connect") for result in out)
    else:
        assert sorted(int(result.request.source_id) for result in out) == list(range(len(results)))


@pytest.mark.parametrize(("good", "offline"), [(5, True), (4, False)])
def test_a_majority_of_fewer_hosts_counts_from_five_on(good, offline):
    results = [_result(n, "dns") for n in range(good - 1)] + [_result(99)]

    if offline:
        with pytest.raises(TryLater):
            _judged(results)
    else:
        assert len(_judged(results)) == good
