"""The page `tco`: buying, renting and calling an API compared, with a form, and an address that carries all of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlite_utils import Database

from aiwire.exceptions import ConfigError
from aiwire.pipeline.costs.costing import cost
from aiwire.tco.scenario import Scenario, dump
from aiwire.web.pages import Ask
from aiwire.web.pages.tco_form import Form, form_of
from aiwire.web.pages.tco_result import Result, result_of
from aiwire.web.scenarios import EXAMPLE, FIELDS, NOTHING, address_of, command_of, fitted, scenario_of
from aiwire.web.wording import LABELS, on_page, option_name

__all__ = ["Again", "TcoPage", "load"]

PRESS_MONTHS = 12  # as `aiwire tco` has it
QUOTES = 150  # of each input: a page does not weigh thousands
BEFORE = "of"  # field of the form: the family whose parts and offers it showed
_OF_ONE = ("accelerator_usd", "system_usd", "tdp_w", "tokens_per_second")  # figures of one accelerator, not of others


@dataclass(frozen=True, slots=True)
class Again:
    """The ways to the same comparison."""

    link: str  # absolute
    toml: str
    command: str
    csv: str
    json: str


@dataclass(frozen=True, slots=True)
class TcoPage:
    """The form with the result; or with what is wrong about what was asked."""

    form: Form
    error: str | None
    changed: tuple[str, ...]  # sentences on what another accelerator does to what was typed
    result: Result | None
    again: Again | None
    is_example: bool  # nothing was asked for: the example is shown


def load(db: Database, ask: Ask) -> TcoPage:
    """Return the comparison that an address asks for, or in words why there is none."""
    given: Mapping[str, Sequence[str]] = {
        name: values for name, values in ask.args.items() if name in FIELDS and any(v.strip() for v in values)
    }
    scenario, costing, error = None, None, None
    changed: tuple[str, ...] = ()
    try:
        given, changed = _fitted(db, ask, given)
        scenario = scenario_of(db, given, today=ask.now.date())
        costing = cost(db, scenario, now=ask.now, press_months=PRESS_MONTHS, newest_quotes=QUOTES)
    except ConfigError as e:
        error = on_page(str(e))
    used = {one.name: one for one in costing.inputs if one.given_by != "user"} if costing else {}
    typed = {name: values[0].strip() for name, values in given.items()}
    accelerator = typed.get("accelerator") or typed.get("part") or EXAMPLE["accelerator"]
    form = form_of(
        db, typed, _ticked(given, scenario), used, accelerator=accelerator, today=ask.now.date(),
        part=costing.part.id if costing else None,
    )  # fmt: skip
    again = _again(ask, scenario) if scenario and costing else None
    result = result_of(costing, quotes=QUOTES) if costing else None
    return TcoPage(form, error, changed, result, again, is_example=not given)


def _fitted(
    db: Database, ask: Ask, given: Mapping[str, Sequence[str]]
) -> tuple[Mapping[str, Sequence[str]], tuple[str, ...]]:  # fmt: skip
    """Return what was typed, less what does not fit another accelerator than the form was of; and what to say of it.

    Raises:
        ConfigError: there is no such accelerator.
    """
    before = next((value.strip() for value in ask.args.get(BEFORE, [])), "")
    if not before:
        return given, ()
    kept, left_out = fitted(db, given, before=before, today=ask.now.date())
    if kept == given and not left_out:
        return kept, ()
    said = []
    if left_out:
        said.append(f"Left out, as they are of {before} only: {', '.join(map(_gone, left_out))}.")
        if "compare" not in kept:
            said.append("Nothing to rent was left: providers near are compared instead.")
    if own := [LABELS[name] for name in _OF_ONE if name in kept]:
        said.append(f"Still as you typed them for {before}: {', '.join(own)}.")
    return kept, tuple(said)


def _gone(name: str) -> str:
    """Return a part as its id, an option as it is called."""
    return name if "-" in name and ":" not in name else option_name(name)


def _ticked(given: Mapping[str, Sequence[str]], scenario: Scenario | None) -> list[str]:
    """Return what is compared; of an address that asks for too much or for nonsense, what it says."""
    if scenario is not None:
        return list(scenario.compare)
    entries = (entry.strip() for value in given.get("compare", []) for entry in value.split(","))
    return [entry for entry in entries if entry and entry != NOTHING][:40]


def _again(ask: Ask, scenario: Scenario) -> Again:
    values = address_of(scenario)
    return Again(
        link=ask.links.absolute(ask.links.query("tco", **values)),
        toml=dump(scenario),
        command=command_of(scenario),
        csv=ask.links.query("tco", extension="csv", **values),
        json=ask.links.query("tco", extension="json", **values, _shape="array"),
    )
