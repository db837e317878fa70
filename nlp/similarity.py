"""Sketch a text so that its copies are found among a million others: MinHash in bands. Pure.

Two texts that share a key are candidates, `aiwire.copies.is_copy` has the verdict. A key stands for three rows of a
MinHash signature: texts that share the part J of their shingles share a key with probability 1 - (1 - J³)^38, which is
.92 for J = .4, .04 for J = .1 and next to nothing for two texts on one topic (99 of 100 are below J = .01).

Keys are kept in the database: what changes them (a parameter below, rensa's algorithm, `aiwire.copies.words`) needs a
new `TAGGER_VERSION`, with which all articles are sketched anew.
"""

from __future__ import annotations

from collections.abc import Iterator
from struct import pack, unpack
from zlib import crc32

from rensa import RMinHash

from aiwire.copies import SHORT, shingles, words
from aiwire.types import Sketch

__all__ = ["sketch"]

_SEED = 20_261
_ROWS = 3  # of a band: with two, a million unrelated texts would bring hundreds of candidates
_BANDS = 38  # of the whole text
_LEAD_BANDS = 12  # of its beginning, by which a copy that lost its end meets the whole one
_LEAD = 150  # words: the boilerplate before them is shorter


def sketch(title: str, text: str) -> Sketch:
    """Return the keys of a text, 50 of them. One of fewer than 30 words is taken together with its title."""
    found = words(text)
    compared = words(title) + found if len(found) < SHORT else found
    if not compared:
        return Sketch(words=0, bands=())
    keys = {*_keys(0, compared, _BANDS), *_keys(_BANDS, compared[:_LEAD], _LEAD_BANDS)}
    return Sketch(words=len(found), bands=tuple(sorted(keys)))


def _keys(first: int, found: list[str], bands: int) -> Iterator[int]:
    """Yield a signed 32-bit key for each band; `first` is the number of the first one."""
    signer = RMinHash(num_perm=bands * _ROWS, seed=_SEED)
    signer.update(list(shingles(found)))
    signature = signer.digest()
    for band in range(bands):
        rows = signature[band * _ROWS : (band + 1) * _ROWS]
        yield unpack("<i", pack("<I", crc32(pack("<4I", first + band, *rows))))[0]
