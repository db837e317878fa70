"""Tag an article with spaCy and draw its names with displaCy: a page of its own, without scripts.

usage: python examples/displacy_article.py [ARTICLE.jsonl] [-o article.html]

ARTICLE.jsonl holds one JSON object with `title` and `text`; without it, the first brief of the bundled sample is drawn.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from spacy import displacy

from aiwire.paths import package_file
from nlp.pipeline import load, make_doc

COLOURS = {"COMPANY": "#bfe1d9", "ACCELERATOR": "#ffd8a8", "MODEL": "#d0bfff", "REGULATION": "#ffc9c9"}


def main() -> None:
    parser = argparse.ArgumentParser(description="Draw the names of an article.")
    parser.add_argument("article", nargs="?", type=Path, default=package_file("sample", "gold_texts.jsonl"))
    parser.add_argument("-o", "--output", type=Path, default=Path("article.html"))
    args = parser.parse_args()
    with args.article.open(encoding="utf-8") as lines:
        article = json.loads(next(lines))

    nlp = load()
    doc = nlp(make_doc(nlp, article.get("title", ""), article["text"]))

    page = displacy.render(doc, style="ent", page=True, jupyter=False, options={"colors": COLOURS})
    args.output.write_text(page, encoding="utf-8")
    rows = [(ent.label_, ent.kb_id_, ent.text) for ent in doc.ents]
    rows += [("THEME", tag.id, tag.evidence) for tag in doc._.tags if tag.kind == "theme"]
    sys.stdout.writelines(f"{label:12} {entity_id:24} {words}\n" for label, entity_id, words in rows)
    sys.stdout.write(f"drawn in {args.output}\n")


if __name__ == "__main__":
    main()
