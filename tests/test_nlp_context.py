"""Which reading of an ambiguous name is right."""

import shutil
from pathlib import Path

import pytest

from aiwire.exceptions import ConfigError
from aiwire.types import Entity
from nlp.casing import is_title_case
from nlp.context import Clues, Found, load_weights, resolve, weighed, with_implied
from nlp.field import FieldMeter, load_field_terms
from nlp.gazetteer import DATA, AliasRule, Lexicon, Record
from nlp.matcher import NameMatcher
from nlp.pipeline import load_tagger, tag_article
from nlp.text import Text

SCALE = Record(
    Entity("scale-ai", "company", "Scale AI"),
    (
        AliasRule("Scale AI", "any"),
        AliasRule("Scale", "context", prior=-0.6, veto_left=("at ",), veto_right=("-", " of")),
    ),
)
HARVEST = Record(
    Entity("harvest", "company", "Harvest"), (AliasRule("Harvest", "context", prior=1.2, veto_right=(" moon",)),)
)
OTHERS = tuple(Record(Entity(n.lower(), "company", n), (AliasRule(n, "any"),)) for n in ("OpenAI", "Nvidia", "AMD"))
SERIES = Record(
    Entity("amd-instinct", "accelerator", "Instinct", "series", parent="amd"), (AliasRule("Instinct", "any"),)
)
CARD = Record(Entity("amd-mi300x", "accelerator", "MI300X", "product", parent="amd"), (AliasRule("MI300X", "any"),))
SYSTEM = Record(
    Entity("dgx-h100", "accelerator", "DGX H100", "system", parent="nvidia"),
    (AliasRule("DGX H100", "any"),),
    implies=("nvidia-h100",),
)
H100 = Record(Entity("nvidia-h100", "accelerator", "H100", "product", parent="nvidia"), (AliasRule("H100", "any"),))
LEXICON = Lexicon((SCALE, HARVEST, *OTHERS, SERIES, CARD, SYSTEM, H100), (), frozenset(), "test")


def resolved(raw: str) -> list[Found]:
    text = Text.of("", raw)
    hits = {kind: NameMatcher(LEXICON, kind).find(text) for kind in ("company", "accelerator")}
    clues = Clues(FieldMeter(load_field_terms()), frozenset({"ada"}))
    return with_implied(resolve(text, hits, load_weights(), clues), LEXICON.by_id())


def ids(raw: str) -> set[str]:
    return {f.id for f in resolved(raw)}


@pytest.mark.parametrize(
    "raw",
    [
        "Labels come from Scale AI. Critics of Scale disagree.",
        "On Monday Scale announced that it would hire 200 engineers.",
        "The tests were written by OpenAI, Scale and Nvidia.",
        "They met Scale's CEO in June.",
        "It joined the Meta-backed startup Scale in 2024.",
    ],
)
def test_surroundings_of_an_organisation_make_the_name_one(raw: str) -> None:
    assert "scale-ai" in ids(raw)


@pytest.mark.parametrize(
    "raw",
    [
        "Training at Scale",
        "A Scale of one to ten is used.",
        "Scale-out networks are dear.",
        "The Richter Scale measures quakes.",
        "How to Grow and Scale Your Business in Ten Steps",
        "we scale the service",
    ],
)
def test_the_common_word_is_left_alone(raw: str) -> None:
    assert "scale-ai" not in ids(raw)


def test_the_rule_names_the_features_that_decided() -> None:
    (scale,) = [
        f for f in resolved("Labels come from Scale AI. Critics of Scale disagree.") if f.rule.startswith("context")
    ]

    assert "full-name" in scale.rule.removeprefix("context:").split("+")
    assert 0.5 <= scale.confidence < 1


def test_a_series_that_introduces_its_product_is_no_mention_of_its_own() -> None:
    assert ids("the AMD Instinct MI300X") == {"amd", "amd-mi300x"}
    assert ids("AMD sells Instinct cards") == {"amd", "amd-instinct"}


def test_a_system_brings_the_accelerator_inside_it() -> None:
    assert ids("one DGX H100") == {"dgx-h100", "nvidia-h100"}
    assert [f.rule for f in resolved("one DGX H100")] == ["any", "implied"]


def test_a_headline_in_title_case_is_told_from_a_sentence() -> None:
    assert is_title_case("How to Scale Your Model With Less Memory")
    assert not is_title_case("The firm said that Scale would grow with less memory.")
    assert not is_title_case("Investors include Sequoia Capital, Conviction and Index Ventures.")


FIELDS = "Wheat and barley stood high in June, and the mill by the brook turned day and night. " * 4


def test_a_common_word_needs_proof_where_nothing_is_of_the_field_or_of_business() -> None:
    assert ids("Harvest songs are sung. They thank Harvest for it. " + FIELDS) == set()
    assert ids("AI servers and GPUs are cheaper. They thank Harvest for it. " + FIELDS) == {"harvest"}
    assert ids("Shares of Harvest rose, and Harvest said it would hire. " + FIELDS) == {"harvest"}


def test_the_same_word_in_small_letters_or_refused_elsewhere_speaks_against_the_name() -> None:
    assert ids("Harvest said the priest, is done. The harvest was good. " + FIELDS) == set()
    assert ids("The Harvest moon rose. Harvest said the priest, is done. " + FIELDS) == set()


def test_somebody_of_that_name_is_no_company() -> None:
    assert ids("Ada Harvest wrote the AI software. Harvest said that it was slow.") == set()
    assert ids("Harvest CEO Ada Harvest wrote the AI software. Harvest said that it was slow.") == {"harvest"}


LAMBDA = Record(
    Entity("lambda", "company", "Lambda"), (AliasRule("Lambda", "context", prior=-0.4, veto_left=("AWS ",)),)
)
MILLET = Record(Entity("xiaomi", "company", "Xiaomi"), (AliasRule("小米", "context", prior=3.4),))
LABS = "OpenAI, Nvidia and AMD sell to one another, and OpenAI pays Nvidia for H100 cards. "


def ids_with(record: Record, raw: str) -> set[str]:
    text = Text.of("", raw)
    lexicon = Lexicon((record, *OTHERS, CARD, H100), (), frozenset(), "test")
    hits = {kind: NameMatcher(lexicon, kind).find(text) for kind in ("company", "accelerator")}
    clues = Clues(FieldMeter(load_field_terms()), frozenset())
    return {f.id for f in resolve(text, hits, load_weights(), clues)} - {"openai", "nvidia", "amd", "nvidia-h100"}


def test_a_bare_word_refused_elsewhere_needs_more_than_a_text_of_the_field() -> None:
    assert ids_with(LAMBDA, LABS + "Customers rely on Lambda daily.") == {"lambda"}
    assert ids_with(LAMBDA, LABS + "AWS Lambda is new. Customers rely on Lambda daily.") == set()
    assert ids_with(LAMBDA, LABS + "AWS Lambda is new. The neocloud company Lambda said so.") == {"lambda"}


@pytest.mark.parametrize(
    "raw", ["a rule such as “Lambda all of it”", "adult | Lambda people | yes", 'the text ("Lambda it")']
)
def test_a_capital_that_opens_a_cell_or_quotation_says_nothing(raw: str) -> None:
    assert ids_with(LAMBDA, LABS + "We read " + raw + ".") == set()
    assert ids_with(LAMBDA, LABS + "We read Lambda daily.") == {"lambda"}


def test_a_chinese_name_beside_what_its_word_means_is_no_company() -> None:
    assert ids_with(MILLET, "OpenAI 的模型预测小米价格，手机厂商关注。") == {"xiaomi"}
    assert ids_with(MILLET, "OpenAI 的模型预测小米价格，农民关注。") == set()


def test_an_apposition_tells_a_company() -> None:
    assert "scale-ai" in ids("Scale, the labelling start-up, has moved.")
    assert "scale-ai" in ids("Scale, which sells labels, has moved.")


def test_every_tag_that_rests_on_context_names_what_speaks_for_it() -> None:
    found = resolved("Nvidia grew. Harvest too. OpenAI fell, and Harvest did. Harvest AI GPU.")

    assert [f.rule for f in found if f.id == "harvest"]
    assert all(len(f.rule.removeprefix("context:")) > 3 for f in found if f.id == "harvest")


@pytest.mark.parametrize(
    "raw",
    [
        "马斯克收购 AI 初创公司 Scale，交易已完成",
        "消息称 Scale 宣布裁员 200 人",
        "据悉，Scale CEO 将于下周访问北京",
        "OpenAI、Scale 和 Nvidia 均拒绝置评",
    ],
)
def test_chinese_words_beside_a_name_tell_a_company(raw: str) -> None:
    assert "scale-ai" in ids(raw)


def test_a_name_in_chinese_text_needs_them() -> None:
    assert "scale-ai" not in ids("这款芯片支持 Scale 模式，性能提升两倍")


def test_latin_names_in_chinese_make_no_headline() -> None:
    assert not is_title_case("微软与 Mistral 扩大 AI 合作 OpenAI Nvidia")
    assert is_title_case("Microsoft and Mistral Expand Their Cooperation")


@pytest.mark.parametrize("raw", ["Rack-Scale servers by Nvidia are here.", "Nvidia sells a Scale-5 rack."])
def test_part_of_a_compound_is_no_company(raw: str) -> None:
    assert "scale-ai" not in ids(raw)


def test_a_compound_that_tells_an_owner_is_none() -> None:
    assert "scale-ai" in ids(
        "OpenAI hired from the Scale-owned labelling shop.".replace("Scale-", "Scale AI and Scale-")
    )


def test_the_places_that_weights_are_fitted_to_carry_their_features() -> None:
    text = Text.of("", "On Monday Scale announced it. Nvidia waits, and Scale said so. Ada Harvest said nothing.")
    hits = {kind: NameMatcher(LEXICON, kind).find(text) for kind in ("company", "accelerator")}
    clues = Clues(FieldMeter(load_field_terms()), frozenset({"ada"}))

    places = list(weighed(text, hits, load_weights(), clues))

    assert [text.raw[p.hit.start : p.hit.end] for p in places] == ["Scale", "Scale", "Harvest"]
    assert "verb" in places[0].features
    assert {"first-name", "namesake"} <= set(places[2].features)
    assert not any("repeat" in p.features for p in places)


def test_an_unknown_feature_in_the_weights_is_refused(tmp_path: Path) -> None:
    shutil.copy(DATA / "weights.json", tmp_path)
    path = tmp_path / "weights.json"
    path.write_text(path.read_text().replace('"full-name"', '"ful-name"', 1))

    with pytest.raises(ConfigError, match="unknown feature 'ful-name'"):
        load_weights(tmp_path)


def test_the_text_is_searched_once_for_a_name_however_often_it_stands_there(monkeypatch: pytest.MonkeyPatch) -> None:
    searched: list[str] = []
    monkeypatch.setattr("nlp.features._has_word", lambda raw, word: bool(searched.append(word)))

    resolved("Scale Harvest Scale Harvest and the rest of it. " * 50)

    assert sorted(searched) == ["harvest", "scale"]


def test_what_is_never_sure_is_not_looked_at_forever(monkeypatch: pytest.MonkeyPatch) -> None:
    weighed: list[str] = []
    monkeypatch.setattr("nlp.context._weigh", lambda scene, place, weights: weighed.append(place.record.entity.id))

    resolved("Scale and more. " * 3000)

    assert weighed == ["scale-ai"] * 500


@pytest.mark.parametrize(
    ("title", "ids"),
    [
        ("Just Eat More Vegetables This Winter", []),
        ("Best Buy Now, Pay Later Tips", []),
        ("A Walk Around The Block In The Rain", []),
        ("Best Buy Reports Higher Sales Of Laptops", ["best-buy"]),
        ("Home Depot and Best Buy Cut Jobs", ["best-buy", "home-depot"]),
    ],
)
def test_a_name_of_everyday_words_in_title_case_needs_a_sign_of_an_organisation(title: str, ids: list[str]) -> None:
    tags = tag_article(load_tagger(), title, "It was a quiet week in the town.").tags

    assert sorted(tag.id for tag in tags if tag.kind == "company") == ids


def test_a_series_before_its_product_is_not_named_itself_with_a_trade_mark_between_either() -> None:
    tags = tag_article(load_tagger(), "", "It was trained on AMD Instinct™ MI300X GPUs.").tags

    assert [tag.id for tag in tags if tag.kind == "accelerator"] == ["amd-mi300x"]
