"""The names gazetteer that ships in nlp/data: integrity, references, and its own example sentences."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from aiwire.types import ArticleText, Tag
from nlp.gazetteer import DATA, load_lexicon
from nlp.matcher import variants
from nlp.pipeline import load_tagger, tag_articles

ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT.parent / "shared"
REFERENCE = ROOT / "db" / "reference" / "data"
needs_shared = pytest.mark.skipif(not SHARED.is_dir(), reason="needs ../shared, which users do not have")

FILES = {
    "companies.jsonl": "company",
    "accelerators.jsonl": "accelerator",
    "models.jsonl": "model",
    "regulations.jsonl": "regulation",
}
COMPANY_CATEGORIES = re.compile(
    "chips|foundry|memory|servers|storage|network|cloud|gpu-cloud|lab|model|tools|data|software|security|robotics|"
    "data-centre|power|telco|investor|consultancy|bank|media|analyst|consumer|auto|health|retail|industrial|gaming"
)
ACCELERATOR_CATEGORIES = frozenset({"product", "series", "architecture", "system"})
SLUG = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*\Z")
TICKER = re.compile(r"[A-Z0-9][A-Z0-9.-]*\Z")

Raw = dict[str, Any]


@cache
def _lines(file: str) -> tuple[str, ...]:
    return tuple((DATA / file).read_text(encoding="utf-8").splitlines())


@cache
def _entities(file: str) -> tuple[Raw, ...]:
    return tuple(json.loads(line) for line in _lines(file))


def _all() -> Iterator[Raw]:
    for file in FILES:
        yield from _entities(file)


def _ids(file: str) -> set[str]:
    return {e["id"] for e in _entities(file)}


def _parts() -> Iterator[tuple[str, Raw]]:
    for entity in _entities("accelerators.jsonl"):
        for part in entity.get("parts", []):
            yield entity["id"], part


def _column(path: Path, *columns: str) -> list[tuple[str, ...]]:
    with path.open(encoding="utf-8", newline="") as handle:
        return [tuple(row[c] for c in columns) for row in csv.DictReader(handle)]


# ---------------------------------------------------------------- integrity


@pytest.mark.parametrize("file", FILES)
def test_lines_are_compact_json_sorted_by_id(file: str) -> None:
    entities = _entities(file)
    assert [e["id"] for e in entities] == sorted(e["id"] for e in entities)
    for line, entity in zip(_lines(file), entities, strict=True):
        assert line == json.dumps(entity, ensure_ascii=False, separators=(",", ":"))


def test_ids_are_slugs_and_unique_across_the_kinds() -> None:
    ids = [e["id"] for e in _all()]
    assert [i for i in ids if not SLUG.match(i)] == []
    assert sorted({i for i in ids if ids.count(i) > 1}) == []


def test_there_are_at_least_as_many_names_as_promised() -> None:
    assert len(_ids("companies.jsonl")) >= 1000
    assert len(_ids("accelerators.jsonl")) == 162
    assert len(_ids("models.jsonl")) >= 20
    assert len(_ids("regulations.jsonl")) >= 20


@pytest.mark.parametrize(("file", "kind"), FILES.items())
def test_every_entity_states_kind_name_and_aliases(file: str, kind: str) -> None:
    for entity in _entities(file):
        assert entity["kind"] == kind
        assert entity["name"].strip() == entity["name"] != ""
        assert entity["aliases"] or entity.get("parts"), entity["id"]


def test_categories_countries_and_tickers_are_well_formed() -> None:
    for entity in _entities("companies.jsonl"):
        assert COMPANY_CATEGORIES.fullmatch(entity["category"]), entity["id"]
        assert TICKER.match(entity.get("ticker", "X")), entity["id"]
    for entity in _entities("accelerators.jsonl"):
        assert entity["category"] in ACCELERATOR_CATEGORIES, entity["id"]
    for entity in _all():
        assert re.fullmatch(r"[A-Z]{2}", entity.get("country", "EU")), entity["id"]


def test_every_parent_is_a_company_and_no_company_is_its_own_ancestor() -> None:
    parents = {e["id"]: e.get("parent") for e in _entities("companies.jsonl")}
    assert [e["id"] for e in _all() if e.get("parent") and e["parent"] not in parents] == []
    for start in parents:
        seen, node = {start}, parents[start]
        while node is not None:
            assert node not in seen, f"{start} is its own ancestor"
            seen.add(node)
            node = parents[node]


def test_every_accelerator_has_a_maker_and_every_regulation_a_description() -> None:
    assert [e["id"] for e in _entities("accelerators.jsonl") if not e.get("parent")] == []
    for entity in _entities("regulations.jsonl"):
        assert entity["description"].endswith("."), entity["id"]
        assert ". " not in entity["description"], entity["id"]


def test_context_aliases_carry_two_examples_either_way_and_others_carry_none() -> None:
    for entity in _all():
        for alias in entity["aliases"]:
            where = f"{entity['id']}: {alias['s']}"
            assert alias["policy"] in {"any", "cased", "context"}, where
            if alias["policy"] != "context":
                assert set(alias) - {"veto_left", "veto_right"} == {"s", "policy"}, where
                continue
            assert -3 <= alias.get("prior", 0) <= 4, where
            for examples in (alias["pos"], alias["neg"]):
                assert len(examples) >= 2, where
                assert [e for e in examples if alias["s"] not in e] == [], where


def test_no_two_entities_of_a_kind_share_an_alias_unless_context_tells_them_apart() -> None:
    owners: dict[tuple[str, str], set[tuple[str, str]]] = {}
    for entity in _all():
        surfaces = [(a["s"], a["policy"]) for a in entity["aliases"]]
        surfaces += [(p["s"], "any") for p in entity.get("parts", [])]
        for surface, policy in surfaces:
            for spelling in variants(surface, entity["kind"]):
                key = spelling if policy == "cased" else spelling.lower()
                owners.setdefault((entity["kind"], key), set()).add((entity["id"], policy))
    shared = {
        key: found
        for key, found in owners.items()
        if len({i for i, _ in found}) > 1 and any(policy != "context" for _, policy in found)
    }
    assert shared == {}


def test_a_bare_product_name_is_no_alias_of_its_company() -> None:
    products = {"chatgpt", "gemini", "llama", "cuda", "iphone", "windows", "whatsapp", "copilot", "claude", "gmail"}
    aliases = {a["s"].lower() for e in _entities("companies.jsonl") for a in e["aliases"]}
    assert aliases & products == set()


# ---------------------------------------------------------------- against the reference tables


@needs_shared
def test_families_are_those_of_the_shared_table() -> None:
    table = _column(SHARED / "reference" / "families.csv", "family_id", "kind")
    assert {(e["id"], e["category"]) for e in _entities("accelerators.jsonl")} == set(table)


@needs_shared
def test_parts_belong_to_their_family_in_the_shared_table() -> None:
    table = _column(SHARED / "reference" / "part_families.csv", "accelerator_id", "family_id")
    family_of = {row[0]: row[1] for row in table}
    accelerators = {i for (i,) in _column(SHARED / "reference" / "accelerators.csv", "id")}
    for family, part in _parts():
        assert part["accelerator_id"] in accelerators
        assert family_of[part["accelerator_id"]] == family, part


@needs_shared
def test_every_company_id_of_the_labelled_texts_is_known() -> None:
    taxonomy = (SHARED / "docs" / "taxonomy.md").read_text(encoding="utf-8")
    listed = re.search(r"^COMPANIES: (.*)$", taxonomy, re.MULTILINE)
    assert listed is not None
    universities = {"mit", "stanford"}
    assert set(listed[1].split(", ")) - _ids("companies.jsonl") == universities


def test_families_and_parts_are_those_of_the_reference_tables() -> None:
    families = {f for (f,) in _column(REFERENCE / "accelerator_families.csv", "id")}
    assert _ids("accelerators.jsonl") == families
    family_of = {row[0]: row[1] for row in _column(REFERENCE / "accelerators.csv", "id", "family_id")}
    assert [p for family, p in _parts() if family_of.get(p["accelerator_id"]) != family] == []


# ---------------------------------------------------------------- the example sentences


def _examples(key: str) -> list[tuple[Raw, Raw, str]]:
    return [(e, alias, text) for e in _all() for alias in e["aliases"] for text in alias.get(key, [])]


def _tags(texts: list[str]) -> list[tuple[Tag, ...]]:
    articles = [ArticleText(id=i, title="", text=t, language="en", source_id="t") for i, t in enumerate(texts)]
    return [tagging.tags for _, tagging in tag_articles(load_tagger(), articles)]


def test_positive_examples_are_tagged_at_the_ambiguous_name() -> None:
    examples = _examples("pos")
    missed = []
    for (entity, alias, text), tags in zip(examples, _tags([t for _, _, t in examples]), strict=True):
        surfaces = [m.surface for tag in tags if tag.id == entity["id"] for m in tag.mentions]
        if not any(alias["s"] in s for s in surfaces):
            missed.append(f"{entity['id']} {alias['s']!r}: {text}")
    assert missed == []


def test_negative_examples_are_not_tagged() -> None:
    examples = _examples("neg")
    wrong = []
    for (entity, _, text), tags in zip(examples, _tags([t for _, _, t in examples]), strict=True):
        if any(tag.id == entity["id"] for tag in tags):
            wrong.append(f"{entity['id']}: {text}")
    assert wrong == []


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("The lab rents eight A100 80GB cards.", "nvidia-a100-sxm4-80gb"),
        ("Each node has eight A100-80GB GPUs.", "nvidia-a100-sxm4-80gb"),
        ("A rented H100 PCIe costs two dollars an hour.", "nvidia-h100-pcie-80gb"),
        ("Clouds list the H100 SXM5 at three dollars.", "nvidia-h100-sxm5-80gb"),
        ("Air-cooled servers take the H200 NVL.", "nvidia-h200-nvl-141gb"),
        ("Google trains on TPUv5e pods.", "google-tpu-v5e"),
        ("The cluster has 384 Ascend 910C chips.", "huawei-ascend-910c"),
        ("AWS lowered the price of Trainium2.", "aws-trainium2"),
    ],
)
def test_a_named_variant_is_kept_as_the_part(text: str, part: str) -> None:
    (tags,) = _tags([text])
    assert part in {m.part for tag in tags for m in tag.mentions}


@pytest.mark.parametrize(
    ("text", "families"),
    [
        ("Three RTX 6000 Ada cards share the load.", {"nvidia-rtx-6000-ada"}),
        ("The rack holds a GB200 NVL72.", {"nvidia-gb200"}),
        ("It ships with eight DGX H100 systems.", {"nvidia-dgx", "nvidia-h100"}),
        ("A DGX Spark sits on each desk.", {"nvidia-dgx-spark"}),
        ("They bought an RTX 5070 Ti.", {"nvidia-rtx-5070"}),
        ("The desktop has an RTX4090 and an RTX-3090.", {"nvidia-rtx-4090", "nvidia-rtx-3090"}),
        ("The cloud offers 8xH100, H200s and MI-300X.", {"nvidia-h100", "nvidia-h200", "amd-mi300x"}),
    ],
)
def test_the_longest_name_decides_the_family(text: str, families: set[str]) -> None:
    (tags,) = _tags([text])
    assert {tag.id for tag in tags if tag.kind == "accelerator"} == families


@pytest.mark.parametrize(
    ("text", "company"),
    [
        ("The ministry moved its mail to AWS last year.", "amazon"),
        ("The ministry moved its mail to Azure last year.", "microsoft"),
        ("The ministry moved its mail to Google Cloud last year.", "google"),
        ("The ministry moved its mail to Alibaba Cloud last year.", "alibaba"),
        ("英伟达发布了新芯片。", "nvidia"),
    ],
)
def test_a_cloud_brand_or_foreign_name_counts_for_its_company(text: str, company: str) -> None:
    (tags,) = _tags([text])
    assert company in {tag.id for tag in tags if tag.kind == "company"}


def test_hard_negatives_name_no_company() -> None:
    texts = [
        "Pilgrims climbed to Delphi to hear the Oracle of Apollo speak in riddles.",
        "The Amazon rainforest lost less forest this year, satellites show.",
        "The apple orchard opened for picking, and Apple cider was sold at the gate.",
    ]
    assert [[t.id for t in tags if t.kind == "company"] for tags in _tags(texts)] == [[], [], []]


def test_the_shipped_lexicon_loads_with_all_names() -> None:
    known = load_lexicon().by_id()
    assert set(known) == {e["id"] for e in _all()}
