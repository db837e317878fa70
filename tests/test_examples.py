"""The scripts in examples/ do what they say."""

import json
import subprocess
import sys
from pathlib import Path

EXAMPLES = Path(__file__).parents[1] / "examples"


def test_an_article_is_drawn_with_its_names(tmp_path):
    article = {"title": "Nvidia & <script>alert(1)</script>", "text": "AMD ships the MI300X under the GDPR."}
    (tmp_path / "a.jsonl").write_text(json.dumps(article) + "\n")
    command = [sys.executable, EXAMPLES / "displacy_article.py", tmp_path / "a.jsonl", "-o", tmp_path / "a.html"]

    out = subprocess.run(command, check=True, capture_output=True, text=True, cwd=tmp_path).stdout

    page = (tmp_path / "a.html").read_text(encoding="utf-8")
    assert "ACCELERATOR  amd-mi300x               MI300X" in out
    assert "MI300X" in page
    assert "REGULATION" in page
    assert "<script" not in page
