"""Archives are opened wherever they lie: real files, and real servers on 127.0.0.1."""

from __future__ import annotations

import gzip
import http.server
import re
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

from aiwire.exceptions import ConfigError, InputError, TryLater
from ingest.archive.opening import describe, expand, open_shard

DATA = bytes(range(256)) * 40_000  # several blocks
FILES = {"bucket/b.warc.gz": DATA, "bucket/a.jsonl": b"{}", "bucket/sub/c.warc": b"c", "bucket/x.txt": b"x"}


class Handler(http.server.BaseHTTPRequestHandler):
    """Serves FILES as a web server and as S3 would; what a path begins with tells how it fails."""

    def log_message(self, format: str, *args: object) -> None:
        pass

    def do_HEAD(self) -> None:
        self.answer()

    def do_GET(self) -> None:
        self.answer()

    def answer(self) -> None:
        url = urlsplit(self.path)
        name = unquote(url.path).strip("/")
        if "list-type" in url.query:
            self.list_folder(name, parse_qs(url.query, keep_blank_values=True))
        elif name.startswith("status/"):
            self.give(int(name[7:10]), b"")
        elif name.startswith("broken/"):
            self.give(200, b"only this", size=1000)
        elif name.startswith("whole/"):
            self.give(200, DATA, extra={"Accept-Ranges": "none"})
        elif name not in FILES:
            self.give(404, b"")
        elif span := re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", "")):
            data = FILES[name]
            first, last = int(span[1]), min(int(span[2] or len(data)), len(data) - 1)
            self.give(206, data[first : last + 1], extra={"Content-Range": f"bytes {first}-{last}/{len(data)}"})
        else:
            self.give(200, FILES[name])

    def list_folder(self, bucket: str, query: dict[str, list[str]]) -> None:
        prefix, keys, folders = query.get("prefix", [""])[0], [], set()
        for name in sorted(FILES):
            key = name.removeprefix(f"{bucket}/")
            if key.startswith(prefix):
                folder, slash, _ = key[len(prefix) :].partition("/")
                if slash and "delimiter" in query:
                    folders.add(f"<CommonPrefixes><Prefix>{prefix}{folder}/</Prefix></CommonPrefixes>")
                else:
                    size, time = len(FILES[name]), "2026-11-20T06:00:00.000Z"
                    keys.append(
                        f"<Contents><Key>{key}</Key><LastModified>{time}</LastModified><Size>{size}</Size></Contents>"
                    )
        body = "<ListBucketResult><IsTruncated>false</IsTruncated>" + "".join([*keys, *sorted(folders)])
        self.give(200, f"{body}</ListBucketResult>".encode())

    def give(self, status: int, body: bytes, *, size: int | None = None, extra: dict[str, str] | None = None) -> None:
        self.send_response(status)
        fields = {"Content-Length": str(size or len(body)), "ETag": '"e1"'} | (extra or {})
        for name, value in {"Last-Modified": "Fri, 20 Nov 2026 06:00:00 GMT", **fields}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as served:
        thread = threading.Thread(target=served.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{served.server_port}"
        served.shutdown()
        thread.join()


@pytest.fixture
def s3(server: str) -> dict[str, str]:
    return {"endpoint_url": server, "allow_http": "true", "anon": "true", "region": "us-east-1"}


def content(url: str, storage: dict[str, str]) -> bytes:
    with open_shard(url, storage) as stream:
        data = stream.read()
        assert stream.tell() == len(data)
    return data


@pytest.mark.parametrize("name", ["bucket/b.warc.gz", "whole/b.warc.gz"], ids=["by ranges", "in one"])
def test_a_file_of_a_web_server_is_read_to_its_end(server: str, name: str) -> None:
    assert content(f"{server}/{name}", {}) == DATA


def test_a_file_of_s3_is_read_to_its_end(s3: dict[str, str]) -> None:
    assert content("s3://bucket/b.warc.gz", s3) == DATA


def test_size_and_fingerprint_are_known_without_reading(server: str, s3: dict[str, str]) -> None:
    web, bucket = describe(f"{server}/bucket/b.warc.gz", {}), describe("s3://bucket/b.warc.gz", s3)

    assert web.size == bucket.size == len(DATA)
    assert web.fingerprint != describe(f"{server}/bucket/a.jsonl", {}).fingerprint


def test_a_local_file_has_another_fingerprint_when_its_bytes_have_changed(tmp_path: Path) -> None:
    file = tmp_path / "a.warc"
    seen = set()
    for data in (b"", b"a", b"b", DATA, b"x" + DATA[1:], DATA[:-1] + b"x"):
        file.write_bytes(data)
        described = describe(str(file), {})
        assert (described.url, described.size) == (str(file), len(data))
        seen.add(described.fingerprint)

    assert len(seen) == 6
    assert content(str(file), {}) == DATA[:-1] + b"x"


@pytest.mark.parametrize("read", [describe, content], ids=["describe", "open"])
@pytest.mark.parametrize(
    ("name", "error"),
    [("none.warc", InputError), ("status/403", InputError), ("status/503", TryLater), ("status/429", TryLater)],
)
def test_what_is_final_is_told_apart_from_what_may_be_tried_again(server, s3, read, name, error) -> None:  # type: ignore[no-untyped-def]  # of parametrize
    with pytest.raises(error, match=r"check the address|try again later|may not be read"):
        read(f"{server}/{name}", {})
    with pytest.raises(error, match=r"check the address|try again later|may not be read"):
        read(f"s3://{name if '/' in name else 'bucket/' + name}", s3)


def test_a_connection_that_breaks_or_is_refused_may_be_tried_again(server: str) -> None:
    for url in (f"{server}/broken/a", "http://127.0.0.1:1/a.warc"):
        with pytest.raises(TryLater, match="the connection failed"):
            content(url, {})


@pytest.mark.parametrize("read", [describe, content], ids=["describe", "open"])
def test_a_missing_local_file_or_a_folder_is_an_input_error(tmp_path: Path, read) -> None:  # type: ignore[no-untyped-def]  # of parametrize
    for path in (tmp_path / "none.warc", tmp_path):
        with pytest.raises(InputError, match="cannot be read"):
            read(str(path), {})


def test_an_error_of_the_reader_is_not_taken_for_one_of_the_file(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"a")
    with pytest.raises(OSError, match="disk full"), open_shard(str(tmp_path / "a"), {}):
        raise OSError("disk full")


def test_files_folders_patterns_and_lists_are_expanded(tmp_path: Path) -> None:
    for name in ("b.warc.gz", "a.jsonl", "c.txt", "sub.warc"):
        (tmp_path / name).write_bytes(b"")
    (tmp_path / "list").write_text(f"# ours\n\n{tmp_path}/b.*\ncrawl/x.warc.gz\nhttps://a.example/y.warc.gz\n")
    (tmp_path / "warc.paths.gz").write_bytes(gzip.compress(b"crawl/x.warc.gz\n"))

    assert expand(str(tmp_path), {}) == [f"{tmp_path}/{name}" for name in ("a.jsonl", "b.warc.gz", "sub.warc")]
    assert expand(f"{tmp_path}/*.warc*", {}) == [f"{tmp_path}/b.warc.gz", f"{tmp_path}/sub.warc"]
    assert expand(f"{tmp_path}/c.txt", {}) == [f"{tmp_path}/c.txt"]
    assert expand(f"@{tmp_path}/list", {}) == [
        f"{tmp_path}/b.warc.gz", "crawl/x.warc.gz", "https://a.example/y.warc.gz",
    ]  # fmt: skip
    assert expand(f"{tmp_path}/warc.paths.gz", {}) == ["crawl/x.warc.gz"]


def test_folders_and_patterns_of_s3_are_listed(s3: dict[str, str]) -> None:
    assert expand("s3://bucket/", s3) == ["s3://bucket/a.jsonl", "s3://bucket/b.warc.gz", "s3://bucket/sub/c.warc"]
    assert expand("s3://bucket/*.warc*", s3) == ["s3://bucket/b.warc.gz"]
    assert expand("s3://bucket/b.warc.gz", s3) == ["s3://bucket/b.warc.gz"]


@pytest.mark.parametrize(
    ("argument", "storage", "told"),
    [
        ("gs://b/a.warc", {}, "gs:// is not read"),
        ("file:///a.warc", {}, "file:// is not read"),
        ("https://a.example/crawl/", {}, "folders cannot be listed"),
        ("/nowhere-at-all/*.warc", {}, "no file with one of"),
        ("s3://b/", {"endpoint-url": "https://x.example"}, "unknown storage option 'endpoint-url'; did you mean"),
        ("s3://b/", {"endpoint_url": "http://x.example"}, "is not encrypted; add allow_http=true"),
        ("s3://b/", {"anon": "perhaps"}, "'perhaps' is neither true nor false"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_a_remedy(argument: str, storage: dict[str, str], told: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(told)):
        expand(argument, storage)
