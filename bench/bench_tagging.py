"""Compare the speed of the whole tagging pipeline with spaCy's own tokenisation of the same texts, cold.

Each side tags or tokenises each part of the texts in a fresh process, in turn and in changing order: a warm tokenizer
cache is two or three times as fast, and nobody has it. Sides: `tokenise` (the bound), `run` (the tagger as `aiwire run`
uses it, without tokens), `spacy` (the tagger as a spaCy pipeline, with tokens, entities and spans) and, where the model
is installed, `ner` (en_core_web_sm, names only). The median over the parts of the time of the bound by that of a side
is its ratio.

Then texts made to stall the tagger, which must not cost more for their kind.

The bench fails where a side of ours has less than 0.7 of the bound's speed, takes more than 300 MB, or a hostile text
stalls it.

usage: python bench/bench_tagging.py [--documents N] [--parts N] [--json]
"""

from __future__ import annotations

import argparse
import gzip
import json
import random
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import spacy

from aiwire.types import ArticleText
from nlp.gazetteer import load_lexicon
from nlp.pipeline import load, load_tagger, tag_articles

SHARED = Path(__file__).resolve().parents[2] / "shared" / "texts" / "texts.jsonl.gz"
FLOOR = 0.7  # speed by that of the bound
MOST_MB = 300
MODEL = "en_core_web_sm"
HOSTILE = (
    "NVIDIA H100 costs $30,000 per GPU hour. ",
    "$1 ",
    "$1/$6 model ",
    "Apple Meta Arm Oracle Figure Scale ",
    "Hopper Blackwell Instinct Gaudi Trainium Titan ",
    "Sharon Goldman CEO Richard Edelman said ",
    "Foo, Inc. and Bar Corp., ",
)
HOSTILE_SIZE = 200_000  # characters
HOSTILE_MOST = 20.0  # seconds a million characters: five times what an idle machine takes, a tenth of what squares take


def shared_texts() -> list[str]:
    """Return real texts, where the checkout has them beside it."""
    with gzip.open(SHARED, "rt", encoding="utf-8") as lines:
        return [json.loads(line)["text"] for line in lines]


def own_texts(count: int) -> list[str]:
    """Return texts made of the data files' example sentences and numbered filler words that no cache has seen."""
    lexicon = load_lexicon()
    sentences = [s for t in lexicon.themes for s in (*t.positive, *t.negative)]
    sentences += [s for r in lexicon.records for a in r.aliases for s in (*a.positive, *a.negative)]
    rng = random.Random(7)
    return [
        " ".join(
            f"{rng.choice(sentences)} Item {rng.randrange(10**6)} of word{rng.randrange(10**5)}." for _ in range(60)
        )
        for _ in range(count)
    ]


def texts_of(documents: int) -> list[str]:
    """Return the texts, in an order of their own, so that each part is a mixture."""
    texts = shared_texts() if SHARED.is_file() else own_texts(documents)
    random.Random(11).shuffle(texts)
    return texts[:documents]


def time_side(side: str, texts: list[str]) -> float:
    """Return the seconds that a side takes for `texts`, which this process has not seen."""
    articles = [ArticleText(number, "", text, None, "") for number, text in enumerate(texts)]
    if side == "run":
        tagger = load_tagger()
        list(tag_articles(tagger, [ArticleText(0, "", "Nvidia sold one H100.", None, "")]))  # builds what is built once
        started = time.perf_counter()
        for _ in tag_articles(tagger, articles):
            pass
        return time.perf_counter() - started
    if side == "spacy":
        pipeline = load()
    elif side == "ner":
        pipeline = spacy.load(MODEL, exclude=["tagger", "parser", "attribute_ruler", "lemmatizer", "senter"])
    else:
        pipeline = spacy.blank("en")
    pipeline.max_length = 10**9
    pipeline("Nvidia sold one H100.")
    started = time.perf_counter()
    for _ in pipeline.pipe(texts):
        pass
    return time.perf_counter() - started


def run_side(side: str, part: int, args: argparse.Namespace) -> dict[str, float]:
    """Time a side on a part in a process of its own; peak memory in MB beside."""
    command = [sys.executable, __file__, "--side", side, "--part", str(part)]
    command += ["--documents", str(args.documents), "--parts", str(args.parts)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return dict(json.loads(done.stdout))


def child(args: argparse.Namespace) -> None:
    texts = texts_of(args.documents)
    size = len(texts) // args.parts
    seconds = time_side(args.side, texts[args.part * size : (args.part + 1) * size])
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    sys.stdout.write(json.dumps({"seconds": seconds, "peak_mb": peak}))


def measure(args: argparse.Namespace) -> dict[str, Any]:
    """Return ratio, spread and peak memory of each side."""
    sides = ["tokenise", "run", "spacy", *(["ner"] if spacy.util.is_package(MODEL) else [])]
    runs: dict[str, list[dict[str, float]]] = {side: [] for side in sides}
    for part in range(args.parts):
        for side in sides if part % 2 else sides[::-1]:
            runs[side].append(run_side(side, part, args))
    result: dict[str, Any] = {}
    for side in sides[1:]:
        ratios = [bound["seconds"] / own["seconds"] for bound, own in zip(runs["tokenise"], runs[side], strict=True)]
        result[f"{side}: speed by that of tokenisation"] = round(statistics.median(ratios), 3)
        result[f"{side}: lowest and highest of the parts"] = f"{min(ratios):.3f} {max(ratios):.3f}"
        result[f"{side}: peak MB"] = round(max(run["peak_mb"] for run in runs[side]))
    if "ner" in sides:
        times = {side: sum(run["seconds"] for run in runs[side]) for side in sides}
        result[f"run: speed by that of {MODEL}"] = round(times["ner"] / times["run"], 1)
    else:
        result[MODEL] = "not installed, not compared"
    return result


def slowest_hostile() -> float:
    """Return seconds a million characters that the worst of the hostile texts takes."""
    tagger = load_tagger()
    slowest = 0.0
    for unit in HOSTILE:
        article = ArticleText(0, "", (unit * (HOSTILE_SIZE // len(unit) + 1))[:HOSTILE_SIZE], "en", "")
        started = time.perf_counter()
        list(tag_articles(tagger, [article]))
        slowest = max(slowest, (time.perf_counter() - started) * 1_000_000 / HOSTILE_SIZE)
    return slowest


def main() -> int:
    parser = argparse.ArgumentParser(description="Speed of the tagger against spaCy's tokenisation, cold.")
    parser.add_argument("--documents", type=int, default=480)
    parser.add_argument("--parts", type=int, default=6)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--side", help=argparse.SUPPRESS)
    parser.add_argument("--part", type=int, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.side:
        child(args)
        return 0
    result = {"texts": "shared" if SHARED.is_file() else "own examples", "documents": args.documents} | measure(args)
    result["hostile: seconds a million characters"] = round(slowest_hostile(), 2)
    lines = "".join(f"{name:45} {value}\n" for name, value in result.items())
    sys.stdout.write(json.dumps(result) + "\n" if args.json else lines)
    slow = [side for side in ("run", "spacy") if result[f"{side}: speed by that of tokenisation"] < FLOOR]
    large = [side for side in ("run", "spacy") if result[f"{side}: peak MB"] > MOST_MB]
    return 1 if slow or large or result["hostile: seconds a million characters"] > HOSTILE_MOST else 0


if __name__ == "__main__":
    sys.exit(main())
