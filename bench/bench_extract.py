"""Compare article extraction with plain trafilatura and newspaper4k on the annotated pages of ../shared/pages.

Metrics are those of the two collections, stated anew here:
- zyte (scrapinghub/article-extraction-benchmark): shingles of four \\w+ tokens as multisets; precision and recall of a
  page, so that a long one has no more weight; their means over the pages; F1 of the two means.
- WCXB (Murrough-Foley/web-content-extraction-benchmark): F1 of lower-case \\w+ words as multisets, mean over the pages;
  share of the "with" snippets that the text holds and of the "without" snippets that it does not, letter by letter.
- metadata against WCXB's title, author and date of publication (same day), as ../shared/docs/performance.md has them.

All candidates get the same bytes in the same process, page by page in turn; speed is CPU time.

usage: python bench/bench_extract.py [--half a|b] [--json] [-v]
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import json
import logging
import re
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ingest.charset import decode
from ingest.dates import parse_date
from ingest.pages.extract import extract_page

PAGES = Path(__file__).resolve().parents[2] / "shared" / "pages"
SETS = ("wcxb", "wcxb articles", "zyte")  # the second is a part of the first
DAY_S = 86_400


@dataclass(frozen=True, slots=True)
class Case:
    """A page and what a person found on it; `truth` is None where only the text was annotated."""

    name: str
    url: str
    body: bytes
    text: str
    truth: dict[str, Any] | None
    page_type: str


@dataclass(frozen=True, slots=True)
class Found:
    """What a candidate made of a page."""

    text: str
    title: str | None = None
    author: str | None = None
    published: datetime | None = None
    date_source: str | None = None


def cases(collection: str) -> Iterator[Case]:
    """Yield the pages of "wcxb" or "zyte"."""
    folder = PAGES / collection
    if collection == "zyte":
        truths = json.loads((folder / "ground-truth.json").read_text("utf-8"))
        for name, truth in sorted(truths.items()):
            body = gzip.decompress((folder / f"{name}.html.gz").read_bytes())
            yield Case(name[:12], truth["url"], body, truth["articleBody"], None, "article")
        return
    for path in sorted(folder.glob("*.json")):
        data = json.loads(path.read_text("utf-8"))
        body = gzip.decompress(path.with_suffix(".html.gz").read_bytes())
        kind = data["_internal"]["page_type"]["primary"]
        yield Case(path.stem, data["url"], body, data["ground_truth"]["main_content"], data["ground_truth"], kind)


def half(case: Case) -> str:
    """Return "a" or "b": rules are tuned on the pages of "a" and must hold on "b"."""
    return "ab"[hashlib.sha256(case.name.encode()).digest()[0] & 1]


# ---------------------------------------------------------------- candidates


def aiwire(case: Case) -> Found:
    """Return what `ingest.pages.extract` makes of a page."""
    page = extract_page(case.body, url=case.url)
    return Found(page.text, page.title, page.author, page.published, page.date_source)


def trafilatura(case: Case) -> Found:
    """Return the text of trafilatura with its default settings, comments left out, and its own metadata."""
    from trafilatura import bare_extraction

    page: Any = bare_extraction(case.body, url=case.url, include_comments=False, with_metadata=True)
    if page is None:
        return Found("")
    return Found(page.text or "", page.title, page.author, parse_date(page.date))


def newspaper(case: Case) -> Found:
    """Return what newspaper4k makes of a page, with its default settings but no request for images."""
    import newspaper as newspaper4k

    text = decode(case.body).text
    try:
        try:
            page = newspaper4k.article(case.url, input_html=text, fetch_images=False)
        except LookupError:  # a few languages need data of nltk that no package carries
            page = newspaper4k.article(case.url, input_html=text, fetch_images=False, language="en")
    except (newspaper4k.ArticleException, ValueError):  # it does not take control characters
        return Found("")
    moment = page.publish_date
    moment = moment.replace(tzinfo=moment.tzinfo or UTC) if isinstance(moment, datetime) else None
    return Found(page.text, page.title, ", ".join(page.authors), moment)


CANDIDATES: dict[str, Callable[[Case], Found]] = {
    "aiwire": aiwire,
    "trafilatura": trafilatura,
    "newspaper4k": newspaper,
}

# ---------------------------------------------------------------- metrics


def f1(precision: float, recall: float) -> float:
    """Return the harmonic mean."""
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def words(text: str) -> list[str]:
    return re.findall(r"\w+", text)


def word_f1(found: str, gold: str) -> float:
    """Return WCXB's F1 of the lower-case words of two texts, as multisets."""
    one, other = Counter(words(found.lower())), Counter(words(gold.lower()))
    if not one or not other:
        return float(not one and not other)
    common = (one & other).total()
    return f1(common / one.total(), common / other.total())


def shingle_scores(found: str, gold: str, size: int = 4) -> tuple[float | None, float | None]:
    """Return zyte's precision and recall of one page; None where a side is empty and has nothing to be shared."""
    one, other = (_shingles(words(text), size) for text in (found, gold))
    common = (one & other).total()
    return (common / one.total() if one else None), (common / other.total() if other else None)


def _shingles(tokens: list[str], size: int) -> Counter[tuple[str, ...]]:
    """Return the shingles of a text; a text with fewer words than one needs is a shingle itself."""
    found = (tuple(tokens[i : i + size]) for i in range(max(1, len(tokens) - size + 1)))
    return Counter(shingle for shingle in found if shingle)


def key(text: str | None) -> str:
    """Return the letters and digits of a text in lower case."""
    return re.sub(r"\W+", "", text or "").lower()


def same_author(found: str | None, truth: str) -> bool:
    """Whether one name is a part of the other: "Jane Doe" and "Jane Doe, John Roe" count as the same."""
    return bool(key(found)) and (key(found) in key(truth) or key(truth) in key(found))


def marks(found: Found, case: Case) -> dict[str, float]:
    """Return the measures of one page, those left out that its annotation has nothing to compare with."""
    precision, recall = shingle_scores(found.text, case.text)
    scores: dict[str, float | None] = {
        "word F1": word_f1(found.text, case.text),
        "low": float(word_f1(found.text, case.text) < 0.5),
        "shingle precision": precision,
        "shingle recall": recall,
    }
    if case.truth is not None:
        text = found.text.lower()
        has, hasnt = ([s.lower() for s in case.truth.get(name) or []] for name in ("with", "without"))
        scores |= {
            "with": sum(s in text for s in has) / len(has) if has else 1.0,
            "without": sum(s not in text for s in hasnt) / len(hasnt) if hasnt else 1.0,
        }
        scores |= _metadata_marks(found, case.truth)
    return {name: value for name, value in scores.items() if value is not None}


def _metadata_marks(found: Found, truth: dict[str, Any]) -> dict[str, float | None]:
    title, author, day = truth.get("title"), truth.get("author"), parse_date(truth.get("publish_date"))
    has_author = bool(key(found.author))
    right_author = float(bool(author) and same_author(found.author, author or ""))
    has_date = found.published is not None
    right_day = float(
        found.published is not None and day is not None and abs((found.published - day).total_seconds()) <= DAY_S
    )
    return {
        "title exact": float(" ".join((found.title or "").split()) == " ".join(title.split())) if title else None,
        "title": float(key(found.title) == key(title)) if title else None,
        "author precision": right_author if has_author else None,
        "author precision, authored": right_author if has_author and author else None,
        "author recall": right_author if author else None,
        "date recall": right_day if day else None,
        "date precision": right_day if day and has_date else None,
        "false date": float(has_date) if not day else None,
    }


# ---------------------------------------------------------------- the run


@dataclass(slots=True)
class Tally:
    """The measures of a candidate over a set."""

    values: dict[str, list[float]] = field(default_factory=dict)

    def add(self, measures: dict[str, float]) -> None:
        for name, value in measures.items():
            self.values.setdefault(name, []).append(value)

    def means(self) -> dict[str, float]:
        """Return the mean of each measure, and the F1 that are made of two means."""
        means = {name: sum(values) / len(values) for name, values in self.values.items()}
        means["shingle F1"] = f1(means.pop("shingle precision", 0.0), means.pop("shingle recall", 0.0))
        if "author recall" in means:
            means["author F1"] = f1(means.get("author precision", 0.0), means["author recall"])
        return means


@dataclass(frozen=True, slots=True)
class Outcome:
    """Measures by candidate and set, and CPU seconds by candidate."""

    tallies: dict[str, dict[str, Tally]]
    cpu_s: dict[str, float]
    pages: Counter[str]


def measure(names: tuple[str, ...], *, part: str | None = None, verbose: bool = False) -> Outcome:
    """Return the outcome of the named candidates over all sets; `part` takes one half of the pages."""
    outcome = Outcome(
        {name: {title: Tally() for title in SETS} for name in names}, dict.fromkeys(names, 0.0), Counter()
    )
    for collection in ("wcxb", "zyte"):
        for case in cases(collection):
            if part and half(case) != part:
                continue
            titles = [collection, *(["wcxb articles"] if collection == "wcxb" and case.page_type == "article" else [])]
            outcome.pages.update(titles)
            for name in names if sum(outcome.pages.values()) % 2 else reversed(names):
                started = time.process_time()
                found = CANDIDATES[name](case)
                outcome.cpu_s[name] += time.process_time() - started
                measures = marks(found, case)
                for title in titles:
                    outcome.tallies[name][title].add(measures)
                if verbose and name == "aiwire":
                    _show(case, found, measures)
    return outcome


def summary(outcome: Outcome) -> dict[str, dict[str, float]]:
    """Return the figures by candidate: F1 of each set by its own metric, their mean, snippets, metadata, CPU ratio."""
    base = outcome.cpu_s.get("trafilatura", 0.0)
    table: dict[str, dict[str, float]] = {}
    for name, sets in outcome.tallies.items():
        means = {title: tally.means() for title, tally in sets.items()}
        row = {
            "wcxb F1": means["wcxb"]["word F1"],
            "wcxb articles F1": means["wcxb articles"]["word F1"],
            "zyte F1": means["zyte"]["shingle F1"],
        }
        row["mean F1"] = (row["wcxb F1"] + row["zyte F1"]) / 2
        row["mean F1, articles"] = (row["wcxb articles F1"] + row["zyte F1"]) / 2
        for title in ("wcxb", "wcxb articles"):
            for measured, value in sorted(means[title].items()):
                if measured not in ("word F1", "shingle F1"):
                    row[f"{title} {measured}"] = value
        if base:
            row["CPU to trafilatura with metadata"] = outcome.cpu_s[name] / base
        table[name] = row
    return table


def missed_targets(table: Mapping[str, Mapping[str, float]]) -> list[str]:
    """Return what was aimed at and not reached, in words."""
    ours, trafilatura, newspaper = (table[name] for name in ("aiwire", "trafilatura", "newspaper4k"))
    reached = {
        "mean F1 above both": ours["mean F1"] > max(trafilatura["mean F1"], newspaper["mean F1"]),
        "no set more than .002 below trafilatura": all(
            ours[measured] >= trafilatura[measured] - 0.002 for measured in ("wcxb F1", "wcxb articles F1", "zyte F1")
        ),
        "at most 1.3 times the CPU of trafilatura with metadata": ours["CPU to trafilatura with metadata"] <= 1.3,
        "title exact on articles >= .80": ours["wcxb articles title exact"] >= 0.80,
        "author F1 on articles >= .75": ours["wcxb articles author F1"] >= 0.75,
        "date recall on articles >= .80": ours["wcxb articles date recall"] >= 0.80,
        "at most 45 % of undated articles given a date": ours["wcxb articles false date"] <= 0.45,
    }
    return [target for target, held in reached.items() if not held]


def _show(case: Case, found: Found, measures: dict[str, float]) -> None:
    """Print what is wrong with a page."""
    lines = [f"{case.name} {half(case)} {case.page_type} f1={measures['word F1']:.3f} {case.url}"]
    truth = case.truth or {}
    for name, value, gold in (
        ("title", found.title, "title"),
        ("author recall", found.author, "author"),
        ("date recall", f"{found.published} {found.date_source}", "publish_date"),
    ):
        if measures.get(name) == 0.0:
            lines.append(f"    {name}: {value!r} for {truth[gold]!r}")
    if measures.get("false date"):
        lines.append(f"    false date: {found.published} {found.date_source}")
    if found.author and truth and not truth.get("author"):
        lines.append(f"    author not annotated: {found.author}")
    lines += [f"    has: {s[:90]!r}" for s in truth.get("without") or [] if s.lower() in found.text.lower()]
    lines += [f"    lacks: {s[:90]!r}" for s in truth.get("with") or [] if s.lower() not in found.text.lower()]
    sys.stdout.write("\n".join(lines) + "\n")


def main() -> int:
    parser = argparse.ArgumentParser(description="Article extraction against trafilatura and newspaper4k.")
    parser.add_argument("--half", choices=["a", "b"], help="only one half of the pages, by a hash of their names")
    parser.add_argument("--only", choices=list(CANDIDATES), help="one candidate alone")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("-v", "--verbose", action="store_true", help="what is wrong with each page")
    args = parser.parse_args()
    if not PAGES.is_dir():
        sys.stderr.write(f"{PAGES}: not there; the benchmark needs the annotated pages of ../shared\n")
        return 2
    logging.getLogger("trafilatura").setLevel(logging.CRITICAL)
    names = (args.only,) if args.only else tuple(CANDIDATES)
    for name in names:  # imports and caches are no part of the measurement
        CANDIDATES[name](next(cases("zyte")))
    outcome = measure(names, part=args.half, verbose=args.verbose)
    table = summary(outcome)
    if args.json:
        sys.stdout.write(json.dumps({"pages": outcome.pages, "candidates": table}, indent=1) + "\n")
        return 0
    sys.stdout.write("  ".join(f"{title}: {count} pages" for title, count in outcome.pages.items()) + "\n")
    sys.stdout.write(" " * 36 + "".join(f"{name:>13}" for name in names) + "\n")
    for measured in table[names[0]]:
        sys.stdout.write(f"{measured:36}" + "".join(f"{table[name].get(measured, 0):13.4f}" for name in names) + "\n")
    missed = missed_targets(table) if set(names) == set(CANDIDATES) else []
    sys.stdout.write("".join(f"missed: {target}\n" for target in missed))
    return int(bool(missed))


if __name__ == "__main__":
    sys.exit(main())
