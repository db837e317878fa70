"""The typical article, furniture and log-in prompt and all, is tagged with exactly what it speaks of."""

import json
from pathlib import Path

from aiwire.types import ArticleText
from ingest.pages.extract import extract_page
from nlp.pipeline import load_tagger, tag_articles

DATA = Path(__file__).parent / "data"
KINDS = {
    "companies": "company",
    "accelerators": "accelerator",
    "themes": "theme",
    "regulations": "regulation",
    "models": "model",
}


def test_an_ai_reorganisation_is_tagged_with_exactly_its_companies_accelerators_and_themes():
    expected = json.loads((DATA / "reorganisation.expected.json").read_text(encoding="utf-8"))
    page = extract_page((DATA / "reorganisation.html").read_bytes(), url="https://wire.example/reorganisation")

    article = ArticleText(1, page.title or "", page.text, page.language, "wire")
    [(_, tagging)] = tag_articles(load_tagger(), [article])

    found = {name: sorted(t.id for t in tagging.tags if t.kind == kind) for name, kind in KINDS.items()}
    assert found == {name: sorted(expected[name]) for name in KINDS}
