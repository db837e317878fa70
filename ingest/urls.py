"""URL identity: the one spelling of an article's URL, and the host lane a URL belongs to.

Pure: no network, no clock. Nothing here raises on a malformed URL; feeds are full of them.
"""

from __future__ import annotations

import functools
import ipaddress
import re
from urllib.parse import urljoin, urlsplit, urlunsplit

import idna
from publicsuffixlist import PublicSuffixList
from w3lib.url import safe_url_string

__all__ = ["MAX_URL_CHARS", "TRACKING_PARAMETERS", "TRACKING_PREFIXES", "host_key", "normalize_url"]

MAX_URL_CHARS = 65_536  # httpx2 refuses longer ones
_DEFAULT_PORTS = {"http": 80, "https": 443}

TRACKING_PREFIXES = ("utm_", "mtm_", "matomo_", "pk_", "piwik_", "hsa_", "oly_", "vero_", "stm_", "at_recipient_")

# Parameters that say how a reader came to a page, never which page it is. In lower case.
TRACKING_PARAMETERS = frozenset(
    [
        "_branch_match_id", "_bta_c", "_bta_tid", "_hsenc", "_hsmi", "_ke", "_openstat", "cmpid", "dclid",
        "dm_i", "ef_id", "epik", "fb_action_ids", "fb_action_types", "fb_ref", "fb_source", "fbclid", "gbraid",
        "gclid", "gclsrc", "gs_l", "guccounter", "guce_referrer", "guce_referrer_sig", "igsh", "igshid", "irclickid",
        "mc_cid", "mc_eid", "mkcid", "mkevt", "mkrid", "mkt_tok", "ml_subscriber", "ml_subscriber_hash", "msclkid",
        "ncid", "rb_clickid", "rdt_cid", "s_cid", "s_kwcid", "sc_cid", "srsltid", "trk_contact", "trk_module",
        "trk_msg", "trk_sid", "ttclid", "twclid", "wbraid", "wickedid", "wt_mc", "xtor", "yclid", "ysclid",
    ]
)  # fmt: skip

_UNRESERVED = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")  # RFC 3986 2.3
_ESCAPE = re.compile(r"%([0-9A-Fa-f]{2})?")
_HOST_NAME = re.compile(r"(?=.{1,253}$)[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*")


def normalize_url(url: str, base: str | None = None) -> str | None:
    """Return the identity of an article's URL, or None if it is not an http(s) URL that can be fetched.

    Absolute (`base` resolves a relative one); scheme and host in lower case, host as IDNA punycode; no user name,
    default port, fragment, dot segment or tracking parameter; the other parameters keep their order. Escapes have the
    normal form of RFC 3986 6.2.2. The result of a result is itself.
    """
    if len(url) > MAX_URL_CHARS:
        return None
    try:
        parts = urlsplit(urljoin(base, url.strip()) if base else url.strip())
        host, port = _host(parts.hostname or ""), parts.port
        if parts.scheme not in _DEFAULT_PORTS or not host:
            return None
        netloc = host if port in (None, _DEFAULT_PORTS[parts.scheme]) else f"{host}:{port}"
        quoted = urlsplit(safe_url_string(urlunsplit((parts.scheme, netloc, parts.path, parts.query, ""))))
    except ValueError:  # bad port or IPv6 literal, lone surrogate, host that changes under NFKC
        return None
    path = _without_dot_segments(_normal_escapes(quoted.path)) or "/"
    normal = urlunsplit((parts.scheme, netloc, path, _without_tracking(_normal_escapes(quoted.query)), ""))
    return normal if len(normal) <= MAX_URL_CHARS else None


def host_key(url: str) -> str:
    """Return the lane of a URL: what shares one server, as far as one can tell.

    The registrable domain for public names; exactly host:port for IP addresses and names without a public suffix
    (localhost, a machine in the local network), where each port is another service. "" if the URL has no host.
    """
    try:
        parts = urlsplit(url.strip())
        host = _host(parts.hostname or "")
        port = parts.port or _DEFAULT_PORTS.get(parts.scheme, 0)
    except ValueError:
        return ""
    if not host:
        return ""
    local = host.startswith("[") or "." not in host or host.endswith((".local", ".localhost", ".internal"))
    if local or _is_ipv4(host):
        return f"{host}:{port}"
    return _public_suffixes().privatesuffix(host) or host


@functools.cache
def _public_suffixes() -> PublicSuffixList:
    return PublicSuffixList()  # the list in the package: no network


def _host(name: str) -> str | None:
    """Return the host as it stands in a URL (lower case, punycode, IPv6 in brackets), or None if it is none.

    Raises:
        ValueError: an IPv6 literal that is none.
    """
    if ":" in name:
        address = ipaddress.IPv6Address(name)
        return None if address.scope_id else f"[{address.compressed}]"
    name = name.lower().rstrip(".")
    if not name.isascii():
        try:
            name = idna.encode(name, uts46=True).decode("ascii")  # as browsers do, not the IDNA 2003 of the codec
        except idna.IDNAError:
            return None
    return name if _HOST_NAME.fullmatch(name) else None


def _is_ipv4(host: str) -> bool:
    try:
        ipaddress.IPv4Address(host)
    except ValueError:
        return False
    return True


def _normal_escapes(text: str) -> str:
    """Unescape unreserved characters, write other escapes in upper case, escape a percent sign that starts none."""

    def normal(match: re.Match[str]) -> str:
        if match[1] is None:
            return "%25"
        character = chr(int(match[1], 16))
        return character if character in _UNRESERVED else match[0].upper()

    return _ESCAPE.sub(normal, text)


def _without_dot_segments(path: str) -> str:
    """Resolve `.` and `..` (RFC 3986 5.2.4); empty segments stay, they are part of the name."""
    kept: list[str] = []
    segments = path.split("/")[1:]
    for segment in segments:
        if segment == "..":
            del kept[-1:]
        elif segment != ".":
            kept.append(segment)
    if segments and segments[-1] in (".", ".."):
        kept.append("")
    return "/" + "/".join(kept)


def _without_tracking(query: str) -> str:
    return "&".join(part for part in query.split("&") if part and not _is_tracking(part.partition("=")[0].lower()))


def _is_tracking(name: str) -> bool:
    return name in TRACKING_PARAMETERS or name.startswith(TRACKING_PREFIXES)
