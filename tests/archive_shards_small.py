"""Small archives for tests: pages of our own in WARC 1.0 and 1.1, gzipped by record, as one stream or not at all, and
in JSON lines; and the damaged files of `write_damaged`. Deterministic to the byte.

All sentences are made up, in `archive_sentences`.
"""

from __future__ import annotations

import gzip
import html
import json
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal
from uuid import UUID

from archive_sentences import BUYERS, STOCK, article_text, chinese_text, french_text, garden_text

__all__ = [
    "BEGIN", "STOCK", "Damaged", "Page", "article_page", "article_text", "copy_of", "garden_text", "jsonl_line",
    "packed", "page_html", "small_archive", "small_pages", "warc_record", "write_damaged", "write_jsonl", "write_warc",
]  # fmt: skip

Version = Literal["1.0", "1.1"]

BEGIN = datetime(2026, 11, 2, 6, tzinfo=UTC)  # of the first capture
_HTML = (("Content-Type", "text/html; charset=utf-8"), ("Server", "nginx"))


@dataclass(frozen=True, slots=True)
class Page:
    """One captured answer, and the article in it as it was written."""

    url: str
    captured_at: datetime
    html: bytes
    title: str = ""
    text: str = ""  # a paragraph a line
    status: int = 200
    headers: tuple[tuple[str, str], ...] = _HTML


# ---------------------------------------------------------------- pages


def page_html(
    title: str,
    text: str,
    language: str = "en",
    date: datetime | None = None,
    canonical: str | None = None,
    *,
    site: str = "The Rack Courier",
    author: str = "Noor Ashdown",
    head: str = "",
) -> bytes:
    """Return a page in UTF-8: navigation, the article (a paragraph a line), links to others and a footer.

    Args:
        date: in the JSON-LD and in a <meta>; None: the page states none.
        canonical: the address that the page gives itself.
        head: more markup for <head>.
    """
    linked: dict[str, object] = {
        "@context": "https://schema.org", "@type": "NewsArticle", "headline": title,
        "author": {"@type": "Person", "name": author}, "publisher": {"@type": "Organization", "name": site},
    }  # fmt: skip
    lines = [f'<link rel="canonical" href="{html.escape(canonical)}">'] if canonical else []
    if date is not None:
        linked["datePublished"] = date.isoformat()
        lines.append(f'<meta property="article:published_time" content="{date.isoformat()}">')
    paragraphs = "\n".join(f"<p>{html.escape(line, quote=False)}</p>" for line in text.split("\n") if line)
    sections = "".join(f'<li><a href="/{name.lower()}/">{name}</a></li>' for name in ("News", "Opinion", "Events"))
    others = "".join(f'<li><a href="/older/{n}/">Another story of the week, number {n}</a></li>' for n in range(1, 5))
    return f"""<!DOCTYPE html>
<html lang="{language}">
<head>
<meta charset="utf-8">
<title>{html.escape(title, quote=False)} | {site}</title>
<meta property="og:title" content="{html.escape(title)}">
<meta property="og:site_name" content="{site}">
{chr(10).join(lines)}
<script type="application/ld+json">{json.dumps(linked, ensure_ascii=False)}</script>
{head}
</head>
<body>
<header><a href="/">{site}</a><nav><ul>{sections}</ul></nav></header>
<main>
<article>
<h1>{html.escape(title, quote=False)}</h1>
<p class="byline">By <a rel="author" href="/people/1/">{author}</a></p>
<div class="article-body">
{paragraphs}
</div>
</article>
<aside><h2>Read next</h2><ul>{others}</ul></aside>
</main>
<footer><p>Copyright {site}. <a href="/privacy/">Privacy</a> <a href="/contact/">Contact</a></p></footer>
</body>
</html>
""".encode()


def article_page(
    url: str,
    title: str,
    text: str,
    *,
    captured_at: datetime = BEGIN,
    date: datetime | None = None,
    language: str = "en",
    canonical: str | None = None,
    site: str = "The Rack Courier",
) -> Page:
    """Return the captured page of an article."""
    body = page_html(title, text, language, date, canonical, site=site)
    return Page(url=url, captured_at=captured_at, html=body, title=title, text=text)


def copy_of(page: Page, url: str, *, captured_at: datetime, site: str) -> Page:
    """Return a page of another site that brings the same text: one sentence less, one more, another headline."""
    lines = page.text.split("\n")
    text = "\n".join([*lines[:-1], f"This report first ran elsewhere; {site} brings it with leave."])
    return article_page(url, f"{page.title}, says a report", text, captured_at=captured_at, date=captured_at, site=site)


# ---------------------------------------------------------------- files


def warc_record(page: Page, version: Version = "1.0", *, length_off: int = 0) -> bytes:
    """Return the response record of a page; `length_off` is added to what its head states as its length."""
    head = "".join(f"{name}: {value}\r\n" for name, value in page.headers)
    status = f"HTTP/1.1 {page.status} {'OK' if page.status == 200 else 'No'}\r\n"
    block = f"{status}{head}Content-Length: {len(page.html)}\r\n\r\n".encode("latin-1") + page.html
    return _record("response", version, page.url, page.captured_at, "application/http; msgtype=response", block,
                   length_off)  # fmt: skip


def _record(
    kind: str, version: Version, uri: str, at: datetime, content_type: str, block: bytes, length_off: int = 0
) -> bytes:
    name = UUID(int=zlib.crc32(f"{kind} {uri} {at}".encode()) << 32 | zlib.crc32(block))
    date = at.strftime("%Y-%m-%dT%H:%M:%SZ" if version == "1.0" else "%Y-%m-%dT%H:%M:%S.%fZ")
    fields = [
        f"WARC/{version}", f"WARC-Type: {kind}", f"WARC-Record-ID: <urn:uuid:{name}>", f"WARC-Date: {date}",
        f"Content-Type: {content_type}", f"Content-Length: {len(block) + length_off}",
    ]  # fmt: skip
    if uri:
        fields.insert(4, f"WARC-Target-URI: {uri}")
    return "\r\n".join(fields).encode() + b"\r\n\r\n" + block + b"\r\n\r\n"


def _info(version: Version) -> bytes:
    return _record("warcinfo", version, "", BEGIN, "application/warc-fields", b"software: tests\r\nformat: WARC\r\n")


def _request(page: Page, version: Version) -> bytes:
    block = b"GET / HTTP/1.1\r\nHost: example.org\r\n\r\n"
    return _record("request", version, page.url, page.captured_at, "application/http; msgtype=request", block)


def packed(data: bytes) -> bytes:
    """Return a gzip member, the same bytes at any time."""
    return gzip.compress(data, 6, mtime=0)


def write_warc(path: Path, pages: Iterable[Page], version: Version = "1.0", per_record_gzip: bool = True) -> list[int]:
    """Write pages as an archiver does, with a warcinfo record first and a request before each response.

    A path that ends in .gz is gzipped: each record as a member of its own, or all as one stream.

    Returns:
        Where the response records are: bytes of the file as it is stored; all 0 in a single gzip stream.
    """
    is_packed = path.suffix == ".gz"
    by_record = is_packed and per_record_gzip
    parts, offsets, at = list[bytes](), list[int](), 0
    for record, is_response in _all_records(pages, version):
        stored = packed(record) if by_record else record
        if is_response:
            offsets.append(0 if is_packed and not by_record else at)
        parts.append(stored)
        at += len(stored)
    data = b"".join(parts)
    path.write_bytes(packed(data) if is_packed and not by_record else data)
    return offsets


def _all_records(pages: Iterable[Page], version: Version) -> Iterable[tuple[bytes, bool]]:
    yield _info(version), False
    for page in pages:
        yield _request(page, version), False
        yield warc_record(page, version), True


def jsonl_line(page: Page) -> bytes:
    """Return a page as a line of JSON, with the newline."""
    row = {
        "url": page.url, "captured_at": page.captured_at.isoformat(), "html": page.html.decode(),
        "headers": dict(page.headers), "status": page.status,
    }  # fmt: skip
    return json.dumps(row, ensure_ascii=False).encode() + b"\n"


def write_jsonl(path: Path, pages: Iterable[Page]) -> None:
    """Write pages as JSON lines, gzipped if the path ends in .gz."""
    data = b"".join(map(jsonl_line, pages))
    path.write_bytes(packed(data) if path.suffix == ".gz" else data)


# ---------------------------------------------------------------- an archive


def small_archive(folder: Path, shards: int = 4, pages: int = 6) -> list[Path]:
    """Write the pages of `small_pages`, a file each, in every format in turn; return the files in order."""
    folder.mkdir(parents=True, exist_ok=True)
    return [_write_shard(folder, number, found) for number, found in enumerate(small_pages(shards, pages))]


def _write_shard(folder: Path, number: int, pages: Sequence[Page]) -> Path:
    name, form = f"shard-{number:03}", number % 5
    if form in (2, 4):
        path = folder / (f"{name}.jsonl.gz" if form == 2 else f"{name}.jsonl")
        write_jsonl(path, pages)
        return path
    path = folder / (f"{name}.warc" if form == 3 else f"{name}.warc.gz")
    write_warc(path, pages, "1.1" if form == 1 else "1.0", per_record_gzip=form == 0)
    return path


def small_pages(shards: int = 4, pages: int = 6) -> list[list[Page]]:
    """Return the pages of so many shards. In each, in this order and then again with other numbers:

    an article on AI; one on gardening; a copy of the AI article of the shard before on another site; one in French; the
    first shard's first article again, under the same URL a day later, with a paragraph more; one of a publisher that
    puts STOCK under all its stories; one in Chinese; a page that was not found.
    """
    return [[_page(shard, slot, shards) for slot in range(pages)] for shard in range(shards)]


def _page(shard: int, slot: int, shards: int) -> Page:
    number = slot // 8 * 1000 + shard
    at = BEGIN + timedelta(days=shard % 20, minutes=7 * slot)
    match slot % 8:
        case 0:
            return _article(number)
        case 1:
            return article_page(
                f"https://allotment.example.org/{number}/", *garden_text(number), captured_at=at, date=at
            )
        case 2:
            first = _article(slot // 8 * 1000 + (shard - 1) % shards)
            url = f"https://www.echo-{shard % 3}.example.net/reports/{number}.html"
            return copy_of(first, url, captured_at=at, site=f"Echo {shard % 3}")
        case 3:
            url = f"https://courrier.example.fr/{number}"
            return article_page(url, *french_text(number), captured_at=at, date=at, language="fr")
        case 4:
            return _again(_article(slot // 8 * 1000), shard)
        case 5:
            title, text = article_text(5000 + number)
            return article_page(
                f"https://ledger.example.com/2026/11/{number}/", title, "\n".join([text, *STOCK]), captured_at=at,
                date=at - timedelta(hours=5), site="Ledger of Machines",
            )  # fmt: skip
        case 6:
            url = f"https://suanli.example.cn/news/{number}.html"
            return article_page(url, *chinese_text(number), captured_at=at, date=at, language="zh-CN")
        case _:
            gone = article_page(f"https://rack.example.org/gone/{number}", "Not found", "", captured_at=at)
            return replace(gone, status=404)


def _article(number: int) -> Page:
    at = BEGIN + timedelta(days=number % 20)
    title, text = article_text(number)
    url = f"https://rack.example.org/2026/{number}/"
    return article_page(url, title, text, captured_at=at, date=at - timedelta(hours=9), canonical=url)


def _again(page: Page, shard: int) -> Page:
    """Return a later capture of a page, which has been edited."""
    text = f"{page.text}\nUpdate {shard}: the supplier has since confirmed the order, and {BUYERS[shard % 12]} waits."
    at = page.captured_at + timedelta(days=1, hours=shard)
    date = page.captured_at - timedelta(hours=9)
    return article_page(page.url, page.title, text, captured_at=at, date=date, canonical=page.url)


# ---------------------------------------------------------------- damage


@dataclass(frozen=True, slots=True)
class Damaged:
    """A file with something wrong in it."""

    path: Path
    good: tuple[Page, ...]  # whole pages before and behind the damage: their rows must be exact
    lost: tuple[Page, ...] = ()  # what the damage took: no rows
    bad: int = 1  # records that are quarantined, at least, ...
    passed: str | None = None  # ... or dropped for this reason, as they are whole


def write_damaged(folder: Path) -> list[Damaged]:
    """Write the torture set: every file has good pages before and after what is wrong with it, but for two.

    The file that is empty and the one that is no archive hold nothing else.
    """
    folder.mkdir(parents=True, exist_ok=True)
    made = [
        _cut_member(folder), _cut_end(folder), _flipped(folder),
        *(_wrong_length(folder, packed_by_record, off)
          for packed_by_record in (True, False) for off in (300, 10**9, -300)),
        _not_http(folder), _bomb(folder), _payload_bomb(folder), _large(folder), _bad_line(folder),
    ]  # fmt: skip
    empty, no_archive = folder / "empty.warc.gz", folder / "no-archive.warc.gz"
    empty.write_bytes(b"")
    no_archive.write_text("Minutes of the allotment society.\nNobody was there.\n" * 2000)
    return [*made, Damaged(empty, ()), Damaged(no_archive, ())]


def _three(name: str) -> tuple[Page, Page, Page]:
    """Return the page before the damage, the one in it, and the one behind it: of each name others."""
    base = 100_000 + zlib.crc32(name.encode()) % 100_000
    before, middle, after = (_article(base + 200_000 * n) for n in range(3))
    return before, middle, after


def _store(path: Path, records: Iterable[bytes]) -> Path:
    path.write_bytes(b"".join(records))
    return path


def _cut_member(folder: Path) -> Damaged:
    """A member that ends in its middle; another one follows, as where a lost connection was taken up again."""
    before, middle, after = _three("cut-member")
    cut = packed(warc_record(middle))
    path = _store(
        folder / "cut-member.warc.gz",
        [packed(_info("1.0")), packed(warc_record(before)), cut[: len(cut) // 2], packed(warc_record(after))],
    )
    return Damaged(path, (before, after), (middle,))


def _cut_end(folder: Path) -> Damaged:
    before, after, last = _three("cut-end")
    records = [packed(warc_record(page)) for page in (before, after, last)]
    return Damaged(_store(folder / "cut-end.warc.gz", [*records[:2], records[2][:-700]]), (before, after), (last,))


def _flipped(folder: Path) -> Damaged:
    before, middle, after = _three("flipped")
    records = [packed(warc_record(page)) for page in (before, middle, after)]
    half = len(records[1]) // 2
    records[1] = (
        records[1][:half] + bytes(255 - byte for byte in records[1][half : half + 40]) + records[1][half + 40 :]
    )
    return Damaged(_store(folder / "flipped-bytes.warc.gz", records), (before, after), (middle,))


def _wrong_length(folder: Path, is_packed: bool, off: int) -> Damaged:
    what = "too-short" if off < 0 else "too-long" if off < 1000 else "far-too-long"
    name = f"length-{what}.warc{'.gz' if is_packed else ''}"
    before, middle, after = _three(name)
    records = [warc_record(before, "1.1"), warc_record(middle, "1.1", length_off=off), warc_record(after, "1.1")]
    return Damaged(_store(folder / name, map(packed, records) if is_packed else records), (before, after), (middle,))


def _not_http(folder: Path) -> Damaged:
    before, _, after = _three("dns")
    dns = _record("response", "1.0", "dns:rack.example.org", BEGIN, "text/dns", b"20261102\nrack.example.org. 60 A\n")
    path = _store(folder / "dns.warc.gz", [packed(warc_record(before)), packed(dns), packed(warc_record(after))])
    return Damaged(path, (before, after), passed="not-http")


def _bomb(folder: Path) -> Damaged:
    """A record of 1 GiB in a megabyte."""
    before, middle, after = _three("bomb")
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n"
    record = _record("response", "1.0", middle.url, BEGIN, "application/http; msgtype=response", head, 1 << 30)
    path = folder / "bomb.warc.gz"
    _store(
        path, [packed(warc_record(before)), _packed_zeros(record[:-4], 1024, b"\r\n\r\n"), packed(warc_record(after))]
    )
    return Damaged(path, (before, after), (middle,))


def _packed_zeros(before: bytes, mebibytes: int, after: bytes) -> bytes:
    """Return a gzip member of so many zeros between two texts, without compressing all of them."""
    zeros = bytes(1 << 20)
    deflate = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    first = deflate.compress(before) + deflate.flush(zlib.Z_FULL_FLUSH)
    one = deflate.compress(zeros) + deflate.flush(zlib.Z_FULL_FLUSH)  # depends on nothing before it
    last = deflate.compress(after) + deflate.flush()
    crc = zlib.crc32(before)
    for _ in range(mebibytes):
        crc = zlib.crc32(zeros, crc)
    size = len(before) + (mebibytes << 20) + len(after)
    trailer = zlib.crc32(after, crc).to_bytes(4, "little") + (size & 0xFFFFFFFF).to_bytes(4, "little")
    return b"\x1f\x8b\x08\0\0\0\0\0\x02\xff" + first + one * mebibytes + last + trailer


def _payload_bomb(folder: Path) -> Damaged:
    """An answer whose content coding hides 256 MiB."""
    before, middle, after = _three("payload-bomb")
    body = _packed_zeros(middle.html, 256, b"")
    bomb = replace(middle, html=body, headers=(*_HTML, ("Content-Encoding", "gzip")))
    records = [packed(warc_record(page)) for page in (before, bomb, after)]
    return Damaged(_store(folder / "payload-bomb.warc.gz", records), (before, after), (middle,), passed="too-large")


def _large(folder: Path) -> Damaged:
    """A real article that goes on for 50 MB."""
    before, middle, after = _three("large")
    filler = b"<p>" + b"Leeks and dahlias, row after row, as far as anybody cares to read. " * 16 + b"</p>\n"
    large = replace(
        middle, html=middle.html.replace(b"</article>", filler * (50_000_000 // len(filler)) + b"</article>")
    )
    records = [packed(warc_record(page)) for page in (before, large, after)]
    return Damaged(_store(folder / "large-page.warc.gz", records), (before, after), (middle,), passed="too-large")


def _bad_line(folder: Path) -> Damaged:
    """JSON lines: one that is cut, one without a URL, one that is no object."""
    before, middle, after = _three("bad-line")
    nameless = json.dumps({"captured_at": BEGIN.isoformat(), "html": "<p>Whose is this?</p>"}).encode() + b"\n"
    lines = [jsonl_line(before), jsonl_line(middle)[:900] + b"\n", nameless, b"[1, 2]\n", jsonl_line(after)]
    return Damaged(_store(folder / "bad-lines.jsonl", lines), (before, after), (middle,), bad=3)
