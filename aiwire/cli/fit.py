"""fit: can this model be served on this accelerator."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from aiwire.cli.common import Context, common_options, console, print_json, printable, read_text
from aiwire.cli.database import reference_database
from aiwire.exceptions import ConfigError, InputError
from aiwire.tco.memory import BITS, HEADROOM, MOST_ACCELERATORS, OVERHEAD_GB, OVERHEAD_SHARE, Serving
from aiwire.tco.shapes import precision_of, shape_from_config

if TYPE_CHECKING:
    from aiwire.pipeline.fitting import KnownShape, PartFit

__all__ = ["fit"]

FOOTNOTES = 12  # parts; of more, `reference show` and --json tell the sources
_PRECISIONS = click.Choice(list(BITS))
# status of a part -> its mark, and what that means
_MARKS = {
    "announced": ("*", "announced: not to be had yet, its figures may change"),
    "discontinued": ("†", "discontinued: no longer made"),
    "cancelled": ("‡", "cancelled: never to be had"),
}


@click.command()
@click.option("--model", help="A model of the reference, for example llama-3.1-70b.")
@click.option("--model-config", metavar="FILE", help="Its config.json instead, as Hugging Face has it; - is stdin.")
@click.option("--params", type=float, help="Its parameters in billions, where the config.json does not tell.")
@click.option("--precision", type=_PRECISIONS, help="Of the weights  [default: that of the config.json, else bf16].")
@click.option("--kv-precision", type=_PRECISIONS, default="bf16", show_default=True, help="Of the cache.")
@click.option("--context", "tokens", type=int, default=8192, show_default=True, help="Tokens, prompt and answer.")
@click.option("--sequences", type=int, default=1, show_default=True, help="Served at the same time.")
@click.option("--accelerator", help="A part or a family, as in `reference show`  [default: all with known memory].")
@click.option("--count", type=int, help="How many share the model  [default: the least number that suffices].")
@click.option("--memory", type=float, help="GB of one accelerator, instead of what the reference has.")
@click.option("--full-cache", is_flag=True, help="The engine keeps what has left a sliding window.")
@click.option(
    "--overhead-share", type=float, default=OVERHEAD_SHARE, show_default=True, help="Of the weights, for all the rest."
)
@click.option("--overhead-gb", type=float, default=OVERHEAD_GB, show_default=True, help="At least so much on each.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@common_options
def fit(
    context: Context,
    model: str | None,
    model_config: str | None,
    params: float | None,
    precision: str | None,
    kv_precision: str,
    tokens: int,
    sequences: int,
    accelerator: str | None,
    count: int | None,
    memory: float | None,
    full_cache: bool,
    overhead_share: float,
    overhead_gb: float,
    as_json: bool,
) -> None:
    """Say whether a model can be served on an accelerator, and on how many.

    Weights, cache and overhead of each accelerator against its memory. Without --accelerator: the least number of
    every part whose memory is known. Of a family each part is shown. Works without a database. For serving only:
    training and fine-tuning need more.

    \b
    Examples:
      aiwire fit --model llama-3.1-70b --precision fp8 --context 32768 --sequences 16 --accelerator nvidia-h100
      aiwire fit --model deepseek-v3 --precision fp8 --accelerator nvidia-h200 --count 8 --json
      aiwire fit --model-config config.json --params 70.6 --accelerator amd-mi300x
    """
    from aiwire.pipeline.fitting import fit_parts, known_shape, memory_of_parts

    _check_choice(model, model_config, params, accelerator, memory)
    config = _read_config(model_config) if model_config is not None else None
    serving = Serving(
        precision=precision or (precision_of(config, name=str(model_config)) if config is not None else None) or "bf16",
        context=tokens,
        sequences=sequences,
        kv_precision=kv_precision,
        windows=not full_cache,
        overhead_share=overhead_share,
        overhead_gb=overhead_gb,
    )
    with reference_database(context) as (db, _):
        known = known_shape(db, model) if model is not None else _own_shape(config or {}, str(model_config), params)
        memories = memory_of_parts(db, accelerator) if memory is None else [_own_part(accelerator, memory)]
    found = fit_parts(known.shape, serving, memories, accelerators=count)
    if accelerator is not None and all(one.fit is None for one in found):
        raise ConfigError(f"--accelerator {accelerator}: no source says its memory; give it with --memory, in GB")
    if as_json:
        print_json(_as_json(known, serving, found))
    else:
        _print(known, serving, found)


def _check_choice(
    model: str | None, model_config: str | None, params: float | None, accelerator: str | None, memory: float | None
) -> None:
    """Refuse options that do not go together."""
    if (model is None) == (model_config is None):
        raise ConfigError("give the model: either --model NAME or --model-config FILE")
    if params is not None and model_config is None:
        raise ConfigError("--params goes with --model-config; the reference has those of its own models")
    if params is not None and not 0 < params < 1e6:
        raise ConfigError(f"--params must be a number of billions above 0, not {params}")
    if memory is not None and accelerator is None:
        raise ConfigError("--memory goes with --accelerator: say whose memory it is; any name will do")


def _read_config(name: str) -> dict[str, Any]:
    """Return a config.json.

    Raises:
        InputError: it cannot be read or is no JSON object.
    """
    try:
        config = json.loads(read_text(name))
    except (ValueError, RecursionError) as e:
        raise InputError(f"{name}: is no JSON: {e}") from e
    if not isinstance(config, dict):
        raise InputError(f"{name}: is no JSON object; the config.json of a Hugging Face repository is expected")
    return config


def _own_shape(config: dict[str, Any], name: str, params: float | None) -> KnownShape:
    from aiwire.pipeline.fitting import KnownShape

    shape = shape_from_config(config, name=name, params_b=params)
    return KnownShape(shape, name, note=None if params is not None else "parameters counted from its matrices")


def _own_part(accelerator: str | None, memory: float) -> Any:
    from aiwire.pipeline.fitting import PartMemory

    name = str(accelerator)
    return PartMemory(name, name, name, "", "", memory, "--memory", None, None, ())


def _as_json(known: KnownShape, serving: Serving, found: list[PartFit]) -> dict[str, Any]:
    remarks = next((one.fit.remarks for one in found if one.fit), ())
    return {
        "model": asdict(known.shape) | {"source": known.source, "as_of": known.as_of, "note": known.note},
        "serving": asdict(serving),
        "headroom": HEADROOM,
        "remarks": list(remarks),
        "parts": [_part_as_json(one) for one in found],
    }


def _part_as_json(one: PartFit) -> dict[str, Any]:
    part = asdict(one.part) | {"conflicts": list(one.part.conflicts)}
    if one.fit is None:
        return part | {"verdict": None}
    told = asdict(one.fit)
    told.pop("remarks")
    told["need"]["total_gb"] = one.fit.need.total_gb
    return part | told


def _print(known: KnownShape, serving: Serving, found: list[PartFit]) -> None:
    from rich.table import Table

    out = console(stderr=False)
    shape = known.shape
    out.print(
        f"{printable(shape.name)}: {shape.params_b:g} billion parameters in {serving.precision}, {serving.sequences} x "
        f"{serving.context:,} tokens, cache in {serving.kv_precision}",
        soft_wrap=True,
    )
    table = Table("part", box=None, padding=(0, 1, 0, 0))
    for head in ("count", "need", "memory", "fits", "tokens", "sequences", "least"):
        table.add_column(head, justify="left" if head == "fits" else "right", no_wrap=True)
    for one in found:
        table.add_row(*_cells(one))
    out.print(table)
    for line in _footnotes(known, found):
        out.print(line, soft_wrap=True)


def _cells(one: PartFit) -> list[str]:
    if one.fit is None:
        return [_marked(one), "", "", "", "unknown", "", "", ""]
    fit = one.fit
    least = str(fit.least_accelerators or "none")
    return [
        _marked(one), str(fit.accelerators), f"{fit.need.total_gb:,.1f}", f"{fit.memory_gb:,.1f}",
        fit.verdict, _short(fit.largest_context), _short(fit.largest_sequences), least,
    ]  # fmt: skip


def _marked(one: PartFit) -> str:
    """Return the name of a part, marked if it cannot be had."""
    mark, _ = _MARKS.get(one.part.status, ("", ""))
    return printable(one.part.id) + mark


def _short(number: int) -> str:
    return f"{number:,}" if number < 1_000_000 else f"{number / 1e6:.1f}M"


def _needs(found: list[PartFit]) -> list[str]:
    """Return what the need is made of, for each count that occurs."""
    by_count = {one.fit.accelerators: one.fit.need for one in found if one.fit}
    return [
        f"need on each of {count}: weights {need.weights_gb:,.1f} + cache {need.cache_gb + need.state_gb:,.1f}"
        f" + overhead {need.overhead_gb:,.1f} = {need.total_gb:,.1f} GB"
        for count, need in sorted(by_count.items())
    ]


def _footnotes(known: KnownShape, found: list[PartFit]) -> list[str]:
    """Return where the figures come from, and what they mean."""
    read = f", read {known.as_of}" if known.as_of else ""
    lines = [*_needs(found)] if len(found) <= FOOTNOTES else []
    lines.append(f"model: {known.source}{read}" + (f" ({known.note})" if known.note else ""))
    if len(found) <= FOOTNOTES:
        lines += [f"memory of {one.part.id}: {_memory_source(one)}" for one in found]
    statuses = {one.part.status for one in found}
    lines += [f"{mark} {meaning}" for status, (mark, meaning) in _MARKS.items() if status in statuses]
    lines += next((list(one.fit.remarks) for one in found if one.fit), [])
    lines.append(
        f"Need and memory are GB of each accelerator. Tight: into the last {HEADROOM:.0%}, which engines leave alone; "
        f"the most tokens, the most sequences and the least number that suffices (none: not {MOST_ACCELERATORS:,} do) "
        "stay clear of it. Engines that deal out heads evenly want a count that divides them: rather 8 than 6."
    )
    return [printable(line) for line in lines]


def _memory_source(one: PartFit) -> str:
    part = one.part
    read = f", read {part.as_of}" if part.as_of else ""
    others = f"; others say {', '.join(part.conflicts)}" if part.conflicts else ""
    return f"{part.source or 'no source says it'}{read}{others}" + (f" ({part.note})" if part.note else "")
