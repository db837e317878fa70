"""How likely it is that a text is about a name or a theme."""

import json
import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiwire.exceptions import ConfigError
from aiwire.types import Entity
from nlp.about import FEATURES, AboutWeights, Features, is_passage, load_about_weights, name_features, theme_features
from nlp.context import Found
from nlp.gazetteer import DATA, Record, ThemeRule
from nlp.text import Text
from nlp.themes import ThemeFound, ThemePlace

FILLER = "Nothing more is said here. " * 40
ACME = Record(Entity("acme", "company", "Acme"), ())
ZETA = Record(Entity("zeta", "company", "Zeta"), ())
MAKER = Record(Entity("maker", "company", "Maker"), ())
CHIP = Record(Entity("x100", "accelerator", "X100", parent="maker"), ())


def mentions(text: Text, of: Record) -> list[Found]:
    name, found, at = of.entity.name, [], -1
    while (at := text.raw.find(name, at + 1)) >= 0:
        found.append(Found(of.entity.kind, of.entity.id, name, at, at + len(name), "any", 0.98, None, of))
    return found


def features(title: str, body: str, *companies: Record, beside: tuple[Record, ...] = ()) -> list[Features]:
    text = Text.of(title, body)
    groups = [mentions(text, of) for of in companies]
    products = [f for of in beside for f in mentions(text, of)]
    return name_features(text, groups, [f for group in groups for f in group] + products)


def theme(text: Text, *terms: str, total: float = 1.0, theme_id: str = "energy") -> ThemeFound:
    places = tuple(ThemePlace(text.raw.index(term), text.raw.index(term) + len(term), term, 1.0) for term in terms)
    rule = ThemeRule(
        Entity(theme_id, "theme", theme_id), terms=(), threshold=1.0, strong=2.0, negation=False, field=False,
        evidence=(), positive=(), negative=(),
    )  # fmt: skip
    sentences = {text.sentence_index(p.start) for p in places}
    return ThemeFound(rule, places, min(sentences), 1.0, total, len(sentences))


def test_a_text_without_a_title_is_a_passage_unless_it_is_long() -> None:
    assert is_passage(Text.of("", "Acme grew."))
    assert not is_passage(Text.of("News", "Acme grew."))
    assert not is_passage(Text.of("", FILLER * 2))


def test_the_site_that_a_title_ends_with_is_no_headline() -> None:
    acme, zeta = features("Acme opens a new plant | Zeta", FILLER + "Acme and Zeta.", ACME, ZETA)

    assert (acme["title"], acme["site"]) == (1.0, 0.0)
    assert (zeta["title"], zeta["site"]) == (0.0, 1.0)


def test_a_dash_near_the_start_of_a_title_is_part_of_the_headline() -> None:
    assert features("Zeta – what Acme opens", FILLER, ACME)[0]["title"] == 1.0


def test_the_maker_of_what_the_headline_names_is_told() -> None:
    maker, acme = features("The X100 is here", f"Maker sells it to Acme. {FILLER}", MAKER, ACME, beside=(CHIP,))

    assert (maker["maker"], acme["maker"]) == (1.0, 0.0)


def test_what_comes_back_all_over_an_article_is_spread() -> None:
    often = ("Acme grew. " + "Nothing happened then. " * 12) * 4
    acme, zeta = features("News", "Zeta fell. Zeta lost. " + often, ACME, ZETA)

    assert acme["spread"] == 1.0
    assert zeta["spread"] == 0.0
    assert acme["dominance"] == 1.0
    assert zeta["dominance"] == 0.5


def test_who_does_something_acts_and_who_it_is_done_with_does_not() -> None:
    acme, zeta = features("News", f"Acme announced a deal with Zeta today. {FILLER}", ACME, ZETA)

    assert acme["acts"] > 0
    assert zeta["acts"] == 0


def test_names_in_a_row_are_listed() -> None:
    acme, zeta, maker = features(
        "News", f"Customers are Acme, Zeta and others. Maker grew. {FILLER}", ACME, ZETA, MAKER
    )

    assert (acme["listed"], zeta["listed"], maker["listed"]) == (1.0, 1.0, 0.0)


@pytest.mark.parametrize("words", ["Acme GPUs", "an Acme X100", "Acme-based racks", "Acme cloud services"])
def test_a_name_that_only_tells_whose_product_it_is_is_attributive(words: str) -> None:
    assert features("", f"They run it on {words} at night.", ACME)[0]["attributive"] == 1.0


def test_a_name_by_itself_is_not_attributive() -> None:
    assert features("", "They bought Acme in May. The rest of Acme's shares followed.", ACME)[0]["attributive"] == 0.0


def test_in_a_passage_the_subject_of_a_sentence_is_told() -> None:
    acme, zeta = features("", "In May, Acme raised its prices. They sell it through Zeta shops.", ACME, ZETA)

    assert (acme["subject"], acme["opening"]) == (1.0, 1.0)
    assert (zeta["subject"], zeta["opening"]) == (0.0, 0.0)


def test_a_theme_of_the_headline_and_the_lead_stands_out() -> None:
    text = Text.of("Power is short", f"The power grid fails. {FILLER} Prices rise.")
    power, prices = theme_features(
        text, [theme(text, "Power", "power grid", total=3.0), theme(text, "Prices", total=1.0, theme_id="pricing")]
    )

    assert (power["title"], power["lead"], power["dominance"]) == (1.0, 1.0, 1.0)
    assert (prices["title"], prices["lead"]) == (0.0, 0.0)
    assert prices["dominance"] == pytest.approx(1 / 3)


def test_in_a_passage_a_theme_that_comes_late_is_told() -> None:
    text = Text.of("", "The power grid fails, so that in the end prices rise.")
    power, prices = theme_features(text, [theme(text, "power grid"), theme(text, "prices", theme_id="pricing")])

    assert power["late"] < 0.2 < 0.7 < prices["late"]


words = st.sampled_from(
    ("Acme", "Zeta", "X100", "grew", "and", ",", ".", "with", "|", "the", "\n", "A", "says", "GPUs")
)


@given(st.lists(words, max_size=6).map(" ".join), st.lists(words, min_size=1, max_size=400).map(" ".join))
def test_features_are_those_of_their_model_and_between_0_and_1(title: str, body: str) -> None:
    text = Text.of(title, body)
    groups = [group for of in (ACME, ZETA, CHIP) if (group := mentions(text, of))]
    made = name_features(text, groups, [f for group in groups for f in group])
    model = "name-passage" if is_passage(text) else "name-article"

    assert len(made) == len(groups)
    for each in made:
        assert each.keys() == set(FEATURES[model])
        assert all(0 <= value <= 1 for value in each.values())


@given(st.lists(words, max_size=6).map(" ".join), st.lists(words, max_size=400).map(" ".join))
def test_features_of_themes_are_those_of_their_model_and_between_0_and_1(title: str, body: str) -> None:
    text = Text.of(title, f"{body} Zeta")
    made = theme_features(text, [theme(text, "Zeta", total=2.0), theme(text, "Zeta", theme_id="pricing")])
    model = "theme-passage" if is_passage(text) else "theme-article"

    for each in made:
        assert each.keys() == set(FEATURES[model])
        assert all(0 <= value <= 1 for value in each.values())


def test_likelihood_is_even_at_log_odds_of_0_and_grows_with_what_speaks_for_it() -> None:
    weights = AboutWeights(0.4, {"theme-passage": {"bias": 0.0, "dominance": 2.0, "late": -2.0}})

    assert weights.likelihood("theme-passage", {"dominance": 1.0, "late": 1.0}) == 0.5
    assert weights.likelihood("theme-passage", {"dominance": 1.0, "late": 0.0}) == pytest.approx(0.8808, abs=1e-4)


def test_the_shipped_weights_are_complete_and_have_the_signs_that_one_expects() -> None:
    shipped = load_about_weights()

    assert 0 < shipped.about_from < 1
    against = {"listed", "attributive", "late"}
    for model, names in FEATURES.items():
        weights = shipped.weights[model]
        assert weights.keys() == {"bias", *names}
        assert all((weights[name] < 0) == (name in against) for name in names)


def broken(folder: Path, old: str, new: str) -> Path:
    shutil.copy(DATA / "about.json", folder)
    path = folder / "about.json"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    return folder


def test_a_missing_file_is_told_by_its_name(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"about\.json: cannot be read .* tools/train_about\.py makes it"):
        load_about_weights(tmp_path)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('"listed"', '"lsted"', "name-article: missing or unknown: listed, lsted"),
        ('"theme-passage"', '"theme-passages"', "theme-passage: missing or unknown"),
        ('"from"', '"form"', "cannot be read"),
        ('"bias": ', '"bias": "x", "y": ', "cannot be read"),
        ("{", "[", "cannot be read"),
    ],
)
def test_weights_that_do_not_fit_are_refused(tmp_path: Path, old: str, new: str, told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        load_about_weights(broken(tmp_path, old, new))


def test_the_file_tells_what_made_it() -> None:
    assert "tools/train_about.py" in json.loads((DATA / "about.json").read_text())["about"]
