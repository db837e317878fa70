"""Render the sample's sources and write `sample.warc.gz`: WARC 1.1, byte for byte the same each time.

    python -m aiwire.sample.build

Readable sources: `sites.toml`, `briefs/*.toml`, `templates/`. Products: the archive, and the labels `gold.jsonl` and
`gold_texts.jsonl`, whose texts are the articles as the last capture states them. A URL is captured at the first date on
which its article is published, and again only where its bytes have changed.
"""

from __future__ import annotations

import hashlib
import io
import json
import tomllib
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from warcio.recordloader import ArcWarcRecord
from warcio.statusandheaders import StatusAndHeaders
from warcio.warcwriter import WARCWriter

from aiwire.types import iso

__all__ = [
    "CAPTURES",
    "Brief",
    "Capture",
    "Site",
    "build",
    "captures",
    "gold",
    "gold_texts",
    "load_briefs",
    "load_sites",
    "main",
]

HERE = Path(__file__).resolve().parent
ARCHIVE = HERE / "sample.warc.gz"
CAPTURES = (datetime(2026, 3, 2, 6, tzinfo=UTC), datetime(2026, 3, 9, 6, tzinfo=UTC))
RECORD_NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "https://wire.example/sample.warc.gz")
FEED_TYPES = {
    "feed.rss.xml": "application/rss+xml",
    "feed.atom.xml": "application/atom+xml",
    "listing.html": "text/html",
}


@dataclass(frozen=True, slots=True)
class Site:
    """A publisher of the sample, and what it puts around its articles."""

    id: str
    title: str
    tagline: str
    home: str
    feed_path: str
    feed_template: str
    page_template: str
    charset: str
    nav: tuple[str, ...]
    comments: tuple[tuple[str, str], ...]
    stock: str = ""  # the passage under every brief with `stock`

    @property
    def feed_url(self) -> str:
        return self.home + self.feed_path

    @property
    def host(self) -> str:
        return self.home.removeprefix("https://")


@dataclass(frozen=True, slots=True)
class Edit:
    """What the publisher corrected, and when: before `updated` the text has `was`, then `now` and the note."""

    updated: datetime
    was: str
    now: str
    note: str


@dataclass(frozen=True, slots=True)
class Brief:
    """One article: its text as corrected, the primary sources of its facts, and its labels."""

    id: str
    site: Site
    path: str
    title: str
    author: str
    published: datetime
    summary: str
    paragraphs: tuple[str, ...]
    facts: tuple[str, ...]
    related: tuple[str, ...]
    edit: Edit | None = None
    copy_of: str | None = None
    canonical: str = ""
    guid: bool = True
    dated: bool = True  # whether the page states its date
    in_feed: bool = False  # whether the feed holds the whole text
    gold: Mapping[str, Any] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return self.site.home + self.path


@dataclass(frozen=True, slots=True)
class Capture:
    """One HTTP response of the archive."""

    url: str
    at: datetime
    headers: tuple[tuple[str, str], ...]
    body: bytes


# ---------------------------------------------------------------- readable sources


def load_sites() -> dict[str, Site]:
    """Return the sites of `sites.toml` by id."""
    with (HERE / "sites.toml").open("rb") as file:
        tables = tomllib.load(file)
    return {name: _site(name, table) for name, table in tables.items()}


def _site(name: str, table: dict[str, Any]) -> Site:
    table["nav"] = tuple(table["nav"])
    table["comments"] = tuple((author, words) for author, words in table["comments"])
    table["stock"] = " ".join(table.get("stock", "").split())
    return Site(id=name, **table)


def load_briefs() -> list[Brief]:
    """Return all briefs, newest first; a syndicated copy has the title and text of its original."""
    sites = load_sites()
    tables = {}
    for path in sorted((HERE / "briefs").glob("*.toml")):
        with path.open("rb") as file:
            tables[path.stem] = tomllib.load(file)
    originals = {name: _brief(name, table, sites) for name, table in tables.items() if "copy_of" not in table}
    copies = [_copy(name, table, sites, originals) for name, table in tables.items() if "copy_of" in table]
    return sorted([*originals.values(), *copies], key=lambda brief: brief.published, reverse=True)


def _brief(name: str, table: dict[str, Any], sites: Mapping[str, Site]) -> Brief:
    site = sites[table.pop("source")]
    paragraphs = [" ".join(block.split()) for block in table.pop("text").split("\n\n")]
    labels = table.pop("gold")
    if table.pop("stock", False):
        paragraphs.append(site.stock)
        labels = _with_stock(labels, site)
    edit = table.pop("edit", None)
    return Brief(
        id=name,
        site=site,
        paragraphs=tuple(paragraphs),
        facts=tuple(table.pop("facts")),
        related=tuple(table.pop("related")),
        edit=Edit(**edit) if edit else None,
        canonical=site.home + table["path"],
        gold=labels,
        **table,
    )


def _copy(name: str, table: dict[str, Any], sites: Mapping[str, Site], originals: Mapping[str, Brief]) -> Brief:
    original = originals[table["copy_of"]]
    return replace(
        original,
        id=name,
        site=sites[table.pop("source")],
        related=tuple(table.pop("related")),
        canonical=original.url,
        **table,
    )


def _with_stock(labels: Mapping[str, Any], site: Site) -> dict[str, Any]:
    """Return the labels of a brief with those of its stock passage: nothing there is what the brief is about."""
    sentences = site.stock.split(". ")
    comparison = next(sentence for sentence in sentences if "total cost of ownership" in sentence)
    sovereignty = next(sentence for sentence in sentences if "data sovereignty" in sentence)
    merged = {kind: list(labels.get(kind, ())) for kind in ("companies", "accelerators", "themes", "prices", "traps")}
    merged["companies"].append({"id": site.id, "name": site.title, "surfaces": [site.title], "role": "source"})
    merged["accelerators"] += [
        {"id": "nvidia-a100", "name": "NVIDIA A100", "surfaces": ["A100"]},
        {"id": "nvidia-h100", "name": "NVIDIA H100", "surfaces": ["H100"]},
    ]
    merged["themes"] += [{"id": "tco", "evidence": comparison}, {"id": "data-sovereignty", "evidence": sovereignty}]
    return merged


# ---------------------------------------------------------------- rendering


def _day(moment: datetime) -> str:
    return f"{moment.day} {moment:%B %Y}"


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        keep_trailing_newline=True,
    )
    environment.filters |= {"iso": iso, "rfc822": lambda moment: format_datetime(moment, usegmt=True), "day": _day}
    return environment


def _item(brief: Brief, at: datetime) -> dict[str, Any]:
    """Return what the templates need of a brief as it stood at a moment."""
    edited = brief.edit is not None and brief.edit.updated <= at
    paragraphs = brief.paragraphs
    if brief.edit and not edited:
        paragraphs = tuple(paragraph.replace(brief.edit.now, brief.edit.was) for paragraph in paragraphs)
    return {
        "title": brief.title,
        "author": brief.author,
        "url": brief.url,
        "path": brief.path,
        "canonical": brief.canonical,
        "guid": f"tag:{brief.site.host},{brief.published:%Y-%m-%d}:{brief.id}" if brief.guid else None,
        "published": brief.published,
        "updated": brief.edit.updated if brief.edit and edited else brief.published,
        "summary": brief.summary,
        "paragraphs": paragraphs,
        "note": brief.edit.note if brief.edit and edited else None,
        "credit": "This text was first published by our partner Compute Wire." if brief.copy_of else None,
        "related": brief.related,
        "dated": brief.dated,
        "in_feed": brief.in_feed,
        "json_ld": _json_ld(brief),
    }


def _json_ld(brief: Brief) -> Markup:
    """Return schema.org metadata; `<` is written as an escape, so that no title can close the script element."""
    metadata = {
        "@context": "https://schema.org",
        "@type": "NewsArticle",
        "headline": brief.title,
        "datePublished": iso(brief.published),
        "author": {"@type": "Person", "name": brief.author},
        "publisher": {"@type": "Organization", "name": brief.site.title},
        "mainEntityOfPage": brief.url,
    }
    return Markup(json.dumps(metadata, ensure_ascii=False).replace("<", "\\u003c"))  # noqa: S704  (our own text, escaped)


def _responses(at: datetime, environment: Environment, briefs: Sequence[Brief]) -> Iterator[Capture]:
    """Yield every feed, listing and page as a request at `at` would have been answered."""
    for site in {brief.site.id: brief.site for brief in sorted(briefs, key=lambda brief: brief.site.id)}.values():
        items = [_item(brief, at) for brief in briefs if brief.site == site and brief.published <= at]
        changed = max(item["updated"] for item in items)
        feed = environment.get_template(site.feed_template).render(site=site, items=items, changed=changed)
        yield _capture(site.feed_url, at, FEED_TYPES[site.feed_template], site.charset, feed, changed=changed)
        for item in items:
            page = environment.get_template(site.page_template).render(site=site, item=item)
            yield _capture(item["url"], at, "text/html", site.charset, page)


def _capture(
    url: str, at: datetime, media_type: str, charset: str, text: str, *, changed: datetime | None = None
) -> Capture:
    body = text.encode(charset)
    headers = [
        ("Date", format_datetime(at, usegmt=True)),
        ("Content-Type", f"{media_type}; charset={charset}"),
        ("Content-Length", str(len(body))),
    ]
    if changed:  # validators, so that a replay can answer 304
        headers.append(("ETag", f'"{hashlib.sha256(body).hexdigest()[:20]}"'))
        headers.append(("Last-Modified", format_datetime(changed, usegmt=True)))
    return Capture(url, at, tuple(headers), body)


def captures() -> list[Capture]:
    """Return the archive's responses: all URLs at their first date, then those whose bytes differ."""
    environment, briefs = _environment(), load_briefs()
    kept: list[Capture] = []
    last: dict[str, bytes] = {}
    for at in CAPTURES:
        for capture in _responses(at, environment, briefs):
            if last.get(capture.url) != capture.body:
                kept.append(capture)
                last[capture.url] = capture.body
    return kept


# ---------------------------------------------------------------- products


def _record_id(url: str, at: datetime) -> str:
    return f"<urn:uuid:{uuid.uuid5(RECORD_NAMESPACE, f'{iso(at)} {url}')}>"


def build(path: Path) -> None:
    """Write the archive to `path`: a warcinfo record, then the responses in the order of their capture."""
    with path.open("wb") as file:
        writer = WARCWriter(file, gzip=True, warc_version="WARC/1.1")  # its gzip members hold no time
        writer.write_record(_warcinfo(writer))
        for capture in captures():
            writer.write_record(_response(writer, capture))


def _warcinfo(writer: WARCWriter) -> ArcWarcRecord:
    about = {"software": "aiwire.sample.build", "format": "WARC File Format 1.1", "license": "CC0-1.0"}
    payload = "".join(f"{name}: {value}\r\n" for name, value in about.items()).encode()
    return writer.create_warc_record(
        None,  # a warcinfo record has no WARC-Target-URI (WARC 1.1, 5.12)
        "warcinfo",
        payload=io.BytesIO(payload),
        length=len(payload),  # without it warcio buffers in a temporary file that it does not close
        warc_content_type="application/warc-fields",
        warc_headers_dict={"WARC-Date": iso(CAPTURES[0]), "WARC-Record-ID": _record_id("warcinfo", CAPTURES[0])},
    )


def _response(writer: WARCWriter, capture: Capture) -> ArcWarcRecord:
    return writer.create_warc_record(
        capture.url,
        "response",
        payload=io.BytesIO(capture.body),
        length=len(capture.body),
        http_headers=StatusAndHeaders("200 OK", list(capture.headers), protocol="HTTP/1.1"),
        warc_headers_dict={"WARC-Date": iso(capture.at), "WARC-Record-ID": _record_id(capture.url, capture.at)},
    )


def _text(brief: Brief) -> str:
    note = [brief.edit.note] if brief.edit else []
    return "\n".join([*brief.paragraphs, *note])


def gold() -> list[dict[str, Any]]:
    """Return the labels of all briefs, one document each, oldest first."""
    return [_labels(brief) for brief in reversed(load_briefs())]


def _labels(brief: Brief) -> dict[str, Any]:
    labels = brief.gold
    named = {"about": False, "role": "mention"}
    return {
        "id": brief.id,
        "set": "sample",
        "publisher": brief.site.host,
        "title": brief.title,
        "published": brief.published.date().isoformat(),
        "companies": [{**named, **label} for label in labels.get("companies", ())],
        "accelerators": [{"about": False, **label} for label in labels.get("accelerators", ())],
        "themes": [{"about": False, **label} for label in labels.get("themes", ())],
        "prices": [{"currency": "USD", "item": "", **label} for label in labels.get("prices", ())],
        "traps": list(labels.get("traps", ())),
    }


def gold_texts() -> list[dict[str, Any]]:
    """Return the texts that the labels belong to, in the same order."""
    return [
        {
            "id": brief.id,
            "title": brief.title,
            "text": _text(brief),
            "publisher": brief.site.host,
            "published": brief.published.date().isoformat(),
            "url": brief.url,
            "licence": "CC0-1.0",
        }
        for brief in reversed(load_briefs())
    ]


def main() -> None:
    """Write the archive and the labels into this folder."""
    build(ARCHIVE)
    for name, documents in (("gold.jsonl", gold()), ("gold_texts.jsonl", gold_texts())):
        lines = "".join(json.dumps(document, ensure_ascii=False) + "\n" for document in documents)
        (HERE / name).write_text(lines, encoding="utf-8")


if __name__ == "__main__":
    main()
