"""Mutated real pages and made-up HTML: only ExtractError may come out of `extract_page`, and in time."""

from __future__ import annotations

import gzip
import random
import time
from collections import Counter
from pathlib import Path

import pytest
from article_pages import TEMPLATES, template_page
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aiwire.exceptions import ExtractError
from aiwire.types import Extracted
from ingest.pages.extract import extract_page

SHARED = Path(__file__).resolve().parents[1].parent / "shared" / "pages"
needs_shared = pytest.mark.skipif(not SHARED.is_dir(), reason="needs ../shared, which users do not have")
CUT = 6_000  # bytes of a page that are kept: speed is in the number of pages
ROUNDS = 12  # mutants of each page
LONGEST_S = 20.0  # of CPU for one page
PIECES = (
    b"<", b">", b'"', b"'", b"</", b"&#", b"&#x110000;", b"\x00", b"\xff\xfe", b"\x1b", b"<!--", b"-->", b"<![CDATA[",
    b"<svg>", b"<math>", b"<template>", b"<noscript>", b"<plaintext>", b"<textarea>", b"<table><tr>", b"</body>",
    b"<html>", b"<base href='::'>", b"<h1>", b"<time datetime='31-31-31'>", b"<meta charset='utf-16'>",
    b"<meta property='og:url' content='http://['>", b"<link rel='canonical' href='//[::1'>",
    b"<script type='application/ld+json'>{\"@type\": [1, {}], \"author\": 3, \"headline\": []}</script>",
    b"<a rel=author itemprop=author>", "责任编辑：".encode(), "分享".encode("gb18030"),
)  # fmt: skip


def outcome(body: bytes) -> str:
    """Extract a page and return how that ended; anything but an article or an ExtractError is raised."""
    started = time.thread_time()
    try:
        found = extract_page(body, url="https://press.example/2026/03/05/x", headers={"content-type": "text/html"})
    except ExtractError:
        return "refused"
    assert isinstance(found, Extracted)
    assert "\x00" not in found.text
    assert time.thread_time() - started < LONGEST_S
    return "article" if found.text else "empty"


def mutant(rng: random.Random, pages: list[bytes]) -> bytes:
    """Return a page with one to five things wrong with it."""
    page = bytearray(rng.choice(pages))
    for _ in range(rng.randint(1, 5)):
        place, other = sorted((rng.randrange(len(page) + 1), rng.randrange(len(page) + 1)))
        match rng.randrange(7):
            case 0:
                page = page[:other]
            case 1:
                page[place:place] = page[place : min(other, place + 2_000)] * rng.randint(1, 4)
            case 2:
                second = rng.choice(pages)
                page = page[:place] + second[rng.randrange(len(second)) :][:CUT]
            case 3:
                tags = [i for i in range(place, other) if page[i : i + 1] in (b"<", b">")]
                for i in rng.sample(tags, min(len(tags), 20)):
                    page[i] = 32
            case 4:
                page[place : place + rng.randint(0, 30)] = rng.randbytes(rng.randint(0, 40))
            case 5:
                page[place:place] = rng.choice(PIECES) * rng.choice((1, 1, 1, 3, 200))
            case _:
                del page[place : min(other, place + 500)]
    return bytes(page[: 3 * CUT])


def fuzz(pages: list[bytes], count: int, seed: int) -> Counter[str]:
    rng = random.Random(seed)
    return Counter(outcome(mutant(rng, pages)) for _ in range(count))


def windows(page: bytes) -> list[bytes]:
    """Return the head of a page with the beginning of its body, and a piece from its middle."""
    start = max(0, page.lower().find(b"<body"))
    middle = (start + len(page)) // 2
    return [page[: CUT // 3] + page[start : start + CUT // 2], page[: CUT // 6] + page[middle : middle + CUT]]


@needs_shared
@pytest.mark.parametrize("part", range(4))
def test_mutated_real_pages_do_not_crash(part: int) -> None:
    files = sorted(SHARED.glob("*/*.html.gz"))[part::4]
    pages = [window for path in files for window in windows(gzip.decompress(path.read_bytes()))]

    ends = fuzz(pages, len(files) * ROUNDS, seed=part)

    assert ends.total() == len(files) * ROUNDS
    assert ends["article"] > ends.total() // 2


def test_mutated_pages_of_our_own_do_not_crash() -> None:
    pages = [template_page(name).encode() for name in TEMPLATES]

    ends = fuzz(pages, 240, seed=7)

    assert ends["article"] > 120


NAMES = st.sampled_from(
    ["p", "div", "span", "article", "section", "h1", "h2", "a", "ul", "li", "table", "td", "time", "meta", "script",
     "style", "svg", "math", "template", "br", "title", "x:y", "form"]
)  # fmt: skip
ATTRIBUTES = st.sampled_from(
    ["class=comment", "class='share cookie'", "id=related", "itemprop=datePublished", "datetime='2026-03-05'",
     "rel=author", "name=author content='Jane Doe'", "role=dialog", "href='http://['", "type='application/ld+json'",
     "aria-label=Share", "'", "="]
)  # fmt: skip
TEXTS = st.text(alphabet="ab .,<>&;#'\"\x00\u200b中文：Related By Jane2026-03-05", max_size=40)
ELEMENTS = st.recursive(
    TEXTS,
    lambda inner: st.tuples(NAMES, st.lists(ATTRIBUTES, max_size=2), st.lists(inner, max_size=4), st.booleans()).map(
        lambda made: f"<{made[0]} {' '.join(made[1])}>{''.join(made[2])}" + (f"</{made[0]}>" if made[3] else "")
    ),
    max_leaves=25,
)


@given(ELEMENTS)
@settings(max_examples=300, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
def test_made_up_html_does_not_crash(markup: str) -> None:
    assert outcome(f"<html><body>{markup}".encode("utf-8", "replace")) in ("article", "empty")


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"<html><body>" + b"<div>" * 100_000, id="100,000 nested tags"),
        pytest.param(
            b"<html><body><p " + b" ".join(b"a%d=x" % n for n in range(200_000)) + b">", id="200,000 attributes"
        ),
        pytest.param(b"<html><body><p class='" + b"-share" * 200_000 + b":'>", id="a megabyte of attribute"),
        pytest.param(b"<html><body>" + b"<p class=cookie>x</p>tail " * 50_000, id="50,000 pieces of furniture"),
        pytest.param(b"<html><body><p>" + b"Related<br>" * 50_000 + b"long " * 200, id="50,000 headings"),
        pytest.param(
            b"<html><head><script type='application/ld+json'>[" + b"[1]," * 300_000 + b"1]</script><body>",
            id="JSON lists",
        ),
        pytest.param(b"<html><body>" + b"<svg><g><math><mi>" * 20_000, id="svg and mathml"),
        pytest.param(b"<html><body><h1>x</h1>" + b"<time>12 of May or so 19</time>" * 20_000, id="dates that are none"),
    ],
)
def test_what_no_real_page_has_takes_little_time(body: bytes) -> None:
    page = body + b"<p>A text that can be found all the same, says the test.</p>"

    assert outcome(page) in ("article", "empty")
