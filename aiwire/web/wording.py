"""What providers, options and inputs of a cost comparison are called on pages: one place for all of them. Pure."""

from __future__ import annotations

import re

from aiwire.pipeline.costs.report import Wording, number, share, usd
from aiwire.tco.inputs import INPUTS

__all__ = [
    "LABELS",
    "PAGE",
    "input_label",
    "on_page",
    "option_name",
    "provider_name",
    "row_name",
    "value_text",
    "with_unit",
]

# as providers write themselves; others are written with a capital letter
_PROVIDERS = {
    "aws": "AWS", "azure": "Azure", "cr8dl": "CR8DL", "cudo": "CUDO Compute", "gcp": "Google Cloud",
    "jarvislabs": "Jarvislabs", "novonimbus": "NovoNimbus", "oci": "Oracle Cloud", "runpod": "RunPod",
    "vast": "Vast.ai", "coreweave": "CoreWeave", "digitalocean": "DigitalOcean", "openai": "OpenAI",
    "x-ai": "xAI", "zai": "Z.ai", "together": "Together AI", "fireworks": "Fireworks AI", "deepseek": "DeepSeek",
}  # fmt: skip
_WAYS = {"spot": "spot", "reserved-1y": "reserved for 1 year", "reserved-3y": "reserved for 3 years"}

LABELS = {
    "accelerators": "How many", "utilisation": "Utilisation", "horizon_months": "Time",
    "hours_per_month": "Hours of a month", "tokens_per_second": "Throughput",
    "output_share": "Share of output tokens", "accelerator_usd": "Price of one accelerator",
    "server_factor": "Server by its accelerators", "system_usd": "Price of all servers",
    "network_share": "Share of the network", "storage_usd": "Storage, bought", "spares_share": "Spares",
    "residual_share": "Resale value", "financed_share": "Share paid by a loan", "interest_rate": "Interest",
    "loan_months": "Months of the loan", "tdp_w": "Power of one accelerator",
    "chip_to_server": "Power of a server by its accelerators", "load_fraction": "Power while working",
    "idle_fraction": "Power while idle", "pue": "PUE", "usd_per_kwh": "Electricity price",
    "colo_usd_per_kw_month": "Rent of a room", "colo_covers_power": "Rent of the room holds electricity",
    "maintenance_share": "Maintenance", "staff_usd_per_accelerator_year": "Staff",
    "licence_usd_per_accelerator_year": "Software licences", "other_usd_per_month": "Other costs",
    "rate_usd_per_gpu_hour": "Price of a GPU-hour", "paid_idle_share": "Idle hours that are paid",
    "rework_share": "Work done again (spot)", "storage_gb": "Storage, rented",
    "storage_usd_per_gb_month": "Price of rented storage", "egress_gb_per_month": "Egress",
    "egress_usd_per_gb": "Price of egress", "managed_share": "Managed services",
    "input_usd_per_mtok": "Price of input tokens", "cached_input_usd_per_mtok": "Price of cached input tokens",
    "output_usd_per_mtok": "Price of output tokens", "cached_share": "Share of cached input",
}  # fmt: skip

# option of `aiwire tco` -> label of the field
_FIELDS = {
    "accelerator": "Accelerator", "part": "Part", "count": "How many", "compare": "Compare", "country": "Country",
    "region": "Region", "utilisation": "Utilisation", "years": "Years", "tariff": LABELS["usd_per_kwh"],
    "tokens-per-second": LABELS["tokens_per_second"], "output-share": LABELS["output_share"],
}  # fmt: skip
_OWN = "Inputs of one option"  # the field `set`
_LEFT_OUT = (  # ways that a page has not
    r"; `aiwire tco --inputs` lists (?:names|them)", r", or as \w+ under \S+ in a scenario file",
    r" `aiwire reference show ID` tells what is known of one", r",? or import (?:it|some) with `aiwire reference[^`]*`",
    r", as in --\w+ [\w:,/.-]+",
)  # fmt: skip
_LEFT_OUT_PATTERN = re.compile("|".join(_LEFT_OUT))
_SET = re.compile(r"--set (?P<key>[\w./:-]+)=VALUE")
_FLAG = re.compile(rf"--(?P<name>{'|'.join(_FIELDS)})\b(?: (?:VALUE|ID|CODE|USD_PER_KWH)\b)?")
_NAMES = "|".join(sorted(INPUTS, key=len, reverse=True))
_INPUT = re.compile(
    rf"\b(?:input (?P<key>(?:[\w:/.-]+\.)?(?:{_NAMES}))|(?<![.'“])(?P<name>(?=\w+_)(?:{_NAMES})))\b(?! VALUE|=)"
)
_FIELD = re.compile(r"^(?P<name>count|years|utilisation|country) is ")
_OPTION = re.compile(r"^(?P<option>[\w.:/-]+): (?=its |\d+ months)")


def provider_name(provider: str) -> str:
    """Return how a provider is written: aws is AWS."""
    return _PROVIDERS.get(provider) or provider[:1].upper() + provider[1:]


def option_name(option: str) -> str:
    """Return what an option is called within a sentence: buying, renting from AWS, spot."""
    if option == "buy":
        return "buying"
    before, _, after = option.partition(":")
    if before == "api":
        provider, slash, model = after.partition("/")
        return f"calling {model} of {provider_name(provider)}" if slash else f"calling {after}"
    return f"renting from {provider_name(before)}" + (f" ({_WAYS.get(after, after)})" if after else "")


def row_name(option: str) -> str:
    """Return what an option is called at the head of a row: Buying, AWS (spot)."""
    name = option_name(option)
    return "Buying" if name == "buying" else name.removeprefix("renting from ").removeprefix("calling ")


def input_label(key: str) -> str:
    """Return what an input is called, with whose it is where it is of one option alone."""
    option, _, name = key.rpartition(".")
    label = LABELS.get(name, name)
    return f"{label}, {row_name(option)}" if option else label


def value_text(name: str, value: float) -> str:
    """Return a value of an input as it is written: $4,688, 33.8%, 1.25."""
    unit = INPUTS[name.rpartition(".")[2]].unit
    if unit.startswith("USD"):
        return usd(value) if abs(value) >= 1 or not value else f"${value:.3g}"
    if unit.startswith(("share", "per year")):
        return share(value, digits=0 if round(value * 1000) % 10 == 0 else 1)
    return f"{value:.4g}" if abs(value) < 1000 else number(round(value, 1))


def with_unit(name: str) -> str:
    """Return the unit that stands beside a value of an input; empty where the value has it already."""
    unit = INPUTS[name.rpartition(".")[2]].unit
    if unit.startswith("USD"):
        return unit.removeprefix("USD").replace("/", "a ", 1) if "/" in unit else ""
    return unit.removeprefix("share ") if unit.startswith("share") else "" if unit == "0 or 1" else unit


def on_page(sentence: str) -> str:
    """Return a sentence that was written for the command line in the words of the form."""
    told = _LEFT_OUT_PATTERN.sub("", sentence)
    told = told.replace("leave buying out with --no-buy", "untick “Buy them”")
    told = _SET.sub(lambda found: _set_words(found["key"]), told)
    told = _FLAG.sub(lambda found: f"“{_FIELDS[found['name']]}”", told)
    told = told.replace("--set", f"“{_OWN}”")
    told = _INPUT.sub(lambda found: f"“{input_label(found['key'] or found['name'])}”", told)
    told = _FIELD.sub(lambda found: f"“{_FIELDS[found['name']]}” is ", told)
    return _OPTION.sub(lambda found: f"{_capital(option_name(found['option']))}: ", told)


def _set_words(key: str) -> str:
    return f"“{_OWN}” as {key}=VALUE" if "." in key else f"“{LABELS.get(key, key)}”"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


PAGE = Wording(
    option_name, lambda key: input_label(key)[:1].lower() + input_label(key)[1:],
    lambda key, value: f"{input_label(key)[:1].lower()}{input_label(key)[1:]} {value_text(key, value)}", is_brief=True,
)  # fmt: skip
