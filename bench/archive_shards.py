"""Make web archives such as crawlers leave, for bench_archive.py: real pages under other addresses, again and again.

The pages are those of ../shared/pages and of ../shared/replay/pages.warc.gz. Each round of them has addresses of its
own: half of the sites stay what they are under another subdomain, half move to a site that does not exist. The address
that a page gives itself is changed with it; the rest of its bytes is not. So every page has copies in other shards, as
a press release has. Of a hundred pages two are captured again, under the same address, in a later shard.

Shards differ in size as files of a crawl do. Of six, three are WARC 1.0 with their requests, two WARC 1.1, one JSON
lines, all gzipped; among the pages stand answers that are none: not found, an image, a name server's.
Deterministic: the same bytes each time, as far as zlib makes the same of the same.

usage: python bench/archive_shards.py FOLDER [--mib N] [--shards N] [--shared DIR]
"""

from __future__ import annotations

import argparse
import csv
import gzip
import json
import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from urllib.parse import urlsplit
from uuid import UUID

from warcio.archiveiterator import ArchiveIterator
from warcio.statusandheaders import StatusAndHeaders
from warcio.warcwriter import WARCWriter

__all__ = ["SHARED", "Capture", "Made", "Scale", "make", "pool_of"]

VERSION = 1  # of what is made here
SHARED = Path(__file__).resolve().parents[1].parent / "shared"
BEGIN, DAYS = datetime(2026, 10, 20, tzinfo=UTC), 30
SPREAD = 0.5  # of the logarithm of a shard's size
AGAIN = 0.02  # of the pages are captured a second time under their address
OTHERS = 0.06  # of the answers are no page
MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class Scale:
    """How much is made."""

    mib: int  # of HTML
    shards: int


@dataclass(frozen=True, slots=True)
class Capture:
    """A page under its address, or under one that was made up for it."""

    url: str
    body: bytes
    content_type: str
    at: datetime = BEGIN
    status: int = 200


@dataclass(frozen=True, slots=True)
class Made:
    """What was made."""

    files: tuple[str, ...]  # names in the folder, in the order of the captures
    pages: int
    html_bytes: int
    stored_bytes: int


# ---------------------------------------------------------------- pages


def pool_of(shared: Path = SHARED) -> list[Capture]:
    """Return the real pages, each address once.

    Raises:
        SystemExit: they are not there.
    """
    if not (shared / "pages" / "index.tsv").exists():
        raise SystemExit(f"{shared}: no pages/index.tsv; say with --shared where the shared material is")
    found = {page.url: page for page in _indexed(shared / "pages")}
    for page in _replayed(shared / "replay" / "pages.warc.gz"):
        found.setdefault(page.url, page)
    return list(found.values())


def _indexed(folder: Path) -> Iterator[Capture]:
    with (folder / "index.tsv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE):
            body = gzip.decompress((folder / row["file"]).read_bytes())
            url = row["url"] if "://" in row["url"] else f"https://{row['url']}"
            yield Capture(url, body, "text/html; charset=utf-8" if _is_utf8(body) else "text/html")


def _replayed(path: Path) -> Iterator[Capture]:
    with path.open("rb") as file:
        for record in ArchiveIterator(file):
            kind = record.http_headers.get_header("Content-Type", "") if record.rec_type == "response" else ""
            if kind.startswith("text/html"):
                url = record.rec_headers.get_header("WARC-Target-URI")
                yield Capture(url, record.content_stream().read(), kind)


def _is_utf8(body: bytes) -> bool:
    try:
        body.decode()
    except UnicodeDecodeError:
        return False
    return True


def _moved(page: Capture, round_number: int) -> Capture:
    """Return a page under another address; in round 0 under its own."""
    if round_number == 0:
        return page
    parts = urlsplit(page.url)
    host = parts.hostname or ""
    name = re.sub(r"^www\.", "", host)
    to = f"m{round_number}.{name}" if hash_of(name) % 2 else f"{name.replace('.', '-')}-{round_number}.example"
    url = parts._replace(netloc=to).geturl()
    return replace(page, url=url, body=page.body.replace(page.url.encode(), url.encode()))


def hash_of(text: str) -> int:
    """Return a number that is the same in every process."""
    return random.Random(text).getrandbits(32)


# ---------------------------------------------------------------- shards


def make(folder: Path, scale: Scale, shared: Path = SHARED) -> Made:
    """Write the shards of an archive into a folder, unless they stand there as they are made now."""
    folder.mkdir(parents=True, exist_ok=True)
    note = folder / "made.json"
    wanted = {"version": VERSION, **asdict(scale)}
    if note.exists() and (told := json.loads(note.read_text()))["scale"] == wanted:
        return Made(**told["made"] | {"files": tuple(told["made"]["files"])})
    note.unlink(missing_ok=True)
    files, pages, html = list[str](), 0, 0
    for number, captures in enumerate(_shards(pool_of(shared), scale)):
        files.append(_write(folder, number, captures))
        pages += len(captures)
        html += sum(len(page.body) for page in captures)
    made = Made(tuple(files), pages, html, sum((folder / name).stat().st_size for name in files))
    note.write_text(json.dumps({"scale": wanted, "made": asdict(made)}))
    return made


def _shards(pool: Sequence[Capture], scale: Scale) -> Iterator[list[Capture]]:
    """Yield the captures of each shard in the order of their moments, until there is as much HTML as was asked for."""
    rng = random.Random(f"shards {scale.shards}")
    weights = [rng.lognormvariate(0, SPREAD) for _ in range(scale.shards)]
    pages, again = _endless(pool, rng), list[Capture]()
    for number, weight in enumerate(weights):
        room = scale.mib * MIB * weight / sum(weights)
        taken = list[Capture]()
        while room > 0:
            is_again = again and rng.random() < AGAIN
            page = again.pop(rng.randrange(len(again))) if is_again else next(pages)
            taken.append(page)
            room -= len(page.body)
        again += rng.sample(taken, min(len(taken), 20))
        first = BEGIN + timedelta(days=DAYS * number / scale.shards)
        step = timedelta(days=DAYS / scale.shards) / len(taken)
        yield [replace(page, at=(first + n * step).replace(microsecond=0)) for n, page in enumerate(taken)]


def _endless(pool: Sequence[Capture], rng: random.Random) -> Iterator[Capture]:
    """Yield all pages in an order that is shuffled, then all again under other addresses, and so on."""
    round_number = 0
    while True:
        for page in rng.sample(pool, len(pool)):
            yield _moved(page, round_number)
        round_number += 1


def _write(folder: Path, number: int, captures: Sequence[Capture]) -> str:
    form = number % 6
    if form == 5:
        name = f"pages-{number:03}.jsonl.gz"
        with gzip.GzipFile(folder / name, "wb", compresslevel=6, mtime=0) as file:
            file.writelines(_line(page) for page in captures)
        return name
    name = f"crawl-{captures[0].at:%Y%m%d%H%M%S}-{number:05}.warc.gz"
    version = "WARC/1.1" if form in (1, 3) else "WARC/1.0"
    with (folder / name).open("wb") as file:
        writer = WARCWriter(file, gzip=True, warc_version=version)
        info = b"software: bench\r\nformat: WARC File Format\r\n"
        about = Capture("", info, "application/warc-fields", captures[0].at)
        _write_record(writer, about, "warcinfo", info, None)
        rng, others = random.Random(f"others {number}"), 0
        for page in captures:
            if version == "WARC/1.0":
                _write_request(writer, page)
            _write_answer(writer, page, "response")
            if rng.random() < OTHERS:
                _write_other(writer, page, others % 3)
                others += 1
    return name


def _line(page: Capture) -> bytes:
    text = page.body.decode(errors="replace")
    row = {"url": page.url, "captured_at": _moment(page.at), "html": text, "status": page.status}
    return json.dumps(row, ensure_ascii=False).encode(errors="replace") + b"\n"


def _write_answer(writer: WARCWriter, page: Capture, kind: str) -> None:
    fields = [("Content-Type", page.content_type), ("Content-Length", str(len(page.body)))]
    head = StatusAndHeaders(f"{page.status} {'OK' if page.status == 200 else 'Not Found'}", fields, "HTTP/1.1")
    _write_record(writer, page, kind, page.body, head)


def _write_request(writer: WARCWriter, page: Capture) -> None:
    parts = urlsplit(page.url)
    head = StatusAndHeaders(f"GET {parts.path or '/'} HTTP/1.1", [("Host", parts.netloc)], is_http_request=True)
    _write_record(writer, page, "request", b"", head)


def _write_other(writer: WARCWriter, page: Capture, which: int) -> None:
    """Write an answer that is no page: not found, an image, a name server's."""
    if which == 2:
        url = f"dns:{urlsplit(page.url).hostname}"
        dns = replace(page, url=url, body=b"20261020000000\nexample. 60 IN A 192.0.2.1\n", content_type="text/dns")
        _write_record(writer, dns, "response", dns.body, None)
        return
    if which == 1:
        other = replace(page, url=f"{page.url}#logo.png", body=b"\x89PNG\r\n" + bytes(4000), content_type="image/png")
    else:
        other = replace(page, url=f"{page.url}?gone", body=b"<html><p>Nothing is here.</p></html>", status=404)
    _write_answer(writer, other, "response")


def _write_record(writer: WARCWriter, page: Capture, kind: str, body: bytes, head: StatusAndHeaders | None) -> None:
    fields = {"WARC-Record-ID": _id(f"{kind} {page.url} {page.at}"), "WARC-Date": _moment(page.at)}
    record = writer.create_warc_record(
        page.url, kind, BytesIO(body), len(body), http_headers=head, warc_headers_dict=fields,
        warc_content_type=None if head else page.content_type,
    )  # fmt: skip
    writer.write_record(record)


def _id(name: str) -> str:
    return f"<urn:uuid:{UUID(int=random.Random(name).getrandbits(128))}>"


def _moment(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--mib", type=int, default=500, help="of HTML [default: 500]")
    parser.add_argument("--shards", type=int, default=24, help="[default: 24]")
    parser.add_argument("--shared", type=Path, default=SHARED, help="where pages/ and replay/ are")
    given = parser.parse_args()
    made = make(given.folder, Scale(given.mib, given.shards), given.shared)
    print(
        f"{len(made.files)} shards: {made.pages:,} pages, {made.html_bytes / MIB:.0f} MiB of HTML in"
        f" {made.stored_bytes / MIB:.0f} MiB"
    )


if __name__ == "__main__":
    main()
