"""A bomb of 1 GiB costs a process next to nothing: peak memory, measured in a process of its own."""

from __future__ import annotations

import random
import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import brotli
import pytest
from backports import zstd

if TYPE_CHECKING:
    from conftest import Loopback

MIB = 2**20
GIB_IN_MIB = 1024


def gzip_bomb() -> bytes:
    """1 GiB of zeros in one member: the same packed MiB again and again, each after a full flush."""
    packer = zlib.compressobj(9, wbits=-zlib.MAX_WBITS)
    block = packer.compress(bytes(MIB)) + packer.flush(zlib.Z_FULL_FLUSH)
    crc = 0
    for _ in range(GIB_IN_MIB):
        crc = zlib.crc32(bytes(MIB), crc)
    head = b"\x1f\x8b\x08\0\0\0\0\0\0\xff"
    end = b"\x03\0" + crc.to_bytes(4, "little") + (GIB_IN_MIB * MIB).to_bytes(4, "little")
    return head + block * GIB_IN_MIB + end


def brotli_bomb() -> bytes:
    packer = brotli.Compressor(quality=3)
    zeros = bytes(16 * MIB)
    return b"".join([*(packer.process(zeros) for _ in range(GIB_IN_MIB // 16)), packer.finish()])


def zstd_bomb() -> bytes:
    """One frame, whose size its header does not tell."""
    packer = zstd.ZstdCompressor(level=1)
    zeros = bytes(16 * MIB)
    return b"".join([*(packer.compress(zeros) for _ in range(GIB_IN_MIB // 16)), packer.flush()])


def careful_gzip_bomb() -> bytes:
    """As good as a page in its ratio, about 100 to 1: it gets as far as the cap."""
    packer = zlib.compressobj(9, wbits=zlib.MAX_WBITS | 16)
    noise = random.Random(1).randbytes(64 * MIB // 100)
    parts = (noise[n : n + 655] + bytes(65_536 - 655) for n in range(0, len(noise), 655))
    return b"".join([*map(packer.compress, parts), packer.flush()])


@pytest.mark.parametrize(
    ("header", "make", "message"),
    [
        ("gzip", gzip_bomb, "a decompression bomb: "),
        ("br", brotli_bomb, "a decompression bomb: "),
        ("zstd", zstd_bomb, "a decompression bomb: "),
        ("gzip", careful_gzip_bomb, "more than 15728640 bytes unpacked"),
    ],
    ids=["gzip", "br", "zstd", "careful-gzip"],
)
def test_a_bomb_of_a_gibibyte_adds_less_than_60_mb_to_the_process(
    loopback: Loopback, header: str, make: Callable[[], bytes], message: str
) -> None:
    idle = loopback.reply("/idle", b"<rss/>")
    bomb = loopback.reply("/bomb", make(), headers={"Content-Encoding": header})
    script = Path(__file__).with_name("fetch_memory.py")

    ran = subprocess.run([sys.executable, str(script), idle, bomb], capture_output=True, text=True, check=True)

    (before, first), (after, second) = (line.split("\t") for line in ran.stdout.splitlines())
    assert first == "whole"
    assert second.startswith(f"too-large: {message}")
    assert int(after) - int(before) < 60_000
