"""Companies that no list has."""

import json
import shutil
import time
from pathlib import Path

import pytest

from aiwire.exceptions import ConfigError
from aiwire.types import Entity
from nlp.context import Found
from nlp.evidence import FEATURES
from nlp.gazetteer import DATA, Record
from nlp.text import Text
from nlp.unlisted import UnlistedMatcher, load_unlisted_rules, slug

MATCHER = UnlistedMatcher(load_unlisted_rules(), frozenset({"plim"}), frozenset({"nvidia", "claude"}))


def known_in(raw: str, *names: str) -> list[Found]:
    return [
        Found("company", n.lower(), n, at, at + len(n), "any", 1.0, None, Record(Entity(n.lower(), "company", n), ()))
        for n in names
        if (at := raw.find(n)) >= 0
    ]


def find(raw: str, *known: str) -> tuple[list[tuple[str, int]], list[tuple[str, str]]]:
    found, candidates = MATCHER.find(Text.of("", raw), known_in(raw, *known))
    return [(f.id, f.start) for f in found], [(c.surface, c.looks_like) for c in candidates]


def ids(raw: str, *known: str) -> set[str]:
    return {entity_id for entity_id, _ in find(raw, *known)[0]}


def features(raw: str, name: str, *known: str) -> set[str]:
    return dict(MATCHER.cases(Text.of("", raw), known_in(raw, *known))).get(name, set())


@pytest.mark.parametrize(
    ("raw", "entity"),
    [
        ("On Monday Quorvex raised $40 million for its chips.", "quorvex"),
        ("It hired a man from the German start-up Quorvex last year.", "quorvex"),
        ("They moved to a firm called Quorvex last year.", "quorvex"),
        ("We asked Quorvex's CEO why the chip is late.", "quorvex"),
        ("The chip is late, Quorvex co-founder Ada Zorn told us.", "quorvex"),
        ("She was the CEO of Quorvex Labs until May.", "quorvex-labs"),
        ("The parts come from Quorvex GmbH in Jena, he said.", "quorvex"),
        ("They met Quorvex, a maker of optical switches, in June.", "quorvex"),
        ("They met Quorvex (a Turkish vendor of switches) in June.", "quorvex"),
        ("The round was big, with participation from Quorvex Ventures and others.", "quorvex-ventures"),
        ("Their seed round was led by Quorvex in May.", "quorvex"),
        ("1. Quorvex\nQuorvex, based in Jena, sells data platforms.", "quorvex"),
        ("Quorvex is a leading provider of switches. The shares of Quorvex rose.", "quorvex"),
        ("Recruiters use platforms such as Quorvex.ai to sort their mail.", "quorvex-ai"),
        ("Shares of Quorvex (NASDAQ: QVX) fell by a tenth.", "quorvex"),
        ("London-based Quorvex said that Quorvex's customers wait.", "quorvex"),
        ("A compliance startup calledQuorvex is late, and Quorvex knows.", "quorvex"),
    ],
)
def test_strong_evidence_makes_a_tag(raw: str, entity: str) -> None:
    assert ids(raw) == {entity}


def test_a_list_with_known_companies_tells_its_other_names() -> None:
    assert ids("Rivals are Nvidia, Quorvex, Zorntec and Groq.", "Nvidia", "Groq") == {"quorvex", "zorntec"}
    assert ids("It has Nvidia (NVDA), Zorntec, Groq and others.", "Nvidia", "Groq") == {"zorntec"}


def test_an_accepted_name_vouches_for_the_others_of_its_list() -> None:
    raw = "The start-up Quorvex raised $4 million. Buyers like Quorvex, Zorntec and Plimtec Labs wait."

    assert ids(raw) == {"quorvex", "zorntec", "plimtec-labs"}


def test_lists_of_trademarks_are_left_alone() -> None:
    raw = "Nvidia, Quorvex, Groq and combinations of them are trademarks of their owners."

    assert ids(raw, "Nvidia", "Groq") == set()


@pytest.mark.parametrize(
    "raw",
    [
        "The start-up University of Ghent raised $3 million.",
        "The startup Instagram raised $5 million.",
        "The firm Similarly raised $5 million.",
        "Startup Taking Over the Market Raised $5 Million",
        "We saw Elon Musk's CEO title change.",
        "Nothing is named here, but a startup raised $5 million.",
        "The startup I've raised $5 million.",
        "The firm GPUs raised $5 million.",
        "The startup @Quorvex raised $5 million.",
        "Tommy Quorvex raised $5 million, and Quorvex said it was enough.",
        "We met Quorvex, a software engineer from Jena. Quorvex said no.",
        "The company Claude.ai raised $5 million.",
        "The Quorvex Council (QVX) has a CEO. A report by the Federal Agency of Quays (QVX) tells more of QVX's CEO.",
    ],
)
def test_people_public_bodies_products_headlines_and_common_words_are_left_alone(raw: str) -> None:
    assert ids(raw) == set()


@pytest.mark.parametrize("name", ["PyTorch", "Terraform", "Kubernetes"])
def test_projects_are_no_companies_because_they_are_listed_beside_some(name: str) -> None:
    assert ids(f"It runs on Nvidia, {name} and Groq.", "Nvidia", "Groq") == set()


@pytest.mark.parametrize(
    ("raw", "feature"),
    [
        ("The firm Quorvex works on the open-source library Quorvex daily.", "thing-left"),
        ("The firm Quorvex. Our Quorvex framework is fast.", "thing-right"),
        ("The firm Quorvex. We live in Quorvex now.", "place"),
        ("The firm Quorvex. She moved from Quorvex, Ohio, in May.", "place-right"),
        ("The firm Quorvex. Mr. Quorvex is late.", "title"),
        ("The firm Quorvex. It runs Quorvex 2.5 now.", "edition"),
        ("The firm Quorvex. Then pip install quorvex again.", "small-letters"),
        ("The firm Quorvex. More on quorvex.io soon.", "site"),
    ],
)
def test_what_stands_around_a_name_speaks_for_or_against_it(raw: str, feature: str) -> None:
    assert feature in features(raw, "Quorvex")


def test_what_is_glued_to_a_name_is_no_part_of_it() -> None:
    raw = "The start-up Quorvex raised $4 million. The firm Quorvexannouncedthat raised $5 million."

    assert ids(raw) == {"quorvex"}
    assert ids("A photo by GettyQuorvex's CEO and of Getty.", "Getty") == set()


def test_the_short_name_means_the_long_one() -> None:
    raw = "The start-up Quorvex raised $40 million. The start-up Quorvex Labs raised $4 million. Quorvexes are none."

    found, _ = find(raw)

    assert sorted(found) == [
        ("quorvex-labs", raw.index("Quorvex")),
        ("quorvex-labs", raw.index("Quorvex Labs")),
        ("quorvex-labs", raw.index("Quorvex Labs")),
    ]


def test_all_places_of_an_accepted_name_are_tagged() -> None:
    raw = "Quorvex raised $9 million. Later Quorvex hired; Quorvexia did not."

    assert find(raw)[0] == [("quorvex", 0), ("quorvex", 33)]


def test_the_tag_tells_its_evidence_and_its_probability() -> None:
    found, _ = MATCHER.find(Text.of("", "The start-up Quorvex raised $9 million."), [])

    assert found[0].rule.removeprefix("unlisted:").split("+") == sorted(
        features("The start-up Quorvex raised $9 million.", "Quorvex")
    )
    assert load_unlisted_rules().tag <= found[0].confidence < 1


def test_weak_evidence_makes_a_candidate() -> None:
    found, candidates = find("They use tools from Quorvex daily.")

    assert found == []
    assert candidates == [("Quorvex", "company")]


def test_a_word_of_the_language_needs_more_evidence_than_a_made_up_name() -> None:
    assert ids("They bought Quorvex in May.") == {"quorvex"}
    assert ids("They bought Plim in May.") == set()


def test_known_names_are_never_unlisted() -> None:
    assert find("Nvidia raised $4 million.", "Nvidia")[0] == []
    assert find("Nvidia raised $4 million.")[0] == []


def test_product_like_names_are_candidates() -> None:
    assert find("AMD hints at an MI4xx and a Quorvex-70B.")[1] == [("MI4xx", "product"), ("Quorvex-70B", "product")]


def test_ids_are_slugs() -> None:
    assert [slug(n) for n in ("Société Générale", "01.AI", "???")] == ["societe-generale", "01-ai", ""]


def test_every_feature_has_a_weight() -> None:
    assert set(load_unlisted_rules().weights) == FEATURES


def test_an_unknown_feature_in_the_rules_is_refused(tmp_path: Path) -> None:
    shutil.copy(DATA / "unlisted.json", tmp_path)
    path = tmp_path / "unlisted.json"
    rules = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps(rules | {"weights": rules["weights"] | {"fundng": 1.0}}), encoding="utf-8")

    with pytest.raises(ConfigError, match="fundng"):
        load_unlisted_rules(tmp_path)


@pytest.mark.parametrize(
    "unit",
    [
        "Foo{0}x raised $5 million and its CEO left. ",
        "startup Foo{0}xhas raised $5 million. Foo{0}x did. ",
        "Nvidia, Bar{0}x, Foo{0}x and Zorn{0}x. ",
        "Foo{0}x Labs is a company. ",
        "Foo.ai ",
        "Foo, a ",
        "A",
    ],
)
def test_no_text_stalls_the_search(unit: str) -> None:
    raw = "".join(unit.format(n) for n in range(100_000 // len(unit)))[:100_000]
    text = Text.of("", raw)
    started = time.thread_time()

    MATCHER.find(text, [])

    assert time.thread_time() - started < 3
