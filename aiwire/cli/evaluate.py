"""evaluate: how good the tags are, against labelled texts."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zlib import crc32

import click

from aiwire.cli.common import (
    Context,
    common_options,
    console,
    print_json,
    printable,
    read_json_lines,
    read_text,
    tagger_options,
    warn,
)
from aiwire.cli.filters import to_article
from aiwire.cli.tagging import tagger_config
from aiwire.exceptions import InputError
from aiwire.paths import package_file

if TYPE_CHECKING:
    from nlp.evaluate import Counts, Report
    from nlp.goldfile import Record

__all__ = ["evaluate"]

GROUP_FIGURES = ("companies", "companies_about", "accelerators", "themes", "themes_about", "prices_amount_unit")


@click.command()
@click.argument("gold", required=False, metavar="[GOLD.jsonl]")
@click.option(
    "--gold", "more_gold", multiple=True, metavar="FILE", help="Labelled texts (may be repeated); as the argument."
)
@click.option(
    "--texts",
    multiple=True,
    metavar="FILE",
    help="Where the texts are: JSON lines of id, title, text (may be repeated) [default: GOLD_texts.jsonl].",
)
@click.option("--tags", help="Score this output of `aiwire tag-text` instead of tagging the texts now.")
@click.option(
    "--floors", type=click.Path(path_type=Path), help="JSON of least figures; one that falls below is exit status 1."
)
@click.option("--entities", is_flag=True, help="Figures per entity, too.")
@click.option("--errors", is_flag=True, help="List every miss and every false tag.")
@click.option("--by", metavar="FIELD", help="F1 for each value of a field of the labels, such as publisher.")
@click.option(
    "--folds", type=click.IntRange(min=2), help="With --by: put the values into so many parts and show these."
)
@click.option(
    "--save-precision", type=click.Path(path_type=Path), help="Write the precision per entity: the CSV's tag_precision."
)
@click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON.")
@tagger_options
@common_options
def evaluate(
    context: Context,
    gold: str | None,
    more_gold: tuple[str, ...],
    texts: tuple[str, ...],
    tags: str | None,
    floors: Path | None,
    entities: bool,
    errors: bool,
    by: str | None,
    folds: int | None,
    save_precision: Path | None,
    as_json: bool,
) -> None:
    """Precision, recall and F1 per kind against a gold set; the bundled sample if none is given.

    Where the output is no terminal, --by gives a line for each value, tab-separated, after a line of names.

    \b
    Examples:
      aiwire evaluate
      aiwire evaluate --gold gold.jsonl --errors
      aiwire evaluate --gold gold.jsonl --texts gold_texts.jsonl --floors floors.json --by publisher --folds 5
    """
    from nlp.evaluate import check_floors
    from nlp.evaluate import evaluate as score
    from nlp.precision import precision_of

    if folds and not by:
        raise click.UsageError("--folds wants --by FIELD, whose values it puts together")
    golds = (*([gold] if gold else []), *more_gold) or (str(package_file("sample", "gold.jsonl")),)
    labels = _labels(golds)
    least = _read_floors(floors) if floors else {}
    outputs = list(_objects(tags)) if tags else _tagged(labels, _text_files(golds, texts), context)
    report = score(labels, outputs)
    groups = {name: score(part, outputs) for name, part in _groups(labels, by, folds).items()} if by else {}
    if save_precision:
        _write(save_precision, json.dumps(precision_of(report), indent=0) + "\n")
    if as_json:
        print_json(_as_json(report, groups, entities=entities, errors=errors))
    else:
        if errors:
            _print_errors(report)
        _print_table(report, entities=entities)
        _print_groups(groups, by)
    problems = check_floors(report, least)
    if report.missing:
        problems.append(
            f"{len(report.missing)} labelled documents have no text or output: {', '.join(report.missing[:3])} …"
        )
    for problem in problems:
        warn(problem)
    if problems:
        raise SystemExit(1)


def _labels(golds: tuple[str, ...]) -> list[Record]:
    from nlp.goldfile import read_gold

    labels: dict[str, Record] = {}
    for name in golds:
        of_file = list(read_gold(read_text(name).splitlines(), name))
        if not of_file:
            raise InputError(f"{name}: holds no labelled document")
        for label in of_file:
            if label["id"] in labels:
                raise InputError(f"{name}: document {label['id']!r} is labelled twice")
            labels[label["id"]] = label
    return list(labels.values())


def _text_files(golds: tuple[str, ...], given: tuple[str, ...]) -> list[str]:
    """Return the files that hold the texts: those given, and what stands beside each gold file."""
    beside = [name.replace(".jsonl", "_texts.jsonl") for name in golds]
    return [*given, *(name for name in beside if name not in given and (not given or Path(name).exists()))]


def _groups(labels: list[Record], by: str, folds: int | None) -> dict[str, list[Record]]:
    """Return the labelled documents by the value of a field, or by which of so many parts the value falls into.

    Raises:
        InputError: no label has the field.
    """
    fields = sorted({key for label in labels for key, value in label.items() if isinstance(value, str | int)} - {"id"})
    if by not in fields:
        there = f"they have {', '.join(fields)}" if fields else "they have none to tell them apart by"
        raise InputError(f"--by {by}: the labels have no such field; {there}")
    groups: dict[str, list[Record]] = {}
    for label in labels:
        value = str(label.get(by) or "-")
        name = f"part {crc32(value.encode()) % folds + 1}" if folds else value
        groups.setdefault(name, []).append(label)
    return dict(sorted(groups.items()))


def _objects(name: str) -> Iterator[dict[str, Any]]:
    for number, value in read_json_lines(name):
        if isinstance(value, InputError):
            raise value
        if "id" not in value:
            raise InputError(f'{name}:{number}: "id" is missing')
        yield value


def _tagged(labels: list[Record], files: list[str], context: Context) -> list[dict[str, Any]]:
    from nlp.goldfile import texts_of
    from nlp.jsonl import tag_record
    from nlp.pipeline import load_tagger, tag_articles

    tagger = load_tagger(tagger_config(context.settings))
    records = list(texts_of(labels, (text for name in files for text in _objects(name))))
    articles = (to_article(record, number, f"text {record['id']!r}") for number, record in enumerate(records))
    return [tag_record(records[text.id]["id"], tagging) for text, tagging in tag_articles(tagger, articles)]


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
        if kind == "companies":
            scores |= {"  listed": report.listed, "  unlisted": report.unlisted}
    scores |= {"prices_amount": report.prices_amount, "prices_amount_unit": report.prices_amount_unit}
    if entities:
        scores |= {f"  {entity}": counts for (_, entity), counts in report.per_entity.items()}
        scores |= {f"  {theme}": counts for theme, counts in report.per_theme.items()}
    return scores


def _as_json(report: Report, groups: dict[str, Report], *, entities: bool, errors: bool) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "documents": report.documents,
        "missing_documents": report.missing,
        "figures": report.figures(),
        "counts": {name.strip(): counts.as_dict() for name, counts in _scores(report, entities=entities).items()},
        "traps": {"n": report.traps, "tagged": report.traps_tagged},
    }
    if groups:
        shown["groups"] = {name: {"documents": r.documents, **r.figures()} for name, r in groups.items()}
    if errors:
        shown["errors"] = [error._asdict() for error in report.errors]
    return shown


def _print_errors(report: Report) -> None:
    for error in report.errors:
        click.echo("\t".join(printable(" ".join(cell.split())) for cell in error))


def _print_table(report: Report, *, entities: bool) -> None:
    from rich.table import Table

    from nlp.evaluate import MACRO_MIN

    table = Table("", "P", "R", "F1", "right", "wrong", "missed", title=f"{report.documents} documents")
    for name, counts in _scores(report, entities=entities).items():
        table.add_row(name, *_shares(counts), *(str(n) for n in (counts.tp, counts.fp, counts.fn)))
    out = console(stderr=False)
    out.print(table)
    macro = f"{report.themes_macro_f1:.3f}" if report.macro_themes else f"not measured (no theme has {MACRO_MIN} texts)"
    out.print(f"themes macro F1 {macro}; traps tagged {report.traps_tagged} of {report.traps}")
    out.print(f"right id where a company matches {report.right_id.get('companies', 1.0):.3f}")


def _shares(counts: Counts) -> tuple[str, str, str]:
    """Return precision, recall and F1 to show; nothing was tagged, or nothing is to be found: no share."""
    tagged, wanted = counts.tp + counts.fp, counts.tp + counts.fn
    return (
        f"{counts.precision:.3f}" if tagged else "–",
        f"{counts.recall:.3f}" if wanted else "–",
        f"{counts.f1:.3f}" if tagged and wanted else "–",
    )


def _print_groups(groups: dict[str, Report], by: str | None) -> None:
    if not groups:
        return
    from rich.table import Table

    header = (by or "", "documents", *GROUP_FIGURES)
    rows = [(printable(name), str(report.documents), *_group_figures(report)) for name, report in groups.items()]
    if not sys.stdout.isatty():  # in 80 columns no figure would be left whole
        for row in (header, *rows):
            click.echo("\t".join(row))
        return
    table = Table(*header, title="F1")
    for row in rows:
        table.add_row(*row)
    console(stderr=False).print(table)


def _group_figures(report: Report) -> list[str]:
    figures = report.figures()
    return [f"{figures[f'{name}_f1']:.3f}" for name in GROUP_FIGURES]
