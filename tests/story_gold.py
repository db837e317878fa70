"""Read `gold/stories.jsonl`: pairs of texts that are copies of each other, or are not.

A line names texts of ../shared/texts (`ai0004`) and of the sample archive (`sample:stargate`) by their ids, articles of
../shared/replay by their URLs, and texts of its own (`own-1`), so that no third-party text is in it. The sets:

    copies      main         made by recipes of `story_copies`, written before the method was tuned
                sample       the same recipes on the sample archive, which users have
                random       recipes drawn at random, looked at only after the method was done
                hard         cut to a third and hidden in boilerplate; not tuned on
                archive      all that are found among the texts and the archive, read one by one
    not copies  shared words the pairs that share the most shingles, read one by one
                topic        nearest neighbours by their words
                written      templates, walls, quotes, digests, notices, written for this
                quoting      two texts into which passages of a third were spliced, up to 40 % of each
                digest       a text, and a letter that brings it among six
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from story_copies import SHARED, Story, copy_of, digest_of, quoting

from aiwire.copies import is_copy, piece
from nlp.similarity import sketch

__all__ = ["Pair", "found", "is_found", "missed", "pairs", "sample", "texts"]

Pair = tuple[str, Story, Story]  # what it is, for a message
Line = Mapping[str, Any]

_GOLD = Path(__file__).parent / "gold" / "stories.jsonl"
_SAMPLE = Path(__file__).resolve().parents[1] / "aiwire" / "sample" / "gold_texts.jsonl"


@cache
def _lines() -> Sequence[Line]:
    return [json.loads(line) for line in _GOLD.read_text("utf-8").splitlines()]


@cache
def sample() -> Mapping[str, Story]:
    """Return the texts of the sample archive."""
    rows = [json.loads(line) for line in _SAMPLE.read_text("utf-8").splitlines()]
    return {f"sample:{row['id']}": Story(row["title"], row["text"], row["id"]) for row in rows}


@cache
def texts() -> Mapping[str, Story]:
    """Return the texts of ../shared/texts."""
    with gzip.open(SHARED / "texts" / "texts.jsonl.gz", "rt", encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    return {row["id"]: Story(row["title"], row["text"], row["publisher"]) for row in rows}


def pairs(name: str, library: Mapping[str, Story]) -> Iterator[Pair]:
    """Yield the pairs of one set; `library` has the texts by their ids or URLs."""
    own = {line["id"]: line["text"] for line in _lines() if "id" in line}
    for line in _lines():
        if line.get("set") == name:
            yield f"{name}: {json.dumps(line, ensure_ascii=False)}", *_pair(line, library, own)


def _pair(line: Line, library: Mapping[str, Story], own: Mapping[str, str]) -> tuple[Story, Story]:
    if "recipe" in line:
        base = library[line["base"]]
        return base, copy_of(base, line["recipe"], line["seed"])
    if "quoted" in line:
        one, other = (
            quoting(library[base], library[line["quoted"]], line["share"], line["seed"] + i)
            for i, base in enumerate(line["bases"])
        )
        return one, other
    if "bases" in line:
        items = [library[base] for base in line["bases"]]
        return items[line["item"]], digest_of(items)
    if line["set"] == "written":
        sides = line["one"], line["other"]
        one, other = (Story(side["title"], own[side["text"]], side["publisher"]) for side in sides)
        return one, other
    return library[line["one"]], library[line["other"]]


def is_found(one: Story, other: Story) -> bool:
    """Return whether the two are found to be copies, as the database does it: a key in common, then the verdict."""
    keys = [set(sketch(story.title, story.text).bands) for story in (one, other)]
    first, second = (piece(story.title, story.publisher, story.text) for story in (one, other))
    return not keys[0].isdisjoint(keys[1]) and is_copy(first, second)


def found(given: Iterable[Pair]) -> list[str]:
    """Return what of the pairs is found."""
    return [name for name, one, other in given if is_found(one, other)]


def missed(given: Iterable[Pair]) -> list[str]:
    """Return what of the pairs is not found."""
    return [name for name, one, other in given if not is_found(one, other)]
