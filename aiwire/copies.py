"""Tell whether two articles are copies of one text: word shingles and their containment. Pure.

A copy may have another headline, lost its end or some paragraphs, gained a site's boilerplate, or been edited lightly.
Two pieces on one event are none, even if both quote the same press release; nor are two issues of a template, two press
releases with one legal notice, a digest and one of its items, or two pages that show the same cookie wall.
Doubt is decided against a copy: an article too many in a story hides a piece of news. The thresholds were chosen on
`tests/gold/stories.jsonl`, which `tests/test_stories_gold.py` measures. Of a text the first 5,000 words count.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass

__all__ = ["SHORT", "Piece", "is_copy", "piece", "shingles", "words"]

SHORT = 30  # words: below it a text is a teaser, which is a copy only if its title is one, too

_SHINGLE = 4  # words: shorter runs are shared by any two texts on a topic, longer ones are lost with every edit
_MOST_WORDS = 5000  # of a text, five times a long article: text made to stall us must not
_MOST_CHARACTERS = 100_000  # ... nor white space in it
_LEAD = 40  # words of the beginning

_CONTAINED = 0.55  # of the shorter text is in the other: what copies that gained and lost much still have ...
_CONTAINED_ELSEWHERE = 0.75  # ... without a common beginning: press releases share 0.62 by their legal notices
_LEAD_CONTAINED = 0.5  # of the beginning of a text
_SMALLEST_PART = 0.28  # of the longer text: a copy keeps a third of it
_LARGEST_ITEM = 0.4  # of a digest that brings three items; a copy as short has the beginning or the title
_NOTICE = 300  # words: the longest that stand in for a text behind a wall
_GROUNDED = 3  # content words of a title that are in the other title or in what is shared: no notice has them ...
_GROUNDED_SHARE = 0.25  # ... of all its content words
_OTHER_FIGURES = 1 / 3  # of the places where both texts have a figure: an issue of a template has others
_STEM = 4  # characters that two spellings of a word begin with
_TITLES_MEET = 0.5  # of the content words of the shorter title
_SAME_PUBLISHER = 0.8  # of the shorter text is in the other, under the same title: a publisher's boilerplate is less
_RETITLED = 0.95  # of both texts together, under different titles ...
_RETITLED_WORDS = 100  # ... unless they are teasers of a series
_SAME_TEASER = 0.8  # of two titles and teasers together
_LEAST_TEASER = 8  # words, with the title: "Release notes" twice is no copy
_LEAST_OWN_TEASER = 10  # words, without the title, of two by one publisher

_CJK = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"  # written without spaces
_CHARACTER = re.compile(f"[{_CJK}]")
_WORD = re.compile(rf"[{_CJK}]|[^\W_{_CJK}]{{1,40}}")
_INVISIBLE = re.compile("[\u00ad\u200b-\u200d\u2060\ufeff\u2122\u00ae]")  # soft hyphens within words; marks of rights
_DIGITS = re.compile(r"\d+")
_LITTLE_WORDS = """
    a about after all also an and any are as at be been before but by can could did do does for from had has have he her
    his how i if in into is it its just may more most my new no not now of off on one or our out over s said she should
    so t than that the their them then there these they this to up us was we what when where which who why will with
    would you your 的 了 是 在 和 与 不 为 有 这 个 上 中 将 到 来 对 也 就 都 及 被 把 其 于 从 等
"""
_NOTICE_WORDS = """
    access account attention blocked browser captcha challenge check checking cloudflare consent continue cookie cookies
    create denied disabled enable error forbidden found free interruption javascript join log login member membership
    moment page pardon please premium privacy read reading register registered request required robot security sign
    signup subscribe subscriber subscribers subscription support supported unavailable unlimited unusual verify
    verifying wait 登 录 订 阅 注 册 验 证 访 问 请 页 面
"""
_NO_CONTENT = frozenset(_LITTLE_WORDS.split() + _NOTICE_WORDS.split())

Figures = Mapping[tuple[str, ...], Set[str]]


@dataclass(frozen=True, slots=True)
class Piece:
    """What `is_copy` compares of an article; `piece` makes it."""

    title: tuple[str, ...]  # its words
    publisher: str
    words: int  # of the text
    lead: tuple[str, ...]  # its first 40 words
    shingles: frozenset[str]
    figures: Figures  # numbers in the text, by the words around them


def words(text: str) -> list[str]:
    """Return the words of a text without case, punctuation and white space: the first 5,000.

    A Chinese or Japanese character is a word.
    """
    text = text[:_MOST_CHARACTERS]
    if not text.isascii():
        text = unicodedata.normalize("NFKC", _INVISIBLE.sub("", text))[:_MOST_CHARACTERS]
    return _WORD.findall(text.casefold())[:_MOST_WORDS]


def shingles(found: Sequence[str]) -> frozenset[str]:
    """Return all runs of four words; of fewer words the one run they make, of none nothing."""
    if len(found) < _SHINGLE:
        return frozenset([" ".join(found)] if found else [])
    return frozenset(map(" ".join, zip(*(found[i:] for i in range(_SHINGLE)), strict=False)))


def piece(title: str, publisher: str, text: str) -> Piece:
    """Return what there is to compare of an article; `publisher` is the family of sources that brought it."""
    found = words(text)
    return Piece(
        tuple(words(title)), publisher, len(found), tuple(found[:_LEAD]), shingles(found), _figures(found)
    )  # fmt: skip


def is_copy(one: Piece, other: Piece) -> bool:
    """Return whether one of the two is a copy of the other, or both of a third; the order does not matter."""
    if _are_issues(one, other):
        return False
    if min(one.words, other.words) < SHORT:
        return _is_same_teaser(one, other)
    overlap = _Overlap.of(one, other)
    if overlap.contained < _CONTAINED or overlap.size < _SMALLEST_PART or _have_other_figures(one, other):
        return False
    if (overlap.less.words < _NOTICE and not overlap.is_grounded()) or overlap.is_filled_anew():
        return False
    if one.publisher == other.publisher:
        return _is_published_twice(overlap)
    return overlap.has_lead() and overlap.is_no_item()


@dataclass(frozen=True, slots=True)
class _Overlap:
    """What two texts share."""

    less: Piece  # the shorter one; of equals either
    more: Piece
    shingles: frozenset[str]

    @classmethod
    def of(cls, one: Piece, other: Piece) -> _Overlap:
        less, more = (one, other) if one.words < other.words else (other, one)
        return cls(less, more, one.shingles & other.shingles)

    @property
    def contained(self) -> float:
        """What is shared of the text with fewer shingles."""
        return len(self.shingles) / min(len(self.less.shingles), len(self.more.shingles))

    @property
    def jaccard(self) -> float:
        """What is shared of both texts together."""
        return len(self.shingles) / len(self.less.shingles | self.more.shingles)

    @property
    def size(self) -> float:
        """Length of the shorter text, the longer one's being 1."""
        return self.less.words / self.more.words

    def has_lead(self) -> bool:
        """Return whether a beginning is shared: legal notices and quotations stand further down."""
        leads = max(self._lead_of(self.less), self._lead_of(self.more))
        return self.contained >= _CONTAINED_ELSEWHERE or leads >= _LEAD_CONTAINED

    def is_no_item(self) -> bool:
        """Return whether the shorter text is not just an item of a digest."""
        return (
            self.size >= _LARGEST_ITEM
            or self._lead_of(self.more) >= _LEAD_CONTAINED
            or _titles_meet(self.less, self.more)
        )

    def is_grounded(self) -> bool:
        """Return whether the titles have to do with each other or with what is shared: a wall's notice has not."""
        one, other = _terms(self.less), _terms(self.more)
        found = _vocabulary(self.shingles)
        return any(
            len(terms & among) >= max(_GROUNDED, _GROUNDED_SHARE * len(terms))
            for terms, among in ((one, other), (one, found), (other, found))
        )

    def is_filled_anew(self) -> bool:
        """Return whether a name of one title stands in its text where the other text has a name of its own title.

        So it is with a template: an award, an advertisement, an announcement of another company. Spellings of one
        word ("center", "centre") begin alike.
        """
        less, more = (_vocabulary(of.shingles) for of in (self.less, self.more))
        ours = {word for word in _terms(self.less) & less if not _is_near(word, more | set(self.more.title))}
        theirs = {word for word in _terms(self.more) & more if not _is_near(word, less | set(self.less.title))}
        return bool(ours and theirs) and not _places(self.less, ours).isdisjoint(_places(self.more, theirs))

    def _lead_of(self, of: Piece) -> float:
        lead = shingles(of.lead)
        return len(lead & self.shingles) / len(lead)


def _is_published_twice(overlap: _Overlap) -> bool:
    """Compare two pieces of one publisher: boilerplate and template are the same in all that it publishes."""
    if _have_same_title(overlap.less, overlap.more):
        return overlap.contained >= _SAME_PUBLISHER
    same = 1.0 if _titles_meet(overlap.less, overlap.more) else _RETITLED  # "Engineer, Oslo", "Engineer, Lisbon"
    return overlap.less.words >= _RETITLED_WORDS and overlap.jaccard >= same and overlap.is_grounded()


def _is_same_teaser(one: Piece, other: Piece) -> bool:
    """Compare titles and texts together: teasers alone are too short, and may be missing or repeat the title."""
    if max(one.words, other.words) > _LEAD or not _have_same_title(one, other):
        return False
    teasers = [p.lead if p.lead != p.title else () for p in (one, other)]
    if one.publisher == other.publisher and min(map(len, teasers)) < _LEAST_OWN_TEASER:
        return False
    first, second = (p.title + teaser for p, teaser in zip((one, other), teasers, strict=True))
    if min(map(_length, (first, second))) < _LEAST_TEASER:
        return False
    ours, theirs = shingles(first), shingles(second)
    return len(ours & theirs) >= _SAME_TEASER * len(ours | theirs)


def _are_issues(one: Piece, other: Piece) -> bool:
    """Return whether the titles are the same but for their figures: "Part 1" and "Part 2"."""
    figures = [_figures_of(p.title) for p in (one, other)]
    if figures[0] <= figures[1] or figures[1] <= figures[0]:
        return False
    rest = [{word for word in _terms(p) if not _DIGITS.search(word)} for p in (one, other)]
    return rest[0] <= rest[1] or rest[1] <= rest[0]


def _have_other_figures(one: Piece, other: Piece) -> bool:
    """Return whether different figures stand in the same places: a template that is filled anew."""
    places = one.figures.keys() & other.figures.keys()
    return sum(one.figures[place].isdisjoint(other.figures[place]) for place in places) > _OTHER_FIGURES * len(places)


def _have_same_title(one: Piece, other: Piece) -> bool:
    """Return whether the titles are the same, but that a site may have put its name or a word before or behind."""
    first, second = (f" {' '.join(p.title)} " for p in (one, other))
    return _figures_of(one.title) == _figures_of(other.title) and (first in second or second in first)


def _titles_meet(one: Piece, other: Piece) -> bool:
    """Return whether the titles have half of their content words in common."""
    first, second = _terms(one), _terms(other)
    return len(first & second) >= max(2, _TITLES_MEET * min(len(first), len(second)))


def _vocabulary(runs: Iterable[str]) -> set[str]:
    return {word for run in runs for word in run.split()}


def _is_near(word: str, among: Set[str]) -> bool:
    """Return whether a word, or one that begins as it does, is among others."""
    return word in among or (len(word) > _STEM and any(other.startswith(word[:_STEM]) for other in among))


def _places(of: Piece, wanted: Set[str]) -> set[tuple[str, ...]]:
    """Return the two words before and the two behind each place of the wanted words in a text, with the side."""
    found: set[tuple[str, ...]] = set()
    for run in of.shingles:
        first, second, third, last = (run.split() + [""] * _SHINGLE)[:_SHINGLE]
        if first in wanted:
            found.add(("behind", second, third))
        if second in wanted:
            found.add(("behind", third, last))
        if third in wanted:
            found.add(("before", first, second))
        if last in wanted:
            found.add(("before", second, third))
    return found


def _terms(of: Piece) -> set[str]:
    return set(of.title) - _NO_CONTENT


def _length(found: Iterable[str]) -> float:
    """Return the number of words; Chinese ones have about two characters."""
    return sum(0.5 if _CHARACTER.match(word) else 1 for word in found)


def _figures_of(title: tuple[str, ...]) -> Counter[str]:
    """Return how often each number is in a title: "100" for "100bn", "1 13 3" for "1.13.3"."""
    return Counter(figure for _, figure in _numbered(title))


def _figures(found: Sequence[str]) -> Figures:
    figures: dict[tuple[str, ...], set[str]] = {}
    for place, figure in _numbered(found):
        figures.setdefault(place, set()).add(figure)
    return figures


def _numbered(found: Sequence[str]) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield each number among words with its place: the two words before and behind."""
    plain = ["#" if _DIGITS.search(word) else word for word in found]
    start = 0
    while start < len(found):
        end = start
        while end < len(found) and plain[end] == "#":
            end += 1
        if end > start:
            place = (*plain[max(0, start - 2) : start], "#", *plain[end : end + 2])
            yield place, " ".join(_DIGITS.findall(" ".join(found[start:end])))
        start = end + 1
