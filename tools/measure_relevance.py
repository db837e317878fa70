"""Measure the definition of relevance, the filters before it and their speed, on real pages and texts.

    python tools/measure_relevance.py --shared ../shared [--half tuned|reported|both] [--misses]

Recall of a filter: of the articles that are relevant by the definition on carefully read text, the share that it lets
through. Precision and recall of the definition itself: against the kinds that the collectors gave the texts. What was
tuned was tuned on the half of the ids whose hash is even; the other half is reported unless told otherwise.
Times are of the CPU, per page, over the pages of shared/pages; they compare with each other and nothing else.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import hashlib
import html
import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from aiwire.exceptions import SourceError
from ingest.archive.fastpage import fast_text, raw_language
from ingest.feeds.parse import parse_feed
from ingest.htmltext import html_to_text
from ingest.http.warcfile import read_capture, read_captures
from ingest.pages.extract import extract_page
from nlp.gazetteer import load_lexicon
from nlp.relevance import RELEVANCE_VERSION, Relevance, relevance_of

CHARSETS = ("utf-8", "gb18030", "big5", "utf-16", "references")
MAX_BYTES = 15 << 20


@dataclass(frozen=True, slots=True)
class Example:
    """A page, and what a careful reading finds in it."""

    id: str
    body: bytes
    title: str
    text: str


def is_reported(example_id: str) -> bool:
    """Return whether an example is of the half that nothing was tuned on."""
    return hashlib.md5(example_id.encode(), usedforsecurity=False).digest()[-1] % 2 == 1


def extracted(example_id: str, body: bytes) -> Example | None:
    """Return the example of a real page; None if it is no page."""
    try:
        page = extract_page(body)
    except SourceError:
        return None
    return Example(example_id, body, page.title or "", page.text)


def wrapped(example_id: str, title: str, content: str, charset: str = "utf-8") -> Example:
    """Return a plain page around HTML content, in a charset or all in character references."""
    text = html_to_text(content)
    page = f"<html><head><title>{html.escape(title)}</title></head><body><article>{content}</article></body></html>"
    if charset == "references":
        body = page.encode("ascii", "xmlcharrefreplace")
    else:
        body = page.replace("<head>", f'<head><meta charset="{charset}">').encode(charset, "ignore")
    return Example(example_id, body, title, text)


def read_shared_pages(shared: Path) -> Iterator[Example | None]:
    """Yield the pages of shared/pages, carefully read."""
    with (shared / "pages/index.tsv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file, delimiter="\t"):
            yield extracted(row["file"], gzip.decompress((shared / "pages" / row["file"]).read_bytes()))


def read_replay(shared: Path) -> Iterator[Example | None]:
    """Yield the pages of shared/replay/pages.warc.gz, carefully read."""
    for _, capture in read_captures(shared / "replay/pages.warc.gz"):
        if capture.status != 200:
            continue
        stored = read_capture(capture, max_bytes=MAX_BYTES)
        if stored is not None:  # revisits have no body
            yield extracted(f"replay-{capture.offset}", stored.body)


def read_feeds(shared: Path) -> Iterator[Example]:
    """Yield the entries of feeds that carry a text, as pages."""
    for path in sorted((shared / "feeds").glob("*.gz")):
        try:
            feed = parse_feed(gzip.decompress(path.read_bytes()))
        except SourceError:
            continue
        for number, entry in enumerate(feed.entries[:20]):
            content = entry.content or entry.summary or ""
            if len(content) >= 1_000:
                yield wrapped(f"{path.name}-{number}", entry.title or "", content)


def read_texts(shared: Path) -> list[dict[str, str]]:
    """Return the rows of shared/texts."""
    with gzip.open(shared / "texts/texts.jsonl.gz", "rt", encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def read_gold(shared: Path) -> Iterator[Example]:
    """Yield the labelled passages and articles as pages."""
    for line in (shared / "gold/dev_texts.jsonl").read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        yield wrapped(row["id"], row["title"], html.escape(row["text"]))


def report_filters(name: str, examples: Sequence[Example], judge: Relevance, *, misses: bool) -> None:
    """Print what the filters keep of a collection, and which relevant articles they lose."""
    lost: dict[str, list[Example]] = {"raw": [], "fast": []}
    relevant = kept_raw = kept_fast = 0
    for example in examples:
        fast = fast_text(example.body)
        raw, likely = judge.may_be_relevant(example.body), not fast.text or judge.is_likely(fast.title, fast.text)
        kept_raw, kept_fast = kept_raw + raw, kept_fast + (raw and likely)
        if judge.is_relevant(example.title, example.text):
            relevant += 1
            lost["raw"] += [] if raw else [example]
            lost["fast"] += [] if likely else [example]
    told = "  ".join(f"{s} {1 - len(x) / max(1, relevant):.4f} (-{len(x)})" for s, x in lost.items())
    passed = f"passed raw {kept_raw:5} both {kept_fast:5}"
    print(f"{name:22} n {len(examples):5}  relevant {relevant:5}  {passed}  recall {told}")
    if misses:
        for stage, missed in lost.items():
            for example in missed:
                print(f"    {stage} missed {example.id}: {example.title[:60]!r} {len(example.text)} characters")


def report_definition(rows: Sequence[dict[str, str]], judge: Relevance, *, misses: bool) -> None:
    """Print precision and recall of the definition against the kinds of the texts."""
    wrong = []
    counts = {(kind, said): 0 for kind in ("ai-industry", "hard-negative", "other") for said in (True, False)}
    for row in rows:
        said = judge.is_relevant(row["title"], row["text"])
        counts[row["kind"], said] += 1
        wrong += [row] if said != (row["kind"] == "ai-industry") else []
    true, hard = counts["ai-industry", True], counts["hard-negative", True]
    all_said = sum(n for (_, said), n in counts.items() if said)
    all_true, all_hard = (
        sum(n for (k, _), n in counts.items() if k == kind) for kind in ("ai-industry", "hard-negative")
    )
    print(
        f"definition against kinds: precision {true / all_said:.4f} ({true}/{all_said})  "
        f"recall {true / all_true:.4f} ({true}/{all_true})  hard negatives taken {hard}/{all_hard}"
    )
    for row in wrong if misses else ():
        points = judge.points(row["title"], row["text"])
        print(
            f"    {row['kind']} {row['id']} {points:.1f} points, {len(row['text'])} characters: {row['title'][:60]!r}"
        )


def report_speed(examples: Sequence[Example], judge: Relevance) -> None:
    """Print the CPU time of every step and its ratio to the careful reading, best of 3."""
    bodies = [example.body for example in examples]
    steps: dict[str, Callable[[bytes], object]] = {
        "raw language": raw_language,
        "raw relevance": judge.may_be_relevant,
        "fast text": fast_text,
        "careful text": lambda body: extract_page(body).text,
    }
    steps["fast relevance"] = _judged(judge, {example.body: fast_text(example.body).text for example in examples})
    taken = {
        name: min(_cpu(step, bodies) for _ in range(1 if name == "careful text" else 3)) for name, step in steps.items()
    }
    print(f"CPU ms a page ({len(bodies)} pages, mean {sum(map(len, bodies)) / len(bodies) / 1000:.0f} kB):")
    for name, seconds in taken.items():
        ratio = taken["careful text"] / seconds
        print(f"    {name:15} {seconds * 1000 / len(bodies):8.2f}   careful text takes {ratio:.1f} times as long")


def _judged(judge: Relevance, texts: dict[bytes, str]) -> Callable[[bytes], object]:
    return lambda body: judge.is_likely("", texts[body])


def _cpu(step: Callable[[bytes], object], bodies: Sequence[bytes]) -> float:
    start = time.process_time()
    for body in bodies:
        step(body)
    return time.process_time() - start


def main() -> None:
    """Read the command line and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shared", type=Path, required=True, help="the folder with pages/, replay/, texts/ and feeds/")
    parser.add_argument("--half", choices=("tuned", "reported", "both"), default="reported")
    parser.add_argument(
        "--misses", action="store_true", help="name what is missed (of the reported half: no more tuning)"
    )
    args = parser.parse_args()

    def wanted(example_id: str) -> bool:
        return args.half == "both" or is_reported(example_id) == (args.half == "reported")

    judge = relevance_of(load_lexicon())
    rows = read_texts(args.shared)
    pages = [e for e in read_shared_pages(args.shared) if e]
    chinese = [row for row in rows if row["language"] == "zh"]
    known = {page.body for page in pages}
    collections = {
        "pages": pages,
        "replay, not in pages": [e for e in read_replay(args.shared) if e and e.body not in known],
        "texts": [wrapped(row["id"], row["title"], html.escape(row["text"])) for row in rows],
        "gold": list(read_gold(args.shared)),
        "feeds": list(read_feeds(args.shared)),
    } | {
        f"zh texts, {charset}": [wrapped(r["id"], r["title"], html.escape(r["text"]), charset) for r in chinese]
        for charset in CHARSETS
    }
    print(f"relevance {RELEVANCE_VERSION}, half: {args.half}")
    report_definition([row for row in rows if wanted(row["id"])], judge, misses=args.misses)
    for name, examples in collections.items():
        report_filters(name, [e for e in examples if wanted(e.id)], judge, misses=args.misses)
    report_speed(pages, judge)


if __name__ == "__main__":
    main()
