"""Text -> tags: a spaCy pipeline whose gazetteer, lexicon and rules are data files."""

TAGGER_VERSION = "3"
"""Version of the tagging code: raised when the same data files would give other tags."""
