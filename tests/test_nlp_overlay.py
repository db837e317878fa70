"""The user's own names and theme terms over the shipped ones."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiwire.exceptions import ConfigError
from nlp.datafile import Line
from nlp.gazetteer import Lexicon, load_lexicon
from nlp.overlay import lay_over
from nlp.pipeline import TaggerConfig, load_tagger, tag_article

SHIPPED = load_lexicon()
BASE = {
    line["id"]: Line(f"base:{number}", line)
    for number, line in enumerate(
        [
            {"id": "acme", "kind": "company", "name": "Acme", "country": "US",
             "aliases": [{"s": "Acme", "policy": "any"}, {"s": "ACM", "policy": "cased"}]},
            {"id": "zed", "kind": "company", "name": "Zed", "parent": "acme",
             "aliases": [{"s": "Zed", "policy": "context", "prior": 0.5}]},
            {"id": "acme-z1", "kind": "accelerator", "name": "Z1", "parent": "acme",
             "aliases": [{"s": "Z1", "policy": "any"}], "parts": [{"s": "Z1 Max", "accelerator_id": "acme-z1-max"}]},
            {"id": "tco", "kind": "theme", "name": "TCO", "threshold": 1.0,
             "terms": [{"s": "cost of ownership", "w": 1.0}, {"s": "cost", "w": 0.3, "near": ["a"]},
                       {"s": "cost", "w": 0.5, "near": ["b"]}]},
        ],
        1,
    )
}  # fmt: skip


@pytest.fixture
def own(tmp_path: Path) -> Path:
    return tmp_path / "own.jsonl"


def lexicon(own: Path, *lines: dict[str, Any] | str) -> Lexicon:
    """Write the user's file and return the shipped lexicon with it."""
    text = "\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines)
    own.write_text(text + "\n", encoding="utf-8")
    return load_lexicon(gazetteer=[own])


def companies(text: str, *own: Path) -> dict[str, bool]:
    """Return the ids of the companies tagged in a text, and whether each is listed."""
    tagging = tag_article(load_tagger(TaggerConfig(gazetteer=own)), "", text)
    return {tag.id: tag.listed for tag in tagging.tags if tag.kind == "company"}


def test_a_name_alone_adds_a_company_that_is_found_as_written(own: Path) -> None:
    made = lexicon(own, {"id": "quorvex", "kind": "company", "name": "Quorvex"}).by_id()["quorvex"]

    assert [(alias.surface, alias.policy) for alias in made.aliases] == [("Quorvex", "cased")]
    assert companies("It was quorvex that Quorvex sold.", own) == {"quorvex": True}
    assert companies("It was quorvex that was sold.", own) == {}


def test_an_alias_may_be_a_plain_text_or_an_object_with_or_without_a_policy(own: Path) -> None:
    aliases = ["Quorvex", {"s": "Quorvex Labs"}, {"s": "quorvex.ai", "policy": "any"}, {"s": "QV", "policy": "context"}]
    made = lexicon(own, {"id": "quorvex", "kind": "company", "name": "Quorvex", "aliases": aliases}).by_id()["quorvex"]

    assert [(alias.surface, alias.policy) for alias in made.aliases] == [
        ("Quorvex", "cased"), ("Quorvex Labs", "cased"), ("quorvex.ai", "any"), ("QV", "context"),
    ]  # fmt: skip


def test_a_name_with_a_curly_apostrophe_or_odd_spaces_is_found_however_it_is_written(own: Path) -> None:
    lexicon(own, {"id": "orvex", "kind": "company", "name": "L\u2019Orvex\xa0 Labs"})

    for written in ("L\u2019Orvex Labs", "L'Orvex Labs", "L'Orvex\xa0Labs"):
        assert companies(f"It said that {written} pays for it.", own) == {"orvex": True}


def test_comments_and_blank_lines_say_nothing(own: Path) -> None:
    made = lexicon(own, "# a list of ours", "", "  // more")

    assert (made.records, made.themes, made.version) == (SHIPPED.records, SHIPPED.themes, SHIPPED.version)


def test_a_file_of_windows_is_read(own: Path) -> None:
    own.write_bytes(b'\xef\xbb\xbf# mine\r\n{"id": "quorvex", "kind": "company", "name": "Quorvex"}\r\n')

    assert "quorvex" in load_lexicon(gazetteer=[own]).by_id()


def test_what_a_line_gives_replaces_and_the_rest_stays(own: Path) -> None:
    before = SHIPPED.by_id()["nvidia"]
    after = lexicon(own, {"id": "nvidia", "name": "Nvidia Corp.", "ticker": None}).by_id()["nvidia"]

    assert (after.entity.name, after.entity.ticker) == ("Nvidia Corp.", None)
    assert (after.entity.country, after.aliases) == (before.entity.country, before.aliases)
    assert after.where == f"{own}:1"


def test_aliases_are_added_and_one_of_the_same_spelling_replaces() -> None:
    line = {"id": "acme", "aliases": ["Acme Inc", {"s": "ACM", "policy": "context"}]}

    assert edited(line)["acme"]["aliases"] == [
        {"s": "Acme", "policy": "any"}, {"s": "Acme Inc", "policy": "cased"}, {"s": "ACM", "policy": "context"},
    ]  # fmt: skip


def test_a_list_replaces_all_if_asked_to() -> None:
    made = edited(
        {"id": "acme", "aliases": ["Acme Inc"], "replace_aliases": True},
        {"id": "tco", "terms": ["Total Cost"], "replace_terms": True},
    )

    assert made["acme"]["aliases"] == [{"policy": "cased", "s": "Acme Inc"}]
    assert made["tco"]["terms"] == [{"s": "total cost"}]


def test_spellings_are_removed_from_aliases_parts_and_terms() -> None:
    made = edited(
        {"id": "acme", "remove_aliases": ["ACM"]},
        {"id": "acme-z1", "remove_aliases": ["Z1 Max"]},
        {"id": "tco", "remove_terms": ["Cost"]},
    )

    assert [a["s"] for a in made["acme"]["aliases"]] == ["Acme"]
    assert made["acme-z1"]["parts"] == []
    assert [t["s"] for t in made["tco"]["terms"]] == ["cost of ownership"]


def test_a_term_of_a_theme_is_replaced_in_all_its_senses() -> None:
    made = edited({"id": "tco", "terms": [{"s": "Cost", "w": 0.2}, "rack budget"]})

    assert made["tco"]["terms"] == [
        {"s": "cost of ownership", "w": 1.0}, {"s": "cost", "w": 0.2}, {"s": "rack budget"},
    ]  # fmt: skip


def test_an_added_term_makes_a_tag(own: Path) -> None:
    lexicon(own, {"id": "tco", "terms": ["rack budget quorvexed"]})
    text = "The rack budget quorvexed by the bank covers GPU servers, it said."

    def themes(*files: Path) -> set[str]:
        tags = tag_article(load_tagger(TaggerConfig(gazetteer=files)), "", text).tags
        return {tag.id for tag in tags if tag.kind == "theme"}

    assert themes(own) - themes() == {"tco"}


def test_a_theme_of_ones_own_needs_only_terms(own: Path) -> None:
    made = lexicon(own, {"id": "robots", "kind": "theme", "name": "Robots", "terms": ["humanoid robot*"]})

    (theme,) = [t for t in made.themes if t.entity.id == "robots"]
    assert [(t.text, t.prefix, t.weight) for t in theme.terms] == [("humanoid robot", True, 1.0)]


def test_what_belonged_to_a_removed_company_stays_without_a_parent(own: Path) -> None:
    children = {r.entity.id for r in SHIPPED.records if r.entity.parent == "nvidia"}
    after = lexicon(own, {"id": "nvidia", "remove": True}).by_id()

    assert children
    assert "nvidia" not in after
    assert {after[child].entity.parent for child in children} == {None}


def test_a_removed_family_is_no_longer_implied(own: Path, tmp_path: Path) -> None:
    system = {"id": "z-rack", "kind": "accelerator", "name": "Z-Rack", "implies": ["nvidia-h100", "nvidia-h200"]}
    before = lexicon(own, system).by_id()["z-rack"]
    later = tmp_path / "later.jsonl"
    later.write_text('{"id": "nvidia-h100", "remove": true}\n')
    after = load_lexicon(gazetteer=[own, later]).by_id()["z-rack"]

    assert before.implies == ("nvidia-h100", "nvidia-h200")
    assert after.implies == ("nvidia-h200",)


def test_a_system_of_unknown_parts_is_an_error(own: Path) -> None:
    with pytest.raises(ConfigError, match=r"own\.jsonl:1: implies 'nvidia-h10' is the id of no accelerator; did you"):
        lexicon(own, {"id": "z-rack", "kind": "accelerator", "name": "Z-Rack", "implies": ["nvidia-h10"]})


def test_a_company_and_its_subsidiary_may_be_added_in_any_order(own: Path) -> None:
    made = lexicon(
        own,
        {"id": "quorvex-labs", "kind": "company", "name": "Quorvex Labs", "parent": "quorvex"},
        {"id": "quorvex", "kind": "company", "name": "Quorvex"},
    )

    assert made.by_id()["quorvex-labs"].entity.parent == "quorvex"


def test_a_name_that_is_no_company_is_neither_tagged_nor_proposed(own: Path) -> None:
    lexicon(own, {"not_company": "QUORVEX"}, {"not_company": "Brandix-70B"})
    text = "The start-up Quorvex raised $40 million. The start-up Zubrix raised $4 million. It tuned Brandix-70B again."
    tagging = tag_article(load_tagger(TaggerConfig(gazetteer=(own,))), "", text)

    assert companies(text, own) == {"zubrix": False}
    assert [c.surface for c in tag_article(load_tagger(), "", text).candidates] == ["Brandix-70B"]
    assert tagging.candidates == ()


def test_a_later_file_lies_over_an_earlier_one(own: Path, tmp_path: Path) -> None:
    lexicon(own, {"id": "quorvex", "kind": "company", "name": "Quorvex"})
    later = tmp_path / "later.jsonl"
    later.write_text('{"id": "quorvex", "name": "Quorvex AG", "parent": "nvidia"}\n')

    made = load_lexicon(gazetteer=[own, later]).by_id()["quorvex"].entity

    assert (made.name, made.parent, made.aliases[0].surface) == ("Quorvex AG", "nvidia", "Quorvex")
    with pytest.raises(ConfigError, match=r"later\.jsonl:1: there is no id 'quorvex'"):
        load_lexicon(gazetteer=[later, own])


def test_the_version_tells_what_is_said_not_how_it_is_written(own: Path) -> None:
    one, two = {"id": "quorvex", "kind": "company", "name": "Quorvex"}, {"not_company": "Zubrix"}
    version = lexicon(own, one, two).version

    assert lexicon(own, "# mine", two, "", '{ "name":"Quorvex", "kind":"company", "id":"quorvex" }').version == version
    assert lexicon(own, one).version != version != SHIPPED.version


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        pytest.param(["{"], "own.jsonl:1: not JSON", id="syntax"),
        pytest.param(["[]"], "own.jsonl:1: a line must be one JSON object", id="list"),
        pytest.param(['{"id": "meta", "id": "amd"}'], "own.jsonl:1: not JSON: the key 'id' is given twice", id="twice"),
        pytest.param(['{"id": "tco", "threshold": NaN}'], "own.jsonl:1: not JSON: NaN is no JSON", id="nan"),
        pytest.param(['{"id": "tco", "threshold": 1e999}'], "own.jsonl:1: 'threshold' must be a number", id="inf"),
        pytest.param(['{"not_company": "\\ud800"}'], "own.jsonl:1: not JSON", id="surrogate"),
        pytest.param(["[" * 100_000], "own.jsonl:1: not JSON", id="deep"),
        pytest.param(['{"id": "tco", "threshold": 1' + "0" * 400 + "}"], "'threshold' must be a number", id="huge"),
        pytest.param([{"id": "q", "kind": "company", "name": "Q" * 1001}], "at most 1000 characters", id="long"),
        pytest.param([{"id": "q", "kind": "company", "name": "Ac\x1b[31mme"}], "control characters", id="escape"),
        pytest.param([{"id": "q", "kind": "company", "name": "Ac\nme"}], "control characters", id="line feed"),
        pytest.param([{"name": "Quorvex"}], "own.jsonl:1: 'id' is missing", id="no-id"),
        pytest.param([{"id": 7}], "own.jsonl:1: 'id' must be a text", id="id-type"),
        pytest.param(
            ["# mine", {"id": "nvida", "country": "US"}],
            "own.jsonl:2: there is no id 'nvida'; did you mean 'nvidia'?, or give 'kind' and 'name' to add an entity",
            id="unknown-id",
        ),
        pytest.param([{"id": "q", "kind": "firm", "name": "Q"}], "own.jsonl:1: 'kind' must be one of company,", id="k"),
        pytest.param([{"id": "quorvex", "kind": "company"}], "own.jsonl:1: 'name' is missing", id="no-name"),
        pytest.param(
            [{"id": "Quorvex", "kind": "company", "name": "Quorvex"}],
            "must be a lower-case slug (a-z, 0-9, -)",
            id="ID",
        ),
        pytest.param(
            [{"id": "meta", "remove_alias": ["FB"]}],
            "own.jsonl:1: unknown key 'remove_alias'; did you mean 'remove_aliases'?",
            id="unknown-key",
        ),
        pytest.param([{"id": "meta", "terms": ["x"]}], "own.jsonl:1: unknown key 'terms'", id="key-of-other-kind"),
        pytest.param([{"id": "meta", "kind": "model"}], "'kind' of 'meta' is 'company' and stays so", id="other-kind"),
        pytest.param([{"id": "meta", "aliases": "FB"}], "own.jsonl:1: 'aliases' must be a list", id="aliases-type"),
        pytest.param([{"id": "meta", "aliases": [7]}], "own.jsonl:1: 'aliases' must hold texts or objects", id="alias"),
        pytest.param(
            [{"id": "meta", "aliases": [{"s": "FB", "policy": "all"}]}], "policy of 'FB' must be one of", id="policy"
        ),
        pytest.param([{"id": "meta", "aliases": ["--"]}], "own.jsonl:1: '--' in 'aliases' can never be found", id="--"),
        pytest.param([{"id": "meta", "venue": "yes"}], "own.jsonl:1: 'venue' must be true or false", id="flag"),
        pytest.param(
            [{"id": "meta", "parent": "nvidai"}],
            "own.jsonl:1: parent 'nvidai' is the id of no company; did you mean 'nvidia'?",
            id="unknown-parent",
        ),
        pytest.param([{"id": "meta", "parent": "tco"}], "parent 'tco' is the id of no company", id="parent-kind"),
        pytest.param(
            [{"id": "nvidia", "remove": True}, {"id": "meta", "parent": "nvidia"}],
            "own.jsonl:2: parent 'nvidia' is the id of no company",
            id="parent-removed",
        ),
        pytest.param(
            [{"id": "nvidi", "remove": True}],
            "own.jsonl:1: nothing to remove: there is no id 'nvidi'; did you mean 'nvidia'?",
            id="remove-unknown",
        ),
        pytest.param([{"id": "meta", "remove": True, "name": "M"}], "own.jsonl:1: unknown key 'name'", id="remove+"),
        pytest.param(
            [{"id": "meta", "remove_aliases": ["Meta Platform"]}],
            "'meta' has no 'Meta Platform'; did you mean 'Meta Platforms'?",
            id="remove-alias",
        ),
        pytest.param([{"id": "meta", "replace_aliases": True}], "'replace_aliases' needs the list 'aliases'", id="rep"),
        pytest.param(
            [{"id": "meta", "country": "US"}, "", {"id": "meta", "name": "M"}],
            "own.jsonl:3: id 'meta' is already that of",
            id="duplicate",
        ),
        pytest.param([{"not_company": "Foo", "id": "foo"}], "own.jsonl:1: unknown key 'id'", id="not-company+"),
        pytest.param(
            [{"id": "meta", "country": "us"}],
            "own.jsonl:1: 'country' is an ISO 3166-1 code of two capital letters such as US, not 'us'",
            id="country",
        ),
        pytest.param([{"id": "meta", "country": "Peru"}], "two capital letters such as DE, not 'Peru'", id="land"),
        pytest.param(
            ["", {"id": "meta", "category": "chip"}],
            "own.jsonl:2: there is no category 'chip' of a company; did you mean 'chips'?",
            id="category",
        ),
        pytest.param(
            [{"id": "meta", "parent": "meta"}], "own.jsonl:1: 'meta' would be its own parent (meta -> meta)", id="self"
        ),
        pytest.param(
            [{"id": "meta", "parent": "nvidia"}, {"id": "nvidia", "parent": "meta"}],
            "own.jsonl:1: 'meta' would be its own parent (meta -> nvidia -> meta)",
            id="ring",
        ),
        pytest.param([{"id": "q", "kind": "company", "name": "Q"}], "the alias 'Q' is a single letter", id="letter"),
        pytest.param(
            [{"id": "tco", "terms": [{"s": "rack budget", "w": -101}]}],
            "own.jsonl:1: the weight of 'rack budget' is -101; at most 100 or -100",
            id="weight",
        ),
        pytest.param([{"not_company": 3}], "own.jsonl:1: 'not_company' must be a text", id="not-company-type"),
    ],
)
def test_a_wrong_line_is_an_error_that_names_file_and_line(own: Path, lines: list[Any], message: str) -> None:
    with pytest.raises(ConfigError) as error:
        lexicon(own, *lines)

    assert message in str(error.value)


def test_a_listed_name_may_be_removed_and_rejected_at_once(own: Path) -> None:
    made = lexicon(own, {"id": "intel", "remove": True}, {"not_company": "Intel"})
    assert made.not_companies == {"intel"}

    names = [alias.surface for alias in SHIPPED.by_id()["x"].aliases]
    assert "X" in names  # the shipped single letter does not keep anybody from changing its company
    assert lexicon(own, {"id": "x", "ticker": "QX"}).by_id()["x"].entity.ticker == "QX"


def test_an_unknown_group_of_words_is_an_error_of_its_line(own: Path) -> None:
    lexicon(own, "", {"id": "tco", "terms": [{"s": "rack budget", "near": ["monney"]}]})

    with pytest.raises(ConfigError, match=r"own\.jsonl:2: 'near' names no group 'monney'; did you mean money"):
        load_tagger(TaggerConfig(gazetteer=(own,)))


def test_a_file_that_cannot_be_read_is_an_error(own: Path) -> None:
    with pytest.raises(ConfigError, match=r"own\.jsonl: the gazetteer cannot be read \(No such file"):
        load_lexicon(gazetteer=[own])

    own.write_bytes(b'{"not_company": "Caf\xe9"}')
    with pytest.raises(ConfigError, match=r"own\.jsonl: the gazetteer is not UTF-8"):
        load_lexicon(gazetteer=[own])


# ---------------------------------------------------------------- properties of `lay_over`

_word = st.text("abcxyz", min_size=1, max_size=3)
_alias = st.one_of(_word, st.fixed_dictionaries({"s": _word, "policy": st.sampled_from(("any", "cased", "context"))}))
_texts = {"name": _word, "category": _word, "country": st.one_of(st.none(), _word)}


def _added(entity_id: str) -> st.SearchStrategy[dict[str, Any]]:
    fixed = {"id": st.just(entity_id), "kind": st.sampled_from(("company", "model")), "name": _word}
    return st.fixed_dictionaries(fixed, optional={"aliases": st.lists(_alias, max_size=3), "category": _word})


def _edit(entity_id: str) -> st.SearchStrategy[dict[str, Any]]:
    if entity_id not in BASE:
        return _added(entity_id)
    fixed = {"id": st.just(entity_id)}
    key = "terms" if BASE[entity_id].raw["kind"] == "theme" else "aliases"
    changed = st.fixed_dictionaries(
        fixed, optional={"name": _word, "category": _word, key: st.lists(_word, min_size=1, max_size=3)}
    )
    return st.one_of(changed, st.just({"id": entity_id, "remove": True}))


_IDS = (*BASE, "new-1", "new-2", "new-3")
_edits = st.lists(st.sampled_from(_IDS), unique=True).flatmap(lambda ids: st.tuples(*map(_edit, ids)))
_rejections = st.lists(st.fixed_dictionaries({"not_company": _word}), max_size=3)


def edited(*lines: dict[str, Any]) -> dict[str, dict[str, Any]]:
    laid = lay_over(BASE, [Line(f"own:{number}", line) for number, line in enumerate(lines, 1)])
    return {entity_id: line.raw for entity_id, line in laid.entities.items()}


def test_nothing_changes_nothing() -> None:
    laid = lay_over(BASE, [])

    assert (list(laid.entities.items()), laid.changed, laid.not_companies) == (list(BASE.items()), (), {})


@given(edits=_edits, rejections=_rejections, data=st.data())
def test_the_order_of_the_lines_does_not_matter(edits: Any, rejections: Any, data: st.DataObject) -> None:
    lines = [Line("own", line) for line in (*edits, *rejections)]
    shuffled = data.draw(st.permutations(lines))

    one, other = lay_over(BASE, lines), lay_over(BASE, shuffled)

    assert list(one.entities.items()) == list(other.entities.items())
    assert (one.changed, one.not_companies) == (other.changed, other.not_companies)


@given(edits=_edits)
def test_what_is_added_and_then_removed_was_never_there(edits: Any) -> None:
    added = [line for line in edits if line["id"] not in BASE]
    removals = [{"id": line["id"], "remove": True} for line in added]

    laid = lay_over(BASE, [Line("own", line) for line in added])
    back = lay_over(laid.entities, [Line("own", line) for line in removals])

    assert len(laid.entities) == len(BASE) + len(added)
    assert list(back.entities.items()) == list(BASE.items())


@given(edits=_edits)
def test_only_what_the_lines_name_changes_but_for_what_a_removed_company_owned(edits: Any) -> None:
    named = {line["id"] for line in edits}
    removed = {line["id"] for line in edits if line.get("remove")}

    after = edited(*edits)

    assert set(after) == (set(BASE) | named) - removed
    for entity_id in set(BASE) - named:
        kept = {k: v for k, v in BASE[entity_id].raw.items() if not (k == "parent" and v in removed)}
        assert after[entity_id] == kept


def test_a_message_shows_the_beginning_of_a_long_value_only(own: Path) -> None:
    with pytest.raises(ConfigError) as error:
        lexicon(own, {"id": "tco", "x" * 100_000: 1})

    assert "unknown key 'xxx" in str(error.value)
    assert len(str(error.value)) < 600
