"""The walls: import direction, lazy imports, no shadowing names, every command documented."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import click
import pytest

ROOT = Path(__file__).resolve().parents[1]
CODE = [path for package in ("aiwire", "ingest", "nlp", "db") for path in sorted((ROOT / package).rglob("*.py"))]


def _commands(group, path=("aiwire",)):
    for name, command in sorted(group.commands.items()):
        if isinstance(command, click.Group):
            yield from _commands(command, (*path, name))
        else:
            yield " ".join((*path, name)), command


def _all_commands():
    from aiwire.cli import cli

    return list(_commands(cli))


def test_the_layers_import_in_one_direction_only():
    pytest.importorskip("importlinter", reason="needs the lint dependency group")
    done = subprocess.run(
        [sys.executable, "-c", "from importlinter.cli import lint_imports_command as run; run()"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("module", "heavy"),
    [
        ("db.store", ("spacy", "httpx2", "feedparser", "trafilatura")),
        ("ingest.http.fetch", ("spacy", "sqlite_utils", "trafilatura")),
        ("ingest.feeds.parse", ("spacy", "sqlite_utils", "trafilatura", "httpx2")),
        ("nlp.evaluate", ("spacy", "sqlite_utils", "httpx2")),
        ("nlp.pipeline", ("sqlite_utils", "httpx2", "feedparser", "datasette")),
        ("aiwire.cli", ("spacy", "sqlite_utils", "httpx2", "feedparser", "trafilatura", "datasette", "rich")),
    ],
)
def test_a_layer_does_not_load_what_it_does_not_need(module, heavy):
    code = f"import sys, {module}; print(*[name for name in {heavy!r} if name in sys.modules])"

    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd="/").stdout

    assert loaded.split() == []


@pytest.mark.parametrize("path", CODE, ids=lambda p: str(p.relative_to(ROOT)))
def test_no_module_imports_a_generic_package_by_its_bare_name(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))

    bare = [
        a.name
        for node in ast.walk(tree)
        if isinstance(node, ast.Import)
        for a in node.names
        if a.name in ("nlp", "db", "ingest")
    ]

    assert bare == []


@pytest.mark.parametrize("path", CODE, ids=lambda p: str(p.relative_to(ROOT)))
def test_only_the_command_line_and_the_site_read_the_clock(path):
    if path.is_relative_to(ROOT / "aiwire" / "cli") or path == ROOT / "aiwire" / "web" / "site.py":
        return
    readings = re.findall(
        r"\b(?:datetime\.now|utcnow|date\.today|time\.time|time\.gmtime|time\.localtime)\(",
        path.read_text(encoding="utf-8"),
    )

    assert readings == []


def test_every_command_has_help_with_an_example():
    for name, command in _all_commands():
        assert command.help, name
        assert "Example" in command.help, name


def test_every_command_takes_db_and_config():
    for name, command in _all_commands():
        options = {option for parameter in command.params for option in parameter.opts}
        assert {"--db", "--config"} <= options, name


def test_every_command_is_in_the_readme_and_every_option_there_or_in_the_docs_that_it_names():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    told = readme + "".join(path.read_text(encoding="utf-8") for path in (ROOT / "docs").glob("*.md"))
    common = {"--db", "--config", "--now", "--verbose", "--output"}  # told once, or shown as -o
    for name, command in _all_commands():
        assert name in readme, name
        for parameter in command.params:
            for option in parameter.opts:
                if option.startswith("--") and option not in common:
                    assert option in told, f"{name} {option}"


def test_every_command_that_the_readme_shows_exists():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    known = {tuple(name.split()[1:]) for name, _ in _all_commands()}
    for words in re.findall(r"^ {4}(?:\.venv/bin/)?aiwire ((?:[a-z-]+ ?){1,2})", readme, flags=re.MULTILINE):
        parts = tuple(words.split())
        assert any(parts[: len(command)] == command for command in known), words


def test_every_canned_query_is_in_the_readme():
    from db.queries import QUERIES

    readme = (ROOT / "README.md").read_text(encoding="utf-8")

    assert [query.name for query in QUERIES if f"`/news/{query.name}`" not in readme] == []


def test_every_plausibility_rule_is_in_the_readme():
    from db.reference.rules import RULES

    readme = (ROOT / "README.md").read_text(encoding="utf-8")

    assert [rule.name for rule in RULES if f"`{rule.name}`" not in readme] == []


def test_no_document_holds_a_placeholder():
    for path in (*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")):
        assert "@@" not in path.read_text(encoding="utf-8"), path.name
