"""Themes: weights, negation, evidence."""

from dataclasses import replace

import pytest

from aiwire.exceptions import ConfigError
from aiwire.types import Entity
from nlp.field import FieldTerms, load_field_terms
from nlp.gazetteer import Lexicon, Term, ThemeRule
from nlp.text import Text
from nlp.themes import ThemeFound, ThemeMatcher


def rule(*terms: tuple[str, float], negation: bool = False, field: bool = False, strong: float = 1.0) -> ThemeRule:
    return ThemeRule(
        entity=Entity("t", "theme", "T"),
        terms=tuple(Term(s.rstrip("*"), w, prefix=s.endswith("*")) for s, w in terms),
        threshold=1.0,
        strong=strong,
        negation=negation,
        field=field,
        evidence=(("price", 1.0),),
        positive=(),
        negative=(),
    )


def find(theme: ThemeRule, raw: str, evidence: tuple[tuple[str, int, int], ...] = ()) -> list[ThemeFound]:
    matcher = ThemeMatcher(Lexicon((), (theme,), frozenset(), "test"), FieldTerms((Term("gpu", 1.0),), 1.0))
    return matcher.find(Text.of("", raw), evidence)[0]


def test_weights_of_a_sentence_add_up_to_the_threshold() -> None:
    theme = rule(("price", 0.6), ("gpu", 0.4))

    assert find(theme, "The price is up. A gpu.") == []
    (result,) = find(theme, "Nothing here. The price of a GPU is up.")
    assert result.best_sentence == 1


def test_support_alone_never_makes_a_theme() -> None:
    theme = rule(("price", 0.6), ("gpu", 0.4), ("cloud", 0.4), ("chip", 0.4))

    assert find(theme, "A GPU and a chip in the cloud.") == []


def test_a_longer_negative_term_hides_what_it_contains() -> None:
    theme = rule(("sovereign*", 1.0), ("sovereign wealth", -1.0))

    assert find(theme, "A sovereign wealth fund bought it.") == []
    assert find(theme, "A sovereignty law passed.")


def test_a_term_without_weight_only_hides_and_weighs_on_no_neighbour() -> None:
    theme = rule(("edge", 1.0), ("edge case", 0.0))

    assert find(theme, "We fixed an edge case.") == []
    assert find(theme, "It runs at the edge. We fixed an edge case.")


def test_of_terms_that_begin_at_one_place_the_heavier_counts() -> None:
    theme = rule(("encrypt*", 1.0), ("encrypted", 0.6))

    assert find(theme, "The prompts are encrypted.")


def test_a_negative_sentence_weighs_half_on_its_neighbours() -> None:
    theme = rule(("edge", 1.0), ("forest", -1.0))

    assert find(theme, "The edge is near. We saw a forest.") == []
    assert find(theme, "The edge is near. We saw it. And a forest.")


@pytest.mark.parametrize("raw", ["There are no plans for on-premises use.", "It does not run on-premises."])
def test_negation_switches_a_term_off_where_the_theme_says_so(raw: str) -> None:
    assert find(rule(("on-premises", 1.0), negation=True), raw) == []
    assert find(rule(("on-premises", 1.0)), raw)


@pytest.mark.parametrize("raw", ["It runs not only on-premises.", "No licence is needed, on-premises or elsewhere."])
def test_not_only_and_a_negation_before_a_comma_switch_nothing_off(raw: str) -> None:
    assert find(rule(("on-premises", 1.0), negation=True), raw)


def test_hyphen_space_plural_and_prefix_are_matched() -> None:
    theme = rule(("data-center", 1.0), ("self-host*", 1.0))

    for raw in ("two data centers", "a data-center", "self hosting"):
        assert find(theme, raw), raw
    assert find(theme, "metadata-center") == []


def test_a_long_text_needs_more_than_one_weak_sentence() -> None:
    theme = rule(("merger", 1.0), strong=1.5)
    filler = "Nothing of note. " * 30

    assert find(theme, filler + "A merger.") == []
    assert find(theme, filler + "A merger. Then again: the merger. And one more merger.")


def test_a_theme_of_the_field_needs_the_field() -> None:
    theme = rule(("price", 1.0), field=True)

    assert find(theme, "The price of bread.") == []
    assert find(theme, "The price of bread and a GPU.")


def test_a_term_may_need_others_in_its_sentence() -> None:
    terms = (Term("invest", 1.0, prefix=True, near=("money", "centre")), Term("deal", 1.0, near=("@company:2",)))
    theme = replace(rule(), terms=terms)

    def holds(raw: str, *companies: str) -> bool:
        at = tuple(("company", raw.find(c), raw.find(c) + len(c)) for c in companies)
        lexicon = Lexicon((), (theme,), frozenset(), "test")
        return bool(ThemeMatcher(lexicon, load_field_terms()).find(Text.of("", raw), at)[0])

    assert holds("They invest $5bn in data-centres.")
    assert not holds("They invest $5bn. Data centres hum.")
    assert holds("Foo has a deal with Bar.", "Foo", "Bar")
    assert not holds("Foo has a deal. Bar has none.", "Foo", "Bar")


def test_a_term_may_need_that_others_are_not_in_its_sentence() -> None:
    theme = replace(rule(), terms=(Term("open source", 1.0, near=("model", "!goods")),))
    matcher = ThemeMatcher(Lexicon((), (theme,), frozenset(), "test"), load_field_terms())

    def holds(raw: str) -> bool:
        return bool(matcher.find(Text.of("", raw))[0])

    assert holds("The model is open source.")
    assert holds("The model is open source. Its server is not.")
    assert not holds("The model runs on an open source server.")
    assert not holds("It is open source.")


@pytest.mark.parametrize("need", ["@firm", "!@firm"])
def test_a_term_that_needs_an_unknown_group_is_refused(need: str) -> None:
    theme = replace(rule(), terms=(Term("deal", 1.0, near=(need,)),))

    with pytest.raises(ConfigError, match="no group '@firm'"):
        ThemeMatcher(Lexicon((), (theme,), frozenset(), "test"), load_field_terms())


@pytest.mark.parametrize("raw", ["a data centre", "a datacenter", "data-centres"])
def test_british_and_joined_spellings_are_matched(raw: str) -> None:
    assert find(rule(("data center", 1.0)), raw)


def test_a_price_found_before_is_evidence() -> None:
    (result,) = find(rule(("never", 1.0)), "It is $5 per 1M tokens.", (("price", 6, 22),))

    assert [(p.start, p.end, p.term) for p in result.places] == [(6, 22, "<price>")]
