"""Names in raw text: boundaries, variants and the longest match."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aiwire.types import Entity, EntityKind
from nlp.gazetteer import AliasRule, Lexicon, Policy, Record
from nlp.matcher import NameMatcher, variants
from nlp.text import Text


def record(kind: EntityKind, name: str, *surfaces: str, policy: Policy = "any") -> Record:
    return Record(Entity(name, kind, name), tuple(AliasRule(s, policy) for s in surfaces))


LEXICON = Lexicon(
    records=(
        record("accelerator", "h100", "H100"),
        record("accelerator", "a100", "A100"),
        record("accelerator", "l40s", "L40S"),
        record("accelerator", "gb200", "GB200", "GB200 NVL"),
        record("accelerator", "rtx-4090", "RTX 4090"),
        record("accelerator", "dgx", "DGX"),
        record("model", "qwen", "Qwen"),
        record("company", "nvidia", "Nvidia"),
        record("company", "groq", "Groq", policy="cased"),
        record("company", "deepseek", "DeepSeek"),
        record("company", "dust", "Dust", policy="context"),
    ),
    themes=(),
    common_words=frozenset(),
    version="test",
)


def found(kind: EntityKind, raw: str) -> list[tuple[str, str]]:
    hits = NameMatcher(LEXICON, kind).find(Text(raw))
    return [(hit.readings[0][0].entity.id, raw[hit.start : hit.end]) for hit in hits]


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("The H100s shipped.", [("h100", "H100")]),
        ("an 8xH100 node, 8×A100", [("h100", "H100"), ("a100", "A100")]),
        ("H100/A100", [("h100", "H100"), ("a100", "A100")]),
        ("A100-80GB", [("a100", "A100")]),
        ("runs on the L40S.", [("l40s", "L40S")]),
        ("GB200 NVL72", [("gb200", "GB200")]),
        ("an RTX-4090 and RTX4090s", [("rtx-4090", "RTX-4090"), ("rtx-4090", "RTX4090")]),
        ("DGX H100", [("dgx", "DGX"), ("h100", "H100")]),
        ("英伟达H100芯片", [("h100", "H100")]),
        ("XH100 H1000 h100x AH100", []),
    ],
)
def test_accelerators_are_found_as_the_press_writes_them(raw: str, expected: list[tuple[str, str]]) -> None:
    assert found("accelerator", raw) == expected


def test_a_version_may_be_glued_to_a_model() -> None:
    assert found("model", "Qwen3 beats Qwen, not Qwently") == [("qwen", "Qwen"), ("qwen", "Qwen")]


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("NVIDIA's and Nvidia’s", [("nvidia", "NVIDIA"), ("nvidia", "Nvidia")]),
        ("the DeepSeek-R1 model", [("deepseek", "DeepSeek")]),
        ("Groq, not groq or GROQ", [("groq", "Groq")]),
        ("shares ofNvidia and Nvidiahas", [("nvidia", "Nvidia"), ("nvidia", "Nvidia")]),
        ("futureNvidia cards, useDeepSeek, a", [("nvidia", "Nvidia"), ("deepseek", "DeepSeek")]),
        ("GroqandDeepSeekare", [("groq", "Groq"), ("deepseek", "DeepSeek")]),
        ("clouds, includingNVIDIA and fromNVIDIA,", [("nvidia", "NVIDIA"), ("nvidia", "NVIDIA")]),
        ("DeepSeekandNVIDIA clouds", [("deepseek", "DeepSeek"), ("nvidia", "NVIDIA")]),
        ("Nvidiaannouncedthat it left; DeepSeekreportedly stays", [("nvidia", "Nvidia"), ("deepseek", "DeepSeek")]),
        ("Dustin and Dustalone", []),
        ("Dust grew. Dustis big, Dustin is not", [("dust", "Dust"), ("dust", "Dust"), ("dust", "Dust")]),
        ("SuperNvidia usernvidia userNVIDIA Nvidiable DeepSeekre useNvidiability", []),
        ("see https://nvidia.com/x or nvidia.com or @nvidia", []),
    ],
)
def test_companies_keep_their_boundaries(raw: str, expected: list[tuple[str, str]]) -> None:
    assert found("company", raw) == expected


def test_separators_vary_only_for_accelerators_and_models() -> None:
    assert variants("RTX 4090", "accelerator") == {"RTX 4090", "RTX-4090", "RTX4090"}
    assert variants("Scale AI", "company") == {"Scale AI"}


@settings(max_examples=100, deadline=None)
@given(st.text(alphabet=st.sampled_from("H10s0 xGB2NVL-/.’İ芯\n"), max_size=40))
def test_hits_are_in_order_disjoint_and_spell_their_name(raw: str) -> None:
    text = Text(raw)
    hits = NameMatcher(LEXICON, "accelerator").find(text)

    assert all(a.end <= b.start for a, b in pairwise(hits))
    for hit in hits:
        surface = hit.readings[0][1].surface
        assert text.folded[hit.start : hit.end].replace(" ", "").replace("-", "") == surface.lower().replace(" ", "")
