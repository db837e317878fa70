"""The list of a kind begins with those that are most in the news."""

import pytest
from lxml import html
from site_pages import make_demo

from aiwire.web.server import make_datasette


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    return make_demo(tmp_path_factory.mktemp("entities"))


@pytest.fixture
async def datasette(demo):
    served = make_datasette(demo)
    await served.invoke_startup()
    yield served
    served.get_database("news").close()


async def _page(datasette, path):
    answer = await datasette.client.get(path)
    assert answer.status_code == 200
    return html.document_fromstring(answer.text)


async def test_companies_that_most_stories_name_come_first_with_their_weeks(datasette):
    page = await _page(datasette, "/news/entities?kind=company&listed=1")
    top = page.xpath("//section[@aria-labelledby='most']//li")
    told = [li.xpath(".//span[@class='num']")[0].text for li in top]
    counts = [int(words.partition(" of ")[0]) for words in told]  # of so few stories no percentages

    assert page.findtext(".//h2[@id='most']") == "Most in the news: companies"
    assert 3 <= len(top) <= 24
    assert all(li.find("a").get("href").startswith("/news/entities/") for li in top)
    assert counts == sorted(counts, reverse=True)
    assert counts[0] > 1


@pytest.mark.parametrize("query", ["", "?kind=nonsense", "?kind=company&_next=x,y", "?kind__in=company,theme"])
async def test_other_lists_are_the_plain_table(datasette, query):
    page = await _page(datasette, f"/news/entities{query}")

    assert page.xpath("//section[@aria-labelledby='most']") == []
    assert page.xpath("//h1")
