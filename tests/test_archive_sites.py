"""Whose page is it: listed sources by site, host and path; made ones by the site."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiwire.archive.sites import Sites, made_source, site_of
from aiwire.types import Source
from ingest.sources import slug


def listed(source_id: str, url: str) -> Source:
    return Source(source_id, source_id.title(), "feed", url, source_id)


CHIPS = listed("chips", "https://www.chips.example.com/feed.xml")
LABS = listed("labs", "https://labs.chips.example.com/rss")
EDGE = listed("edge", "https://labs.chips.example.com/edge/rss")
MIRROR = listed("a-mirror", "https://feeds.chips.example.com/all")
SITES = Sites([EDGE, CHIPS, LABS, MIRROR])


@pytest.mark.parametrize(
    ("url", "source_id"),
    [
        pytest.param("https://chips.example.com/2026/news", "chips", id="www is no other host"),
        pytest.param("https://labs.chips.example.com/2026/news", "edge", id="the first by id of one host"),
        pytest.param("https://labs.chips.example.com/edge/news", "edge", id="the one that shares a path"),
        pytest.param("https://eu.labs.chips.example.com/x", "edge", id="below a host"),
    ],
)
def test_a_page_belongs_to_the_listed_source_nearest_to_it(url: str, source_id: str) -> None:
    assert SITES.source_of(url).id == source_id


def test_a_page_of_the_site_on_a_host_that_no_source_has_goes_to_the_first_by_id() -> None:
    sites = Sites([listed("b", "https://feeds.example.org/all"), listed("a", "https://blog.example.org/rss")])

    assert sites.source_of("https://www.example.org/2026/").id == "a"


def test_the_order_of_the_list_changes_nothing() -> None:
    urls = ["https://chips.example.com/a", "https://labs.chips.example.com/edge/b", "https://shop.chips.example.com/"]
    other = Sites([MIRROR, LABS, CHIPS, EDGE])

    assert [SITES.source_of(url) for url in urls] == [other.source_of(url) for url in urls]


def test_a_site_on_no_list_is_a_source_of_its_own() -> None:
    source = SITES.source_of("https://news.courier.co.uk/2026/11/chips?page=2")

    assert source == Source(
        "site-courier-co-uk", "courier.co.uk", "archive", "https://courier.co.uk/", "courier.co.uk", enabled=False
    )
    assert source == made_source(site_of("http://www.courier.co.uk/"))


def test_a_machine_without_a_domain_is_a_site_by_port() -> None:
    one, other = (SITES.source_of(f"http://127.0.0.1:{port}/a") for port in (8000, 8001))

    assert (one.publisher, other.publisher) == ("127.0.0.1:8000", "127.0.0.1:8001")
    assert one.id != other.id


NAMES = st.from_regex(
    r"[a-z0-9]([a-z0-9-]{0,20}[a-z0-9])?(\.[a-z0-9-]{1,20}){0,3}\.[a-z]{2,6}(:[0-9]{1,5})?", fullmatch=True
)


@given(NAMES, NAMES)
def test_two_sites_never_share_an_id(one: str, other: str) -> None:
    assert (made_source(one).id == made_source(other).id) == (one == other)


@pytest.mark.parametrize("other", ["a.b.com", "a-b-com", "a-b.com:80", "a--b.com"])
def test_sites_whose_slugs_are_one_are_told_apart(other: str) -> None:
    assert slug(other).startswith("a-b-com")
    assert made_source("a-b.com").id != made_source(other).id
