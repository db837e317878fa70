"""What a watch tells, as text, JSON and an Atom feed (RFC 4287). Pure.

Everything that is shown came from strangers: `aiwire.atom` says what is left out.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from hashlib import blake2b
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from aiwire.atom import TAG, Entry, Feed, one_line, written

if TYPE_CHECKING:
    from db.watches import Batch

__all__ = ["as_atom", "as_json", "as_text", "counted", "file_json", "file_text", "newest"]

WIDTH = 100  # columns of a terminal
_ONE = {"stories": "story", "prices": "price", "signals": "signal"}

Item = Mapping[str, Any]


# ---------------------------------------------------------------- JSON


def as_json(batch: Batch) -> dict[str, Any]:
    """Return a digest as it is handed to commands and webhooks."""
    return {
        "batch": batch.id,
        "watch": batch.watch,
        "made_at": batch.made_at,
        **{what: list(batch.items.get(what, ())) for what in _ONE},
    }


def file_json(name: str, batches: Sequence[Batch]) -> dict[str, Any]:
    """Return what stands in a watch's JSON file: its digests, as given the newest first."""
    return {"watch": name, "batches": [as_json(batch) for batch in batches]}


def newest(batches: Iterable[Batch], items: int) -> list[Batch]:
    """Return as much of the batches, the newest first, as holds so many items; the last one is cut."""
    kept: list[Batch] = []
    for batch in batches:
        if items <= 0:
            break
        cut: dict[str, Sequence[Item]] = {}
        for what, found in batch.items.items():
            cut[what] = found[:items]
            items -= len(cut[what])
        kept.append(replace(batch, items=cut))
    return kept


# ---------------------------------------------------------------- text


def as_text(batch: Batch, *, width: int = WIDTH) -> str:
    """Return a digest for people: lines of at most `width` columns, but for addresses and long words."""
    lines = [*_wrapped(f"{batch.watch}: {counted(batch)} ({batch.made_at}, batch {batch.id})", width)]
    for what, tell in (("stories", _story_lines), ("prices", _price_lines), ("signals", _signal_lines)):
        for item in batch.items.get(what, ()):
            lines += ["", *tell(item, width)]
    return "\n".join(lines) + "\n"


def file_text(name: str, batches: Sequence[Batch], *, width: int = WIDTH) -> str:
    """Return what stands in a watch's text file."""
    rule = "\n" + "-" * width + "\n\n"
    return rule.join(as_text(batch, width=width) for batch in batches) or f"{name}: nothing yet\n"


def counted(batch: Batch) -> str:
    """Return how much is in a batch: `3 stories, 1 price`."""
    numbers = ((len(batch.items.get(what, ())), what) for what in _ONE)
    said = [f"{number} {_ONE[what] if number == 1 else what}" for number, what in numbers if number]
    return ", ".join(said) or "nothing"


def _story_lines(item: Item, width: int) -> Iterator[str]:
    yield from _wrapped(f"{item['dated_at'][:10]}  {one_line(item['title']) or '(no title)'}", width, indent=12)
    yield f"            {one_line(item['url'])}"
    yield from _wrapped(_told_by(item), width, first=12, indent=12)
    for one in item["entities"]:
        yield from _wrapped(_quoted(one), width, first=12, indent=14)
    if item["snippet"]:
        yield from _wrapped(f"“{one_line(item['snippet'])}”", width, first=12, indent=13)


def _price_lines(item: Item, width: int) -> Iterator[str]:
    yield from _wrapped(f"{item['dated_at'][:10]}  {_price_title(item)}", width, indent=12)
    yield f"            {one_line(item['url'])}"
    yield from _wrapped(f"{one_line(item['publisher'])}: {one_line(item['title'])}", width, first=12, indent=12)
    if item["sentence"]:
        yield from _wrapped(f"“{one_line(item['sentence'])}”", width, first=12, indent=13)


def _signal_lines(item: Item, width: int) -> Iterator[str]:
    yield from _wrapped(f"{item['week']}  {_signal_title(item)}", width, indent=12)
    yield from _wrapped(_signal_words(item), width, first=12, indent=12)
    yield f"            {one_line(item['evidence_url'])}"


def _wrapped(text: str, width: int, *, first: int = 0, indent: int = 0) -> Iterator[str]:
    """Yield the lines of a text by its columns; Chinese characters take two, and may be parted anywhere."""
    line, used = " " * first, first
    for word in _words(text):
        size = _columns(word)
        if used + size > width and used > indent and line.strip():
            yield line.rstrip()
            line, used = " " * indent, indent
            word = word.lstrip()
            size = _columns(word)
        line += word
        used += size
    yield line.rstrip()


def _words(text: str) -> Iterator[str]:
    """Yield the parts of a text between which a line may end, with the spaces before them; the first with none."""
    part = ""
    for char in text:
        if part.strip() and (char == " " or _is_wide(char) or _is_wide(part[-1])):
            yield part
            part = ""
        part += char
    if part:
        yield part


def _columns(text: str) -> int:
    return sum(2 if _is_wide(char) else 1 for char in text)


def _is_wide(char: str) -> bool:
    return char >= "\u1100" and unicodedata.east_asian_width(char) in "WF"


# ---------------------------------------------------------------- Atom


def as_atom(name: str, batches: Iterable[Batch], *, updated: str) -> str:
    """Return an Atom feed of the batches, an entry for each item; ids stay the same whenever it is written.

    Args:
        updated: ISO time of a feed that has no entry.
    """
    told = list(batches)
    entries = [
        tell(batch, item)
        for batch in told
        for what, tell in (("stories", _story_entry), ("prices", _price_entry), ("signals", _signal_entry))
        for item in batch.items.get(what, ())
    ]
    newest_at = max((batch.made_at for batch in told), default=updated)
    return written(Feed(TAG + quote(name), f"aiwire: {name}", newest_at, entries))


def _story_entry(batch: Batch, item: Item) -> Entry:
    said = [_quoted(one) for one in item["entities"]] or [one_line(item["snippet"])]
    return Entry(
        _entry_id(batch, f"story/{item['article']}"),
        one_line(item["title"]) or "(no title)",
        batch.made_at,
        url=item["url"],
        published=item["dated_at"],
        author=item["publisher"],
        summary="\n".join(filter(None, (*said, _told_by(item)))),
    )


def _price_entry(batch: Batch, item: Item) -> Entry:
    words = f"{item['article']}:{item['unit']}:{item['quote']}".encode("utf-8", "replace")
    sentence = f"“{one_line(item['sentence'])}”" if item["sentence"] else ""
    told_by = f"{one_line(item['publisher'])}: {one_line(item['title'])}"
    return Entry(
        _entry_id(batch, f"price/{blake2b(words, digest_size=8).hexdigest()}"),
        _price_title(item),
        batch.made_at,
        url=item["url"],
        published=item["dated_at"],
        author=item["publisher"],
        summary="\n".join(filter(None, (sentence, told_by))),
    )


def _signal_entry(batch: Batch, item: Item) -> Entry:
    path = f"signal/{item['entity']}/{item['segment']}/{batch.id}"  # it may come and go within a week
    return Entry(
        _entry_id(batch, path),
        _signal_title(item),
        batch.made_at,
        url=item["evidence_url"],
        summary=_signal_words(item),
    )


def _entry_id(batch: Batch, path: str) -> str:
    return TAG + quote(f"{batch.watch}/{path}", safe="/:", errors="replace")  # a lone surrogate has no bytes


# ---------------------------------------------------------------- words


def _quoted(one: Item) -> str:
    evidence = one_line(one["evidence"])
    return one_line(one["name"]) + (f": “{evidence}”" if evidence else "")


def _told_by(item: Item) -> str:
    number = item["articles"]
    voice = " (a vendor's own voice)" if item["owned"] else ""
    others = [one_line(one) for one in item["publishers"] if one != item["publisher"]]
    copies = f"; {number} articles" if number > 1 else ""
    return f"{one_line(item['publisher'])}{voice}" + (f", {', '.join(others)}" if others else "") + copies


def _price_title(item: Item) -> str:
    amount = _number(item["amount"])
    if item["amount_max"] is not None:
        amount += f" to {_number(item['amount_max'])}"
    qualifier = f", {item['qualifier']}" if item["qualifier"] else ""
    doubt = " (implausible)" if item["implausible"] else ""
    unit = "" if item["unit"] == "other" else f" per {item['unit']}"
    return one_line(f"{item['name'] or 'A price'}: {amount} {item['currency']}{unit}{qualifier}{doubt}")


def _number(value: float) -> str:
    return f"{value:,.0f}" if value == int(value) else f"{value:,.4f}".rstrip("0")


def _signal_title(item: Item) -> str:
    segment = "" if item["segment"] == "all" else f" ({item['segment']})"
    before = f", was {item['before']}" if item["before"] else ""
    return one_line(f"{item['name']}{segment}: {item['signal']}{before}")


def _signal_words(item: Item) -> str:
    said = [f"week of {item['week']}: {item['stories']} {'story' if item['stories'] == 1 else 'stories'}"]
    if item["share"] is not None:
        said.append(f"{item['share']:.2%} of all")
    if item["momentum"] is not None:
        said.append(f"momentum {item['momentum']:.2f} ({item['momentum_lo']:.2f} to {item['momentum_hi']:.2f})")
    if item["q"] is not None:
        said.append(f"q {item['q']:.3f}")
    if not item["coverage_ok"]:
        said.append("some sources were missing that week")
    return ", ".join(said)
