"""Of whom, of which country, of how many accelerators and of which way of renting a sentence speaks. Pure."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

__all__ = ["accelerators_in", "company_of", "countries_in", "country_of_address", "providers_in", "ways_in"]

# providers of the price tables whose company has another id
_COMPANIES = {
    "aws": "amazon", "azure": "microsoft", "gcp": "google", "oci": "oracle", "vast": "vast-ai", "cudo": "cudo-compute",
    "verda": "datacrunch", "x-ai": "xai", "zai": "zhipu-ai", "together": "together-ai", "fireworks": "fireworks-ai",
    "mistral": "mistral-ai", "moonshotai": "moonshot-ai",
}  # fmt: skip

# company -> its name beside a price; capital letters count: tags miss those that are words as well
_NAMES = {
    "amazon": r"AWS|Amazon", "microsoft": r"Azure|Microsoft", "google": r"Google Cloud|GCP",
    "oracle": r"OCI|Oracle Cloud", "lambda": r"Lambda(?! functions?\b)", "coreweave": r"CoreWeave",
    "runpod": r"Run[Pp]od", "nebius": r"Nebius", "crusoe": r"Crusoe", "hyperstack": r"Hyperstack",
    "vast-ai": r"Vast\.ai|Vast AI", "datacrunch": r"Verda|DataCrunch", "paperspace": r"Paperspace",
    "jarvislabs": r"Jarvis ?[Ll]abs", "salad": r"Salad(?:Cloud)?", "exoscale": r"Exoscale",
    "cudo-compute": r"CUDO(?: Compute)?|Cudo Compute", "together-ai": r"Together(?: AI|\.ai)",
    "fireworks-ai": r"Fireworks(?: AI|\.ai)", "groq": r"Groq", "cerebras": r"Cerebras",
    "digitalocean": r"DigitalOcean", "vultr": r"Vultr", "openrouter": r"OpenRouter",
}  # fmt: skip
_PROVIDERS = {company: re.compile(rf"(?<!\w)(?:{name})(?!\w)") for company, name in _NAMES.items()}
# what is called like a company, and is on no list of ours
_UNLISTED = re.compile(
    r"\b(?!(?:The|A|An|In|On|Our|Its|Their|Public|Private|Secure|Every|Each)\b)"
    r"[A-Z][\w.&-]+ (?:Labs|Cloud|Compute|Inc|Corp|Ltd|GmbH)\b"
)

# ISO 3166-1 alpha-2 -> how texts name the country; "US", but not "us"
_COUNTRY_NAMES = {
    "AE": r"United Arab Emirates|UAE|Emirati", "AL": "Albania", "AT": "Austria", "AU": "Australia",
    "BA": r"Bosnia", "BE": r"Belgium|Belgian", "BG": "Bulgaria", "BR": "Brazil", "CA": r"Canada|Canadian",
    "CH": r"Switzerland|Swiss", "CN": r"China|Chinese", "CY": r"Cyprus|Cypriot", "CZ": r"Czechia|Czech",
    "DE": "German", "DK": r"Denmark|Danish", "EE": "Estonia", "ES": r"Spain|Spanish", "FI": r"Finland|Finnish",
    "FR": r"France|French", "GB": r"UK|U\.K\.|United Kingdom|Great Britain|Britain|British|England|Scotland|Wales",
    "GE": r"Tbilisi", "GR": r"Greece|Greek", "HR": r"Croatia", "HU": "Hungar", "IE": r"Ireland|Irish", "IL": "Israel",
    "IN": r"India(?!na)", "IS": r"Iceland", "IT": r"Italy|Italian", "JP": "Japan", "KR": r"South Korea|Korea",
    "LI": "Liechtenstein", "LT": "Lithuania", "LU": "Luxembourg", "LV": "Latvia", "MD": "Moldova", "ME": "Montenegr",
    "MK": "North Macedonia", "MT": r"Malta|Maltese", "MX": r"Mexic", "MY": "Malaysia",
    "NL": r"Netherlands|Dutch", "NO": r"Norway|Norwegian", "PL": r"Poland|Polish", "PT": r"Portug", "RO": "Romania",
    "RS": "Serbia", "SA": "Saudi", "SE": r"Sweden|Swedish", "SG": "Singapore", "SI": "Slovenia", "SK": "Slovak",
    "TR": r"Turkey|Türkiye|Turkish", "TW": "Taiwan", "UA": "Ukrain",
    "US": r"US|U\.S\.|USA|United States|America|Texas|Virginia|California|Ohio|Georgia",
}  # fmt: skip
_COUNTRIES = {
    code: re.compile(rf"(?<!\w)(?:{names})" + (r"(?!\w)" if code in ("US", "GB", "AE") else ""))
    for code, names in _COUNTRY_NAMES.items()
}
_TOP_LEVEL = {"uk": "GB"}  # all others are the code itself
_NOT_A_COUNTRY = {"ai", "io", "co", "tv", "me", "ly", "fm"}  # sold to everybody

_WAYS = {
    "on-demand": re.compile(r"\bon[- ‑]demand\b", re.I),
    "spot": re.compile(r"\b(?:spot|pre-?emptible|interruptible)\b", re.I),
    "reserved": re.compile(r"\b(?:reserved|reservations?|committed|commitments?)\b", re.I),
}

_NUMBERS = {"two": 2, "four": 4, "eight": 8, "sixteen": 16, "thirty-two": 32, "sixty-four": 64, "seventy-two": 72}
_NUMBER = rf"(?P<n>\d{{1,3}}|{'|'.join(_NUMBERS)})"
_PART = r"(?:GPUs?|accelerators?|[ABHV]\d{2,3}s?|MI\d{3}X?s?|modules?|cards?)"
_COUNTS = (
    re.compile(rf"(?<![\w.,$]){_NUMBER}(?:[- ]?[x×] ?|[- ])(?:(?!per\b)[\w-]+ ){{0,2}}?{_PART}\b", re.I),
    re.compile(rf"(?<!\w){_PART} ?[x×] ?(?P<n>\d{{1,3}})\b", re.I),
    re.compile(r"(?<!\w)[HX]?NVL ?(?P<n>72|36|144)\b", re.I),
)
_DGX = re.compile(r"(?<!\w)(?:DGX|HGX) ?[ABH]\d{3}\b", re.I)  # has eight unless the sentence says otherwise


def company_of(provider: str) -> str:
    """Return the id of the company of a provider of the price tables."""
    return _COMPANIES.get(provider, provider)


def providers_in(text: str) -> set[str]:
    """Return the companies that rent accelerators or models and are named: ids, or names of those on no list."""
    listed = {company for company, name in _PROVIDERS.items() if name.search(text)}
    others = (match[0] for match in _UNLISTED.finditer(text))
    return listed | {name for name in others if not any(known.search(name) for known in _PROVIDERS.values())}


def countries_in(text: str) -> set[str]:
    """Return the codes (ISO 3166-1 alpha-2) of the countries that are named."""
    return {code for code, name in _COUNTRIES.items() if name.search(text)}


def country_of_address(url: str) -> str | None:
    """Return the code of the country in whose domain a page is; None: in none."""
    last = (urlsplit(url).hostname or "").rpartition(".")[2]
    return None if len(last) != 2 or last in _NOT_A_COUNTRY else _TOP_LEVEL.get(last, last.upper())


def ways_in(text: str) -> set[str]:
    """Return the ways of renting that are named: on-demand, spot, reserved."""
    return {way for way, words in _WAYS.items() if words.search(text)}


def accelerators_in(sentence: str) -> int | None:
    """Return how many accelerators a system has by the words of a sentence; None: it does not say, or says several."""
    found = {_number(match["n"]) for pattern in _COUNTS for match in pattern.finditer(sentence)} - {0}
    if not found and _DGX.search(sentence):
        return 8
    return found.pop() if len(found) == 1 else None


def _number(words: str) -> int:
    return _NUMBERS.get(words.casefold()) or int(words)
