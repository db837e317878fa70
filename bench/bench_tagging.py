"""Compare the speed of the whole tagging pipeline with spaCy's own tokenisation of the same text, cold.

Both run in one process, in turn, on documents that the tokenizer has not seen: a warm tokenizer cache is about twice as
fast and nobody has it. Each side has a pipeline of its own, so that neither warms the other's cache.

Then texts made to stall the tagger, which must not cost more for their kind: the bench fails where one does.

usage: python bench/bench_tagging.py [--documents N] [--rounds N] [--json]
"""

from __future__ import annotations

import argparse
import gzip
import json
import random
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import spacy

from aiwire.types import ArticleText
from nlp.gazetteer import load_lexicon
from nlp.pipeline import load_tagger, tag_articles

SHARED = Path(__file__).resolve().parents[2] / "shared" / "texts" / "texts.jsonl.gz"
TARGET = 0.7
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


def parts(texts: list[str], rounds: int) -> Iterator[list[str]]:
    """Yield `rounds` disjoint parts of `texts`."""
    size = len(texts) // rounds
    for i in range(rounds):
        yield texts[i * size : (i + 1) * size]


def measure(texts: list[str], rounds: int) -> tuple[float, float, int]:
    """Return seconds of tokenisation, seconds of the pipeline, and words, over all rounds in turn."""
    tokenizer, tagger = spacy.blank("en"), load_tagger()
    list(tag_articles(tagger, [ArticleText(0, "", "Nvidia sold one H100.", None, "")]))  # builds what is built once
    token_times, tag_times, words = [], [], 0
    for number, part in enumerate(parts(texts, rounds)):
        words += sum(len(t.split()) for t in part)
        articles = [ArticleText(i, "", t, None, "") for i, t in enumerate(part)]
        order = (0, 1) if number % 2 else (1, 0)
        for side in order:
            started = time.perf_counter()
            if side == 0:
                for text in part:
                    tokenizer.make_doc(text)
                token_times.append(time.perf_counter() - started)
            else:
                for _ in tag_articles(tagger, articles):
                    pass
                tag_times.append(time.perf_counter() - started)
    return sum(token_times), sum(tag_times), words


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
    parser.add_argument("--documents", type=int, default=400)
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    texts = shared_texts()[: args.documents] if SHARED.is_file() else own_texts(args.documents)
    tokenise, tag, words = measure(texts, args.rounds)
    ratio = tokenise / tag
    hostile = slowest_hostile()
    result = {
        "texts": "shared" if SHARED.is_file() else "own examples",
        "documents": len(texts),
        "words": words,
        "tokenise_words_per_second": round(words / tokenise),
        "pipeline_words_per_second": round(words / tag),
        "ratio": round(ratio, 3),
        "target": TARGET,
        "hostile_seconds_a_million_characters": round(hostile, 2),
    }
    sys.stdout.write(
        json.dumps(result) + "\n" if args.json else "\n".join(f"{k:28} {v}" for k, v in result.items()) + "\n"
    )
    return 0 if hostile <= HOSTILE_MOST else 1


if __name__ == "__main__":
    sys.exit(main())
