"""The page that compares names, and the canned query behind it."""

import csv
import io
from pathlib import Path

import pytest
from counted_rows import NOW
from db_rows import make_db, one
from entity_weeks import fill_weeks
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import html

from aiwire.types import Entity
from aiwire.web.server import make_datasette
from aiwire.web.site import Site
from db.pages.compare import asked, compared
from db.pages.weeks import calendar
from db.queries.compare import COMPARE
from db.store import sync_entities

TOLD = {
    0: [(["nvidia", "reuters"], "example"), (["nvidia"], "example"), (["tco"], "mirror")],
    1: [(["reuters"], "example")],
    7: [(["nvidia"], "mirror")],
}
EMPTY = {"entities": "", "weeks": "", **dict.fromkeys("abcde", "")}


@pytest.fixture
def news(tmp_path):
    db = make_db(tmp_path / "news.db")
    fill_weeks(db, TOLD)
    yield db
    db.close()


async def get(db, path):
    file = Path(one(db, "SELECT file FROM pragma_database_list")[0])
    answer = await make_datasette(file, Site(fixed_now=NOW)).client.get(path)
    assert answer.status_code == 200, answer.text
    return answer.text


async def page(db, query):
    text = await get(db, f"/news/compare{query}")
    assert len(text) < 150_000
    return html.fromstring(text)


def words(tree, xpath="//main"):
    return " ".join(" ".join(found.text_content() for found in tree.xpath(xpath)).split())


def rows(db, **given):
    cursor = db.execute(COMPARE.sql, EMPTY | given)
    names = [column[0] for column in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in cursor]


def test_a_row_has_the_stories_of_a_week_their_share_and_the_share_of_voice(news):
    found = {(row["period_start"], row["entity_id"]): row for row in rows(news, entities="nvidia,reuters")}
    week = found["2026-11-16", "nvidia"]
    assert (week["stories"], week["stories_total"], week["is_partial"]) == (2, 3, 0)
    assert week["share_stories"] == pytest.approx(2 / 3, abs=1e-6)
    assert week["share_of_voice"] == pytest.approx(2 / 3, abs=1e-6)
    assert found["2026-11-16", "reuters"]["share_of_voice"] == pytest.approx(1 / 3, abs=1e-6)
    assert found["2026-11-09", "nvidia"]["share_of_voice"] == 0


def test_rows_agree_with_the_weeks_of_the_page(news):
    names = asked(news, {"entities": "nvidia,tco,reuters"}).entities
    known = calendar(news, NOW, 52)
    drawn = {(week.start, one.entity.id): week for one in compared(news, names, known) for week in one.weeks}
    told = rows(news, entities="nvidia,tco,reuters")
    assert len(told) > 5
    for row in told:
        week = drawn[row["period_start"], row["entity_id"]]
        assert (row["stories"], row["stories_total"]) == (week.stories, week.total)
        assert row["is_partial"] == week.is_partial


@pytest.mark.parametrize(("asked_for", "weeks"), [("1", 1), ("2", 2), ("0", 52), ("-3", 52), ("x", 52), ("9999", 52)])
def test_the_number_of_weeks_is_within_bounds(news, asked_for, weeks):
    newest = "2026-11-23"
    (since,) = one(news, "SELECT date(?, ?)", newest, f"-{7 * (weeks - 1)} days")
    found = {row["period_start"] for row in rows(news, entities="nvidia", weeks=asked_for)}
    in_table = news.execute(
        "SELECT period_start FROM period_totals WHERE grain = 'week' AND segment = 'all' AND period_start >= ?", [since]
    )
    assert found == {start for (start,) in in_table}


def test_ids_and_names_are_taken_in_any_of_the_ways(news):
    for typed in ({"entities": " NVIDIA , nvidia-h100"}, {"a": "nvidia", "e": "NVIDIA H100"},
                  {"entities": "nvidia", "c": "nvidia-h100"}):  # fmt: skip
        assert [one.id for one in asked(news, typed).entities] == ["nvidia", "nvidia-h100"]


def test_what_is_unknown_given_twice_or_too_much_is_told(news):
    sync_entities(news, tuple(Entity(f"firm-{n}", "company", f"Firm {n}") for n in range(6)))
    found = asked(news, {"entities": "firm-0,firm-1,firm-2,firm-3,firm-4,firm-5,firm-1,firm-99x"})
    assert [one.id for one in found.entities] == [f"firm-{n}" for n in range(5)]
    assert found.left_out == ("Firm 5",)
    assert found.repeated == ("Firm 1",)
    assert found.unknown[0][0] == "firm-99x"
    assert found.unknown[0][1].startswith("did you mean 'firm-")


@given(st.text(max_size=60), st.text(max_size=20))
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_is_typed_is_words(news, listed, typed):
    listed, typed = (text.encode("utf-8", "ignore").decode() for text in (listed, typed))
    rows(news, entities=listed, a=typed, weeks=typed)
    found = asked(news, {"entities": listed, "a": typed})
    assert len(found.entities) <= 5


def test_shares_of_voice_of_the_page_add_up_and_its_four_weeks_are_over(news):
    first, second = compared(news, asked(news, {"a": "nvidia", "b": "reuters"}).entities, calendar(news, NOW, 52))
    assert (first.voice, second.voice) == (pytest.approx(3 / 5), pytest.approx(2 / 5))
    assert (first.stories, first.total, first.month[0].start) == (2, 4, "2026-10-26")
    assert first.voice_now == pytest.approx(2 / 4)


async def test_the_page_shows_one_chart_with_names_at_the_lines_and_a_table(news):
    tree = await page(news, "?entities=nvidia,reuters,tco")
    (chart,) = tree.xpath("//svg[contains(@class, 'trend--wide')]")
    assert [name.text_content() for name in chart.xpath(".//text[contains(@class, 'name')]")] == [
        "NVIDIA", "Reuters", "TCO",
    ]  # fmt: skip
    assert "NVIDIA" in chart.get("aria-label")
    assert words(tree, "//section[h2[@id='voice']]//table[1]/tbody/tr[1]/td[3]").startswith("2 of 4")
    assert "/news/evidence?entity_id=nvidia&grain=week&period=2026-11-16" in tree.xpath("//a/@href")
    assert [field.get("value") for field in tree.xpath("//form//input[@type='text']")] == [
        "nvidia", "reuters", "tco", "", "",
    ]  # fmt: skip


async def test_each_of_the_four_weeks_that_make_a_sum_leads_to_its_articles(news):
    tree = await page(news, "?entities=nvidia,reuters")
    row = "(//table)[1]/tbody/tr[1]"
    assert words(tree, f"{row}/td[3]") == "2 of 4"
    linked = tree.xpath(f"{row}/td[@data-label='Evidence']//a")
    assert [(link.get("title"), link.text_content().split(": ")[-1]) for link in linked] == [
        ("week of 2026-10-26", "0"), ("week of 2026-11-02", "0"), ("week of 2026-11-09", "0"),
        ("week of 2026-11-16", "2"),
    ]  # fmt: skip
    assert linked[-1].get("href") == "/news/evidence?entity_id=nvidia&grain=week&period=2026-11-16"


async def test_the_shares_of_voice_of_a_week_are_of_the_stories_of_all_that_are_compared(news):
    tree = await page(news, "?entities=nvidia,reuters")
    row = "//details//tbody/tr[th[starts-with(., '2026-11-16')]]"
    assert [words(tree, f"{row}/td[{n}]") for n in (1, 3, 4, 6)] == ["2", "66.7%", "1", "33.3%"]


async def test_the_bar_says_its_percentages_where_there_is_room(news):
    tree = await page(news, "?entities=nvidia,reuters,tco")
    (bar,) = tree.xpath("//svg[@class='voice-bar']")
    assert [label.text for label in bar.xpath(".//text")] == ["50%", "33%", "17%"]
    assert [part.get("width") for part in bar.xpath(".//rect")] == ["50.00%", "33.33%", "16.67%"]
    (none,) = (await page(news, "?entities=nvidia,nvidia-h100")).xpath("//svg[@class='voice-bar']")
    assert [label.text for label in none.xpath(".//text")] == ["100%"]


async def test_the_csv_of_the_page_holds_what_its_table_shows(news):
    tree = await page(news, "?entities=nvidia,reuters")
    (url,) = tree.xpath("//section[h2[@id='voice']]//a[starts-with(., 'CSV')]/@href")
    told = list(csv.DictReader(io.StringIO(await get(news, url))))
    shown = {}
    for row in tree.xpath("//details//tbody/tr"):
        start, first, _, _, second, *_ = (words(row, f"./*[{n}]") for n in range(1, 9))
        shown[start] = (first, second)
    for start in {row["period_start"] for row in told}:
        assert shown[start] == tuple(
            next(row["stories"] for row in told if row["period_start"] == start and row["entity_id"] == entity_id)
            for entity_id in ("nvidia", "reuters")
        )


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("?a=nvidia", "Name at least one more to compare NVIDIA with."),
        ("?a=nvidia&b=NVIDIA", "Given more than once, compared once: NVIDIA."),
        ("?entities=nvidia,reuter", "Nothing here is called 'reuter'. Did you mean 'reuters'?"),
        ("?a=%3Cscript%3Ealert(1)%3C/script%3E", "Nothing here is called '<script>alert(1)</script>'."),
    ],
)
async def test_too_few_unknown_and_repeated_names_are_said_in_words(news, query, said):
    tree = await page(news, query)
    assert said in words(tree, "//p[contains(@class, 'notice')]")
    assert not tree.xpath("//svg[contains(@class, 'trend')]")
    assert not tree.xpath("//script")


async def test_without_names_there_is_the_form_with_what_is_most_named(news):
    tree = await page(news, "")
    assert not tree.xpath("//p[contains(@class, 'notice')]")
    assert "nvidia" in tree.xpath("//datalist/option/@value")
    assert len(tree.xpath("//form//label[@for='name-a']")) == 1
