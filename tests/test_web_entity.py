"""The page of an entity: what it reads, what it says of it, and how it looks as HTML."""

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from counted_rows import MONDAY, NOW, fill_at_random, make_one_story, put
from db_rows import article, make_db, one, save, tag
from entity_weeks import fill_weeks
from hypothesis import given
from hypothesis import strategies as st
from lxml import html

from aiwire.types import Price
from aiwire.web.pages.entity import said_precision
from aiwire.web.server import make_datasette
from aiwire.web.site import Site
from db.pages.entity import entity
from db.pages.entity_change import KNOWN_SQL, change, pairs
from db.pages.entity_news import marked, newest, quotes, worth_quoting
from db.pages.weeks import calendar, weeks
from db.trends.query import TrendsQuery
from db.trends.series import load_trends

HOSTILE = "<script>alert(1)</script>\"'&"


@pytest.fixture
def news(tmp_path):
    db = make_db(tmp_path / "news.db")
    yield db
    db.close()


async def page(db, path):
    """Return the HTML of a page as a tree."""
    file = Path(one(db, "SELECT file FROM pragma_database_list")[0])
    answer = await make_datasette(file, Site(fixed_now=NOW)).client.get(path)
    assert answer.status_code == 200, answer.text
    assert len(answer.text) < 150_000
    return html.fromstring(answer.text)


def words(tree, xpath="//main"):
    return " ".join(" ".join(found.text_content() for found in tree.xpath(xpath)).split())


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("entity_id", ["nvidia", "tco", "reuters"])
def test_the_weeks_of_a_page_are_those_of_the_export(news, seed, entity_id):
    fill_at_random(news, seed)
    now = NOW + timedelta(days=60)
    exported = load_trends(news, TrendsQuery(now, entities=(entity_id,)))
    known = calendar(news, now, 156)
    found = weeks(news, entity_id, entity(news, entity_id).kind, known)
    assert len(found) == len(exported.periods) > 2
    for week, row in zip(found, exported.rows(), strict=True):
        columns = {name: values[0] for name, values in row.columns.items()}
        assert week.start == str(row.period.span.start)
        assert (week.stories, week.articles) == (columns["stories"], columns["articles"])
        assert week.total == columns["stories_total"]
        assert (week.is_partial, week.coverage_ok) == (columns["is_partial"], columns["coverage_ok"])
        for mine, name in ((week.share, "share_stories"), (week.lo, "share_lo"), (week.hi, "share_hi")):
            np.testing.assert_allclose(np.nan if mine is None else mine, columns[name])


def test_coverage_is_judged_anew_once_a_source_was_asked_again(news):
    put(news, "a", "nvidia", day=MONDAY)
    for source in ("example", "vendor", "mirror"):
        save(news, source_id=source, now=MONDAY - timedelta(days=20))
    save(news, source_id="example", now=NOW)

    def last_full_week():
        return calendar(news, NOW, 3).periods[-2]

    assert not last_full_week().coverage_ok
    assert calendar(news, NOW, 3) == calendar(news, NOW, 3)  # from memory
    for source in ("vendor", "mirror"):
        save(news, source_id=source, now=NOW)
    assert last_full_week().coverage_ok


def changed(db, entity_id="nvidia"):
    known = calendar(db, NOW, 60)
    return change(db, entity_id, weeks(db, entity_id, "company", known), known)


def test_what_changed_is_counted_in_the_last_four_full_weeks_and_the_four_before(news, monkeypatch):
    fill_weeks(news, {
        0: [(["nvidia", "nvidia-h100"], "vendor"), (["nvidia", "nvidia-h100"], "mirror"), (["reuters"], "example")],
        3: [(["nvidia", "reuters"], "example"), (["nvidia", "reuters"], "mirror")],
        4: [(["nvidia", "reuters"], "mirror"), (["reuters"], "example"), (["reuters"], "example")],
        8: [(["reuters"], "example")],
    })  # fmt: skip
    found = changed(news)
    assert (found.now.since, found.now.until) == ("2026-10-26", "2026-11-22")
    assert (found.before.since, found.before.until) == ("2026-09-28", "2026-10-25")
    assert (found.now.stories, found.now.total, found.now.share) == (4, 5, 0.8)
    assert (found.before.stories, found.before.total) == (1, 3)
    assert (found.now.publishers, found.now.independent, found.before.publishers) == (2, 1, 1)
    assert found.momentum == pytest.approx((4.5 / 6) / (1.5 / 4))
    assert [(other.id, stories) for other, stories in found.new_pairs] == [("nvidia-h100", 2)]
    assert found.new_sources == ()  # too little of them is stored to say what they did not write of
    monkeypatch.setattr("db.pages.entity_change.KNOWN_SQL", KNOWN_SQL.replace("LIMIT 20", "LIMIT 1"))
    monkeypatch.setattr("db.pages.entity_change.EARLIER_ARTICLES", 1)
    assert {source.id for source in changed(news).new_sources} == {"example"}  # of vendor nothing is older
    assert found.looked_back is None
    assert found.now.coverage_ok


def test_nothing_is_compared_before_there_are_eight_full_weeks(news):
    fill_weeks(news, {0: [(["nvidia"], "example")]}, weeks=7)
    assert changed(news) is None


def test_lift_is_how_many_times_more_stories_name_both_than_chance_would_have_it(news):
    fill_weeks(news, {
        0: [(["nvidia", "nvidia-h100"], "example")] * 2 + [(["reuters"], "example")] * 2,
        1: [(["nvidia", "nvidia-h100"], "example"), (["nvidia"], "example"), (["reuters"], "mirror")],
        5: [(["nvidia", "reuters"], "example")] * 9,
    })  # fmt: skip
    found = pairs(news, "nvidia", "company", calendar(news, NOW, 60))
    assert (found.since, found.until, found.is_full) == ("2026-10-26", "2026-11-22", True)
    (only,) = found.beside
    assert (only.entity.id, only.stories) == ("nvidia-h100", 3)
    assert only.lift == pytest.approx(3 * 7 / (4 * 3))
    assert only.lo < only.lift < only.hi


def test_with_a_theme_in_a_pair_only_articles_tagged_for_themes_count(news):
    fill_weeks(news, {0: [(["nvidia", "tco"], "example")] * 3 + [(["nvidia"], "example")]})
    put(news, "names-only", "nvidia", scope="names", day=MONDAY)
    for own, kind, other in (("nvidia", "company", "tco"), ("tco", "theme", "nvidia")):
        (only,) = pairs(news, own, kind, calendar(news, NOW, 60)).beside
        assert only.entity.id == other
        assert only.lift == pytest.approx(3 * 4 / (4 * 3))


def test_copies_of_a_story_are_shown_once_by_the_one_that_came_first(news):
    put(news, "first", "nvidia", day=MONDAY)
    put(news, "copy", "nvidia", day=MONDAY + timedelta(hours=3), source_id="mirror")
    put(news, "other", "nvidia", day=MONDAY + timedelta(hours=1))
    make_one_story(news, "first", "copy")
    found = newest(news, "nvidia")
    assert [(told.article.title, told.article.copies) for told in found] == [
        ("Title of other", 1),
        ("Title of first", 2),
    ]


def test_news_can_be_of_articles_about_it_alone(news):
    put(news, "about", "nvidia")
    put(news, "beside", "nvidia")
    news.execute(
        "UPDATE article_entities SET about = 0 WHERE article_id = (SELECT id FROM articles WHERE guid = 'beside')"
    )
    assert len(newest(news, "nvidia")) == 2
    assert [told.article.title for told in newest(news, "nvidia", about_only=True)] == ["Title of about"]


def test_quotes_are_of_different_publishers_and_stories_and_not_too_old(news):
    long = "NVIDIA says that its newest rack needs a good deal less power than the old one did{}."
    for n, source in enumerate(("example", "mirror", "vendor")):  # example and mirror are one publisher
        save(news, article(f"q{n}", long.format(" " * n + str(n)), title="News", day=NOW), source_id=source, now=NOW)
    save(news, article("old", long.format(" once"), title="News", day=NOW - timedelta(days=500)), now=NOW)
    told = quotes(news, "nvidia", "company", 365)
    found = told.found
    assert (told.newest[:10], told.since[:10]) == ("2026-11-23", "2025-11-23")
    assert len(found) == 2
    assert {quote.owner for quote in found} == {None, "nvidia"}
    assert all(quote.parts[0] == ("NVIDIA", True) for quote in found)


@pytest.mark.parametrize(
    ("sentence", "is_worth"),
    [
        ("The company said that it would build twice as many of them next year.", True),
        ("Too short to say anything.", False),
        ("and a piece that begins in the middle of what somebody said about the matter.", False),
        ("A sentence that was cut off before its end so that nobody can know how it would", False),
        ("A sentence that was cut off, and says so, before anybody could read how it ends ...", False),
        ("x" * 301 + ".", False),
    ],
)
def test_only_whole_sentences_are_quoted(sentence, is_worth):
    assert worth_quoting(sentence) is is_worth


@given(st.text(), st.lists(st.text(max_size=5), max_size=4))
def test_a_marked_sentence_is_still_the_sentence(sentence, names):
    parts = marked(sentence, names)
    assert "".join(text for text, _ in parts) == sentence
    assert all(text in names for text, is_name in parts if is_name)


def test_names_are_not_marked_within_longer_words():
    assert marked("ARM does no harm, ARMs do.", ["ARM", "arm"]) == (("ARM", True), (" does no harm, ARMs do.", False))
    assert marked("看好英伟达的前景", ["英伟达"])[1] == ("英伟达", True)


@pytest.mark.parametrize(
    ("precision", "judged", "said"),
    [
        (0.97, 120, "97% of 120 judged tags were right"),
        (0.75, 4, "3 of 4 judged tags were right: too few for a percentage"),
        (None, None, "not known: none of its tags has been judged in a labelled text"),
        (None, 4, "not known: of 4 judged tags too few were its own to say"),
    ],
)
def test_precision_is_said_with_how_much_was_judged(precision, judged, said):
    assert said_precision(precision, judged) == said


async def test_the_page_says_what_it_is_and_shows_chart_table_news_and_links(news):
    fill_weeks(news, {
        back: [(["nvidia", "nvidia-h100"], "example"), (["reuters"], "mirror")] for back in range(10)
    })  # fmt: skip
    tree = await page(news, "/news/entities/nvidia")
    assert words(tree, "//h1") == "NVIDIA"
    assert len(tree.xpath("//h1")) == 1
    assert len(tree.xpath("//figure//svg[contains(@class, 'trend--wide')]")) == 1
    rows = tree.xpath("//section[h2[@id='trend']]//tbody/tr")
    assert len(rows) == 11  # ten full weeks, and the one that runs
    assert words(rows[1], ".//td[1]") == "1"
    assert "/news/evidence?entity_id=nvidia&grain=week&period=2026-11-16" in rows[1].xpath(".//a/@href")
    assert "not looked at in full" in words(rows[0], ".")
    assert "Its share of the stories is" in words(tree)
    assert len(tree.xpath("//ol[@class='feed']/li")) == 10
    assert "NVIDIA H100" in words(tree, "//section[h2[@id='children']]")
    assert "2.0×" in words(tree, "//section[h2[@id='beside']]")
    assert tree.xpath("//a[text()='CSV']/@href")[0] == "/news/trend.csv?entity_id=nvidia&grain=week&_dl=1"
    assert tree.xpath("//link[@type='application/atom+xml']/@href") == [
        "http://localhost/news/feed_of_entity.atom?entity_id=nvidia"
    ]


@pytest.mark.parametrize(
    ("now", "before", "said"),
    [
        (9, 1, "more, if one looks at it alone"),
        (1, 9, "less, if one looks at it alone"),
        (3, 2, "no change that chance could not have brought"),
    ],
)
async def test_a_change_is_called_one_only_if_its_interval_lies_on_one_side_of_one(news, now, before, said):
    fill_weeks(news, {
        back: [(["nvidia"], "example")] * count + [(["reuters"], "mirror")] * (10 - count)
        for back, count in [*((n, now) for n in range(4)), *((n, before) for n in range(4, 8))]
    })  # fmt: skip
    told = words(await page(news, "/news/entities/nvidia"), "//section[h2[@id='change']]")
    assert said in told
    assert "Among all names there is no verdict on it." in told


async def test_a_change_stands_beside_the_verdict_among_all_names(news):
    fill_weeks(news, {
        back: [(["nvidia"], "example")] * count + [(["reuters"], "mirror")] * (10 - count)
        for back, count in [*((n, 9) for n in range(4)), *((n, 1) for n in range(4, 8))]
    })  # fmt: skip
    with news.atomic():
        news.execute(
            "INSERT INTO entity_signals (entity_id, kind, week, signal, stories, coverage_ok)"
            " VALUES ('nvidia', 'company', '2026-11-16', 'flat', 9, 1)"
        )
    told = words(await page(news, "/news/entities/nvidia"), "//section[h2[@id='change']]")
    assert "more, if one looks at it alone. Among all names the verdict of the week of 2026-11-16 is flat." in told


async def test_what_is_missing_is_said_and_all_pairs_stay_linked(news):
    fill_weeks(news, {0: [(["nvidia", "tco"], "example"), (["reuters"], "example")]})
    tree = await page(news, "/news/entities/nvidia")
    beside = words(tree, "//section[h2[@id='beside']]")
    assert "Nothing was named together with it in two stories from 2026-11-16 to 2026-11-22." in beside
    assert tree.xpath("//section[h2[@id='beside']]//a/@href") == ["/news/co_mentions?entity_id=nvidia"]
    quoted = words(tree, "//section[h2[@id='quotes']]")
    assert "No sentence of the articles about it since 2025-11-" in quoted
    assert "a confidence of 80% or more" in quoted
    assert "of 60% or more" in words(await page(news, "/news/entities/tco"), "//section[h2[@id='quotes']]")


def test_themes_are_quoted_from_a_lower_confidence_on(news):
    text = "A firm weighs the TCO of its own racks against that of what it would have to rent."
    save(news, article("a", text, title="News", day=NOW), now=NOW)
    news.execute("UPDATE article_entities SET confidence = 0.65")
    assert [quote.article_id for quote in quotes(news, "tco", "theme", 365).found]
    assert not quotes(news, "tco", "company", 365).found
    news.execute("UPDATE article_entities SET confidence = 0.59")
    assert not quotes(news, "tco", "theme", 365).found


@pytest.mark.parametrize("damaged", ["[" * 3000, "{}", "[1, null]", "", "nonsense"])
async def test_damaged_names_mark_nothing(news, damaged):
    text = "NVIDIA says that its newest rack needs a good deal less power than the old one did."
    save(news, article("a", text, title="News", day=NOW), now=NOW)
    with news.atomic():
        news.execute("PRAGMA ignore_check_constraints = ON")
        news.execute("UPDATE article_entities SET surfaces = ?", [damaged])
    tree = await page(news, "/news/entities/nvidia")
    assert text in words(tree, "//ul[@class='quotes']")
    assert not tree.xpath("//ul[@class='quotes']//mark")


async def test_stories_without_a_date_of_their_own_say_that_they_were_seen_and_how_many_copies_there_are(news):
    put(news, "first", "nvidia", day=MONDAY)
    put(news, "copy", "nvidia", day=MONDAY + timedelta(hours=3), source_id="mirror")
    make_one_story(news, "first", "copy")
    news.execute("UPDATE articles SET date_source = 'first_seen'")
    told = words(await page(news, "/news/entities/nvidia"), "//ol[@class='feed']")
    assert "seen 2026-11-16" in told
    assert "1 more copy" in told


async def test_a_public_copy_without_sentences_has_no_empty_quotes(news):
    text = "NVIDIA asks $4 for a million tokens."
    price = Price("$4", 4.0, None, "USD", "1M-tokens", None, None, text, "text", 12, 14, product="nvidia")
    save(news, article("a", text, title="News", tagging=replace(tag("News", text), prices=(price,))), now=NOW)
    with news.atomic():
        news.execute("UPDATE article_entities SET evidence = ''")
        news.execute("UPDATE prices SET sentence = ''")
    tree = await page(news, "/news/entities/nvidia")
    assert not tree.xpath("//blockquote | //p[@class='excerpt']")
    assert words(tree, "//td[@data-label='Sentence']") == "—"


async def test_the_page_says_why_nothing_can_be_said_of_the_last_month(news):
    put(news, "a", "nvidia")
    tree = await page(news, "/news/entities/nvidia")
    assert "sources have been read since 2026-11-23" in words(tree, "//section[h2[@id='change']]")


async def test_weeks_and_measure_of_the_chart_can_be_chosen_and_nonsense_is_the_default(news):
    fill_weeks(news, {0: [(["nvidia"], "example")], 29: [(["reuters"], "example")]}, weeks=30)
    short = await page(news, "/news/entities/nvidia?weeks=26&measure=stories")
    assert len(short.xpath("//section[h2[@id='trend']]//tbody/tr")) == 26
    assert words(short, "//*[@aria-current='true']").startswith("stories 26 weeks")
    assert not short.xpath("//path[contains(@class, 'band')]")
    nonsense = await page(news, "/news/entities/nvidia?weeks=-1&measure=x")
    assert words(nonsense, "//*[@aria-current='true']").startswith("share of stories 52 weeks")


async def test_a_name_on_no_list_says_so_and_can_do_no_harm(news):
    save(news, article("a", "Acme sells something.", tagging=tag("News", "Acme sells something.", unlisted=["Acme"])))
    with news.atomic():
        for column in ("name", "description", "country", "ticker"):
            news.execute(f"UPDATE entities SET {column} = ? WHERE id = 'acme'", [HOSTILE])
        news.execute("UPDATE article_entities SET evidence = ?, surfaces = ?", [HOSTILE, json.dumps(["script"])])
        news.execute("UPDATE articles SET title = ?, url = 'javascript:alert(1)'", [HOSTILE])
        news.execute("UPDATE sources SET name = ?", [HOSTILE])
    tree = await page(news, "/news/entities/acme")
    assert words(tree, "//h1") == HOSTILE
    assert words(tree, "//ol[@class='feed']").count(HOSTILE) == 2  # title and source; the sentence is the title
    assert not tree.xpath("//script | //@onerror | //@style")
    assert not [url for url in tree.xpath("//@href") if url.lower().startswith("javascript")]
    assert "On no list of ours" in words(tree)


async def test_the_manner_of_naming_and_a_vendors_voice_are_marked(news):
    text = "Reuters heard that the H100 sells well, and that more of it is to come in spring."
    save(news, article("a", text, title="Sales"), source_id="vendor", now=NOW)
    assert "quoted as a source" in words(await page(news, "/news/entities/reuters"), "//ol[@class='feed']")
    told = words(await page(news, "/news/entities/nvidia-h100"), "//ol[@class='feed']")
    assert "about it" in told
    assert "a vendor's own voice" in told


async def test_the_verdict_is_shown_with_its_interval_and_week_and_nothing_where_there_is_none(news):
    put(news, "a", "nvidia")
    with news.atomic():
        news.execute("DELETE FROM entity_signals")
        news.execute(
            "INSERT INTO entity_signals VALUES ('nvidia', 'company', '2026-11-16', 'rising', 9, 0.5, 2.0, 1.4, 2.9,"
            " 0.03, 0)"
        )
    told = words(await page(news, "/news/entities/nvidia"), "//*[@class='verdict']")
    assert "rising" in told
    assert "2.00 times that of the 4 before (95% interval 1.40 to 2.90)" in told
    assert "too few of the sources answered in that week" in told
    assert not (await page(news, "/news/entities/reuters")).xpath("//*[@class='verdict' or contains(@class, 'signal')]")


async def test_prices_that_articles_quote_for_a_product_are_listed_with_their_sentences(news):
    text = "NVIDIA asks $4 for a million tokens."
    price = Price("$4", 4.0, None, "USD", "1M-tokens", None, None, text, "text", 12, 14, product="nvidia")
    tags = replace(tag("News", text), prices=(price,))
    save(news, article("a", text, title="News", tagging=tags), now=NOW)
    told = words(await page(news, "/news/entities/nvidia"), "//section[h2[@id='prices']]//tbody")
    assert "USD 4" in told
    assert text in told
    assert not (await page(news, "/news/entities/reuters")).xpath("//h2[@id='prices']")


async def test_an_id_that_is_not_there_is_not_found(news):
    file = Path(one(news, "SELECT file FROM pragma_database_list")[0])
    assert (await make_datasette(file, Site(fixed_now=NOW)).client.get("/news/entities/nobody")).status_code == 404
