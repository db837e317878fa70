"""Which pages of an archive are read, which are checked all the same, and what the check says."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("resiliparse", reason="needs the extra [archive]")

from aiwire.archive.funnel import DropReason, Funnel, recall
from aiwire.archive.values import Audit, Job
from aiwire.types.archive import CapturedPage

NEWS = (
    "The AI firm rents GPUs by the hour, and its language model has been trained on them. The chatbot is for the bank. "
)
RAIN = (
    "The council has voted to build a new bridge over the river, which will take two years and cost more than before. "
)
GERMAN = (
    "Die Firma mietet GPUs für ihr Sprachmodell, und der Chatbot von OpenAI wird nun auch in der Bank eingesetzt. "
    "Der Vorstand hatte im Frühjahr noch gezögert, weil die Kosten unklar waren; nun soll alles schnell gehen. "
)
CHINESE = "这家公司发布了新的大模型，训练用了两千张加速卡，算力成本下降一半，人工智能服务将在明年上线。"


def captured(
    text: str, *, lang: str | None = "en", title: str = "News", around: str = "", url: str = ""
) -> CapturedPage:
    """Return a captured page."""
    root = f'<html lang="{lang}">' if lang else "<html>"
    body = f"<article><h1>{title}</h1>" + f"<p>{text * 3}</p>" * 5 + "</article>"
    html = f"{root}<head><title>{title}</title></head><body>{around}{body}</body></html>"
    moment = datetime(2026, 11, 16, tzinfo=UTC)
    return CapturedPage(url or "https://press.example/a", moment, {"content-type": "text/html"}, html.encode(), 0)


def job(**changes: Any) -> Job:
    """Return a job that differs from the usual one in `changes`."""
    return Job(folder=Path("/nowhere"), **changes)


@pytest.fixture(scope="module")
def funnel() -> Funnel:
    return Funnel(job())


@pytest.mark.parametrize(
    ("page", "reason"),
    [
        (captured(NEWS), None),
        (captured(NEWS, lang=None), None),
        (captured(CHINESE, lang="zh-CN"), None),
        (captured(CHINESE, lang="en"), None),
        (captured(NEWS, lang="de"), None),
        (captured(RAIN), "irrelevant-raw"),
        (captured(GERMAN, lang="de"), "language-raw"),
        (captured(GERMAN, lang="en"), "language-fast"),
        (captured(RAIN, around="<nav><a href=/ai>AI</a> <a href=/c>Chatbots</a></nav>"), "irrelevant-fast"),
    ],
)
def test_the_first_step_that_can_tell_drops_a_page(funnel: Funnel, page: CapturedPage, reason: str | None) -> None:
    assert funnel.before_reading(page) == reason


@pytest.mark.parametrize(
    ("text", "language", "reason"),
    [
        (NEWS * 10, "en", None),
        (NEWS * 10, "de", None),  # a template that lies
        (NEWS * 10, None, None),
        (CHINESE * 10, "en-US", None),
        (RAIN * 10, "en", "irrelevant"),
        (GERMAN * 10, "en", "language"),
        (GERMAN * 10, None, "language"),
        (GERMAN, "de", "language"),  # short: the declaration counts
        ("GPU AI LLM AI GPU", None, None),  # nothing tells: kept
    ],
)
def test_the_careful_text_is_judged_by_the_definition(
    funnel: Funnel, text: str, language: str | None, reason: str | None
) -> None:
    assert funnel.after_reading("AI news" if reason != "irrelevant" else "News", text, language) == reason


def test_everything_keeps_other_topics_and_no_languages_keep_all_of_them() -> None:
    assert Funnel(job(everything=True)).before_reading(captured(RAIN)) is None
    assert Funnel(job(everything=True)).before_reading(captured(GERMAN, lang="de")) == "language-raw"
    assert Funnel(job(languages=())).before_reading(captured(GERMAN, lang="de")) is None
    assert Funnel(job(languages=("de-AT",))).before_reading(captured(GERMAN, lang="de")) is None
    assert Funnel(job(languages=("de",))).after_reading("AI", NEWS * 10, "en") == "language"


def test_a_page_without_text_is_left_to_the_careful_reading() -> None:
    page = captured("")
    empty = CapturedPage(page.url, page.captured_at, {}, b"<html><head><meta name=k content='AI AI AI AI'></head>", 0)
    assert Funnel(job()).before_reading(empty) is None


def test_the_audit_takes_its_share_and_always_the_same_pages() -> None:
    pages = [captured(RAIN, url=f"https://press.example/{n}") for n in range(4_000)]
    half, tenth = Funnel(job(audit=0.5)), Funnel(job(audit=0.1))
    taken = [page.url for page in pages if tenth.is_audited(page)]
    assert 320 < len(taken) < 480
    again = Funnel(job(audit=0.1))
    assert taken == [page.url for page in pages if again.is_audited(page)]
    assert all(half.is_audited(page) for page in pages if tenth.is_audited(page))
    assert not any(Funnel(job(audit=0.0)).is_audited(page) for page in pages[:50])
    assert all(Funnel(job(audit=1.0)).is_audited(page) for page in pages[:50])


def test_captures_of_one_url_are_audited_each_for_itself() -> None:
    first, tenth = captured(RAIN), Funnel(job(audit=0.1))
    captures = [replace(first, captured_at=first.captured_at + timedelta(hours=n)) for n in range(2_000)]
    assert 140 < sum(map(tenth.is_audited, captures)) < 260


def test_nothing_sampled_means_unknown_and_not_all() -> None:
    found = recall(500, Audit(0, 0), 0.01)
    assert (found.value, found.lo, found.hi) == (None, 0.0, 1.0)
    assert recall(500, Audit(0, 0), 0.0).value is None
    assert recall(0, Audit(10, 0), 0.01).value is None


def test_the_estimate_scales_what_the_audit_found() -> None:
    found = recall(900, Audit(200, 1), 0.01)
    assert found.value == pytest.approx(0.9)
    assert found.lo < 0.9 < found.hi < 1
    none = recall(900, Audit(200, 0), 0.01)
    assert none.value == 1.0
    assert none.lo == pytest.approx(900 / (900 + 380.3), abs=1e-3)


def test_an_audit_of_all_is_certain() -> None:
    found = recall(90, Audit(400, 10), 1.0)
    assert found.value == found.lo == found.hi == pytest.approx(0.9)


def test_no_more_can_be_missed_than_was_dropped() -> None:
    assert recall(900, Audit(5, 0), 0.01, dropped=105).lo == pytest.approx(0.9)


@given(
    kept=st.integers(0, 10**6),
    sampled=st.integers(0, 1000),
    relevant=st.integers(0, 1000),
    share=st.floats(0.001, 1),
    others=st.none() | st.integers(0, 10**6),
)
def test_the_interval_holds_the_estimate(
    kept: int, sampled: int, relevant: int, share: float, others: int | None
) -> None:
    dropped = None if others is None else sampled + others
    found = recall(kept, Audit(sampled, min(relevant, sampled)), share, dropped)
    assert 0 <= found.lo <= found.hi <= 1
    assert found.value is None or found.lo <= found.value <= found.hi


@pytest.mark.parametrize(("missed", "share"), [(50, 0.05), (300, 0.01), (1000, 0.02), (40, 0.5)])
def test_the_interval_covers_the_truth_in_about_95_of_100_audits(missed: int, share: float) -> None:
    draw = random.Random(f"{missed}-{share}")
    kept, truth, covered, rounds = 2_000, 2_000 / (2_000 + missed), 0, 1_000
    for _ in range(rounds):
        relevant = sum(draw.random() < share for _ in range(missed))
        found = recall(kept, Audit(5_000, relevant), share)
        covered += found.lo <= truth <= found.hi
    assert covered >= 0.92 * rounds


def test_every_reason_says_at_which_step() -> None:
    assert {"language-raw", "irrelevant-raw", "language", "irrelevant", "no-text", "opt-out"} <= set(
        get_args(DropReason)
    )


def test_a_page_of_fifty_megabytes_does_not_stop_the_funnel(funnel: Funnel) -> None:
    page = captured(NEWS)
    huge = CapturedPage(page.url, page.captured_at, {}, page.body + b"<p>AI " * (8 << 20), 0)
    assert funnel.before_reading(huge) is None  # its beginning is an article
