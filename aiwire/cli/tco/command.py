"""tco: buy, rent or call an API."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from aiwire.cli.chart_file import forget_backend, kind_of, write_chart
from aiwire.cli.common import Context, common_options, console, print_json, read_text, warn
from aiwire.cli.database import reference_database
from aiwire.exceptions import ConfigError

if TYPE_CHECKING:
    from aiwire.charts.render import Format
    from aiwire.pipeline.costs.costing import Costing
    from aiwire.tco.scenario import Scenario

__all__ = ["scenario_of", "tco"]

PRESS_MONTHS = 12
DEFAULT_WIDTH, LEAST_PIXELS, MOST_PIXELS = 1280, 320, 8192
LEAST_HEIGHT = 480  # pixels: below it the texts leave no room for the lines
# options that are inputs by another name
_FLAGS = {"tariff": "usd_per_kwh", "tokens_per_second": "tokens_per_second", "output_share": "output_share"}
_SHORT = {"count": "accelerators", "years": "horizon_months", "utilisation": "utilisation"}


def _list_inputs(ctx: click.Context, param: click.Parameter, value: bool) -> None:
    """Print the name, unit and limits of every input and end."""
    if value:
        from aiwire.tco.inputs import INPUTS

        for spec in INPUTS.values():
            click.echo(f"{spec.name}  [{spec.scope}; {spec.unit}]\n    {spec.meaning} Accepted: {spec.accepts()}.")
        ctx.exit()


@click.command()
@click.option("--accelerator", metavar="ID", help="Family or part: nvidia-h100, nvidia-h100-sxm5-80gb.")
@click.option("--part", metavar="ID", help="Part of that family [default: the one that the providers rent].")
@click.option("--count", type=int, metavar="N", help="How many accelerators.")
@click.option(
    "--compare",
    multiple=True,
    metavar="LIST",
    help="What buying is compared with, by commas: aws, aws:spot, azure:reserved-1y, api:openai/gpt-5.",
)
@click.option("--no-buy", is_flag=True, help="Leave buying out.")
@click.option("--utilisation", type=float, metavar="SHARE", help="Part of all hours in which they work: 0.6.")
@click.option("--years", type=float, metavar="N", help="How long costs are counted.")
@click.option("--country", metavar="CODE", help="Whose tariff and grid: DE.")
@click.option("--region", metavar="NAME", help="Only offers of this region of a provider.")
@click.option("--tariff", type=float, metavar="USD", help="Of a kWh, instead of the country's.")
@click.option("--tokens-per-second", type=float, metavar="N", help="Of all accelerators together while they work.")
@click.option("--output-share", type=float, metavar="SHARE", help="Part of the tokens that the model writes.")
@click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="NAME=VALUE",
    help="Any input, or NAME=LOW:MID:HIGH; of one option: aws.managed_share=0.1. May be repeated.",
)
@click.option("--scenario", "file", metavar="FILE", help="A scenario (TOML); options go before what it says.")
@click.option(
    "--save-scenario", type=click.Path(path_type=Path, dir_okay=False), help="Write what is asked for as a scenario."
)
@click.option(
    "--press-months",
    type=click.IntRange(0, 120),
    default=PRESS_MONTHS,
    show_default=True,
    help="How far back articles are heard for and against the inputs; 0: not at all.",
)
@click.option("--json", "as_json", is_flag=True, help="Print all as one JSON object.")
@click.option("--csv", "as_csv", is_flag=True, help="Print all as CSV, a figure per row.")
@click.option(
    "--chart",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Draw what has been paid month after month; the suffix, .svg or .png, is the format.",
)
@click.option(
    "--width",
    type=click.IntRange(LEAST_PIXELS, MOST_PIXELS),
    default=DEFAULT_WIDTH,
    show_default=True,
    help="Of the chart, in pixels.",
)
@click.option(
    "--inputs", is_flag=True, is_eager=True, expose_value=False, callback=_list_inputs, help="List all inputs."
)
@common_options
def tco(
    context: Context, file: str | None, save_scenario: Path | None, press_months: int, as_json: bool, as_csv: bool,
    chart: Path | None, width: int, **flags: Any,
) -> None:  # fmt: skip
    """Compare the costs of buying accelerators, renting them and calling an API.

    Every input is printed with its value, range, source, date and how far it can be trusted: yours first, then the
    reference tables, then defaults. Articles in the database that quote a price of it support or contradict it.
    Without a database the shipped reference is taken, and no articles. docs/tco.md has the formulas.

    \b
    Examples:
      aiwire tco --accelerator nvidia-h100 --count 8 --compare aws,lambda --utilisation 0.6 --years 3 --country US
      aiwire tco --scenario ours.toml --set pue=1.2:1.3:1.4 --chart costs.svg
      aiwire tco --accelerator nvidia-h100 --count 8 --compare api:openai/gpt-5 --utilisation 0.6 --years 3 \\
        --country US --tokens-per-second 5000 --output-share 0.3 --json
    """
    if as_json and as_csv:
        raise click.UsageError("--json and --csv are two forms of the same: choose one")
    from aiwire.tco.scenario import Scenario, dump, read

    kind = kind_of(chart) if chart else None  # before the work, as all that can be refused
    scenario = scenario_of(read(read_text(file), name=file) if file else Scenario(), **flags)
    if chart:
        _check_lines(chart, scenario)
    if save_scenario and save_scenario.exists():
        raise ConfigError(f"--save-scenario {save_scenario}: is there already; name another file or remove it")
    with reference_database(context) as (db, has_articles):
        from aiwire.pipeline.costs.costing import cost

        costing = cost(db, scenario, now=context.now, press_months=press_months if has_articles else 0)
    if not has_articles:
        warn(f"there is no database {context.settings.db}: the shipped reference was taken, and no articles were asked")
    if save_scenario:
        from db.files import write_atomically

        write_atomically(save_scenario, lambda out: out.write(dump(scenario)))
    if chart and kind:
        _draw(costing, chart, kind, width)
    if as_json:
        from aiwire.cli.tco.rows import as_object

        print_json(as_object(costing))
    elif as_csv:
        from aiwire.cli.tco.rows import as_csv_text

        click.echo(as_csv_text(costing), nl=False)
    else:
        from aiwire.cli.tco.text import print_costing

        print_costing(console(stderr=False), costing)
    for key in costing.unused:
        warn(f"input {key} is given, but changes nothing for these options")


def scenario_of(
    scenario: Scenario, *, compare: Sequence[str], no_buy: bool, settings: Sequence[str], **flags: Any
) -> Scenario:
    """Return a scenario with what the command line says in place of what it says itself.

    Args:
        scenario: of the file; empty if there is none.
        compare: entries, each one or several by commas.
        no_buy: buying is left out; else it is compared, unless the file leaves it out.
        settings: texts NAME=VALUE or NAME=LOW:MID:HIGH.
        flags: the other options by name; None where one is not given.

    Raises:
        ConfigError: a setting is none, or of an input that there is not.
    """
    from aiwire.pipeline.costs.asking import country_of, figure_of, setting_of
    from aiwire.tco.scenario import asked

    names = tuple(dict.fromkeys(name.strip() for entry in compare for name in entry.split(",") if name.strip()))
    if names:
        names = names if "buy" in names else ("buy", *names)
    names = names or scenario.compare
    if no_buy:
        names = tuple(name for name in names if name != "buy")
    for name in names:
        asked(name)
    given = {name: value for name, value in flags.items() if value is not None}
    set_by_name = dict(setting_of(text) for text in settings)
    if twice := [name for name, full in (_SHORT | _FLAGS).items() if name in given and full in set_by_name]:
        flag = f"--{twice[0].replace('_', '-')}"
        raise ConfigError(f"{flag} and --set {(_SHORT | _FLAGS)[twice[0]]}=… are both given: leave one out")
    # what the file says of options that are not compared here goes with them
    figures = {key: figure for key, figure in scenario.figures.items() if key.rpartition(".")[0] in ("", *names)}
    for name, full in _SHORT.items():
        if name in given:
            figures.pop(full, None)
    figures |= {full: figure_of(full, str(given.pop(name))) for name, full in _FLAGS.items() if name in given}
    figures |= set_by_name
    if "country" in given:
        given["country"] = country_of(given["country"])
    given |= {name: None for name, full in _SHORT.items() if full in set_by_name}  # of the file: --set goes before it
    own = {name: option for name, option in scenario.options.items() if name in names}
    return replace(scenario, compare=names, figures=figures, options=own, **given)


def _check_lines(output: Path, scenario: Scenario) -> None:
    forget_backend()
    from aiwire.charts.data import MOST_LINES

    if (count := len(scenario.compare)) > MOST_LINES:
        raise ConfigError(
            f"--chart {output}: a chart shows up to {MOST_LINES} options, not {count}: compare fewer, or leave it out"
        )


def _draw(costing: Costing, output: Path, kind: Format, width: int) -> None:
    from aiwire.charts import Size
    from aiwire.charts.costs import cost_image
    from aiwire.cli.tco.chart import costs_of

    write_chart(output, cost_image(costs_of(costing), Size(width, max(LEAST_HEIGHT, width * 9 // 16)), kind))
