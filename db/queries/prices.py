"""Prices: those that articles quote, and those of the reference tables."""

from __future__ import annotations

from db.queries.canned import LIMIT, CannedQuery

__all__ = [
    "API_PRICE_TABLE",
    "BY_MONTH_SQL",
    "CLOUD_PRICE_TABLE",
    "HARDWARE_PRICE_TABLE",
    "PRICES_QUOTED",
    "PRICE_HISTORY",
    "PRICE_MONTHS",
]

PRICES_QUOTED = CannedQuery(
    "prices_quoted",
    "Prices that articles quote",
    "The newest 100 prices in their own currency, with the sentence. product: the model or company whose price it"
    " is, where no accelerator is named; implausible: 1 outside what the reference tables make likely, 0 inside,"
    " empty if they say nothing.",
    f"""
WITH picked AS (
    SELECT * FROM (
        SELECT article_id, position, dated_at FROM prices WHERE :accelerator = ''
        ORDER BY dated_at DESC, article_id LIMIT {LIMIT}
    )
    UNION ALL
    SELECT * FROM (
        SELECT article_id, position, dated_at FROM prices WHERE accelerator = :accelerator
        ORDER BY dated_at DESC, article_id LIMIT {LIMIT}
    )
)
SELECT prices.dated_at, articles.date_source, prices.accelerator, prices.product, prices.amount, prices.amount_max,
    prices.currency, prices.unit, prices.qualifier, prices.implausible, prices.sentence, articles.title,
    articles.url, articles.published_at, articles.id
FROM picked
CROSS JOIN prices ON prices.article_id = picked.article_id AND prices.position = picked.position
JOIN articles ON articles.id = prices.article_id
ORDER BY picked.dated_at DESC, picked.article_id, picked.position
""",
    {"accelerator": ""},
    {"accelerator": "family id such as nvidia-h100; empty for all"},
)

CLOUD_PRICE_TABLE = CannedQuery(
    "cloud_price_table",
    "Cloud prices of an accelerator",
    "Offers that hold, in US dollars per GPU and hour, cheapest first, those without an on-demand price last."
    " price_date: as the source dates the price; read_on: when the source was read. Offers that have ended and prices"
    " that were overtaken are in price_history.",
    """
SELECT accelerator, memory_gb, provider, region, instance_type, gpu_count, ondemand_usd_per_gpu_hour,
    spot_usd_per_gpu_hour, reserved_1y_usd_per_gpu_hour, reserved_3y_usd_per_gpu_hour, price_date, as_of AS read_on,
    source, note, accelerator_id
FROM cloud_prices_now
WHERE :accelerator_id = '' OR accelerator_id = :accelerator_id OR family_id = :accelerator_id
ORDER BY ondemand_usd_per_gpu_hour IS NULL, ondemand_usd_per_gpu_hour, provider, region, instance_type, id
""",
    {"accelerator_id": "nvidia-h100"},
    {"accelerator_id": "id of a part or of a family, such as nvidia-h100; empty for all"},
)

HARDWARE_PRICE_TABLE = CannedQuery(
    "hardware_price_table",
    "Hardware prices of an accelerator",
    "What cards, boards, servers and systems cost, newest first, in US dollars for the item and per accelerator in it."
    " kind: launch, list, street, system or estimate. why_not: why a price is shown but never used.",
    """
SELECT price_date, accelerator_families.name AS family, hardware_prices.kind, item, gpu_count, usd, usd_low, usd_high,
    round(coalesce(usd, (usd_low + usd_high) / 2) / gpu_count, 2) AS usd_per_accelerator, implausible AS why_not,
    hardware_prices.source, hardware_prices.note, hardware_prices.as_of AS read_on, family_id, accelerator_id
FROM hardware_prices JOIN accelerator_families ON accelerator_families.id = family_id
WHERE :accelerator = '' OR family_id = :accelerator
ORDER BY price_date DESC, family_id, hardware_prices.kind, item, hardware_prices.id
""",
    {"accelerator": "nvidia-h100"},
    {"accelerator": "family id such as nvidia-h100; empty for all"},
)

API_PRICE_TABLE = CannedQuery(
    "api_price_table",
    "Prices of models by the token",
    "US dollars per 1M tokens, cheapest output first. price_date: from when the price held, or on which day it was"
    " seen; superseded_at: when another took its place, empty: it holds.",
    """
SELECT provider, model, input_usd_per_mtok, cached_input_usd_per_mtok, output_usd_per_mtok, price_date, superseded_at,
    source, note, as_of AS read_on, entity_id
FROM api_prices
WHERE implausible IS NULL AND (
    :model = '' OR entity_id = :model OR instr(lower(provider || '/' || model), lower(:model)) > 0
)
ORDER BY superseded_at IS NOT NULL, output_usd_per_mtok IS NULL, output_usd_per_mtok, provider, model, price_date DESC
""",
    {"model": "gpt-5"},
    {"model": "part of a model's or provider's name, or a family such as gpt; empty for all"},
)

PRICE_HISTORY = CannedQuery(
    "price_history_of",
    "Price history of an accelerator: three voices",
    "The newest 300 prices of an accelerator (aiwire export price-history has all): voice reference (what hardware was"
    " sold for, per accelerator; systems whole), cloud (what an hour costs, for each offer and as long as it held),"
    " press (what articles quote). is_dated 0: the source does not date it, price_date is when it was read."
    " is_plausible 0: shown with the reason in why_not, never used.",
    """
SELECT price_date, held_until, is_dated, voice, kind, unit, usd, usd_low, usd_high, amount, amount_max, currency,
    provider, region, item, accelerator_id, superseded_at, is_plausible, why_not, sentence, source,
    as_of AS read_on, note
FROM price_history
WHERE family_id = :accelerator AND (:unit = '' OR unit = :unit)
ORDER BY price_date DESC, voice, kind, usd, source
LIMIT 300
""",
    {"accelerator": "nvidia-h100", "unit": ""},
    {"accelerator": "family id such as nvidia-h100", "unit": "gpu-hour, card, system, server …; empty for all"},
)

# what voices say month by month, of a CTE `told`: voice, usd, month, last (until when it held), is_dated
BY_MONTH_SQL = """, held AS (
    SELECT voice, usd, month, last, is_dated FROM told
    UNION ALL
    SELECT voice, usd, substr(date(month || '-01', '+1 month'), 1, 7), last, is_dated FROM held WHERE month < last
), ranked AS (
    SELECT month, voice, usd, is_dated, row_number() OVER (PARTITION BY month, voice ORDER BY usd) AS place,
        count(*) OVER (PARTITION BY month, voice) AS prices
    FROM held WHERE usd IS NOT NULL
)
SELECT month, voice, prices, min(usd) AS lowest_usd,
    avg(usd) FILTER (WHERE place IN ((prices + 1) / 2, (prices + 2) / 2)) AS median_usd, max(usd) AS highest_usd,
    sum(NOT is_dated) AS undated
FROM ranked GROUP BY month, voice ORDER BY month DESC, voice
"""

PRICE_MONTHS = CannedQuery(
    "price_months",
    "Prices of an accelerator by month: three voices side by side",
    "Per month and voice how many prices there are, the lowest, the median and the highest, in US dollars, with"
    " implausible ones left out. A cloud price counts in each month in which it is known to have held, others in the"
    " month of their date; a range by its middle; what is dated to a year only is not in it. undated: how many of"
    " them were read in that month and are not dated by their source, so that they may be older.",
    f"""
WITH RECURSIVE told AS (
    SELECT voice, iif(usd_low IS NULL, usd, (usd_low + usd_high) / 2) AS usd, substr(price_date, 1, 7) AS month,
        substr(held_until, 1, 7) AS last, is_dated
    FROM price_history
    WHERE family_id = :accelerator AND unit = coalesce(nullif(:unit, ''), 'gpu-hour') AND is_plausible
        AND length(price_date) >= 7
        AND CASE WHEN kind = 'spot' THEN 'spot' WHEN kind LIKE 'reserved%' THEN 'reserved' ELSE 'on-demand' END
            = coalesce(nullif(:terms, ''), 'on-demand')
){BY_MONTH_SQL}""",
    {"accelerator": "nvidia-h100", "unit": "gpu-hour", "terms": "on-demand"},
    {
        "accelerator": "family id such as nvidia-h100",
        "unit": "gpu-hour, card, system or server; empty for gpu-hour",
        "terms": "on-demand (all that is neither spot nor reserved), spot or reserved; empty for on-demand",
    },
)
