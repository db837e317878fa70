"""Let a `Doc` with our tags travel: `Doc.to_bytes`, a `DocBin` with user data, the workers of `nlp.pipe(n_process=2)`.

spaCy packs `doc.user_data` as MessagePack. What travels of our work is the text with its title, and the result.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

from srsly.msgpack import msgpack_decoders, msgpack_encoders

from aiwire.types import Candidate, Mention, Price, Sentence, Sketch, Tag, Tagging

__all__ = ["from_plain", "register", "to_plain"]

_MARK = "aiwire.work"
Plain = dict[str, Any]


def to_plain(tagging: Tagging) -> Plain:
    """Return the tagging as dicts, lists and plain values."""
    return asdict(tagging)


def from_plain(plain: Mapping[str, Any]) -> Tagging:
    """Return the tagging that `to_plain` was given."""
    return Tagging(
        tags=tuple(
            Tag(**tag | {"surfaces": tuple(tag["surfaces"]), "mentions": tuple(Mention(**m) for m in tag["mentions"])})
            for tag in plain["tags"]
        ),
        prices=tuple(Price(**price) for price in plain["prices"]),
        candidates=tuple(Candidate(**candidate) for candidate in plain["candidates"]),
        sentences=tuple(Sentence(**sentence) for sentence in plain["sentences"]),
        scope=plain["scope"],
        tagger_version=plain["tagger_version"],
        taxonomy_version=plain["taxonomy_version"],
        sketch=Sketch(plain["sketch"]["words"], tuple(plain["sketch"]["bands"])) if plain["sketch"] else None,
    )


def register(kind: type, pack: Callable[[Any], Plain], unpack: Callable[[Plain], Any]) -> None:
    """Have objects of `kind` travel as the plain values that `pack` makes of them and `unpack` takes."""

    def encode(value: Any, chain: Callable[[Any], Any] | None = None) -> Any:
        if isinstance(value, kind):
            return {_MARK: pack(value)}
        return value if chain is None else chain(value)

    def decode(value: Any, chain: Callable[[Any], Any] | None = None) -> Any:
        if isinstance(value, dict) and value.keys() == {_MARK}:
            return unpack(value[_MARK])
        return value if chain is None else chain(value)

    msgpack_encoders.register("aiwire", func=encode)
    msgpack_decoders.register("aiwire", func=decode)
