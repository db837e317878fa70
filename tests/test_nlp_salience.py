"""Roles, salience and what a text is about."""

from aiwire.types import Entity, Tag
from nlp.context import Found
from nlp.gazetteer import Record
from nlp.salience import name_tags
from nlp.text import Text

OUTLET = Record(Entity("reuters", "company", "Reuters"), (), news_outlet=True)
VENUE = Record(Entity("reddit", "company", "Reddit"), (), venue=True)
FIRM = Record(Entity("acme", "company", "Acme"), ())
FILLER = "Nothing more is said here. " * 30


def tags(title: str, body: str, *records: Record) -> dict[str, Tag]:
    text = Text.of(title, body)
    names = []
    for record in records:
        name, at = record.entity.name, text.raw.find(record.entity.name)
        while at >= 0:
            names.append(Found("company", record.entity.id, name, at, at + len(name), "any", 0.98, None, record))
            at = text.raw.find(name, at + 1)
    return {t.id: t for t in name_tags(text, names)}


def test_a_name_in_title_and_lead_is_the_subject() -> None:
    acme = tags("Acme opens a plant", f"Acme opened it on Monday. {FILLER}", FIRM)["acme"]

    assert (acme.role, acme.about, acme.count) == ("subject", True, 2)


def test_a_name_far_down_is_a_mention() -> None:
    acme = tags("A plant opens", f"{FILLER} It is not far from Acme.", FIRM)["acme"]

    assert (acme.role, acme.about) == ("mention", False)
    assert acme.evidence == "It is not far from Acme."


def test_a_quoted_outlet_is_a_source() -> None:
    assert (
        tags("A plant opens", f"{FILLER} It will grow, he told Reuters. {FILLER}", OUTLET)["reuters"].role == "source"
    )


def test_a_platform_that_something_was_posted_on_is_a_venue() -> None:
    assert tags("A plant opens", f"{FILLER} He wrote on Reddit. {FILLER}", VENUE)["reddit"].role == "venue"


def test_an_outlet_in_the_furniture_of_a_page_is_a_source() -> None:
    for title, body in (
        ("A plant opens • Reuters", FILLER),
        ("A plant opens", f"Photo: Reuters {FILLER}"),
        ("A plant opens", f"Reuters reports that it grows. {FILLER}"),
    ):
        assert tags(title, body, OUTLET)["reuters"].role == "source"


def test_an_outlet_that_signs_or_sells_is_no_source() -> None:
    assert tags("A deal", f"Acme partners with Reuters on news. {FILLER}", OUTLET)["reuters"].role == "mention"


def test_in_a_passage_who_acts_is_the_subject() -> None:
    made = tags("", "Acme announced a plant for glass and steel that yards need, near Zeta. It opens in May.", FIRM,
                Record(Entity("zeta", "company", "Zeta"), ()))  # fmt: skip

    assert (made["acme"].about, made["zeta"].about) == (True, False)


def test_an_outlet_that_the_news_is_about_is_its_subject() -> None:
    body = f"Reuters cut a tenth of its staff. Reuters will close two offices. {FILLER}"

    assert tags("Reuters lays off staff", body, OUTLET)["reuters"].role == "subject"


def test_what_a_text_comes_back_to_stands_out_over_what_it_names_once() -> None:
    made = tags("News", "Acme grew. Then Acme fell. Zeta stayed. Acme rose again. Acme ended." + FILLER, FIRM,
                Record(Entity("zeta", "company", "Zeta"), ()))  # fmt: skip

    assert made["acme"].salience > made["zeta"].salience
