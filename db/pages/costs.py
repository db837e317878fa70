"""What can be chosen in a cost comparison: accelerators with prices, countries with tariffs, models with prices."""

from __future__ import annotations

from sqlite_utils import Database

from db.reference.figures import USABLE

__all__ = ["api_models", "countries", "priced_families"]

MODELS = 80  # to choose from: the newest


def priced_families(db: Database) -> list[tuple[str, str]]:
    """Return the families with parts and a price to buy or to rent one: id and name, by name."""
    return list(
        db.execute(
            f"""
            SELECT id, name FROM accelerator_families WHERE EXISTS (
                SELECT 1 FROM accelerators WHERE family_id = accelerator_families.id AND (
                    launch_price_usd IS NOT NULL OR EXISTS (
                        SELECT 1 FROM cloud_prices WHERE accelerator_id = accelerators.id AND {USABLE}
                    ) OR EXISTS (
                        SELECT 1 FROM hardware_prices WHERE hardware_prices.family_id = accelerator_families.id
                            AND {USABLE}
                    )
                )
            ) ORDER BY name
            """
        ).fetchall()
    )


def countries(db: Database) -> list[tuple[str, int, float]]:
    """Return the countries with a tariff: code, year and US dollars per kWh of the newest."""
    return list(
        db.execute(
            f"SELECT country, max(year), usd_per_kwh FROM electricity_prices WHERE {USABLE} GROUP BY country"
        ).fetchall()
    )


def api_models(db: Database) -> list[tuple[str, str]]:
    """Return models with a price by the token: provider and model, the newest first."""
    return list(
        db.execute(
            f"""
            SELECT provider, model FROM api_prices
            WHERE {USABLE} AND entity_id IS NOT NULL AND input_usd_per_mtok IS NOT NULL
                AND output_usd_per_mtok IS NOT NULL
            GROUP BY provider, model ORDER BY max(price_date) DESC, provider, model LIMIT {MODELS}
            """
        ).fetchall()
    )
