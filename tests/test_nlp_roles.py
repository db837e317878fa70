"""Who is only quoted or credited, and where something was only posted."""

import pytest

from aiwire.types import Entity
from nlp.context import Found
from nlp.gazetteer import Record
from nlp.roles import is_source, is_venue, split_sources, without_site_names
from nlp.text import Text


def record(name: str, category: str = "software", *, outlet: bool = False, venue: bool = False) -> Record:
    entity_id = name.lower().replace(" ", "-")
    return Record(Entity(entity_id, "company", name, category), (), news_outlet=outlet, venue=venue)


REUTERS = record("Reuters", "media", outlet=True)
BANK = record("Harbour Bank", "bank")
ACME = record("Acme")
REDDIT = record("Reddit", "media", venue=True)
PHOTOS = record("Getty Images", "media")


def mentions(text: Text, of: Record, surface: str | None = None) -> list[Found]:
    name, found, at = surface or of.entity.name, [], -1
    while (at := text.raw.find(name, at + 1)) >= 0:
        found.append(Found("company", of.entity.id, of.entity.name, at, at + len(name), "any", 0.98, None, of))
    assert found
    return found


def sources(body: str, of: Record, title: str = "A plant opens") -> bool:
    text = Text.of(title, body)
    return is_source(text, mentions(text, of))


def venues(body: str, of: Record, surface: str | None = None) -> bool:
    text = Text.of("A plant opens", body)
    return is_venue(text, mentions(text, of, surface))


@pytest.mark.parametrize(
    "body",
    [
        "The plant will grow, the owner told Reuters.",
        "Photo: Reuters",
        "Reuters reports that the plant grows. The price is unknown, Reuters adds.",
    ],
)
def test_an_outlet_that_is_quoted_or_credited_is_a_source(body: str) -> None:
    assert sources(body, REUTERS)


@pytest.mark.parametrize(
    ("title", "body"),
    [
        ("Reuters lays off staff", "It will close two offices."),
        ("A deal", "Acme partners with Reuters on news."),
        ("A partnership with Reuters on news", "It begins in May."),
        ("A deal", "The maps are from Reuters. Reuters sued the maker in May."),
    ],
)
def test_an_outlet_in_the_news_itself_is_no_source(title: str, body: str) -> None:
    assert not sources(body, REUTERS, title)


def test_an_outlet_at_the_end_of_a_title_is_where_the_news_stood() -> None:
    assert sources("It opened.", REUTERS, "A plant opens | Reuters")


@pytest.mark.parametrize(
    "body",
    [
        "Analysts at Harbour Bank think that it will grow.",
        "It will grow, according to Harbour Bank.",
        "Harbour Bank estimates that it will grow. Harbour Bank analysts doubt the rest.",
    ],
)
def test_a_bank_of_which_only_the_estimates_are_quoted_is_a_source(body: str) -> None:
    assert sources(body, BANK)


def test_a_bank_that_does_something_is_no_source() -> None:
    assert not sources("It will grow, according to Harbour Bank. Harbour Bank lent it a million.", BANK)


def test_a_firm_that_speaks_of_itself_is_no_source() -> None:
    assert not sources("The plant will grow, according to Acme.", ACME)


@pytest.mark.parametrize("body", ["Photo courtesy of Acme\nIt opened.", "It opened. (Image: Acme)"])
def test_a_firm_under_a_picture_only_is_a_source(body: str) -> None:
    assert sources(body, ACME)


@pytest.mark.parametrize("body", ["Jo Doe / Getty Images\nIt opened.", "It opened. AFP via Getty Images"])
def test_a_photo_agency_is_a_source_under_pictures(body: str) -> None:
    assert sources(body, PHOTOS)


def test_a_photo_agency_in_court_is_no_source() -> None:
    assert not sources("Jo Doe / Getty Images\nA court heard Getty Images on Monday.", PHOTOS)


def test_only_companies_are_sources() -> None:
    text = Text.of("A law", "It is so, according to the Act.")
    law = Record(Entity("act", "regulation", "Act"), ())

    assert not is_source(text, [Found("regulation", "act", "Act", 33, 36, "any", 0.98, None, law)])
    assert not is_source(text, [Found("company", "act", "Act", 33, 36, "unlisted:x", 0.8, None, None)])


def test_sources_are_split_from_the_others_in_order() -> None:
    text = Text.of("A plant opens", "Acme opened it, Reuters reports. Reddit liked it.")
    groups = [mentions(text, of) for of in (ACME, REUTERS, REDDIT)]

    assert split_sources(text, groups) == ([groups[1]], [groups[0], groups[2]])


@pytest.mark.parametrize("body", ["He wrote on Reddit. It grew.", "Follow us on Reddit, X and more.", "A Reddit post."])
def test_a_platform_that_something_was_posted_on_is_a_venue(body: str) -> None:
    assert venues(body, REDDIT)


@pytest.mark.parametrize(
    "body",
    [
        "It serves clients such as Reddit, Acme and others.",
        "On Monday, Reddit announced a plan.",
        "Reddit sued the maker.",
        "He wrote on Reddit. Reddit's CEO liked it.",
    ],
)
def test_a_platform_that_acts_or_buys_is_no_venue(body: str) -> None:
    assert not venues(body, REDDIT)


def test_a_firm_is_a_venue_under_the_name_of_its_platform_only() -> None:
    meta = record("Meta")

    assert venues("See our page on Facebook, too.", meta, "Facebook")
    assert not venues("It was posted on Meta, too.", meta, "Meta")


def test_a_firm_that_is_no_platform_is_no_venue() -> None:
    assert not venues("He wrote on Acme. It grew.", ACME)


@pytest.mark.parametrize(
    ("title", "kept"),
    [
        ("Acme buys a plant | Reuters", 0),
        ("Acme buys a plant • Reuters", 0),
        ("Acme buys a plant : Reuters", 0),
        ("Acme buys Reuters", 1),
        ("Reuters", 1),
        ("Reuters | Acme buys a plant", 1),
    ],
)
def test_the_outlet_that_ends_a_title_as_the_name_of_its_site_names_no_company(title: str, kept: int) -> None:
    text = Text.of(title, "A plant opens.")

    assert len(without_site_names(text, mentions(text, REUTERS))) == kept
