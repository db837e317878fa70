"""Score `ingest.extract` on the annotated pages of ../shared: `python tests/score_extract.py [-v]`.

Word F1 of the text, must-have and must-not-have snippets, title, date and author against the ground truth.
"""

from __future__ import annotations

import gzip
import json
import re
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiwire.types import Extracted
from ingest.dates import parse_date
from ingest.extract import extract_page

PAGES = Path(__file__).resolve().parents[1].parent / "shared" / "pages"


@dataclass(frozen=True, slots=True)
class Case:
    """A page and what a person found on it; `truth` is None where only the text was annotated."""

    name: str
    url: str
    body: bytes
    text: str
    truth: dict[str, Any] | None
    page_type: str


def cases(collection: str) -> Iterator[Case]:
    """Yield the pages of "wcxb" or "zyte"."""
    folder = PAGES / collection
    if collection == "zyte":
        truths = json.loads((folder / "ground-truth.json").read_text("utf-8"))
        for name, truth in sorted(truths.items()):
            body = gzip.decompress((folder / f"{name}.html.gz").read_bytes())
            yield Case(name[:8], truth["url"], body, truth["articleBody"], None, "article")
        return
    for path in sorted(folder.glob("*.json")):
        data = json.loads(path.read_text("utf-8"))
        body = gzip.decompress(path.with_suffix(".html.gz").read_bytes())
        kind = data["_internal"]["page_type"]["primary"]
        yield Case(path.stem, data["url"], body, data["ground_truth"]["main_content"], data["ground_truth"], kind)


def word_f1(found: str, gold: str) -> float:
    """Return the F1 of the words of two texts, as multisets."""
    one, other = (Counter(re.findall(r"\w+", text.lower())) for text in (found, gold))
    common = sum((one & other).values())
    return 2 * common / (sum(one.values()) + sum(other.values())) if common else 0.0


def _key(text: str | None) -> str:
    return re.sub(r"\W+", "", text or "").lower()


def score(found: Extracted, case: Case) -> dict[str, float | None]:
    """Return the measures of one page; None where the ground truth has nothing to compare with."""
    marks: dict[str, float | None] = {
        "f1": word_f1(found.text, case.text),
        "low": float(word_f1(found.text, case.text) < 0.5),
    }
    if case.truth is None:
        return marks
    text, truth = _key(found.text), case.truth
    day = parse_date(truth.get("publish_date") or "")
    same = found.published is not None and day is not None and abs((found.published - day).total_seconds()) <= 86_400
    has, hasnt = ([_key(s) for s in truth.get(key) or []] for key in ("with", "without"))
    author = truth.get("author")
    return marks | {
        "with": sum(s in text for s in has) / len(has) if has else None,
        "without": sum(s not in text for s in hasnt) / len(hasnt) if hasnt else None,
        "title": float(_key(found.title) == _key(truth["title"])) if truth.get("title") else None,
        "date recall": float(same) if day else None,
        "date precision": float(same) if day and found.published else None,
        "false date": float(found.published is not None) if not day else None,
        "author recall": float(_same_author(found.author, author)) if author else None,
        "author precision": float(_same_author(found.author, author)) if author and found.author else None,
        "false author": float(found.author is not None) if not author else None,
    }


def _same_author(found: str | None, truth: str) -> bool:
    return bool(found) and (_key(found) in _key(truth) or _key(truth) in _key(found))


def measure(collection: str, *, articles_only: bool = False, verbose: bool = False) -> dict[str, tuple[float, int]]:
    """Return mean and count of each measure over a collection."""
    sums: dict[str, list[float]] = {}
    for case in cases(collection):
        if articles_only and case.page_type != "article":
            continue
        found = extract_page(case.body, url=case.url)
        marks = score(found, case)
        if verbose:
            _show(case, found, marks)
        for name, value in marks.items():
            if value is not None:
                sums.setdefault(name, []).append(value)
    return {name: (sum(values) / len(values), len(values)) for name, values in sums.items()}


def _show(case: Case, found: Extracted, marks: dict[str, float | None]) -> None:
    print(f"{case.name} {case.page_type} f1={marks['f1']:.2f} {case.url}")
    for name, field, gold in (
        ("title", found.title, "title"),
        ("author recall", found.author, "author"),
        ("date recall", found.published, "publish_date"),
    ):
        if case.truth and marks.get(name) == 0.0:
            print(f"    {name}: {field!r} for {case.truth[gold]!r} {found.date_source}")
    if case.truth and marks.get("false date"):
        print(f"    false date: {found.published} {found.date_source}")
    if case.truth and marks.get("false author"):
        print(f"    false author: {found.author}")
    for snippet in (case.truth or {}).get("without") or []:
        if _key(snippet) in _key(found.text):
            print(f"    has: {snippet[:80]!r}")
    for snippet in (case.truth or {}).get("with") or []:
        if _key(snippet) not in _key(found.text):
            print(f"    lacks: {snippet[:80]!r}")


def main() -> None:
    """Print the measures of each collection."""
    verbose = "-v" in sys.argv
    for title, collection, articles in (
        ("wcxb", "wcxb", False),
        ("wcxb, articles", "wcxb", True),
        ("zyte", "zyte", False),
    ):
        measures = measure(collection, articles_only=articles, verbose=verbose and not articles)
        line = "  ".join(f"{name} {mean:.3f} ({count})" for name, (mean, count) in measures.items())
        print(f"{title}: {line}")


if __name__ == "__main__":
    main()
