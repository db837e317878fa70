"""Stubs of paid articles are flagged; free articles with a newsletter box are not."""

from __future__ import annotations

import json

import pytest
from article_pages import ENGLISH, TEMPLATES, template_page

from ingest.pages.extract import extract_page

STUB = "".join(f"<p>{text}</p>" for text in ENGLISH[:3])
WHOLE = "".join(f"<p>{text} Part {part}.</p>" for part in range(6) for text in ENGLISH)


def is_paywalled(body: str, head: str = "") -> bool:
    page = f"<html><head><title>Models</title>{head}</head><body><main><h1>Models</h1>{body}</main></body></html>"
    return extract_page(page.encode(), url="https://press.example/2026/models").paywalled


def linked_data(**fields: object) -> str:
    data = {"@context": "https://schema.org", "@type": "NewsArticle", "headline": "Models"} | fields
    return f'<script type="application/ld+json">{json.dumps(data)}</script>'


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (linked_data(isAccessibleForFree=False), True),
        (linked_data(isAccessibleForFree="False"), True),
        (linked_data(isAccessibleForFree="https://schema.org/False"), True),
        (linked_data(isAccessibleForFree=True), False),
        (linked_data(hasPart={"@type": "WebPageElement", "isAccessibleForFree": False, "cssSelector": ".x"}), True),
        (
            linked_data(hasPart=[{"isAccessibleForFree": True}, {"isAccessibleForFree": "False", "cssSelector": ".x"}]),
            True,
        ),
        ('<meta property="article:content_tier" content="locked">', True),
        ('<meta property="article:content_tier" content="metered">', True),
        ('<meta property="article:content_tier" content="free">', False),
        ("", False),
    ],
)
def test_what_a_page_states_of_its_access_counts(head: str, expected: bool) -> None:
    assert is_paywalled(WHOLE, head) is expected


@pytest.mark.parametrize(
    "prompt",
    [
        '<div class="paywall"><h2>Keep reading with a trial</h2><p>Subscribe from 1 pound a week.</p></div>',
        '<section class="article-paywall-prompt"><p>Log in or subscribe to go on.</p></section>',
        '<aside class="gh-post-upgrade-cta"><h2>This post is for paying subscribers only</h2><a>Subscribe</a></aside>',
        '<div class="regwall"><p>Sign in to read the rest.</p></div>',
        '<div class="single-post"><h2>This post is for paid subscribers</h2><a>Subscribe</a></div>',
        "<p>Subscribe to continue reading this article.</p>",
        "<p>To continue reading, subscribe or log in.</p>",
        "<div><span>Sign up to read the full story</span></div>",
        "<p>Keep reading with a 7-day free trial</p>",
        "<p>You have reached your limit of free articles this month.</p>",
        "<p>This article is only available to members.</p>",
        "<div>付费后即可阅读全文</div>",
        "<div>订阅后阅读全文</div>",
        "<p>以下内容为会员专享</p>",
    ],
)
def test_a_stub_with_a_prompt_is_flagged(prompt: str) -> None:
    assert is_paywalled(STUB + prompt)


@pytest.mark.parametrize(
    "box",
    [
        '<div class="newsletter"><h3>Sign up for our newsletter</h3><p>Each Thursday in your inbox.</p></div>',
        '<div class="subscribe-widget"><p>Press Example is free. Subscribe to support our work.</p></div>',
        '<header><a href="/login">Already a subscriber? Log in</a></header>',
        "<footer><p>Subscribe to read the full archive of the paper.</p></footer>",
        '<div class="related"><a href="/x">How paywalls work</a></div>',
        "<p>The paper wants readers to log in before they comment.</p>",
        '<div class="login-box"><a>Sign in</a></div>',
    ],
)
def test_a_free_article_is_not_flagged(box: str) -> None:
    assert not is_paywalled(STUB + box)


def test_a_whole_article_with_an_invitation_at_its_end_is_not_flagged() -> None:
    assert not is_paywalled(WHOLE + "<p>Subscribe to continue reading our other reports next week.</p>")


def test_an_article_about_paywalls_is_not_flagged() -> None:
    about = "".join(
        f"<p>Case {n}: the publisher asked visitors to subscribe to continue reading, and half of them left the site "
        "within a minute, which the study counts as a loss of reach rather than of money, as its authors say.</p>"
        for n in range(16)
    )

    assert not is_paywalled(f'<div class="paywall-study">{about}</div>')


@pytest.mark.parametrize("template", [name for name in TEMPLATES if name != "medium"])
def test_free_pages_of_publishing_systems_are_not_flagged(template: str) -> None:
    assert not extract_page(template_page(template).encode()).paywalled
