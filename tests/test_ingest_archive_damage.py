"""Damaged archives: reading goes on, loses nothing that is whole, and takes little memory."""

from __future__ import annotations

import gzip
import io
import random
import tracemalloc
import zlib

import pytest
from archive_records import CAP, HTML, block, by_member, read, record, summary
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from aiwire.types.archive import BadRecord, CapturedPage
from ingest.archive.records import read_pages

NOISE = random.Random(8)  # so that members are not all alike, and not tiny
RECORDS = [
    record(block(HTML % n + NOISE.randbytes(700).hex().encode()), url=f"https://a.example/{n}") for n in range(6)
]
PAGES = [
    (f"https://a.example/{n}", one.partition(b"\r\n\r\n")[2].partition(b"\r\n\r\n")[2][:-4])
    for n, one in enumerate(RECORDS)
]


def pages(data: bytes) -> list[tuple[str, bytes]]:
    return [(item.url, item.body) for item in read(data) if isinstance(item, CapturedPage)]


def reasons(data: bytes) -> list[str]:
    return [item.reason for item in read(data) if isinstance(item, BadRecord)]


def lying(n: int, more: int) -> bytes:
    """A record whose length is wrong."""
    content = RECORDS[n].partition(b"\r\n\r\n")[2][:-4]
    return record(content, url=f"https://a.example/{n}", length=len(content) + more)


@pytest.mark.parametrize("more", [-1000, -10, 50, 3000, 10**6, 10**12], ids=lambda more: f"{more:+}")
@pytest.mark.parametrize("packed", [b"".join, lambda them: gzip.compress(b"".join(them)), by_member])
def test_a_record_of_a_wrong_length_is_told_and_no_other_is_lost(packed, more: int) -> None:  # type: ignore[no-untyped-def]  # of parametrize
    data = packed([*RECORDS[:2], lying(2, more), *RECORDS[3:]])

    assert summary(data) == ["0", "1", "bad", "3", "4", "5"]
    (bad,) = [item for item in read(data) if isinstance(item, BadRecord)]
    assert "length" in bad.reason
    assert bad.url == "https://a.example/2"


def test_lengths_that_all_lie_are_each_told() -> None:
    assert summary(b"".join(lying(n, 10**9) for n in range(3)) + RECORDS[3]) == ["bad", "bad", "bad", "3"]


@pytest.mark.parametrize("cut", [1, 5, 8, 9, 60, 200])
def test_a_gzip_file_that_is_cut_short_gives_all_before_and_says_so(cut: int) -> None:
    data = by_member(RECORDS)[:-cut]

    assert summary(data) == ["0", "1", "2", "3", "4", "bad"]
    assert reasons(data) == ["cut short: the file ends within this gzip member"]


@pytest.mark.parametrize("cut", [500, 1500, 2500, 4000])
def test_one_gzip_stream_that_is_cut_short_gives_all_that_is_whole(cut: int) -> None:
    data = gzip.compress(b"".join(RECORDS))[:-cut]
    plain = zlib.decompressobj(31).decompress(data)
    whole = sum(sum(map(len, RECORDS[: n + 1])) <= len(plain) for n in range(6))

    assert pages(data) == PAGES[:whole]
    assert reasons(data) == ["cut short: the file ends within this gzip member"]


@pytest.mark.parametrize("place", [0, 1, 2, 3, 12, 100, 400, -6, -1])
def test_a_damaged_gzip_member_is_told_and_no_other_is_lost(place: int) -> None:
    members = [bytearray(gzip.compress(one, mtime=0)) for one in RECORDS]
    members[2][place] ^= 0x5A
    data = b"".join(members)

    found = pages(data)

    assert [page for page in PAGES if page != PAGES[2]] == found or found == PAGES  # a bit of the header means nothing
    assert len(reasons(data)) <= 1
    assert (len(found) == 6) == (not reasons(data))


def test_what_comes_before_a_damage_in_one_gzip_stream_is_given() -> None:
    packed = bytearray(gzip.compress(b"".join(RECORDS), 1))
    packed[len(packed) * 2 // 3] ^= 0xFF

    found = pages(bytes(packed) + by_member(RECORDS[5:]))

    assert found[:3] == PAGES[:3]
    assert found[-1] == PAGES[5]


@pytest.mark.parametrize(
    "garbage", [b"\xff" * 5000, b"\r\nWARC/1.0\r\n" * 5000, b"WARC/1.0\r\nA: b\r\n" * 5000, b"<html>" * 9]
)
@pytest.mark.parametrize("packed", [b"".join, by_member])
def test_garbage_between_records_is_told_once(packed, garbage: bytes) -> None:  # type: ignore[no-untyped-def]  # of parametrize
    for data in (
        packed([*RECORDS[:2], garbage, *RECORDS[2:]]),
        by_member(RECORDS[:2]) + garbage + by_member(RECORDS[2:]),
    ):
        assert summary(data) == ["0", "1", "bad", "2", "3", "4", "5"]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "the file is empty"),
        (gzip.compress(b""), "the file is empty but for its gzip header"),
        (b"hello\n" * 50_000, "shard.warc.gz is no archive that can be read (WARC or JSON lines), but plain text"),
        (gzip.compress(HTML), "shard.warc.gz is no archive that can be read (WARC or JSON lines), but an HTML page"),
        (b"\x1f\x8b", "shard.warc.gz is no archive that can be read (WARC or JSON lines), but gzip data"),
        (NOISE.randbytes(3_000_000), None),
        (b"\x1f\x8b\x08" * 300_000, None),
        (bytes(3_000_000), None),
    ],
    ids=["empty", "empty gzip", "text", "packed page", "two bytes", "noise", "magic", "zeros"],
)  # fmt: skip
def test_a_file_that_is_no_archive_is_told_once(data: bytes, reason: str | None) -> None:
    (bad,) = read(data)

    assert isinstance(bad, BadRecord)
    assert bad.offset == 0
    assert reason in (None, bad.reason)


def test_a_page_that_quotes_a_record_is_a_page() -> None:
    quoting = record(block(HTML + b"\r\n\r\n" + RECORDS[1]), url="https://a.example/quoting")

    assert summary(RECORDS[0] + quoting + RECORDS[2]) == ["0", "quoting", "2"]


@pytest.mark.parametrize("more", [-300, 10, 10**9])
def test_a_quoted_record_is_never_taken_for_one_where_members_hold_one_each(more: int) -> None:
    content = block(HTML + b"\r\n\r\n" + record(block(HTML), url="https://victim.example/") + b"x" * 400)
    quoting = record(content, length=len(content) + more)

    assert summary(by_member([*RECORDS[:1], quoting, *RECORDS[2:]])) == ["0", "bad", "2", "3", "4", "5"]


def measured(data: bytes) -> tuple[list[str], int]:
    """What is read, and the most memory that it takes."""
    source = io.BytesIO(data)
    tracemalloc.start()
    try:
        words = [getattr(item, "reason", "page")[:20] for item in read_pages(source, "x", max_page_bytes=CAP)]
        return words, tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def bomb() -> bytes:
    """A gzip member of 1 MB that unpacks to a record of 1 GiB."""
    size = 1 << 30
    pack = zlib.compressobj(9, zlib.DEFLATED, 31)
    head = record(b"", length=size, url="https://a.example/bomb")[:-4] + block(b"")
    pieces = [pack.compress(head)]
    left = size - len(block(b""))
    zeros = bytes(1 << 20)
    while left:
        pieces.append(pack.compress(zeros[:left]))
        left -= min(left, len(zeros))
    return b"".join([*pieces, pack.compress(b"\r\n\r\n"), pack.flush()])


def test_a_record_of_a_gibibyte_in_a_megabyte_takes_little_memory() -> None:
    words, peak = measured(by_member(RECORDS[:2]) + bomb() + by_member(RECORDS[2:]))

    assert words == ["page", "page", "too large: a record ", "page", "page", "page", "page"]
    assert peak < 12 << 20


FLOODS = [
    pytest.param(bytes(40 << 20), id="zeros"),
    pytest.param(b"\n" * (40 << 20), id="empty lines"),
    pytest.param(b"WARC/1.0\r\nA: " + b"b" * (40 << 20), id="an endless field"),
    pytest.param(b"WARC/1.0\r\n" + b"A: b\r\n" * (4 << 20), id="endless fields"),
    pytest.param(b"WARC/1.0\r\n" * (1 << 17), id="first lines"),
    pytest.param(record(block(b"\nWARC/1.0\nA:b" * 80_000)), id="first lines in a page"),
    pytest.param(record(block(bytes(40 << 20)), length=10**11), id="a long page of a wrong length"),
    pytest.param(b'{"url": "' + b"x" * (40 << 20), id="a line of JSON"),
    pytest.param(b'{"url": 1}\n{' * 100_000, id="lines of JSON"),
]


@pytest.mark.parametrize("data", FLOODS)
@pytest.mark.parametrize("packed", [bytes, lambda data: gzip.compress(data, 1)], ids=["plain", "gzip"])
def test_floods_take_little_memory_and_end(packed, data: bytes) -> None:  # type: ignore[no-untyped-def]  # of parametrize
    words, peak = measured(packed(data))

    assert peak < 12 << 20
    assert words  # something is told


# ---------------------------------------------------------------- any damage


KINDS = st.sampled_from(["cut", "flip", "insert", "delete"])
EDITS = st.lists(
    st.tuples(KINDS, st.floats(0, 1), st.binary(min_size=1, max_size=40)),
    min_size=1, max_size=3,
)  # fmt: skip


def damaged(data: bytes, edits: list[tuple[str, float, bytes]]) -> tuple[bytes, list[tuple[int, int]]]:
    """The bytes with some edits, each of them behind the others, and what parts of the original they touch."""
    touched, limit = [], len(data)
    for kind, where, noise in sorted(edits, key=lambda edit: -edit[1]):
        at = int(where * (limit - 1)) if limit > 0 else 0
        match kind:
            case "cut":
                touched.append((at, len(data)))
                data = data[:at]
            case "flip":
                touched.append((at, at + 1))
                data = data[:at] + bytes([data[at] ^ (noise[0] or 1)]) + data[at + 1 :] if at < len(data) else data
            case "insert":
                touched.append((at, at))
                data = data[:at] + noise + data[at:]
            case "delete":
                touched.append((at, at + len(noise)))
                data = data[:at] + data[at + len(noise) :]
        limit = at
    return data, touched


def untouched(parts: list[bytes], touched: list[tuple[int, int]]) -> list[tuple[str, bytes]]:
    """The pages of the parts that no edit touches or adjoins."""
    kept, at = [], 0
    for n, part in enumerate(parts):
        end = at + len(part)
        if not any(begin <= end and at <= stop for begin, stop in touched):
            kept.append(PAGES[n])
        at = end
    return kept


def is_subsequence(wanted: list[tuple[str, bytes]], found: list[tuple[str, bytes]]) -> bool:
    rest = iter(found)
    return all(page in rest for page in wanted)


@settings(max_examples=300, deadline=None)
@given(EDITS)
def test_whatever_happens_to_members_the_others_are_given(edits: list[tuple[str, float, bytes]]) -> None:
    parts = [gzip.compress(one, mtime=0) for one in RECORDS]
    data, touched = damaged(b"".join(parts), edits)

    assert is_subsequence(untouched(parts, touched), pages(data))
    assert len(reasons(data)) <= 2 * len(edits) + 1


@settings(max_examples=300, deadline=None)
@given(EDITS)
def test_whatever_happens_to_plain_records_the_others_are_given(edits: list[tuple[str, float, bytes]]) -> None:
    data, touched = damaged(b"".join(RECORDS), edits)

    assert is_subsequence(untouched(RECORDS, touched), pages(data))
    assert len(reasons(data)) <= 2 * len(edits) + 1


@settings(max_examples=150, deadline=None)
@given(EDITS)
def test_whatever_happens_to_one_stream_what_comes_before_is_given(edits: list[tuple[str, float, bytes]]) -> None:
    whole = gzip.compress(b"".join(RECORDS))
    data, touched = damaged(whole, edits)
    first = min(begin for begin, _ in touched)
    assume(first > 20)
    plain = len(zlib.decompressobj(31).decompress(whole[:first]))
    safe = sum(sum(map(len, RECORDS[: n + 1])) + 20 <= plain for n in range(6))

    assert pages(data)[:safe] == PAGES[:safe]


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=400), st.sampled_from([b"", b"WARC/1.0\r\n", b"\x1f\x8b\x08\0", b"{", RECORDS[0]]))
def test_no_bytes_make_it_raise(data: bytes, start: bytes) -> None:
    assert read(start + data)
    assert read(gzip.compress(start + data))
