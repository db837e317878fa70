"""Roles, salience and what a text is about."""

from aiwire.types import Entity, Tag
from nlp.about import FEATURES, AboutWeights, load_about_weights
from nlp.context import Found
from nlp.gazetteer import Record
from nlp.salience import MOST_ABOUT, name_tags
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
    return {t.id: t for t in name_tags(text, names, load_about_weights())}


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


def test_a_source_has_no_salience_and_comes_last() -> None:
    made = tags("Acme opens a plant", f"Acme opened it, Reuters reports. {FILLER} Zeta.", OUTLET, FIRM,
                Record(Entity("zeta", "company", "Zeta"), ()))  # fmt: skip

    assert list(made) == ["acme", "zeta", "reuters"]
    assert made["reuters"].salience == 0 < made["zeta"].salience < made["acme"].salience


def test_a_text_is_about_the_likeliest_few_at_most() -> None:
    firms = [Record(Entity(name.lower(), "company", name), ()) for name in ("Abc", "Bcd", "Cde", "Def", "Efg", "Fgh")]
    sure = AboutWeights(0.4, {model: {"bias": 9.0} | dict.fromkeys(names, 0.0) for model, names in FEATURES.items()})
    text = Text.of("News", "Abc, Bcd, Cde, Def, Efg and Fgh met.")
    names = [
        Found("company", r.entity.id, r.entity.name, at, at + 3, "any", 0.98, None, r)
        for r in firms
        if (at := text.raw.index(r.entity.name))
    ]

    made = name_tags(text, names, sure)

    assert [t.id for t in made if t.about] == ["abc", "bcd", "cde", "def"]
    assert len([t for t in made if t.about]) == MOST_ABOUT
    assert [t.role for t in made] == ["subject"] * 4 + ["mention"] * 2


def test_a_platform_that_the_news_is_about_is_no_venue() -> None:
    body = f"Reddit is down. Reddit says that Reddit will be back. {FILLER}"

    assert tags("Reddit goes down", body, VENUE)["reddit"].role == "subject"
    assert tags("A plant opens", f"{FILLER} See our page on Reddit, too. {FILLER}", VENUE)["reddit"].role == "venue"
