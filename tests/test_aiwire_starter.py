"""The starter list of sources: it loads, it covers the industry, and what it says of each source holds together."""

from __future__ import annotations

import collections
import json
import re
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from ingest.sources import load_sources
from ingest.urls import normalize_url

PROJECT = Path(__file__).resolve().parents[1]
FILE = PROJECT / "aiwire" / "starter" / "sources.toml"
SOURCES = load_sources(FILE)
BY_ID = {source.id: source for source in SOURCES}

LEAST = {  # sources that each category has at least
    "lab": 25,
    "chips": 30,
    "cloud": 12,
    "gpu-cloud": 12,
    "data-centre": 8,
    "software": 6,
    "press": 25,
    "analysis": 10,
    "research": 10,
    "regulation": 20,
    "policy": 5,
}
# The first list: people have these ids in their own files and databases.
FIRST_IDS = """
    openai-news google-deepmind-blog google-ai google-research meta-engineering-ai microsoft-research hugging-face
    eleutherai nvidia-newsroom nvidia-blog nvidia-developer sk-hynix semianalysis semiengineering ee-times
    trendforce-semiconductors next-platform servethehome hpcwire aws-news aws-machine-learning azure-blog google-cloud
    oracle-cloud cloudflare databricks replicate register-off-prem register-ai techcrunch-ai venturebeat-ai verge-ai
    ars-technica-lab siliconangle-ai the-decoder ai-business ieee-spectrum-ai technology-review simon-willison
    interconnects qbitai arxiv-cs-ai arxiv-cs-cl arxiv-cs-lg bair mit-news-ai eu-digital-strategy edpb cnil noyb edri
    nist ai-now datacenter-dynamics datacenter-knowledge uptime-institute electronics-cooling
"""
AUTHORITIES = {  # hosts that only an authority has, by jurisdiction; the least number of its sources
    "EU": (r"\.europa\.eu$|^www\.cnil\.fr$|\.dataprotection\.ie$", 5),
    "US": (r"\.gov$", 5),
    "UK": (r"\.gov\.uk$|^ico\.org\.uk$", 3),
    "China": (r"\.gov\.cn$", 3),
}


def host(url: str) -> str:
    return urlsplit(url).hostname or ""


def families(key: str) -> dict[str, set[str]]:
    """Return the publishers of the sources that share an owner, or a host."""
    publishers = collections.defaultdict(set)
    for source in SOURCES:
        if name := source.owner if key == "owner" else host(source.url):
            publishers[name].add(source.publisher)
    return publishers


def test_there_are_at_least_two_hundred_sources_of_every_kind() -> None:
    kinds = collections.Counter(source.kind for source in SOURCES)

    assert len(SOURCES) >= 200
    assert all(source.enabled for source in SOURCES)
    assert set(kinds) == {"feed", "listing", "sitemap"}
    assert kinds["listing"] + kinds["sitemap"] >= 25


def test_ids_and_addresses_are_unique() -> None:
    addresses = collections.Counter(
        (normalize_url(source.url) or "").rstrip("/").replace("://www.", "://") for source in SOURCES
    )

    assert len(BY_ID) == len(SOURCES)
    assert [url for url, count in addresses.items() if count > 1] == []


def test_ids_of_the_first_list_are_kept() -> None:
    ids = FIRST_IDS.split()

    assert len(ids) == 57
    assert set(ids) - set(BY_ID) == set()


def test_addresses_are_encrypted_public_hosts() -> None:
    assert {urlsplit(source.url).scheme for source in SOURCES} == {"https"}
    assert [source.id for source in SOURCES if not re.fullmatch(r"(?:[a-z0-9-]+\.)+[a-z]{2,}", host(source.url))] == []
    assert [source.id for source in SOURCES if "example" in host(source.url)] == []


def test_no_source_is_a_copy_at_a_third_party() -> None:
    third_parties = re.compile(r"githubusercontent|rsshub|feedburner|news\.google|wechat2rss|reddit")

    assert [source.id for source in SOURCES if third_parties.search(source.url)] == []


def test_every_category_is_covered() -> None:
    categories = collections.Counter(source.category for source in SOURCES)

    assert set(categories) == set(LEAST)
    assert {name: count for name, count in categories.items() if count < LEAST[str(name)]} == {}


def test_the_head_of_the_file_explains_every_category() -> None:
    head = FILE.read_text(encoding="utf-8").partition("[[source]]")[0]
    explained = set(re.findall(r"[a-z]+(?:-[a-z]+)*(?= {2})", head))

    assert set(LEAST) - explained == set()


def test_every_source_states_publisher_language_and_licence() -> None:
    languages = collections.Counter((source.language or "").split("-")[0] for source in SOURCES)

    assert [source.id for source in SOURCES if not (source.publisher and source.language and source.licence)] == []
    assert set(languages) == {"en", "zh"}
    assert languages["zh"] >= 15


def test_names_with_chinese_letters_belong_to_chinese_sources() -> None:
    han = re.compile(r"[\u4e00-\u9fff]")
    chinese = {source.id for source in SOURCES if (source.language or "").startswith("zh")}

    assert {source.id for source in SOURCES if han.search(source.name)} - chinese == set()


def test_a_publisher_with_several_sources_is_one_family() -> None:
    count = collections.Counter(source.publisher for source in SOURCES)

    assert {name: count[name] for name in ("nvidia", "the-register", "arxiv", "anthropic", "cac")} == {
        "nvidia": 3,
        "the-register": 3,
        "arxiv": 4,
        "anthropic": 3,
        "cac": 2,
    }


def test_sources_of_one_owner_speak_with_one_voice() -> None:
    assert {owner: names for owner, names in families("owner").items() if len(names) > 1} == {}


def test_sources_of_one_host_speak_with_one_voice() -> None:
    several = {name: names for name, names in families("host").items() if len(names) > 1}

    assert several == {"www.gov.uk": {"uk-government", "uk-cma"}}  # the authority is independent of the ministries


def test_owners_are_companies_of_the_gazetteer() -> None:
    lines = (PROJECT / "nlp" / "data" / "companies.jsonl").read_text(encoding="utf-8").splitlines()
    companies = {json.loads(line)["id"] for line in lines if line.strip()}
    owners = {source.owner for source in SOURCES if source.owner}

    assert owners - companies == set()
    assert len(owners) >= 60


def test_a_lab_and_a_gpu_cloud_own_their_voice_and_press_and_authorities_have_no_owner() -> None:
    vendors = {"lab", "gpu-cloud"}
    others = {"press", "analysis", "research", "regulation", "policy"}

    assert [source.id for source in SOURCES if source.category in vendors and not source.owner] == []
    assert [source.id for source in SOURCES if source.category in others and source.owner] == []


@pytest.mark.parametrize("jurisdiction", AUTHORITIES)
def test_authorities_of_each_jurisdiction_are_covered(jurisdiction: str) -> None:
    pattern, least = AUTHORITIES[jurisdiction]
    own = [source for source in SOURCES if source.category == "regulation" and re.search(pattern, host(source.url))]

    assert len(own) >= least


def test_regulation_holds_authorities_only() -> None:
    patterns = "|".join(pattern for pattern, _ in AUTHORITIES.values())

    assert [s.id for s in SOURCES if s.category == "regulation" and not re.search(patterns, host(s.url))] == []


def test_texts_behind_a_paywall_are_not_fetched() -> None:
    paid = ["digitimes", "scmp-tech", "wired-ai", "cnbc-ai", "technology-review", "heatmap"]

    assert {BY_ID[source_id].full_text for source_id in paid} == {"never"}


def test_abstracts_are_not_fetched_a_second_time() -> None:
    assert {source.full_text for source in SOURCES if source.publisher == "arxiv"} == {"never"}


def test_only_sitemaps_say_which_urls_are_articles() -> None:
    sitemaps = [source for source in SOURCES if source.kind == "sitemap"]

    assert [source.id for source in sitemaps if source.sitemap is None or source.sitemap.include is None] == []
    assert [source.id for source in SOURCES if source.sitemap and source.kind != "sitemap"] == []


@pytest.mark.parametrize(
    ("source_id", "article", "other"),
    [
        ("anthropic-research", "https://www.anthropic.com/research/a-title", "https://www.anthropic.com/research"),
        ("anthropic-research", "https://www.anthropic.com/engineering/a-title", "https://www.anthropic.com/news/a"),
        ("xai-news", "https://x.ai/news/a-title", "https://x.ai/news"),
        ("cohere-blog", "https://cohere.com/blog/a-title", "https://cohere.com/blog/authors/somebody"),
        (
            "deepseek-news",
            "https://api-docs.deepseek.com/news/news251201",
            "https://api-docs.deepseek.com/zh-cn/news/news251201",
        ),
        ("cnbc-ai", "https://www.cnbc.com/2026/01/02/nvidia-title.html", "https://www.cnbc.com/2026/01/02/rain.html"),
        ("cnbc-ai", "https://www.cnbc.com/2026/01/02/what-ai-does.html", "https://www.cnbc.com/2026/01/02/air.html"),
        ("cnbc-ai", "https://www.cnbc.com/2026/01/02/about-ai.html", "https://www.cnbc.com/video/2026/01/02/ai-x.html"),
    ],
)
def test_a_sitemap_rule_tells_articles_from_other_pages(source_id: str, article: str, other: str) -> None:
    rule = BY_ID[source_id].sitemap

    assert rule is not None
    assert rule.include is not None
    taken = [
        url
        for url in (article, other)
        if re.search(rule.include, url) and not (rule.exclude and re.search(rule.exclude, url))
    ]

    assert taken == [article]
