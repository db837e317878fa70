"""Prices: those that articles quote, and those of the reference tables."""

from __future__ import annotations

from db.queries.canned import LIMIT, CannedQuery

__all__ = ["CLOUD_PRICE_TABLE", "PRICES_QUOTED"]

PRICES_QUOTED = CannedQuery(
    "prices_quoted",
    "Prices that articles quote",
    "The newest 100 prices in their own currency, with the sentence. product: the model or company whose price it"
    " is, where no accelerator is named; implausible: 1 outside what the reference tables make likely, 0 inside,"
    " empty if they say nothing. accelerator: family id such as nvidia-h100; empty for all.",
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
)

CLOUD_PRICE_TABLE = CannedQuery(
    "cloud_price_table",
    "Cloud prices of an accelerator",
    "Offers in US dollars per GPU and hour, cheapest first, those without an on-demand price last. price_date: as"
    " the source dates the price; read_on: when the source was read. accelerator_id: a part or a family such as"
    " nvidia-h100; empty for all.",
    """
SELECT accelerators.name AS accelerator, accelerators.memory_gb, cloud_prices.provider, cloud_prices.region,
    cloud_prices.instance_type, cloud_prices.gpu_count, cloud_prices.ondemand_usd_per_gpu_hour,
    cloud_prices.spot_usd_per_gpu_hour, cloud_prices.price_date, cloud_prices.as_of AS read_on,
    'https://github.com/' || source_repo || '/blob/' || source_commit || '/' || source_path AS source,
    cloud_prices.note, cloud_prices.accelerator_id
FROM cloud_prices JOIN accelerators ON accelerators.id = cloud_prices.accelerator_id
WHERE :accelerator_id = '' OR accelerators.id = :accelerator_id OR accelerators.family_id = :accelerator_id
ORDER BY cloud_prices.ondemand_usd_per_gpu_hour IS NULL, cloud_prices.ondemand_usd_per_gpu_hour, cloud_prices.id
""",
    {"accelerator_id": "nvidia-h100"},
)
