"""How likely it is that a text is about a name or a theme: features of where and how it stands, summed to log-odds.

An article shows it by its title, its lead and by coming back to the name; a passage (a paragraph without a title) by
how its sentences begin. So each has weights of its own, which `tools/train_about.py` learns from labelled texts and
writes to `data/about.json`. Names of all kinds share them.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from aiwire.exceptions import ConfigError
from nlp.features import Found
from nlp.gazetteer import DATA
from nlp.text import Text
from nlp.themes import ThemeFound

__all__ = [
    "ABOUT_FILE",
    "FEATURES",
    "AboutWeights",
    "Features",
    "is_passage",
    "load_about_weights",
    "name_features",
    "theme_features",
]

ABOUT_FILE = "about.json"
Features = dict[str, float]  # by name, each 0..1

_PASSAGE = 1500  # characters under which a text without a title is a passage
_LEAD = 500  # characters of the body, or an eighth of it
_SITE_FROM = 15  # characters before which no site's name begins in a title
_MOST_MENTIONS = 60  # of a name that are looked at closely
_OPENING = 30  # characters in which a passage names what it opens with
_NEAR_START = 25  # ... and a sentence its subject

FEATURES: Mapping[str, tuple[str, ...]] = {
    "name-article": ("title", "site", "maker", "lead", "share", "dominance", "spread", "acts", "listed"),
    "name-passage": ("opening", "subject", "again", "portion", "attributive"),
    "theme-article": ("title", "lead", "share", "dominance", "spread"),
    "theme-passage": ("dominance", "late"),
}
"""What each model weighs."""


@dataclass(frozen=True, slots=True)
class AboutWeights:
    """Log-odds by model and feature, and the likelihood from which a text is about something."""

    about_from: float
    weights: Mapping[str, Mapping[str, float]]

    def likelihood(self, model: str, features: Features) -> float:
        """Return the likelihood (0..1) that a reader would say that the text is about it."""
        weights = self.weights[model]
        odds = weights["bias"] + sum(weights[name] * value for name, value in features.items())
        return 1 / (1 + math.exp(-odds))


@cache
def load_about_weights(folder: Path = DATA) -> AboutWeights:
    """Return the weights in `folder`.

    Raises:
        ConfigError: the file cannot be read, or lacks or misnames a feature.
    """
    path = folder / ABOUT_FILE
    try:
        raw: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        about_from = float(raw["from"])
        weights = {m: {name: float(w) for name, w in by_name.items()} for m, by_name in raw["weights"].items()}
    except (OSError, ValueError, KeyError, AttributeError, TypeError) as e:
        raise ConfigError(f"{path}: cannot be read as weights of `about` ({e}); tools/train_about.py makes it") from e
    for model, names in FEATURES.items():
        differ = {"bias", *names} ^ set(weights.get(model, ()))
        if differ:
            told = ", ".join(sorted(differ))
            raise ConfigError(f"{path}: {model}: missing or unknown: {told}; tools/train_about.py makes the file anew")
    return AboutWeights(about_from, weights)


def is_passage(text: Text) -> bool:
    """Return whether the text is a passage, in which everything is lead, and not an article."""
    return not text.title_end and len(text.raw) < _PASSAGE


class _Layout:
    """The parts of an article."""

    def __init__(self, text: Text) -> None:
        self.text = text
        self.headline_end = _headline_end(text)
        self.size = max(1, len(text.raw) - text.body)
        self.lead_end = text.body + max(_LEAD, self.size // 8)
        self.sentences = max(1, len(text.sentences))

    def in_headline(self, start: int) -> bool:
        return start < self.headline_end

    def in_lead(self, start: int) -> bool:
        return self.text.body <= start < self.lead_end

    def spread(self, starts: Sequence[int]) -> float:
        """Return over how much of the body the places are spread, in quarters of it."""
        quarters = {4 * (start - self.text.body) // self.size for start in starts if start >= self.text.body}
        return min(1.0, max(0, len(quarters) - 1) / max(1, min(3, self.sentences - 2)))

    def share(self, sentences: int) -> float:
        """Return how much of the text so many sentences are; a quarter is all that one can want."""
        return min(1.0, 4 * sentences / self.sentences)


_SITE = re.compile(r" [|•·\\–—-] | : ")


def _headline_end(text: Text) -> int:
    """Return where the title ends, less the site's name after it: "Acme buys Zeta | The Daily"."""
    starts = [match.start() for match in _SITE.finditer(text.raw, _SITE_FROM, text.title_end)]
    return starts[-1] if starts else text.title_end


def name_features(text: Text, groups: Sequence[Sequence[Found]], names: Sequence[Found]) -> list[Features]:
    """Return the features of the names of one kind, each given by its mentions; `names` is all that is in the text."""
    if is_passage(text):
        return _in_passage(text, groups, names)
    return _in_article(text, groups, names)


def _in_article(text: Text, groups: Sequence[Sequence[Found]], names: Sequence[Found]) -> list[Features]:
    layout = _Layout(text)
    most = max(map(len, groups), default=1)
    makers = {
        f.record.entity.parent
        for f in names
        if f.record is not None and f.kind in ("accelerator", "model") and layout.in_headline(f.start)
    }
    made = []
    for group in groups:
        starts = [f.start for f in group]
        closely = group[:_MOST_MENTIONS]
        acts = [_acts(text, f) for f in closely]
        titled = layout.in_headline(min(starts))
        made.append({
            "title": float(titled),
            "site": float(any(layout.headline_end <= s < text.title_end for s in starts)),
            "maker": float(not titled and group[0].id in makers),
            "lead": float(any(map(layout.in_lead, starts))),
            "share": layout.share(len({text.sentence_index(s) for s in starts})),
            "dominance": len(group) / most,
            "spread": layout.spread(starts),
            "acts": min(1.0, sum(acts) / 4),
            "listed": sum(not a and _is_listed(text, f) for a, f in zip(acts, closely, strict=True)) / len(closely),
        })  # fmt: skip
    return made


def _in_passage(text: Text, groups: Sequence[Sequence[Found]], names: Sequence[Found]) -> list[Features]:
    total = sum(map(len, groups))
    products = {f.start for f in names if f.kind in ("accelerator", "model")}
    made = []
    for group in groups:
        first = min(f.start for f in group)
        count = len(group)
        made.append({
            "opening": float(first < _OPENING),
            "subject": float(any(_is_subject(text, f) for f in group)),
            "again": min(1.0, (count - 1) / 2),
            "portion": count / total,
            "attributive": sum(_is_attributive(text, f, products) for f in group) / count,
        })  # fmt: skip
    return made


_NEXT_WORD = re.compile(
    r"(?:'s [a-z-]{1,20})?(?: (?:inc|corp|corporation|systems|group|labs?)\b\.?)?(?: ?\([^()\n]{1,30}\))?,? "
    r"([a-z]{2,20})\b"
)
_PREPOSITION = re.compile(
    r"\b(?:by|from|at|with|via|between|versus|vs\.?|against|like|including|than|unlike|as|of|on|in|for|to|using|through|"
    r"over) (?:the |an? )?\Z"
)
_VERBS = frozenset((
    "has", "have", "had", "is", "was", "are", "were", "will", "would", "can", "could", "may", "might", "must",
    "should", "does", "did",
    "also", "just", "never", "now", "recently", "still", "today",
    "became", "began", "bought", "brought", "built", "came", "chose", "cut", "did", "fell", "gave", "got", "grew",
    "held", "kept", "knew", "laid", "led", "left", "lost", "made", "met", "paid", "put", "ran", "rose", "said", "saw",
    "sent", "set", "sold", "sought", "spent", "struck", "took", "told", "went", "won", "wrote",
    "acquires", "adds", "aims", "announces", "backs", "becomes", "begins", "bets", "blocks", "builds", "buys",
    "calls", "claims", "closes", "confirms", "cuts", "debuts", "declines", "delivers", "expects", "faces", "files",
    "fixes", "gets", "gives", "goes", "helps", "hires", "hits", "holds", "introduces", "invests", "joins", "keeps",
    "launches", "leads", "leaves", "lets", "looks", "loses", "makes", "moves", "names", "needs", "offers", "opens",
    "owns", "pays", "picks", "plans", "pulls", "pushes", "quits", "raises", "reaches", "releases", "replaces",
    "reports", "reveals", "rolls", "runs", "says", "seeks", "sells", "ships", "shows", "signs", "spends", "starts",
    "stops", "sues", "takes", "tells", "tries", "turns", "unveils", "updates", "uses", "wants", "warns", "wins",
    "works",
))  # fmt: skip


def _acts(text: Text, f: Found) -> bool:
    """Return whether a verb follows, and no preposition stands before: the name does something."""
    match = _NEXT_WORD.match(text.folded, f.end)
    if match is None or not (match[1] in _VERBS or (match[1].endswith("ed") and len(match[1]) > 4)):
        return False
    return _PREPOSITION.search(text.folded, max(0, f.start - 14), f.start) is None


def _is_subject(text: Text, f: Found) -> bool:
    return f.start - text.sentence_at(f.start)[0] < _NEAR_START and _acts(text, f)


_LISTED_RIGHT = re.compile(r"(?:'s?)?(?: [\w-]{1,30})?(?:, (?:and |or )?| and | or | & |/)(?=[A-Z@\[])")
_LISTED_LEFT = re.compile(r"[\w)\]](?:, (?:and |or )?| and | or | & |/)\Z")


def _is_listed(text: Text, f: Found) -> bool:
    """Return whether the name stands in a list: "Acme, Zeta and Foo"."""
    if _LISTED_RIGHT.match(text.raw, f.end):
        return True
    return _LISTED_LEFT.search(text.raw, max(0, f.start - 8), f.start) is not None


_WHAT_IT_SELLS = re.compile(
    r"(?: [\w-]{1,20})?[ -](?:gpus?|chips?|cards?|hardware|systems?|nodes?|servers?|processors?|accelerators?|models?|"
    r"instances?|apis?|services?|products?|tpus?|software|drivers?|platforms?|users?|accounts?|customers?)\b|"
    r"-(?:style|compatible|class|based|like|powered|made)\b"
)
_CODE = re.compile(r"[ -](?:\d{1,4} ?x ?)?[A-Z][\w.]{0,20}?\d|[ -]\d")


def _is_attributive(text: Text, f: Found, products: set[int]) -> bool:
    """Return whether the name only tells whose product is meant: "Acme GPUs", "an Acme X100"."""
    if f.kind != "company":
        return False
    if f.end + 1 in products:
        return True
    return _WHAT_IT_SELLS.match(text.folded, f.end) is not None or _CODE.match(text.raw, f.end) is not None


def theme_features(text: Text, themes: Sequence[ThemeFound]) -> list[Features]:
    """Return the features of the themes of a text."""
    most = max((t.total for t in themes), default=1.0)
    if is_passage(text):
        return [
            {
                "dominance": t.total / most,
                "late": min(p.start for p in t.places) / len(text.raw),
            }
            for t in themes
        ]
    layout = _Layout(text)
    made = []
    for theme in themes:
        starts = [p.start for p in theme.places]
        made.append({
            "title": float(any(s < text.title_end for s in starts)),
            "lead": float(any(map(layout.in_lead, starts))),
            "share": layout.share(theme.sentences),
            "dominance": theme.total / most,
            "spread": layout.spread(starts),
        })  # fmt: skip
    return made
