"""A source's own selectors go over the automatic extraction of its pages."""

from __future__ import annotations

import logging
from datetime import UTC, datetime

import pytest
from article_pages import ENGLISH, lines_of

from aiwire.exceptions import ExtractError
from aiwire.types import ArticleRule, Extracted
from ingest.pages.extract import extract_page

URL = "https://vendor.example/blog/models"
PAGE = f"""<!doctype html><html lang="en"><head><title>Blog</title><meta name="author" content="Web Desk"></head><body>
<div class="hero"><div class="kicker">Models come home</div>
<span class="who">Jane Doe</span><span class="who">John Roe</span>
<span class="when" datetime="2026-03-05T08:00:00Z">last Thursday</span><span class="day">5 March 2026</span></div>
<main><div class="chunk"><p>{ENGLISH[0]}</p><p class="pull">A quotation that stands out.</p><p>{ENGLISH[1]}</p></div>
<div class="promo-strip">Buy our servers, they are the best that there are on the market today.</div>
<div class="chunk"><p>{ENGLISH[2]}</p><div class="chunk"><p>{ENGLISH[4]}</p></div></div></main></body></html>"""


def extracted(rule: ArticleRule | None) -> Extracted:
    return extract_page(PAGE.encode(), url=URL, rule=rule)


def test_the_text_is_that_of_all_matching_elements_in_order_and_each_once() -> None:
    found = extracted(ArticleRule(text=".chunk", remove=".pull"))

    assert lines_of(found.text) == (ENGLISH[0], ENGLISH[1], ENGLISH[2], ENGLISH[4])


def test_what_is_removed_is_not_in_a_text_that_is_found_automatically() -> None:
    assert "stands out" in extracted(None).text
    assert "stands out" not in extracted(ArticleRule(remove=".pull")).text
    assert ENGLISH[0] in extracted(ArticleRule(remove=".pull")).text


def test_a_text_selector_without_a_match_leaves_the_automatic_text_and_is_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.INFO, logger="ingest.pages.extract"):
        found = extracted(ArticleRule(text=".gone"))

    assert found.text == extracted(None).text
    assert "selector-without-match" in caplog.text
    assert ".gone" in caplog.text


def test_title_and_authors_come_from_the_rule() -> None:
    found = extracted(ArticleRule(title=".kicker", author=".who"))

    assert (found.title, found.author) == ("Models come home", "Jane Doe, John Roe")


@pytest.mark.parametrize(
    ("selector", "moment"),
    [(".when", datetime(2026, 3, 5, 8, tzinfo=UTC)), (".day", datetime(2026, 3, 5, tzinfo=UTC))],
)
def test_the_date_comes_from_attribute_or_text_of_the_rule(selector: str, moment: datetime) -> None:
    found = extracted(ArticleRule(date=selector))

    assert (found.published, found.date_source) == (moment, "selector")


def test_selectors_that_find_nothing_leave_what_is_found_automatically() -> None:
    rule = ArticleRule(title=".gone", author=".gone", date=".kicker")

    assert extracted(rule) == extracted(None)


@pytest.mark.parametrize("field", ["text", "remove", "title", "author", "date"])
def test_a_selector_that_is_no_css_is_named(field: str) -> None:
    with pytest.raises(ExtractError, match=f"{field} = 'p\\[\\[' is no CSS selector"):
        extracted(ArticleRule(**{field: "p[["}))
