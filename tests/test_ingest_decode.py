from __future__ import annotations

import contextlib
import gzip
import itertools
import random
import tracemalloc
import zlib
from collections.abc import Callable

import brotli
import pytest
from backports import zstd
from hypothesis import given, settings
from hypothesis import strategies as st

from aiwire.exceptions import FetchError
from ingest.http.decode import BodyDecoder, CodingError, decode_body

MIB = 2**20


def raw_deflate(data: bytes) -> bytes:
    stream = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return stream.compress(data) + stream.flush()


def big_window_zstd(data: bytes) -> bytes:
    return zstd.compress(data, options={zstd.CompressionParameter.window_log: 27})


def twice(data: bytes) -> bytes:
    return brotli.compress(gzip.compress(data))


PACKERS: dict[str, tuple[str | None, Callable[[bytes], bytes]]] = {
    "none": (None, bytes),
    "identity": (" Identity ", bytes),
    "gzip": ("gzip", gzip.compress),
    "x-gzip": ("X-GZIP", gzip.compress),
    "zlib-deflate": ("deflate", zlib.compress),
    "raw-deflate": ("deflate", raw_deflate),
    "br": ("br", brotli.compress),
    "zstd": ("zstd", zstd.compress),
    "gzip-then-br": ("gzip, br", twice),
}
CHECKED = sorted(set(PACKERS) - {"none", "identity"})
BODIES = st.one_of(
    st.binary(max_size=200), st.builds(lambda piece, n: piece * n, st.binary(max_size=9), st.integers(1, 60_000))
)


def in_pieces(header: str | None, data: bytes, cuts: list[int], *, max_bytes: int = 4 * MIB) -> bytes:
    decoder = BodyDecoder(header, max_bytes=max_bytes)
    edges = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    body = b"".join(decoder.decode(data[a:b]) for a, b in itertools.pairwise(edges))
    decoder.finish()
    return body


@pytest.mark.parametrize("name", sorted(PACKERS))
@given(body=BODIES, cuts=st.lists(st.integers(0, 2**20), max_size=5))
@settings(max_examples=25, deadline=None)
def test_a_body_comes_out_as_it_went_in_however_it_arrives(name: str, body: bytes, cuts: list[int]) -> None:
    header, pack = PACKERS[name]

    assert in_pieces(header, pack(body), cuts) == body


@pytest.mark.parametrize("name", CHECKED)
@given(body=st.binary(min_size=1, max_size=300), cut=st.integers(1, 2**20))
@settings(max_examples=40, deadline=None)
def test_a_body_that_is_cut_anywhere_is_an_error_and_never_a_half_body(name: str, body: bytes, cut: int) -> None:
    header, pack = PACKERS[name]
    packed = pack(body)
    short = packed[: 1 + cut % (len(packed) - 1)] if len(packed) > 2 else packed[:1]

    with pytest.raises(FetchError) as caught:
        decode_body(short, header, max_bytes=MIB)
    assert caught.value.reason == "encoding"


@pytest.mark.parametrize("header", ["gzip", "deflate", "br", "zstd", "gzip, br", "deflate, zstd"])
@given(junk=st.binary(max_size=200))
@settings(max_examples=40, deadline=None)
def test_junk_is_a_body_or_our_own_error(header: str, junk: bytes) -> None:
    with contextlib.suppress(FetchError):
        assert isinstance(decode_body(junk, header, max_bytes=MIB), bytes)


def test_one_byte_at_a_time_is_enough() -> None:
    packed = gzip.compress(b"one") + gzip.compress(b"two")

    assert in_pieces("gzip", packed, list(range(len(packed)))) == b"onetwo"


@given(st.lists(st.binary(max_size=50), min_size=1, max_size=4), st.lists(st.integers(0, 400), max_size=4))
@settings(max_examples=50)
def test_all_members_of_gzip_and_all_frames_of_zstd_are_read(parts: list[bytes], cuts: list[int]) -> None:
    assert in_pieces("gzip", b"".join(map(gzip.compress, parts)), cuts) == b"".join(parts)
    assert in_pieces("zstd", b"".join(map(zstd.compress, parts)), cuts) == b"".join(parts)


@pytest.mark.parametrize("tail", [b"\0\0\0", b"\r\n", b"<!-- cached -->"])
def test_padding_after_a_whole_gzip_member_is_ignored(tail: bytes) -> None:
    assert decode_body(gzip.compress(b"feed") + tail, "gzip", max_bytes=MIB) == b"feed"


@pytest.mark.parametrize("tail", [b"\x1f", b"\x1f\x8b", gzip.compress(b"second", mtime=0)[:-1]])
def test_a_second_gzip_member_that_is_cut_short_is_an_error(tail: bytes) -> None:
    with pytest.raises(FetchError, match="cut short"):
        decode_body(gzip.compress(b"feed") + tail, "gzip", max_bytes=MIB)


def test_a_wrong_checksum_is_an_error() -> None:
    packed = bytearray(gzip.compress(b"feed" * 100))
    packed[-5] ^= 1

    with pytest.raises(FetchError, match="incorrect data check"):
        decode_body(bytes(packed), "gzip", max_bytes=MIB)


@pytest.mark.parametrize("header", ["gzip", "deflate", "br", "zstd"])
def test_an_empty_body_is_empty_in_every_coding(header: str) -> None:
    assert decode_body(b"", header, max_bytes=MIB) == b""


@pytest.mark.parametrize(
    ("header", "message"),
    [("compress", "unknown content encoding 'compress'"), ("gzip,gzip,gzip,gzip", "more than 3 content encodings")],
)
def test_codings_that_we_do_not_take_are_named(header: str, message: str) -> None:
    with pytest.raises(FetchError, match=message) as caught:
        BodyDecoder(header, max_bytes=MIB, url="https://example.com/feed")
    assert caught.value.url == "https://example.com/feed"
    assert caught.value.reason == "encoding"


@pytest.mark.parametrize(
    ("header", "pack"),
    [
        pytest.param("gzip", gzip.compress, id="gzip"),
        pytest.param("deflate", raw_deflate, id="deflate"),
        pytest.param("br", lambda data: brotli.compress(data, quality=3), id="br"),
        pytest.param("zstd", zstd.compress, id="zstd"),
        pytest.param("gzip, br", lambda data: brotli.compress(gzip.compress(data), quality=3), id="gzip-in-br"),
        pytest.param("gzip, gzip", lambda data: gzip.compress(gzip.compress(data)), id="gzip-in-gzip"),
    ],
)
def test_a_bomb_stops_at_the_cap(header: str, pack: Callable[[bytes], bytes]) -> None:
    packed = pack(bytes(64 * MIB))
    tracemalloc.start()
    with pytest.raises(FetchError) as caught:
        decode_body(packed, header, max_bytes=MIB)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert caught.value.reason == "too-large"
    assert peak < 6 * MIB


def test_a_layer_in_the_middle_has_the_cap_too() -> None:
    inner = gzip.compress(random.Random(1).randbytes(100_000))
    packed = gzip.compress(inner + bytes(5 * MIB))  # unpacks to 5 MiB of padding, of which nothing remains

    with pytest.raises(FetchError) as caught:
        decode_body(packed, "gzip, gzip", max_bytes=MIB)
    assert caught.value.reason == "too-large"


def test_a_zstd_frame_may_not_ask_for_a_huge_window() -> None:
    with pytest.raises(FetchError) as caught:
        decode_body(big_window_zstd(bytes(130 * MIB)), "zstd", max_bytes=MIB)
    assert caught.value.reason == "encoding"


def test_a_body_of_exactly_the_cap_is_whole() -> None:
    assert len(decode_body(gzip.compress(bytes(MIB)), "gzip", max_bytes=MIB)) == MIB
    with pytest.raises(FetchError):
        decode_body(gzip.compress(bytes(MIB + 1)), "gzip", max_bytes=MIB)


# ---------------------------------------------------------------- bombs, mistakes, first parts


def test_a_body_may_unpack_to_200_times_its_size_and_a_small_one_to_any() -> None:
    noise = random.Random(1).randbytes(20_000)
    honest = gzip.compress(noise + bytes(3 * MIB))  # about 130 to 1
    bomb = gzip.compress(bytes(3 * MIB))  # about 1,000 to 1

    assert len(decode_body(honest, "gzip", max_bytes=4 * MIB)) == 20_000 + 3 * MIB
    assert len(decode_body(gzip.compress(bytes(MIB)), "gzip", max_bytes=4 * MIB)) == MIB
    with pytest.raises(FetchError, match="a decompression bomb: ") as caught:
        decode_body(bomb, "gzip", max_bytes=4 * MIB)
    assert caught.value.reason == "too-large"


def test_a_bomb_within_a_layer_is_one_too() -> None:
    inner = gzip.compress(b"feed") + bytes(3 * MIB)  # padding after a whole member, of which nothing remains

    with pytest.raises(FetchError, match="a decompression bomb: "):
        decode_body(brotli.compress(inner), "gzip, br", max_bytes=4 * MIB)


@pytest.mark.parametrize("header", ["gzip", "x-gzip", "zstd"])
@pytest.mark.parametrize("text", [b"<rss/>", b"\n <html>", b"{}", b"[]", b"\xef\xbb\xbf<rss/>", b"\xff\xfe<\0"])
def test_a_text_with_the_label_of_a_coding_is_taken_as_it_is(header: str, text: bytes) -> None:
    decoder = BodyDecoder(header, max_bytes=MIB)

    body = decoder.decode(text[:1]) + decoder.decode(text[1:])
    decoder.finish()

    assert body == text
    assert decoder.mislabelled


@pytest.mark.parametrize("text", [b"User-agent: *", b"PK\3\4", b"\0\0"])
def test_what_is_neither_packed_nor_plainly_a_text_is_broken(text: bytes) -> None:
    with pytest.raises(CodingError, match="broken gzip body"):
        decode_body(text, "gzip", max_bytes=MIB)


def test_a_coding_that_is_none_is_none() -> None:
    assert decode_body(b"feed", "none, UTF-8,identity", max_bytes=MIB) == b"feed"


@pytest.mark.parametrize("name", sorted(PACKERS))
@given(body=BODIES, cuts=st.lists(st.integers(0, 2**20), max_size=5), cap=st.integers(0, 600_000))
@settings(max_examples=15, deadline=None)
def test_the_first_part_is_all_that_fits(name: str, body: bytes, cuts: list[int], cap: int) -> None:
    header, pack = PACKERS[name]
    packed = pack(body)
    cap = max(cap, 10_000)  # more than what lies between two codings, which has the cap too
    decoder = BodyDecoder(header, max_bytes=cap, truncate=True)
    edges = [0, *sorted(cut % (len(packed) + 1) for cut in cuts), len(packed)]

    parts: list[bytes] = []
    for a, b in itertools.pairwise(edges):
        if not decoder.full:
            parts.append(decoder.decode(packed[a:b]))

    assert b"".join(parts) == body[:cap]
    assert decoder.full == (len(body) > cap)
