"""Build the tagger and stream articles through it.

`load` is for spaCy users: `nlp = load(); doc = nlp(text)`; what stands on the `Doc` is told in `nlp.components`.
`tag_articles` is what aiwire itself uses: the same components, but no tokens, which none of them needs.

Names are found in every language, the rest in English and Chinese. Of a text the first 300,000 characters are tagged:
no news is longer, and what is (a book, a log, text made to stall the tagger) must not hold a run. Hostile texts took
four seconds a million characters at worst.
"""

from __future__ import annotations

import atexit
import gc
import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spacy.lang.en import English
from spacy.language import Language
from spacy.tokens import Doc

from aiwire.types import ArticleText, Tagging
from nlp import TAGGER_VERSION
from nlp.components import prepare
from nlp.discovery import taxonomy_version
from nlp.gazetteer import load_lexicon
from nlp.language import tag_scope
from nlp.text import join, without_surrogates

__all__ = ["TaggerConfig", "load", "load_tagger", "make_doc", "tag_article", "tag_articles", "versions"]

log = logging.getLogger(__name__)

_WITH_DATA = ("aiwire_names", "aiwire_unlisted", "aiwire_themes")
_ORDER = ("aiwire_sentences", "aiwire_names", "aiwire_unlisted", "aiwire_prices", "aiwire_themes")
_BATCH = 16  # documents in memory at a time
_LONGEST = 200_000_000  # characters: no text is refused, spaCy's limit is for parsers that need far more memory
_MOST_OF_TEXT = 300_000  # characters that are tagged: six times the longest article that we have seen, half a book
_MOST_OF_TITLE = 2000  # ... seven times the longest headline
_CUT_REACH = 1000  # characters in which a space is looked for, so that no word is cut


class _Tagger(English):  # type: ignore[no-untyped-call]  # spaCy's __init_subclass__ has no types
    """English whose documents know their raw text: spaCy would join it anew from the tokens, a tenth of our time."""

    def make_doc(self, text: str) -> Doc:
        text = without_surrogates(text)
        doc = super().make_doc(text)
        prepare(doc, text, scope=tag_scope(None, text))
        return doc


@dataclass(frozen=True, slots=True)
class TaggerConfig:
    """What the tagger knows."""

    data: Path | None = None  # a folder with one's own gazetteer and lexicon; None: the shipped one
    gazetteer: tuple[Path, ...] = ()  # the user's files over it, in order
    spacy_model: str = ""  # name or folder of an installed spaCy model that proposes names; empty: none

    def __post_init__(self) -> None:
        """Make the paths absolute: a pipeline that is saved must find its files from any folder."""
        object.__setattr__(self, "data", None if self.data is None else self.data.absolute())
        object.__setattr__(self, "gazetteer", tuple(path.absolute() for path in self.gazetteer))


_SHIPPED = TaggerConfig()


def load(
    data: Path | str | None = None, *, gazetteer: Path | str | Iterable[Path | str] = (), spacy_model: str = ""
) -> Language:
    """Return the tagger as a spaCy pipeline.

    Args:
        data: a folder with one's own gazetteer and lexicon in place of the shipped one.
        gazetteer: a file of names and theme terms over it, or several, in order; saved with the pipeline are their
            absolute paths, not what they hold.
        spacy_model: an installed spaCy model (name or folder) whose organisations become `doc._.candidates`.

    Raises:
        ConfigError: the data files or the model cannot be used.
    """
    folder = None if data is None else Path(data)
    files = (gazetteer,) if isinstance(gazetteer, Path | str) else gazetteer
    return load_tagger(TaggerConfig(folder, tuple(map(Path, files)), spacy_model))


def load_tagger(config: TaggerConfig = _SHIPPED) -> Language:
    """Return the tagging pipeline.

    Raises:
        ConfigError: the data files or the model cannot be used.
    """
    nlp = _Tagger()
    nlp.max_length = _LONGEST
    data: dict[str, Any] = {"gazetteer": [str(path) for path in config.gazetteer]}
    if config.data is not None:
        data["data"] = str(config.data)
    for name in _ORDER:
        nlp.add_pipe(name, config=data if name in _WITH_DATA else {})
    if config.spacy_model:
        nlp.add_pipe("aiwire_discovery", config={"model": config.spacy_model}, after="aiwire_unlisted")
    nlp.add_pipe("aiwire_salience", config=data | {"spacy_model": config.spacy_model})
    gc.freeze()  # a hundred thousand objects that live as long as the process: no collection need walk them
    atexit.register(gc.unfreeze)  # or DuckDB, frozen with them, complains of leaks when the process ends
    return nlp


def versions(config: TaggerConfig = _SHIPPED) -> tuple[str, str]:
    """Return the tagger's version and that of its data, as `Tagging` carries them."""
    return TAGGER_VERSION, taxonomy_version(load_lexicon(config.data, config.gazetteer), config.spacy_model)


def make_doc(nlp: Language, title: str, text: str, language: str | None = None) -> Doc:
    """Return the document of an article for `nlp(doc)` or `nlp.pipe(docs)`; `language` is a BCP 47 tag, if known."""
    raw = without_surrogates(join(title, text))
    doc = nlp.make_doc(raw)
    prepare(doc, raw, title_length=len(title), scope=tag_scope(language, raw))
    return doc


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
    raw = without_surrogates(join(title, text))
    doc = Doc(nlp.vocab)
    prepare(doc, raw, title_length=len(title), scope=tag_scope(article.language, raw))
    return doc


def _head(text: str, most: int) -> str:
    """Return `text`, or what it begins with if it is longer than `most` characters, cut at a space if there is one."""
    if len(text) <= most:
        return text
    cut = max(text.rfind(space, most - _CUT_REACH, most) for space in " \n")
    return text[: cut if cut > 0 else most]
