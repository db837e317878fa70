"""Build the tagger and stream articles through it.

Names are found in every language, the rest in English texts only. Of a text the first 300,000 characters are tagged:
no news is longer, and what is (a book, a log, text made to stall the tagger) must not hold a run. Tagging takes at most
some four seconds a million characters whatever the text, so the limit bounds it at one or two.
"""

from __future__ import annotations

import gc
import logging
from collections.abc import Iterable, Iterator
from pathlib import Path

import spacy
from spacy.language import Language
from spacy.tokens import Doc

from aiwire.types import ArticleText, Tagging, TagScope
from nlp import TAGGER_VERSION
from nlp.components import prepare
from nlp.gazetteer import load_lexicon
from nlp.language import looks_english
from nlp.text import join

__all__ = ["load_tagger", "tag_article", "tag_articles", "versions"]

log = logging.getLogger(__name__)

_WITH_DATA = ("aiwire_names", "aiwire_unlisted", "aiwire_themes", "aiwire_salience")
_ORDER = ("aiwire_sentences", "aiwire_names", "aiwire_unlisted", "aiwire_prices", "aiwire_themes", "aiwire_salience")
_BATCH = 16  # documents in memory at a time
_LONGEST = 200_000_000  # characters: no text is refused, spaCy's limit is for parsers that need far more memory
_ENDLESS = 500  # characters without a space
_MOST_OF_TEXT = 300_000  # characters that are tagged: six times the longest article that we have seen, half a book
_MOST_OF_TITLE = 2000  # ... seven times the longest headline
_CUT_REACH = 1000  # characters in which a space is looked for, so that no word is cut


def load_tagger(data: Path | None = None) -> Language:
    """Return the tagging pipeline; `data` is a folder with one's own gazetteer and lexicon (default: the shipped one).

    Raises:
        ConfigError: the data files cannot be used.
    """
    nlp = spacy.blank("en")
    nlp.max_length = _LONGEST
    for name in _ORDER:
        config = {"data": str(data)} if data is not None and name in _WITH_DATA else {}
        nlp.add_pipe(name, config=config)
    gc.freeze()  # a hundred thousand objects that live as long as the process: no collection need walk them
    return nlp


def versions(data: Path | None = None) -> tuple[str, str]:
    """Return the tagger's version and that of its data, as `Tagging` carries them."""
    return TAGGER_VERSION, load_lexicon(data).version


def tag_articles(nlp: Language, articles: Iterable[ArticleText]) -> Iterator[tuple[ArticleText, Tagging]]:
    """Yield every article with its tags, in order, one batch in memory at a time.

    Tags, prices and sentences of a longer text come from its first 300,000 characters; the log tells.
    """
    docs = ((_doc(nlp, article), article) for article in articles)
    for doc, article in nlp.pipe(docs, as_tuples=True, batch_size=_BATCH):
        yield article, doc._.tagging


def tag_article(nlp: Language, title: str, text: str, language: str | None = None) -> Tagging:
    """Return the tags of one text."""
    article = ArticleText(id=0, title=title, text=text, language=language, source_id="")
    return next(tagging for _, tagging in tag_articles(nlp, [article]))


def _doc(nlp: Language, article: ArticleText) -> Doc:
    title, text = _head(article.title, _MOST_OF_TITLE), _head(article.text, _MOST_OF_TEXT)
    if len(title) < len(article.title) or len(text) < len(article.text):
        log.info(
            "tagged in part  article=%s source=%s characters=%d of=%d",
            article.id, article.source_id, len(title) + len(text), len(article.title) + len(article.text),
        )  # fmt: skip
    raw = join(title, text)
    doc = Doc(nlp.vocab, words=[raw], spaces=[False]) if _has_endless_word(raw) else nlp.make_doc(raw)
    prepare(doc, raw, title_length=len(title), scope=_scope(article.language, raw), spans=False)
    return doc


def _head(text: str, most: int) -> str:
    """Return `text`, or what it begins with if it is longer than `most` characters, cut at a space if there is one."""
    if len(text) <= most:
        return text
    cut = max(text.rfind(space, most - _CUT_REACH, most) for space in " \n")
    return text[: cut if cut > 0 else most]


def _has_endless_word(raw: str) -> bool:
    """Return whether a run without space would stall spaCy's tokenizer, which is quadratic in it.

    50,000 dollar signs take it minutes. No component of ours needs tokens, so such a text becomes a single one.
    """
    chunks = (raw[i : i + _ENDLESS // 2] for i in range(0, len(raw) - _ENDLESS // 2, _ENDLESS // 2))
    return any(" " not in chunk for chunk in chunks) and max(map(len, raw.split()), default=0) >= _ENDLESS


def _scope(language: str | None, raw: str) -> TagScope:
    """Return "names" for a text that is said to be in another language than English (BCP 47), or seems to be."""
    english = language.lower().replace("_", "-").split("-")[0] == "en" if language else looks_english(raw)
    return "full" if english else "names"
