"""Labelled texts: read and check a gold file, and find each document's text. Pure.

A line is one document: `id`, lists of `companies`, `accelerators` (`id`, `surfaces`, `about`, `role`), `themes` (`id`,
`about`), `prices` (`value`, `unit`, perhaps `optional`) and perhaps `traps` (`surface`, `why`). A document may be part
of a text: `"part": {"of": text id, "start", "end", "title": whether it keeps the title, "sha256": of the part}` with
offsets in code points, so that labels can be kept where the text itself may not be.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from aiwire.exceptions import InputError

__all__ = ["Record", "read_gold", "texts_of"]

Record = Mapping[str, Any]
_GOLD_LISTS = ("companies", "accelerators", "themes", "prices")
_PART_KEYS = {"of", "start", "end", "title", "sha256"}
_HASH_LENGTH = 16  # hexadecimal digits of SHA-256: enough to tell that a text is another one


def read_gold(lines: Iterable[str], name: str) -> Iterator[dict[str, Any]]:
    """Yield the labelled documents of a gold file.

    Raises:
        InputError: a line is malformed; the message names file and line.
    """
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        where = f"{name}:{number}"
        try:
            record = json.loads(line)
        except ValueError as e:
            raise InputError(f"{where}: not JSON: {e}") from e
        yield _checked(record, where)


def _checked(record: object, where: str) -> dict[str, Any]:
    if not isinstance(record, dict) or "id" not in record:
        raise InputError(f"{where}: a gold document must be an object with an 'id'")
    for key in _GOLD_LISTS:
        labels = record.get(key)
        if not isinstance(labels, list) or not all(isinstance(label, dict) for label in labels):
            raise InputError(f"{where}: {key!r} must be a list of labels")
    for key in ("companies", "accelerators"):
        for label in record[key]:
            if not isinstance(label.get("id"), str) or not isinstance(label.get("surfaces"), list):
                raise InputError(f"{where}: every label in {key!r} needs 'id' and a list of 'surfaces'")
    for label in record["themes"]:
        if not isinstance(label.get("id"), str):
            raise InputError(f"{where}: every label in 'themes' needs an 'id'")
    for label in record["prices"]:
        if not isinstance(label.get("value"), int | float) or not isinstance(label.get("unit"), str):
            raise InputError(f"{where}: every label in 'prices' needs a number 'value' and a 'unit'")
    part = record.get("part")
    if part is not None and not (isinstance(part, dict) and part.keys() == _PART_KEYS):
        raise InputError(f"{where}: 'part' must be an object of {', '.join(sorted(_PART_KEYS))}")
    return record


def texts_of(golds: Iterable[Record], texts: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield the text of each document, as `aiwire tag-text` reads it; documents whose text is missing are left out.

    Raises:
        InputError: a part is not the text that was labelled.
    """
    known = {text["id"]: text for text in texts}
    for gold in golds:
        part = gold.get("part")
        text = known.get(gold["id"] if part is None else part["of"])
        if text is not None:
            yield text if part is None else _part(gold, text)


def _part(gold: Record, text: dict[str, Any]) -> dict[str, Any]:
    part = gold["part"]
    words = text["text"][part["start"] : part["end"]]
    if hashlib.sha256(words.encode()).hexdigest()[:_HASH_LENGTH] != part["sha256"]:
        raise InputError(f"document {gold['id']!r}: text {part['of']!r} is not the one that was labelled")
    return text | {"id": gold["id"], "title": text.get("title", "") if part["title"] else "", "text": words}
