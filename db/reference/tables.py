"""The tables of the reference: what each column means and accepts, and which row takes the place of which.

Two are identities (`accelerator_families`, `accelerators`), the others observations: what a source said on a day.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from db.reference.cells import (
    Reader,
    Value,
    count,
    country,
    day,
    moment,
    one_of,
    real,
    real_or_zero,
    slug,
    text,
    text_up_to,
    whole,
    year,
)

__all__ = [
    "FACTS",
    "FACT_UNITS",
    "IDENTITIES",
    "KEYS",
    "OBSERVATIONS",
    "PROVENANCE",
    "REFERENCES",
    "SHIPPED",
    "TABLES",
    "VALUES",
    "Column",
    "Key",
    "Row",
    "Value",
    "key_of",
    "observations_of",
]

Row = dict[str, Value]
Key = tuple[Value, ...]

SHIPPED = "shipped"  # origin of the rows of our own files


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a file."""

    read: Reader
    meaning: str  # with its unit
    example: str = ""
    required: bool = False
    empty: Value = field(default=None)  # what an empty cell means


def _needed(read: Reader, meaning: str, example: str) -> Column:
    return Column(read, meaning, example, required=True)


def _hour(meaning: str, example: str = "") -> Column:
    return Column(real, f"US dollars for one accelerator and hour, {meaning}", example)


_ACCELERATOR = Column(slug, "id of the part, as in `aiwire reference show FAMILY`", "nvidia-h100-sxm5-80gb")
_FAMILY = _needed(slug, "id of the family, as tags name it", "nvidia-h100")
_ENTITY = Column(slug, "family of models as tags name it", "gpt")
_PRICE_DATE = Column(moment, "day, month or year of the price, as its source dates it; empty: not dated", "2026-10-01")
_COUNTRY = _needed(country, "ISO 3166-1 alpha-2 code", "DE")
_YEAR = _needed(year, "year that the value is of", "2025")

PROVENANCE: Mapping[str, Column] = {
    "source": _needed(text_up_to(300), "where it can be read up: address or citation", "https://example.org/prices"),
    "note": Column(text, "what a reader should know besides"),
    "as_of": _needed(day, "day on which the source was read", "2026-11-23"),
    "superseded_at": Column(moment, "day on which another value or none took its place; empty: it holds"),
    "implausible": Column(text, "why it is shown, but never used; empty: nothing speaks against it"),
}

# what is known of a part, one by one: the unit of each and how its value is read
FACT_UNITS: Mapping[str, str | None] = {
    "status": None, "architecture": None, "release_date": None, "memory_gb": "GB", "memory_type": None,
    "bandwidth_gbs": "GB/s", "fp16_bf16_dense_tflops": "TFLOPS", "fp8_dense_tflops": "TFLOPS",
    "fp4_dense_tflops": "TFLOPS", "int8_dense_tops": "TOPS", "tdp_w": "W", "tdp_term": None, "interconnect": None,
    "form_factor": None, "launch_price_usd": "USD",
}  # fmt: skip
# released: listed with a date that is past; available: a price list of this year offers it
FACTS: Mapping[str, Reader] = {fact: real if unit else text for fact, unit in FACT_UNITS.items()} | {
    "status": one_of("announced", "released", "available", "discontinued", "cancelled"),
    "release_date": moment,
}

# table -> the columns of its file; the tables in the order in which they refer to each other
TABLES: Mapping[str, Mapping[str, Column]] = {
    "accelerator_families": {
        "id": _needed(slug, "as tags name it", "nvidia-h100"),
        "vendor": _needed(text, "who sells it", "NVIDIA"),
        "kind": _needed(one_of("product", "series", "architecture", "system"), "what the name covers", "product"),
        "name": _needed(text, "as the press writes it", "NVIDIA H100"),
        "source": _needed(text_up_to(300), "where vendor, kind and name come from", ""),
        "note": Column(text, "what a reader should know besides"),
        "as_of": _needed(day, "day on which the source was read", "2026-11-23"),
    },
    "accelerators": {
        "id": _needed(slug, "of the part", "nvidia-h100-sxm5-80gb"),
        "family_id": _FAMILY,
        "vendor": _needed(text, "who sells it", "NVIDIA"),
        "name": _needed(text, "in full", "NVIDIA H100 SXM5 80GB"),
        "variant": Column(text, "what tells it from others of its family", "SXM5 80GB"),
        "segment": _needed(
            one_of("datacenter", "workstation", "consumer", "cloud-only", "edge", "internal"),
            "where it is used", "datacenter",
        ),
        "quality_note": Column(text, "what its sources have wrong, and what was done about it"),
    },
    "accelerator_facts": {
        "accelerator_id": Column(slug, _ACCELERATOR.meaning, _ACCELERATOR.example, required=True),
        "fact": _needed(one_of(*FACTS), "what is told of the part", "memory_gb"),
        "value": _needed(text, "number without unit, date or word", "80"),
        "unit": Column(one_of(*sorted({unit for unit in FACT_UNITS.values() if unit})), "of a number", "GB"),
        "standing": _needed(
            one_of("used", "differs", "rejected"),
            "used, differs (another source's is used) or rejected (plainly wrong)", "used",
        ),
        **PROVENANCE,
    },
    "cloud_prices": {
        "provider": _needed(slug, "who rents it out", "aws"),
        "region": Column(text, "as the provider calls it", "us-east-1"),
        "instance_type": Column(text, "as the provider calls it", "p5.48xlarge"),
        "accelerator_id": Column(slug, _ACCELERATOR.meaning, _ACCELERATOR.example, required=True),
        "gpu_count": _needed(count, "accelerators in the instance", "8"),
        "ondemand_usd_per_gpu_hour": _hour("on demand", "4.10"),
        "spot_usd_per_gpu_hour": _hour("that may be interrupted; the lowest of the zones", "1.95"),
        "reserved_1y_usd_per_gpu_hour": _hour("bound for a year", "2.80"),
        "reserved_3y_usd_per_gpu_hour": _hour("bound for three years"),
        "price_date": _PRICE_DATE,
        **PROVENANCE,
    },
    "hardware_prices": {
        "family_id": _FAMILY,
        "accelerator_id": Column(
            slug, f"{_ACCELERATOR.meaning}; empty: only the family is known", _ACCELERATOR.example
        ),
        "kind": _needed(one_of("launch", "list", "street", "system", "estimate"), "what kind of price", "street"),
        "item": _needed(text, "what is sold: card, HGX board with 8 GPUs, a server's name", "card"),
        "gpu_count": _needed(count, "accelerators in the item", "1"),
        "usd": Column(real, "US dollars for the item; empty: only a range is said", "25000"),
        "usd_low": Column(real, "US dollars for the item, lower end"),
        "usd_high": Column(real, "US dollars for the item, upper end"),
        "price_date": _PRICE_DATE,
        **PROVENANCE,
    },
    "api_prices": {
        "provider": _needed(slug, "who answers the calls", "openai"),
        "model": _needed(text, "as the provider calls it", "gpt-5"),
        "entity_id": _ENTITY,
        "input_usd_per_mtok": Column(real, "US dollars per 1M tokens that are read", "1.25"),
        "cached_input_usd_per_mtok": Column(
            real, "US dollars per 1M tokens that are read from the provider's cache", "0.125"
        ),
        "output_usd_per_mtok": Column(real, "US dollars per 1M tokens that are written", "10"),
        "price_date": _PRICE_DATE,
        **PROVENANCE,
    },
    "electricity_prices": {
        "country": _COUNTRY,
        "year": _YEAR,
        "sector": _needed(text, "who pays it", "industrial"),
        "usd_per_kwh": _needed(real, "US dollars per kWh", "0.17"),
        **PROVENANCE,
    },
    "grid_carbon": {
        "country": _COUNTRY,
        "year": _YEAR,
        "g_co2e_per_kwh": _needed(real_or_zero, "grams of CO2 equivalent per kWh", "330"),
        **PROVENANCE,
    },
    "tco_defaults": {
        "name": _needed(text, "of the input, as in scenario files", "pue"),
        "applies_to": Column(slug, "family id; empty: all", "nvidia-h100", empty=""),
        "low": Column(real_or_zero, "lower end of what is likely", "1.1"),
        "mid": _needed(real_or_zero, "what is calculated with", "1.25"),
        "high": Column(real_or_zero, "upper end of what is likely", "1.5"),
        "unit": _needed(text, "of the three", "ratio"),
        "trust": _needed(
            one_of("good", "fair", "weak", "choice"), "how far to trust it; choice: ours, not measured", "fair"
        ),
        **PROVENANCE,
    },
    "model_shapes": {
        "name": _needed(slug, "as `aiwire fit --model` takes it", "llama-3.1-70b"),
        "entity_id": _ENTITY,
        "params_b": _needed(real, "parameters, in billions, all experts counted", "70.6"),
        "active_params_b": Column(real, "parameters at work for a token, in billions; empty: all, or not said"),
        "layers": _needed(count, "layers", "80"),
        "kv_heads": Column(count, "heads of the cache; empty where kv_lora_rank is set", "8"),
        "head_dim": Column(count, "of a key; need not be hidden size / heads", "128"),
        "kv_lora_rank": Column(count, "compressed cache (multi-head latent attention): numbers per layer and token"),
        "rope_head_dim": Column(count, "what such a cache keeps beside"),
        "window": Column(count, "tokens that a layer with a sliding window sees; empty: none has one"),
        "full_layers": Column(whole, "layers without a window, where others have one"),
        "state_layers": Column(whole, "layers whose cache does not grow with the context"),
        "max_context": Column(count, "tokens", "131072"),
        **PROVENANCE,
    },
}  # fmt: skip

# catalogues know prices that are paid by the hour; reserved ones come from elsewhere and have days of their own
_HOURLY = ("ondemand_usd_per_gpu_hour", "spot_usd_per_gpu_hour")
_RESERVED = ("reserved_1y_usd_per_gpu_hour", "reserved_3y_usd_per_gpu_hour")

IDENTITIES = ("accelerator_families", "accelerators")
OBSERVATIONS = tuple(table for table in TABLES if table not in IDENTITIES)

# table -> columns that say what a row is about: of one key at most one row holds; what belongs to it besides: key_of
KEYS: Mapping[str, tuple[str, ...]] = {
    "accelerator_facts": ("accelerator_id", "fact"),  # of what is not used also source, standing, value
    "cloud_prices": ("provider", "region", "instance_type", "accelerator_id", "gpu_count"),  # and whether reserved
    "hardware_prices": ("family_id", "accelerator_id", "kind", "item", "gpu_count", "price_date", "source"),
    "api_prices": ("provider", "model"),
    "electricity_prices": ("country", "sector", "year"),
    "grid_carbon": ("country", "year"),
    "tco_defaults": ("name", "applies_to"),
    "model_shapes": ("name",),
}
# table -> columns that say something new if they differ
VALUES: Mapping[str, tuple[str, ...]] = {
    table: tuple(c for c in TABLES[table] if c not in KEYS[table] and c not in PROVENANCE) for table in OBSERVATIONS
}
# table -> (column, table whose ids it names)
REFERENCES: Mapping[str, tuple[tuple[str, str], ...]] = {
    "accelerators": (("family_id", "accelerator_families"),),
    "accelerator_facts": (("accelerator_id", "accelerators"),),
    "cloud_prices": (("accelerator_id", "accelerators"),),
    "hardware_prices": (("family_id", "accelerator_families"), ("accelerator_id", "accelerators")),
    "tco_defaults": (("applies_to", "accelerator_families"),),
}


def key_of(table: str, row: Mapping[str, Value]) -> Key:
    """Return what a row of an observation table is about."""
    key = tuple(row.get(column) for column in KEYS[table])
    if table == "accelerator_facts" and row.get("standing") != "used":  # many sources may say many things
        key += tuple(row.get(column) for column in ("source", "standing", "value"))
    if table == "cloud_prices" and _has(row, _RESERVED) and not _has(row, _HOURLY):
        key += ("reserved",)
    return key


def observations_of(table: str, row: Mapping[str, Value]) -> list[Row]:
    """Return what a row of a file says, in pieces that hold each on its own.

    The reserved prices of an offer are apart from the others: who knows the others alone says nothing of them.
    """
    if table == "cloud_prices" and _has(row, _RESERVED) and _has(row, _HOURLY):
        return [dict(row) | dict.fromkeys(_RESERVED), dict(row) | dict.fromkeys(_HOURLY)]
    return [dict(row)]


def _has(row: Mapping[str, Value], columns: tuple[str, ...]) -> bool:
    return any(row.get(column) is not None for column in columns)
