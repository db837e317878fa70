"""The reference beside prices: what parts are, on what sources differ, energy, defaults, what a refresh changed."""

from __future__ import annotations

from db.queries.canned import LIMIT, CannedQuery

__all__ = [
    "ACCELERATOR_CONFLICTS",
    "ACCELERATOR_FACTS",
    "ACCELERATOR_SHEETS",
    "ENERGY",
    "REFERENCE_CHANGES",
    "TCO_INPUTS",
]

ACCELERATOR_SHEETS = CannedQuery(
    "accelerators_with_memory",
    "Accelerators by memory",
    "Parts with at least so much memory, most bandwidth first, with the cheapest hour and how many facts are disputed.",
    """
SELECT name, vendor, status, release_date, memory_gb, memory_type, bandwidth_gbs, fp16_bf16_dense_tflops,
    fp8_dense_tflops, tdp_w, launch_price_usd, cheapest_ondemand_usd_per_gpu_hour, providers, facts_disputed,
    last_in_the_news, id, family_id
FROM accelerator_sheet
WHERE (:memory_gb = '' OR memory_gb >= CAST(:memory_gb AS REAL)) AND (:vendor = '' OR lower(vendor) = lower(:vendor))
ORDER BY bandwidth_gbs IS NULL, bandwidth_gbs DESC, name
""",
    {"memory_gb": "80", "vendor": ""},
    {"memory_gb": "GB at least, such as 80; empty for all", "vendor": "such as NVIDIA; empty for all"},
)

ACCELERATOR_FACTS = CannedQuery(
    "facts_of_accelerator",
    "Facts of an accelerator, each with its sources",
    "Every figure with the source that it is from. standing: used; differs, where another source says something else;"
    " rejected, where it is plainly wrong, with the reason in note.",
    """
SELECT accelerators.name, fact, value, unit, standing, source, accelerator_facts.note,
    accelerator_facts.as_of AS read_on, superseded_at, implausible AS why_not, accelerator_id
FROM accelerators JOIN accelerator_facts ON accelerator_facts.accelerator_id = accelerators.id
WHERE accelerators.id = :accelerator_id OR accelerators.family_id = :accelerator_id
ORDER BY accelerators.name, fact, superseded_at IS NOT NULL, standing DESC, source
""",
    {"accelerator_id": "nvidia-b200"},
    {"accelerator_id": "id of a part or of a family, such as nvidia-h100"},
)

ACCELERATOR_CONFLICTS = CannedQuery(
    "disputed_facts",
    "Facts on which sources differ",
    "The value in use beside what another source says; why_not: what speaks against that.",
    """
SELECT accelerators.name, other.fact, used.value AS used, used.source AS used_from, other.value AS other,
    other.source AS other_from, other.standing, other.note, other.unit, other.implausible AS why_not,
    accelerators.id AS accelerator_id
FROM accelerator_facts AS other
JOIN accelerators ON accelerators.id = other.accelerator_id
LEFT JOIN accelerator_facts AS used ON used.accelerator_id = other.accelerator_id AND used.fact = other.fact
    AND used.standing = 'used' AND used.superseded_at IS NULL AND used.implausible IS NULL
WHERE other.standing <> 'used' AND other.superseded_at IS NULL
    AND (:vendor = '' OR lower(accelerators.vendor) = lower(:vendor))
ORDER BY accelerators.name, other.fact, other.source
""",
    {"vendor": "NVIDIA"},
    {"vendor": "such as NVIDIA; empty for all"},
)

ENERGY = CannedQuery(
    "energy",
    "Electricity and carbon by country",
    "What a kilowatt-hour costs industry, where a source is known, and how much CO2 equivalent it stands for.",
    """
WITH said AS (
    SELECT country, year, sector, usd_per_kwh, NULL AS g_co2e_per_kwh, source, note, as_of FROM electricity_prices
    WHERE superseded_at IS NULL AND implausible IS NULL
    UNION ALL
    SELECT country, year, NULL, NULL, g_co2e_per_kwh, source, note, as_of FROM grid_carbon
    WHERE superseded_at IS NULL AND implausible IS NULL
)
SELECT country, year, sector, usd_per_kwh, g_co2e_per_kwh, source, note, as_of AS read_on
FROM said WHERE :country = '' OR country = upper(:country)
ORDER BY country, usd_per_kwh IS NULL, year DESC, sector
""",
    {"country": "US"},
    {"country": "two letters such as US; empty for all"},
)

TCO_INPUTS = CannedQuery(
    "cost_defaults",
    "What a cost comparison assumes",
    "The value that `aiwire tco` takes where nobody says otherwise, with its range, its source and how far to trust it"
    " (good, fair, weak; choice: ours, neither measured nor sourced).",
    """
SELECT name, nullif(applies_to, '') AS applies_to, low, mid, high, unit, trust, source, note, as_of AS read_on
FROM tco_defaults
WHERE superseded_at IS NULL AND implausible IS NULL AND (:input = '' OR name = :input)
ORDER BY name, applies_to
""",
    {"input": ""},
    {"input": "such as pue; empty for all"},
)

REFERENCE_CHANGES = CannedQuery(
    "reference_changes",
    "What changed in the cloud prices",
    f"The newest {LIMIT} prices of the cloud that were overtaken or ended, with what took their place (empty: the offer"
    " is gone).",
    f"""
SELECT old.superseded_at, old.provider, old.region, old.instance_type, old.gpu_count, old.accelerator_id,
    old.ondemand_usd_per_gpu_hour AS ondemand_before, new.ondemand_usd_per_gpu_hour AS ondemand_now,
    old.spot_usd_per_gpu_hour AS spot_before, new.spot_usd_per_gpu_hour AS spot_now, old.as_of AS before_read_on,
    new.as_of AS now_read_on, old.source AS source_before, new.source AS source_now
FROM cloud_prices AS old
LEFT JOIN cloud_prices AS new ON new.provider = old.provider AND new.accelerator_id = old.accelerator_id
    AND new.region IS old.region AND new.instance_type IS old.instance_type AND new.gpu_count = old.gpu_count
    AND new.superseded_at IS NULL AND new.implausible IS NULL
WHERE old.superseded_at IS NOT NULL AND (:provider = '' OR old.provider = :provider)
ORDER BY old.superseded_at DESC, old.provider, old.instance_type, old.region, old.id
LIMIT {LIMIT}
""",
    {"provider": ""},
    {"provider": "such as aws; empty for all"},
)
