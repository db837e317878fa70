"""In what language a text is that does not say: told by its script and by the commonest English words. Pure."""

from __future__ import annotations

import re

from aiwire.types import TagScope
from nlp.han import HAN

__all__ = ["looks_chinese", "looks_english", "tag_scope"]

_SAMPLE = 4000  # characters from the start: enough to tell
_ENOUGH = 40  # words from which their share says something; a headline is taken as English
_FUNCTION_WORDS = frozenset((
    "the", "of", "and", "to", "is", "are", "that", "with", "this", "it", "its", "for",
    "from", "have", "has", "been", "which", "their", "they", "you",
))  # fmt: skip
_LEAST_SHARE = 0.05  # English prose has 25 % and more, lists of names still 5 %; other languages under 3 %
_MOST_OTHER_LETTERS = 0.3  # of the letters, outside Latin script
_WORD = re.compile(r"[^\W\d_]+")
_HAN = re.compile(f"[{HAN}]")
_OTHER_ASIAN = re.compile("[\u3041-\u30ff\uac00-\ud7af]")  # kana, hangul
_LEAST_HAN = 0.3  # of Chinese characters and words in other scripts; Chinese news on foreign firms still has 60 %
_MOST_OTHER_ASIAN = 0.1  # of the Chinese characters: a quoted name; Japanese has as much kana as kanji
_FULL = frozenset(("en", "zh", "cmn", "yue"))  # first subtags of the languages whose themes and prices are known


_OTHER_LETTER = re.compile(r"[^\W\d_\u0000-\u024f]")  # of another script than Latin


def looks_english(text: str) -> bool:
    """Return False for a text in another script, or with hardly any of the words that no English text does without."""
    words = _WORD.findall(text[:_SAMPLE].lower())
    letters = sum(map(len, words))
    if letters and len(_OTHER_LETTER.findall(text[:_SAMPLE])) > _MOST_OTHER_LETTERS * letters:
        return False
    return len(words) < _ENOUGH or sum(word in _FUNCTION_WORDS for word in words) >= _LEAST_SHARE * len(words)


def looks_chinese(text: str) -> bool:
    """Return whether the text is written in Chinese characters, without the other scripts of Japanese and Korean."""
    sample = text[:_SAMPLE]
    characters = len(_HAN.findall(sample))
    if not characters or len(_OTHER_ASIAN.findall(sample)) > _MOST_OTHER_ASIAN * characters:
        return False
    words = len(_WORD.findall(_HAN.sub(" ", sample)))
    return characters >= _LEAST_HAN * (characters + words)


def tag_scope(language: str | None, text: str) -> TagScope:
    """Return "full" for English and Chinese, else "names"; `language` is a BCP 47 tag, without it the text tells."""
    if language:
        known = language.lower().replace("_", "-").split("-")[0] in _FULL
    else:
        known = looks_english(text) or looks_chinese(text)
    return "full" if known else "names"
