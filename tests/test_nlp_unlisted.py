"""Companies that no list has."""

import pytest

from aiwire.types import Entity
from nlp.context import Found
from nlp.gazetteer import Record
from nlp.text import Text
from nlp.unlisted import UnlistedMatcher, load_unlisted_rules, slug

MATCHER = UnlistedMatcher(load_unlisted_rules(), frozenset({"bolt"}), frozenset({"nvidia"}))


def find(raw: str, *known: str) -> tuple[list[tuple[str, int]], list[tuple[str, str]]]:
    names = [
        Found("company", k.lower(), k, at, at + len(k), "any", 1.0, None, Record(Entity(k.lower(), "company", k), ()))
        for k in known
        if (at := raw.find(k)) >= 0
    ]
    found, candidates = MATCHER.find(Text.of("", raw), names)
    return [(f.id, f.start) for f in found], [(c.surface, c.looks_like) for c in candidates]


def test_a_name_inside_a_longer_one_is_found_as_well() -> None:
    raw = "The start-up Quorvex raised $40 million. The start-up Quorvex Labs raised $4 million. Quorvexes are none."

    found, _ = find(raw)

    assert sorted(found) == [
        ("quorvex", raw.index("Quorvex")),
        ("quorvex", raw.index("Quorvex Labs")),
        ("quorvex-labs", raw.index("Quorvex Labs")),
    ]


@pytest.mark.parametrize(
    ("raw", "entity"),
    [
        ("On Monday Quorvex raised $40 million for its chips.", "quorvex"),
        ("It hired a man from the German start-up Quorvex last year.", "quorvex"),
        ("We asked Quorvex's CEO why the chip is late.", "quorvex"),
        ("She was the CEO of Quorvex Labs until May.", "quorvex-labs"),
        ("The parts come from Quorvex GmbH in Jena, he said.", "quorvex"),
        ("They met Quorvex, a maker of optical switches, in June.", "quorvex"),
        ("The round was big, with participation from Quorvex Ventures and others.", "quorvex-ventures"),
        ("1. Quorvex\nQuorvex, based in Jena, sells data platforms.", "quorvex"),
        ("Recruiters use platforms such as Quorvex.ai to sort their mail.", "quorvex-ai"),
        ("Shares of Quorvex (NASDAQ: QVX) fell by a tenth.", "quorvex"),
    ],
)
def test_strong_evidence_makes_a_tag(raw: str, entity: str) -> None:
    found, _ = find(raw)

    assert {i for i, _ in found} == {entity}


@pytest.mark.parametrize(
    "raw",
    [
        "The start-up University of Ghent raised $3 million.",
        "The startup Instagram raised $5 million.",
        "The firm Similarly raised $5 million.",
        "Startup Taking Over the Market Raised $5 Million",
        "We saw Elon Musk's CEO title change.",
        "The company Bolt is not far.",
        "Nothing is named here, but a startup raised $5 million.",
    ],
)
def test_people_public_bodies_headlines_and_common_words_are_left_alone(raw: str) -> None:
    assert find(raw)[0] == []


def test_all_places_of_an_accepted_name_are_tagged() -> None:
    raw = "Quorvex raised $9 million. Later Quorvex hired; Quorvexia did not."

    assert find(raw)[0] == [("quorvex", 0), ("quorvex", 33)]


def test_weak_evidence_makes_a_candidate() -> None:
    found, candidates = find("Cards come from Nvidia, Quorvexo and others, and Quorvexo announced one.", "Nvidia")

    assert found == []
    assert candidates == [("Quorvexo", "company")]


def test_known_names_are_never_unlisted() -> None:
    assert find("Nvidia raised $4 million.", "Nvidia")[0] == []
    assert find("Nvidia raised $4 million.")[0] == []


def test_product_like_names_are_candidates() -> None:
    assert find("AMD hints at an MI4xx and a Quorvex-70B.")[1] == [("MI4xx", "product"), ("Quorvex-70B", "product")]


def test_ids_are_slugs() -> None:
    assert [slug(n) for n in ("Société Générale", "01.AI", "???")] == ["societe-generale", "01-ai", ""]
