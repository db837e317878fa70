"""Clouds: one slug each, whatever a catalogue calls it, and whose prices are not known to be in dollars."""

from __future__ import annotations

__all__ = ["has_dollar_prices", "provider_slug"]

# as catalogues name their files -> as the reference names them; a name that is not here is its own slug
_SLUGS = {
    "datacrunch": "verda",  # its former name
    "do": "digitalocean",
    "lambdalabs": "lambda",
    "vastai": "vast",
}
# Their files copy the provider's own figures and do not say the currency; none of them sells in dollars at home.
_CURRENCY_UNKNOWN = frozenset(["seeweb", "scaleway", "scp"])


def provider_slug(name: str) -> str:
    """Return the slug of a cloud by the name that a catalogue gives it."""
    plain = name.strip().casefold()
    return _SLUGS.get(plain, plain)


def has_dollar_prices(slug: str) -> bool:
    """Tell whether a cloud's prices in the catalogues are known to be US dollars."""
    return slug not in _CURRENCY_UNKNOWN
