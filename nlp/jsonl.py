"""The JSON shape of tags, as `aiwire tag-text` prints it. Pure; no spaCy."""

from __future__ import annotations

from typing import Any

from aiwire.types import Mention, Price, Tag, Tagging

__all__ = ["tag_record"]


def tag_record(record_id: object, tagging: Tagging) -> dict[str, Any]:
    """Return the JSON object of one text: id, tags and prices; offsets are code points into title or text."""
    return {
        "id": record_id,
        "tags": [_tag(tag) for tag in tagging.tags],
        "prices": [_price(price) for price in tagging.prices],
    }


def _tag(tag: Tag) -> dict[str, Any]:
    return {
        "kind": tag.kind,
        "id": tag.id,
        "name": tag.name,
        "surfaces": list(tag.surfaces),
        "count": tag.count,
        "about": tag.about,
        "role": tag.role,
        "listed": tag.listed,
        "salience": tag.salience,
        "confidence": tag.confidence,
        "evidence": tag.evidence,
        "mentions": [_mention(m) for m in tag.mentions],
    }


def _mention(mention: Mention) -> dict[str, Any]:
    record: dict[str, Any] = {
        "start": mention.start,
        "end": mention.end,
        "field": mention.field,
        "rule": mention.rule,
        "confidence": mention.confidence,
    }
    return record | {"part": mention.part} if mention.part else record


def _price(price: Price) -> dict[str, Any]:
    return {
        "quote": price.quote,
        "amount": price.amount,
        "amount_max": price.amount_max,
        "currency": price.currency,
        "unit": price.unit,
        "qualifier": price.qualifier,
        "accelerator": price.accelerator,
        "product": price.product,
        "sentence": price.sentence,
        "field": price.field,
        "start": price.start,
        "end": price.end,
    }
