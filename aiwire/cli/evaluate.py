"""evaluate: how good the tags are, against labelled texts."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from aiwire.cli.common import Context, common_options, console, print_json, read_json_lines, read_text, warn
from aiwire.cli.filters import to_article
from aiwire.exceptions import InputError
from aiwire.paths import package_file

if TYPE_CHECKING:
    from nlp.evaluate import Counts, Report

__all__ = ["evaluate"]


@click.command()
@click.argument("gold", required=False, metavar="[GOLD.jsonl]")
@click.option("--texts", help="The labelled texts, JSON lines of id, title, text [default: GOLD_texts.jsonl].")
@click.option("--tags", help="Score this output of `aiwire tag-text` instead of tagging the texts now.")
@click.option(
    "--floors", type=click.Path(path_type=Path), help="JSON of least figures; one that falls below is exit status 1."
)
@click.option("--entities", is_flag=True, help="Figures per entity, too.")
@click.option(
    "--save-precision", type=click.Path(path_type=Path), help="Write the precision per entity: the CSV's tag_precision."
)
@click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON.")
@common_options
def evaluate(
    context: Context,
    gold: str | None,
    texts: str | None,
    tags: str | None,
    floors: Path | None,
    entities: bool,
    save_precision: Path | None,
    as_json: bool,
) -> None:
    """Precision, recall and F1 per kind against a gold set; the bundled sample if none is given.

    \b
    Examples:
      aiwire evaluate
      aiwire evaluate gold.jsonl --texts gold_texts.jsonl --floors floors.json
    """
    from nlp import evaluate as scoring
    from nlp.precision import precision_of

    gold = gold or str(package_file("sample", "gold.jsonl"))
    labels = list(scoring.read_gold(read_text(gold).splitlines(), gold))
    if not labels:
        raise InputError(f"{gold}: holds no labelled document")
    least = _read_floors(floors) if floors else {}
    outputs = list(_objects(tags)) if tags else _tagged(texts or gold.replace(".jsonl", "_texts.jsonl"))
    report = scoring.evaluate(labels, outputs)
    if save_precision:
        _write(save_precision, json.dumps(precision_of(report), indent=0) + "\n")
    if as_json:
        print_json(_as_json(report, entities=entities))
    else:
        _print_table(report, entities=entities)
    problems = scoring.check_floors(report, least)
    if report.missing:
        problems.append(
            f"{len(report.missing)} labelled documents have no text or output: {', '.join(report.missing[:3])} …"
        )
    for problem in problems:
        warn(problem)
    if problems:
        raise SystemExit(1)


def _objects(name: str) -> Iterator[dict[str, Any]]:
    for number, value in read_json_lines(name):
        if isinstance(value, InputError):
            raise value
        if "id" not in value:
            raise InputError(f'{name}:{number}: "id" is missing')
        yield value


def _tagged(texts: str) -> list[dict[str, Any]]:
    from nlp.jsonl import tag_record
    from nlp.pipeline import load_tagger, tag_articles

    records = list(_objects(texts))
    articles = (to_article(record, number, f"{texts}, text {number + 1}") for number, record in enumerate(records))
    return [tag_record(records[text.id]["id"], tagging) for text, tagging in tag_articles(load_tagger(), articles)]


def _read_floors(path: Path) -> dict[str, float]:
    try:
        return {name: float(value) for name, value in json.loads(path.read_bytes()).items()}
    except (OSError, ValueError, TypeError, AttributeError, RecursionError) as e:
        raise InputError(f"{path}: an object of figures and least values is wanted: {e}") from e


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as e:
        raise InputError(f"{path}: cannot be written: {e.strerror}") from e


def _scores(report: Report, *, entities: bool) -> dict[str, Counts]:
    """Return the counts by the name under which they are shown."""
    scores: dict[str, Counts] = {}
    for kind, counts in report.presence.items():
        scores |= {kind: counts, f"{kind}_about": report.about[kind]}
    scores |= {"prices_amount": report.prices_amount, "prices_amount_unit": report.prices_amount_unit}
    if entities:
        scores |= {f"  {entity}": counts for (_, entity), counts in report.per_entity.items()}
        scores |= {f"  {theme}": counts for theme, counts in report.per_theme.items()}
    return scores


def _as_json(report: Report, *, entities: bool) -> dict[str, Any]:
    return {
        "documents": report.documents,
        "missing_documents": report.missing,
        "figures": report.figures(),
        "counts": {name.strip(): counts.as_dict() for name, counts in _scores(report, entities=entities).items()},
        "traps": {"n": report.traps, "tagged": report.traps_tagged},
    }


def _print_table(report: Report, *, entities: bool) -> None:
    from rich.table import Table

    from nlp.evaluate import MACRO_MIN

    table = Table("", "P", "R", "F1", "right", "wrong", "missed", title=f"{report.documents} documents")
    for name, counts in _scores(report, entities=entities).items():
        shares = (f"{x:.3f}" for x in (counts.precision, counts.recall, counts.f1))
        table.add_row(name, *shares, *(str(n) for n in (counts.tp, counts.fp, counts.fn)))
    out = console(stderr=False)
    out.print(table)
    macro = f"{report.themes_macro_f1:.3f}" if report.macro_themes else f"not measured (no theme has {MACRO_MIN} texts)"
    out.print(f"themes macro F1 {macro}; traps tagged {report.traps_tagged} of {report.traps}")
