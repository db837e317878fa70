"""What is never in the text of an article: the furniture of pages as real publishing systems make them."""

from __future__ import annotations

import re

import pytest
from article_pages import ENGLISH, TEMPLATES, lines_of, paragraphs, template_page
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.pages.boilerlines import drop_boilerplate_lines
from ingest.pages.extract import extract_page

URL = "https://press.example/2026/03/models"
BODY = "".join(f"<p>{text}</p>" for text in ENGLISH)


def text_of(body: str, head: str = "<title>Bank brings its models home</title>") -> tuple[str, ...]:
    page = f"<!doctype html><html lang='en'><head>{head}</head><body>{body}</body></html>"
    return lines_of(extract_page(page.encode(), url=URL).text)


@pytest.mark.parametrize("template", TEMPLATES)
def test_of_a_page_of_a_publishing_system_only_the_article_is_left(template: str) -> None:
    found = extract_page(template_page(template).encode(), url=URL)

    assert lines_of(found.text) == paragraphs(template)
    assert found.title == ("银行把模型搬回自家机房" if template.endswith("_zh") else "Bank brings its models home")


# What changes from one fetch of a page to the next, though nobody has touched the article.
VOLATILE = (
    (r"<body", '<body data-nonce="9f2c77ab01" data-request-id="a81-55"'),
    (r"<head>", '<head><meta name="csrf-token" content="Zk91"><script nonce="x7">var t=1772704800;</script>'),
    (r"1,204 views", "98,311 views"),
    (r"4 min read", "5 min read"),
    (r"2 days ago", "3 weeks ago"),
    (r"3小时前", "5天前"),
    (r"(?<=>)(?:212|41|128)(?=<)", "4096"),
    (r"Rent quokka servers by the hour[^<]*", "A new phone for less than you think, only this week."),
    (r"Quokka bank buys a supercomputer|Regulator fines a quokka cloud[^<]*", "A headline that was not there before"),
    (r"袋鼠银行购入超级计算机", "之前没有出现过的一条新闻标题"),
    (r"The quokka chip shortage, explained", "Another story of the day, which is much longer than the one before"),
    (r"(</li></ol></li></ol>|</div></div></section>)", r"\1<!-- cached 2026-03-06T11:02:09Z -->"),
    (
        r"</body>",
        "<div class='ad-slot'><p>An advertisement that comes only to some readers on Fridays.</p></div></body>",
    ),
    (
        r"Quokkas do not leak, and your friend",
        "A reader adds: power is cheap here. Quokkas do not leak, and your friend",
    ),
    (r"袋鼠微博", "袋鼠微博 1.3万"),
)


@pytest.mark.parametrize("template", TEMPLATES)
def test_the_text_is_the_same_when_only_the_furniture_has_changed(template: str) -> None:
    page = template_page(template)
    later = page
    for pattern, change in VOLATILE:
        later = re.sub(pattern, change, later)

    assert later != page
    assert extract_page(later.encode(), url=URL).text == extract_page(page.encode(), url=URL).text


PROSE = "We keep what you choose for twelve months, and you may change your mind whenever you like on this very page. "


@pytest.mark.parametrize(
    "furniture",
    [
        pytest.param(f'<div id="onetrust-consent-sdk"><p>{PROSE * 20}</p></div>', id="consent centre"),
        pytest.param(
            f'<div role="dialog" aria-modal="true"><h2>Your choices</h2><p>{PROSE * 20}</p></div>', id="dialog"
        ),
        pytest.param(f'<div class="CookieBanner_wrap__x1"><p>{PROSE}</p></div>', id="CSS module"),
        pytest.param(f'<section data-testid="newsletter-promo"><p>{PROSE}</p></section>', id="test id"),
        pytest.param(
            '<section class="comments">' + f'<div class="comment"><p>{PROSE * 3}</p></div>' * 40 + "</section>",
            id="more comments than article",
        ),
        pytest.param(
            f'<div itemscope itemtype="https://schema.org/Comment"><p>{PROSE * 3}</p></div>' * 8,
            id="marked-up comments",
        ),
        pytest.param(
            "<h3>You may also like</h3><ul>"
            + "".join(f"<li><a href='/{n}'>Story {n} about a thing</a></li>" for n in range(9))
            + "</ul>",
            id="related list without a box",
        ),
        pytest.param("<p><strong>Related:</strong></p><ul><li><a href='/1'>Rival buys a chip</a></li></ul>", id="bold"),
        pytest.param("<p>Also read: <a href='/1'>Rival buys a chip</a></p>", id="line"),
        pytest.param(
            "<p>Please log in or register to read more</p><p>Already a subscriber? Log in</p>", id="log-in lines"
        ),
        pytest.param("<p>Share this article</p><p>Facebook Twitter LinkedIn WhatsApp Email</p>", id="share lines"),
        pytest.param("<p>Sign up for our weekly newsletter and never miss a story.</p>", id="newsletter line"),
        pytest.param(
            "<div class='author-bio'><h4>Jane Doe</h4><p>Jane covers banks for us.</p></div>", id="author box"
        ),
        pytest.param("<h3>About the author</h3><p>Jane Doe covers banks. She lives in Leeds.</p>", id="author heading"),
        pytest.param("<p>12 comments</p><p>" + PROSE + "</p>", id="comments without a box"),
        pytest.param("<div aria-label='Most popular'><p><a href='/1'>Rival buys a chip</a></p></div>", id="label"),
    ],
)
def test_furniture_below_an_article_is_left_out(furniture: str) -> None:
    assert text_of(f"<article><h1>Bank brings its models home</h1>{BODY}{furniture}</article>") == ENGLISH


@pytest.mark.parametrize(
    "article",
    [
        pytest.param('<div class="cookie-guide" id="cookies">{}</div>', id="about cookies"),
        pytest.param('<section class="comment"><h2>What readers wrote</h2>{}</section>', id="a column called comment"),
        pytest.param('<div class="related-reading">{}</div>', id="about reading lists"),
        pytest.param('<div class="newsletter-issue">{}</div>', id="an issue of a newsletter"),
        pytest.param('<article class="post category-newsletter tag-cookies type-post">{}</article>', id="categories"),
        pytest.param('<div class="page has-comments no-sidebar share-enabled">{}</div>', id="states"),
    ],
)
def test_an_article_that_is_called_like_furniture_survives(article: str) -> None:
    assert text_of("<h1>Bank brings its models home</h1>" + article.format(BODY)) == ENGLISH


def test_sentences_about_comments_and_cookies_survive() -> None:
    sentences = (
        "Comments on the draft closed in May; the regulator had asked whether consent banners mislead people at all.",
        "We use cookies, said the witness, because without them no shop of ours would know what is in a basket, and "
        "nobody in the room had a better idea. The judge then asked how long such a cookie is kept, who may read it, "
        "whether a newsletter or a log-in needs one, and what becomes of it when an account is closed by its owner. "
        "It took the witness most of the afternoon to answer the four questions, the last of them twice.",
        "Sharing is what the model does with the cache: each request that reads a prefix leaves it for the next one.",
        "Related work is reviewed in the second chapter, where the authors subscribe to an older view of attention.",
    )

    assert text_of("<article><h1>x</h1>" + "".join(f"<p>{text}</p>" for text in sentences) + "</article>") == sentences


def test_a_section_whose_id_only_repeats_its_heading_is_content() -> None:
    section = f'<section id="related-work"><h2>Related work</h2><p>{PROSE}</p></section>'

    assert "Related work" in text_of(f"<article><h1>x</h1>{BODY}{section}{BODY}</article>")


def test_a_character_that_xml_forbids_does_not_keep_furniture_in_the_text() -> None:
    furniture = '<div class="share">Share this with everybody you know</div>&#1;\x02'

    assert text_of(f"<article><h1>x</h1>{BODY}{furniture}</article>") == ENGLISH


def test_the_posts_of_a_forum_are_its_text() -> None:
    post = "<article class='comment'><p>{}</p></article>"
    page = f"<h1>Which server?</h1>{post.format(ENGLISH[0])}{post.format(ENGLISH[1])}{BODY.replace('p>', 'li>')}"
    found = extract_page(f"<html><body>{page}</body></html>".encode(), url="https://forum.example/threads/which.1/")

    assert ENGLISH[0] in found.text


@pytest.mark.parametrize(
    "line",
    [
        "1,204 views",
        "12 comments",
        "3 hours ago",
        "Updated 5 minutes ago",
        "Last updated: 2 days ago",
        "4 min read",
        "March 5, 2026 · 4 min read · 12 comments",
        "Share",
        "Facebook Twitter LinkedIn",
        "Log in to continue",
        "This post is for paid subscribers",
        "Type your email...",
        "We use cookies to improve this site.",
        "We value your privacy",
        "Accept all cookies",
        "Advertisement",
        "Read more: Rival bank buys a supercomputer",
        "Related: Rival bank buys a supercomputer",
        "© 2026 Press Example",
        "责任编辑：张三",
        "（责任编辑：李四 HX01）",
        "分享到：微博 微信",
        "扫码关注公众号",
        "版权声明：本文版权归本网所有，未经授权不得转载。",
        "相关阅读：另一家银行",
        "返回首页，查看更多",
        "阅读 1.2万",
        "3小时前",
        "付费后即可阅读全文",
    ],
)
def test_a_line_that_only_furniture_says_is_dropped(line: str) -> None:
    text = "\n".join((*ENGLISH[:3], line, *ENGLISH[3:]))

    assert drop_boilerplate_lines(text) == "\n".join(ENGLISH)


@pytest.mark.parametrize(
    "line",
    [
        "Comments are due by 5 May.",
        "The views of 1,204 engineers were asked.",
        "Three hours ago the board met.",
        "Reading took 4 minutes.",
        "Print was never an option for the bank.",
        "Sharing is caring, said the minister.",
        "Cookies are baked at 180 degrees.",
        "声明发表于周四上午。",
        "编辑部设在北京。",
    ],
)
def test_a_line_of_prose_is_kept(line: str) -> None:
    text = "\n".join((*ENGLISH[:3], line, *ENGLISH[3:]))

    assert drop_boilerplate_lines(text) == text


def test_what_is_said_of_the_author_at_the_end_is_dropped() -> None:
    text = "\n".join(("By Jane Doe", *ENGLISH, "Jane Doe covers banks for Press Example. She lives in Leeds."))

    assert drop_boilerplate_lines(text, author="Jane Doe") == "\n".join(ENGLISH)


def test_title_section_and_date_above_the_text_are_dropped() -> None:
    text = "\n".join(("Announcements", "Bank brings its models home", "5 March 2026", *ENGLISH))

    assert drop_boilerplate_lines(text, title="Bank brings its models home") == "\n".join(ENGLISH)


@given(st.text(alphabet="Related comments:Share 0123 ago\n责任编辑：·|-", max_size=300))
@settings(max_examples=200, deadline=None)
def test_lines_are_only_ever_dropped(text: str) -> None:
    lines = {line.strip() for line in text.split("\n")}
    kept = drop_boilerplate_lines(text, title="Related", author="Jane Doe")

    assert not kept or all(line in lines for line in kept.split("\n"))
