"""The sample archive: reproducible, readable by warcio, and labelled with what its texts really say."""

from __future__ import annotations

import collections
import csv
import gzip
import io
import json
from datetime import date
from pathlib import Path

import feedparser
import pytest
import trafilatura
from bs4 import BeautifulSoup
from warcio.archiveiterator import ArchiveIterator

from aiwire.sample import build as sample
from ingest.sources import load_sources

SHARED = Path(__file__).resolve().parents[1].parent / "shared"
FOLDER = Path(sample.__file__).parent
ARCHIVE = FOLDER / "sample.warc.gz"
FIRST, SECOND = sample.CAPTURES
BRIEFS = {brief.id: brief for brief in sample.load_briefs()}
GOLD = {label["id"]: label for label in sample.gold()}
TEXTS = {text["id"]: text for text in sample.gold_texts()}
LABELLED = {
    name
    for label in GOLD.values()
    for kind in ("companies", "accelerators")
    for entity in label[kind]
    for name in entity["surfaces"]
}
THEMES = {
    *("on-premises", "self-hosted", "air-gapped", "bare-metal", "public-cloud", "hybrid-cloud", "edge"),
    *("data-sovereignty", "regulatory-compliance", "privacy-security", "export-controls"),
    *("tco", "capex", "opex", "pricing", "vendor-lock-in"),
    *("gpu-memory", "inference-performance", "energy", "datacenter-buildout", "supply-chain", "open-weights"),
    *("reorganisation", "funding", "acquisition", "partnership"),
}
ELSEWHERE = {
    "Cerebras",
    "Graphcore",
    "Hetzner",
    "Samsung",
    "RTX 4090",
    "RTX 5090",
    "L40S",
    "MI325X",
}  # in furniture only
FURNITURE = {
    "navigation": "nav, [role=navigation], .topbar",
    "cookie banner": "#cookie-banner, .cookie-consent, #gdpr-overlay",
    "log-in prompt": ".login-prompt, .subscribe-box, .login",
    "comments": ".comments, .comments-area, #comments",
    "related links": ".related-articles, .sidebar, .widget",
    "footer": "footer, #footer",
}
any_brief = pytest.mark.parametrize("brief", BRIEFS.values(), ids=BRIEFS)


def pages() -> dict[tuple[str, str], bytes]:
    """Return the archive's bodies by URL and WARC-Date, as warcio reads them."""
    found = {}
    with ARCHIVE.open("rb") as file:
        for record in ArchiveIterator(file, check_digests="raise"):
            assert record.rec_headers.protocol == "WARC/1.1"
            if record.rec_type == "response":
                assert record.http_headers.get_statuscode() == "200"
                body = record.content_stream().read()
                assert record.http_headers.get_header("Content-Length") == str(len(body))
                found[record.rec_headers["WARC-Target-URI"], record.rec_headers["WARC-Date"]] = body
    return found


BODIES = pages()


def newest(url: str) -> bytes:
    return BODIES[max(key for key in BODIES if key[0] == url)]


def soup(brief: sample.Brief) -> BeautifulSoup:
    return BeautifulSoup(newest(brief.url).decode(brief.site.charset), "lxml")


def test_building_twice_gives_the_same_bytes(tmp_path: Path) -> None:
    sample.build(tmp_path / "one.warc.gz")
    sample.build(tmp_path / "two.warc.gz")

    assert (tmp_path / "one.warc.gz").read_bytes() == (tmp_path / "two.warc.gz").read_bytes()


def test_the_committed_archive_holds_what_its_sources_say(tmp_path: Path) -> None:
    sample.build(tmp_path / "fresh.warc.gz")

    # the records, not the compressed bytes: another zlib may press them differently
    assert gzip.decompress(ARCHIVE.read_bytes()) == gzip.decompress((tmp_path / "fresh.warc.gz").read_bytes())
    assert ARCHIVE.stat().st_size < 150_000


@pytest.mark.parametrize("name", ["gold", "gold_texts"])
def test_the_committed_labels_are_those_of_the_briefs(name: str) -> None:
    lines = (FOLDER / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()

    assert [json.loads(line) for line in lines] == getattr(sample, name)()


def test_gzip_members_carry_no_time_and_one_record_each() -> None:
    members = ARCHIVE.read_bytes().split(b"\x1f\x8b\x08\x00")[1:]

    assert len(members) == len(BODIES) + 1
    assert {member[:4] for member in members} == {b"\0\0\0\0"}


def test_urls_are_captured_when_they_appear_and_again_only_if_they_change() -> None:
    times = collections.defaultdict(list)
    for url, at in BODIES:
        times[url].append(at)
    feed, edited, later = BRIEFS["meta-amd"].site.feed_url, BRIEFS["meta-amd"].url, BRIEFS["nvidia-optics"].url
    first, second = (sample.iso(moment) for moment in sample.CAPTURES)

    assert {url: at for url, at in times.items() if at != [first]} == {
        feed: [first, second],
        edited: [first, second],
        later: [second],
    }
    assert BODIES[feed, first] != BODIES[feed, second]
    assert set(times) == {brief.url for brief in BRIEFS.values()} | {brief.site.feed_url for brief in BRIEFS.values()}


def test_record_ids_are_unique() -> None:
    with ARCHIVE.open("rb") as file:
        ids = [record.rec_headers["WARC-Record-ID"] for record in ArchiveIterator(file)]

    assert len(ids) == len(set(ids))


def test_feeds_carry_validators_that_change_with_their_bytes() -> None:
    etags = {}
    with ARCHIVE.open("rb") as file:
        for record in ArchiveIterator(file):
            if record.rec_type == "response" and (etag := record.http_headers.get_header("ETag")):
                etags[etag] = record.rec_headers["WARC-Target-URI"]

    assert sorted(collections.Counter(etags.values()).values()) == [1, 1, 2]


# ---------------------------------------------------------------- the briefs


def test_there_are_sixteen_briefs_of_three_sources() -> None:
    sources = load_sources(FOLDER / "sources.toml")

    assert len(BRIEFS) == 16
    assert {source.url for source in sources} == {brief.site.feed_url for brief in BRIEFS.values()}
    assert [source.kind for source in sources] == ["feed", "feed", "listing"]
    assert {source.id for source in sources} == {brief.site.id for brief in BRIEFS.values()}


@any_brief
def test_a_brief_is_short_dated_and_names_its_sources(brief: sample.Brief) -> None:
    words = len(TEXTS[brief.id]["text"].split())

    assert 120 <= words <= 260
    assert date(2023, 1, 1) <= brief.published.date() <= SECOND.date()
    assert brief.facts
    assert all(url.startswith(("https://", "http://")) and ".example" not in url for url in brief.facts)


@any_brief
def test_a_page_has_every_kind_of_furniture(brief: sample.Brief) -> None:
    page = soup(brief)

    assert [name for name, selector in FURNITURE.items() if not page.select(selector)] == []


@any_brief
def test_the_furniture_names_what_the_labels_do_not(brief: sample.Brief) -> None:
    page = soup(brief)
    for paragraph in page.select(".story-body, .post-content, .entry"):
        paragraph.decompose()
    around = page.get_text(" ")
    label = GOLD[brief.id]
    own = {name for kind in ("companies", "accelerators") for entity in label[kind] for name in entity["surfaces"]}

    assert {name for name in (LABELLED | ELSEWHERE) - own if name in around}


@any_brief
def test_an_extractor_finds_the_text_and_none_of_the_furniture(brief: sample.Brief) -> None:
    text = trafilatura.extract(newest(brief.url).decode(brief.site.charset), include_comments=False) or ""

    assert all(paragraph in text for paragraph in TEXTS[brief.id]["text"].split("\n"))
    assert not any(title in text for title in brief.related)
    assert not any(words in text for _, words in brief.site.comments)


def test_the_rss_feed_has_its_summaries_one_full_text_and_one_item_without_guid() -> None:
    entries = feedparser.parse(io.BytesIO(newest("https://wire.example/feed.xml"))).entries

    assert len(entries) == 6
    assert [entry.link for entry in entries if "id" not in entry] == [BRIEFS["aws-price-cut"].url]
    assert [entry.link for entry in entries if "content" in entry] == [BRIEFS["deepseek-r1"].url]
    assert all(len(entry.summary.split()) < 30 for entry in entries)


def test_the_atom_feed_learns_of_the_edit_and_of_the_new_article() -> None:
    before, after = (
        {
            entry.link: entry.updated
            for entry in feedparser.parse(io.BytesIO(BODIES["https://chipledger.example/atom.xml", at])).entries
        }
        for at in map(sample.iso, sample.CAPTURES)
    )
    edited = BRIEFS["meta-amd"].url

    assert set(after) - set(before) == {BRIEFS["nvidia-optics"].url}
    assert (before.pop(edited), after.pop(edited)) == ("2026-02-24T15:30:00Z", "2026-03-04T11:20:00Z")
    assert before.items() <= after.items()


def test_the_selectors_of_the_listing_find_its_articles_and_nothing_else() -> None:
    source = next(source for source in load_sources(FOLDER / "sources.toml") if source.listing)
    rule = source.listing
    assert rule
    assert rule.title
    assert rule.date
    assert rule.summary
    page = BeautifulSoup(newest(source.url).decode("windows-1252"), "lxml")

    found = [
        (
            item.select_one(rule.link)["href"],
            item.select_one(rule.title).get_text(),
            item.select_one(rule.date)["datetime"],
            item.select_one(rule.summary).get_text(),
        )
        for item in page.select(rule.item)
    ]

    assert found == [
        (brief.path, brief.title, sample.iso(brief.published), brief.summary)
        for brief in BRIEFS.values()
        if brief.site.id == source.id
    ]
    assert len(found) == 5


def test_the_syndicated_copy_has_the_text_of_its_original_and_points_to_it() -> None:
    copy, original = BRIEFS["stargate-copy"], BRIEFS["stargate"]

    assert TEXTS[copy.id]["text"] == TEXTS[original.id]["text"]
    assert copy.site != original.site
    assert soup(copy).select_one("link[rel=canonical]")["href"] == original.url
    assert soup(original).select_one("link[rel=canonical]")["href"] == original.url
    assert copy.related != original.related


def test_the_edited_article_corrects_its_figure_in_the_second_capture() -> None:
    url = BRIEFS["meta-amd"].url
    before, after = (BODIES[url, sample.iso(moment)].decode() for moment in sample.CAPTURES)

    assert "up to 16 million of its shares" in before
    assert "Correction" not in before
    assert "up to 160 million of its shares" in after
    assert "Correction, 4 March 2026" in after


def test_the_stock_passage_stands_under_two_unrelated_stories_of_one_source() -> None:
    passage = BRIEFS["stargate"].site.stock
    under = [text["id"] for text in TEXTS.values() if passage in text["text"]]

    assert under == ["microsoft-ai", "crane-restart"]
    for brief_id in under:
        label = GOLD[brief_id]
        assert {entity["id"]: entity["about"] for entity in label["accelerators"]} == {
            "nvidia-a100": False,
            "nvidia-h100": False,
        }
        assert {"tco": False, "data-sovereignty": False}.items() <= {
            t["id"]: t["about"] for t in label["themes"]
        }.items()


@pytest.mark.parametrize("brief_id", ["amazon-forest", "bramley-orchard", "oracle-of-delphi"])
def test_a_hard_negative_has_a_trap_and_no_label(brief_id: str) -> None:
    label = GOLD[brief_id]

    assert label["traps"]
    assert [label[kind] for kind in ("companies", "accelerators", "themes", "prices")] == [[], [], [], []]


# ---------------------------------------------------------------- the labels


@any_brief
def test_labels_stand_verbatim_in_the_text(brief: sample.Brief) -> None:
    label, text = GOLD[brief.id], TEXTS[brief.id]
    everything = f"{text['title']}\n{text['text']}"
    surfaces = [name for kind in ("companies", "accelerators") for entity in label[kind] for name in entity["surfaces"]]
    surfaces += [trap["surface"] for trap in label["traps"]]

    assert [name for name in surfaces if name not in everything] == []
    assert [theme["evidence"] for theme in label["themes"] if theme["evidence"] not in text["text"]] == []
    assert [price["quote"] for price in label["prices"] if price["quote"] not in text["text"]] == []


@any_brief
def test_labels_follow_the_taxonomy(brief: sample.Brief) -> None:
    label = GOLD[brief.id]

    assert {theme["id"] for theme in label["themes"]} <= THEMES
    assert sum(theme["about"] for theme in label["themes"]) <= 4
    for kind in ("companies", "accelerators", "themes"):
        ids = [entity["id"] for entity in label[kind]]
        assert len(ids) == len(set(ids))
    assert all(company["role"] == "subject" for company in label["companies"] if company["about"])
    assert {price["item"] for price in label["prices"]} - {""} <= {chip["id"] for chip in label["accelerators"]}


def test_prices_models_and_chinese_chips_are_among_the_labels() -> None:
    priced = [brief_id for brief_id, label in GOLD.items() if label["prices"]]

    assert priced == ["gaudi-3-price", "deepseek-r1", "aws-price-cut"]
    assert GOLD["huawei-ascend"]["accelerators"][0]["about"]
    assert {"on-premises", "air-gapped"} <= {theme["id"] for theme in GOLD["gemini-on-premises"]["themes"]}


@pytest.mark.skipif(not SHARED.is_dir(), reason="needs ../shared, which users do not have")
def test_accelerator_ids_are_families_of_the_reference() -> None:
    with (SHARED / "reference" / "families.csv").open(encoding="utf-8", newline="") as file:
        families = {row["family_id"] for row in csv.DictReader(file)}

    assert {chip["id"] for label in GOLD.values() for chip in label["accelerators"]} <= families
