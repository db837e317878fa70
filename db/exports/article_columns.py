"""The columns that the tables of articles share."""

from __future__ import annotations

from db.exports.table import Column

__all__ = [
    "ARTICLE_ID",
    "DATED_AT",
    "ENTITY_ID",
    "ENTITY_LABEL",
    "ENTITY_TYPE",
    "EXCERPT",
    "OWNED",
    "PUBLISHER",
    "SOURCE_ID",
    "STORY_ID",
    "TITLE",
    "URL",
]

DATED_AT = Column(
    "dated_at", "text", "ISO time, UTC",
    "Date of the article that counts: the publisher's, or when it was first seen where that is absent or absurd.",
)  # fmt: skip
ARTICLE_ID = Column("article_id", "integer", "", "The article: made from its URL, the same in every database.")
URL = Column("url", "text", "URL", "Normalized address of the article: its identity.")
TITLE = Column("title", "text", "", "Title of the article as published.", null="published without")
SOURCE_ID = Column("source_id", "text", "", "Feed or page that brought the article, as in sources.toml.")
PUBLISHER = Column("publisher", "text", "", "Family of sources that speak with one voice.")
OWNED = Column("owned", "boolean", "0 or 1", "1: the source is a vendor's own voice.")
STORY_ID = Column(
    "story_id", "integer", "",
    "article_id of the earliest article of the same story: articles with one story_id are near-identical copies.",
)  # fmt: skip

ENTITY_ID = Column("entity_id", "text", "", "Stable id of the entity.")
ENTITY_LABEL = Column("entity_label", "text", "", "Its name; may change.")
ENTITY_TYPE = Column("entity_type", "text", "", "company, accelerator, theme, model or regulation.")

# what is quoted of a sentence, and whether that is less than all of it
EXCERPT = (
    Column(
        "sentence", "text", "", "The sentence, as much of it as may be quoted of the source.",
        "at most excerpt_chars code points of the source in sources.toml, else of the settings",
        null="nothing may be quoted of the source",
    ),
    Column("excerpt_cut", "boolean", "0 or 1", "1: sentence is shorter than what stands in the article."),
)  # fmt: skip
