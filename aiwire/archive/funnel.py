"""Which pages of an archive are worth their reading: cheap looks first, and what they cost in articles missed.

    raw bytes     language-raw: declared in another language, and a sample agrees
                  irrelevant-raw: not words enough anywhere in the page (`nlp.relevance`: a bound, no guess)
    fast text     language-fast, irrelevant-fast: of the main content, roughly found
    careful text  language, irrelevant: the definition

Where nothing can be told, a page is kept. Some of those that the first two steps drop are read all the same, by the
hash of URL and time: `recall` says from them how many articles were missed.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from typing import Final, Literal

from aiwire.archive.values import Audit, Job
from aiwire.types.archive import CapturedPage
from ingest.archive.fastpage import detect_language, fast_text, primary_language, raw_language
from nlp.gazetteer import load_lexicon
from nlp.language import looks_chinese, looks_english
from nlp.relevance import relevance_of

__all__ = ["DropReason", "Funnel", "Recall", "recall"]

DropReason = Literal[
    "language-raw",
    "irrelevant-raw",
    "language-fast",
    "irrelevant-fast",
    "language",
    "irrelevant",
    "no-text",  # the page has no article
    "opt-out",  # its publisher reserves it from text and data mining
    "unreadable",  # no HTML after all
    "repeated",  # the same page stood before in the shard
]

_Z: Final = 1.959964  # of a 95 % interval
_LONG: Final = 1_000  # bytes of UTF-8 from which a text tells its language better than the page declares it


class Funnel:
    """Judges the pages of a job; keeps nothing of them. Made once per shard: what is slow to make is made once."""

    def __init__(self, job: Job) -> None:
        self._wanted = frozenset(filter(None, map(primary_language, job.languages)))
        self._relevance = None if job.everything else relevance_of(load_lexicon(gazetteer=job.gazetteer))
        self._audited_below = round(job.audit * 2**64)

    def before_reading(self, page: CapturedPage) -> DropReason | None:
        """Return why a page is not worth a careful reading; None if it may be."""
        relevance = self._relevance
        if self._wanted and self._is_other(raw_language(page.body, page.headers)):
            return "language-raw"
        if relevance is not None and not relevance.may_be_relevant(page.body):
            return "irrelevant-raw"
        if relevance is None and not self._wanted:
            return None
        fast = fast_text(page.body, page.headers)
        if not fast.text:  # the careful reading knows more ways to find it
            return None
        if self._wanted and self._is_other(fast.language) and not self._reads_wanted(fast.text):
            return "language-fast"
        if relevance is not None and not relevance.is_likely(fast.title, fast.text):
            return "irrelevant-fast"
        return None

    def after_reading(self, title: str, text: str, language: str | None) -> DropReason | None:
        """Return why an article that was read carefully is none of ours; `language` is what its page declares."""
        if self._wanted and not self._is_wanted(text, language):
            return "language"
        if self._relevance is not None and not self._relevance.is_relevant(title, text):
            return "irrelevant"
        return None

    def is_audited(self, page: CapturedPage) -> bool:
        """Return whether a page is read all the same if it is dropped: the same pages in every run."""
        capture = f"{page.captured_at.isoformat()} {page.url}"  # captures of one URL are drawn each for itself
        digest = hashlib.blake2b(capture.encode("utf-8", "surrogatepass"), digest_size=8).digest()
        return int.from_bytes(digest, "big") < self._audited_below

    def _is_wanted(self, text: str, language: str | None) -> bool:
        declared = primary_language(language)
        if len(text.encode("utf-8", "replace")) < _LONG and declared is not None:
            return declared in self._wanted
        return self._reads_wanted(text) or not self._is_other(detect_language(text) or declared)

    def _is_other(self, language: str | None) -> bool:
        return language is not None and language not in self._wanted

    def _reads_wanted(self, text: str) -> bool:
        """Return whether a text reads like English or Chinese, if that is wanted: sees through code and names."""
        return ("zh" in self._wanted and looks_chinese(text)) or ("en" in self._wanted and looks_english(text))


@dataclass(frozen=True, slots=True)
class Recall:
    """Share of the relevant articles that were kept, with its 95 % interval (0..1)."""

    value: float | None  # None: nothing was sampled, or there was nothing to find: unknown
    lo: float
    hi: float


def recall(kept: int, audit: Audit, share: float, dropped: int | None = None) -> Recall:
    """Return the recall of the steps before reading, against the definition on the careful text.

    Every dropped page is audited with probability `share`, so that the relevant ones among the audited are binomial in
    the number M of articles missed. The interval is Wilson's (1927), solved for M instead of the probability: all M
    with (relevant - M share)^2 <= z^2 M share (1 - share). It counts what was found as certain, and is wide where few
    were sampled: with none relevant at a share of 1 %, up to 380 articles may have been missed.

    Args:
        kept: articles that were kept.
        audit: of those dropped before reading.
        share: of the dropped pages that are audited (0..1).
        dropped: pages dropped before reading, if known: no more articles than those can have been missed.
    """
    if not audit.sampled or not 0 < share <= 1:
        return Recall(None, 0.0, 1.0)
    found, spread = audit.relevant, _Z * _Z * (1 - share)
    half = math.sqrt(spread * (4 * found + spread))
    most = math.inf if dropped is None else float(dropped - audit.sampled + found)
    least = max(float(found), (2 * found + spread - half) / (2 * share))
    missed = max(float(found), min(found / share, most))
    highest = max(missed, min((2 * found + spread + half) / (2 * share), most))
    if not kept:
        return Recall(0.0 if found else None, 0.0, 0.0 if found else 1.0)
    return Recall(kept / (kept + missed), kept / (kept + highest), kept / (kept + min(least, missed)))
