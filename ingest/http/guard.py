"""Which addresses may be connected to: none of our own network, unless the settings name it (SSRF).

Pure. A feed can name any host, and any host can redirect: what counts is the address that a name resolves to, judged at
the moment of the connection (`ingest.http.network`), so that odd spellings of an address, redirects and names that
change their address between two look-ups get no further than plain ones.
"""

from __future__ import annotations

import contextlib
import ipaddress
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

import httpx2

from aiwire.exceptions import ConfigError
from ingest.urls import normalize_url

__all__ = ["AddressForbidden", "Guard", "forbidden"]

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class AddressForbidden(httpx2.ConnectError):
    """The connection was not made: every address of the host is forbidden. The message says why and the remedy."""


# IANA IPv4 and IPv6 Special-Purpose Address Registries (RFC 6890), and what clouds use besides. The first that holds
# an address gives the reason.
_FORBIDDEN: tuple[tuple[Network, str], ...] = tuple(
    (ipaddress.ip_network(network), reason)
    for network, reason in (
        ("127.0.0.0/8", "a loopback address"),
        ("10.0.0.0/8", "a private address"),
        ("172.16.0.0/12", "a private address"),
        ("192.168.0.0/16", "a private address"),
        ("169.254.0.0/16", "a link-local address, where clouds serve metadata"),
        ("100.64.0.0/10", "an address shared behind a carrier's NAT"),
        ("168.63.129.16/32", "a cloud's internal service"),
        ("0.0.0.0/8", "an unspecified address"),
        ("192.0.0.0/24", "a reserved address"),
        ("192.0.2.0/24", "an address for documentation"),
        ("198.51.100.0/24", "an address for documentation"),
        ("203.0.113.0/24", "an address for documentation"),
        ("192.88.99.0/24", "a 6to4 relay"),
        ("198.18.0.0/15", "an address for benchmarks"),
        ("224.0.0.0/4", "a multicast address"),
        ("255.255.255.255/32", "the broadcast address"),
        ("240.0.0.0/4", "a reserved address"),
        ("::1/128", "a loopback address"),
        ("::/128", "an unspecified address"),
        ("::ffff:0:0/96", "an IPv4 address in IPv6 notation"),
        ("::/96", "an IPv4 address in IPv6 notation"),
        ("64:ff9b::/96", "an IPv4 address behind NAT64"),
        ("64:ff9b:1::/48", "an IPv4 address behind a local NAT64"),
        ("2001::/32", "a Teredo tunnel"),
        ("2001:2::/48", "an address for benchmarks"),
        ("2001:10::/28", "an ORCHID, which is no address"),
        ("2001:20::/28", "an ORCHID, which is no address"),
        ("2001::/23", "a reserved address"),
        ("2001:db8::/32", "an address for documentation"),
        ("3fff::/20", "an address for documentation"),
        ("2002::/16", "a 6to4 tunnel"),
        ("fc00::/7", "a private (unique local) address"),
        ("fe80::/10", "a link-local address"),
        ("fec0::/10", "a site-local address"),
        ("ff00::/8", "a multicast address"),
    )
)
_GLOBAL_IPV6 = ipaddress.IPv6Network("2000::/3")  # all of the global unicast addresses that are given out
_LOCAL_SUFFIXES = (
    ".localhost", ".local", ".localdomain", ".internal", ".intranet", ".private", ".lan", ".home", ".corp",
    ".home.arpa",
)  # fmt: skip


def forbidden(address: str) -> str | None:
    """Return why nobody outside may send us to this IP address ("a private address"), None if it is a public one.

    An IPv6 address that carries an IPv4 address is forbidden whatever it carries: no site is published at one.
    """
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return "no IP address"
    reason = next((reason for network, reason in _FORBIDDEN if parsed in network), None)
    if reason is None and (not parsed.is_global or (parsed.version == 6 and parsed not in _GLOBAL_IPV6)):
        return "a reserved address"
    return reason


@dataclass(frozen=True, slots=True)
class _Allowed:
    """One entry of the allow list."""

    host: str | Network
    port: int | None  # None: every port

    def covers(self, host: str, port: int, address: Address | None) -> bool:
        if self.port not in (None, port):
            return False
        if isinstance(self.host, str):
            return host == self.host
        return address is not None and address in self.host


class Guard:
    """Tells which addresses of a host may be connected to.

    Args:
        allow: what is allowed although it is not public: a host name, whatever it resolves to (`feeds.lan`), an
            address, a network (`10.1.0.0/16`); a name or address with a port (`localhost:8080`, `[::1]:80`) for that
            port only.

    Raises:
        ConfigError: an entry is none of these.
    """

    def __init__(self, allow: Sequence[str] = ()) -> None:
        self._allowed = tuple(_parse(entry) for entry in allow)

    def admitted(self, host: str, port: int, addresses: Sequence[str]) -> list[str]:
        """Return those of a host's addresses that may be connected to, in their order.

        Raises:
            AddressForbidden: none of them may.
        """
        reasons = {address: self._reason(host, port, address) for address in addresses}
        admitted = [address for address, reason in reasons.items() if reason is None]
        if not admitted:
            address, reason = next(iter(reasons.items()))
            leads = f"{host} leads to {address}" if _plain(host) != _plain(address) else host
            raise AddressForbidden(f"{leads}: {reason}; {_remedy(host)}")
        return admitted

    def check_unresolved(self, host: str, port: int) -> None:
        """Check a host whose name somebody else will resolve, a proxy: by its looks, which is all there is.

        Raises:
            AddressForbidden: a forbidden address in any spelling, or a name that only a local network knows.
        """
        address = _literal(host)
        if address is not None:
            self.admitted(host, port, [address])
            return
        name = _plain(host)
        is_local = "." not in name or name.endswith(_LOCAL_SUFFIXES)
        if is_local and not any(entry.covers(name, port, None) for entry in self._allowed):
            raise AddressForbidden(f"{host}: a name of a local network; {_remedy(host)}")

    def _reason(self, host: str, port: int, address: str) -> str | None:
        reason = forbidden(address)
        if reason is None:
            return None
        parsed = None
        with contextlib.suppress(ValueError):
            parsed = ipaddress.ip_address(address)
        return None if any(entry.covers(_plain(host), port, parsed) for entry in self._allowed) else reason


def _remedy(host: str) -> str:
    return f"if it is a server of your own, add {_plain(host)!r} to the setting 'allow_hosts'"


def _plain(host: str) -> str:
    return host.lower().strip("[]").rstrip(".")


def _literal(host: str) -> str | None:
    """Return the address that a host is, in any of the spellings that resolvers take (0x7f.1, 2130706433)."""
    name = _plain(host)
    with contextlib.suppress(ValueError):
        return str(ipaddress.ip_address(name))
    with contextlib.suppress(OSError):
        return socket.inet_ntoa(socket.inet_aton(name))
    return None


def _parse(entry: str) -> _Allowed:
    """Return an entry of the allow list.

    Raises:
        ConfigError: it is none.
    """
    text = entry.strip()
    with contextlib.suppress(ValueError):
        return _Allowed(ipaddress.ip_network(text), None)
    try:
        parts = urlsplit(f"//{text}")
        url = normalize_url(f"http://{text}/")
        if url is None or parts.netloc != text or "@" in text or text.endswith(":"):
            raise ValueError
        host = (urlsplit(url).hostname or "").strip("[]")
        port = parts.port
    except ValueError as e:
        raise ConfigError(
            f"allow_hosts: {entry!r} is no host, address or network; write feeds.lan, localhost:8080, 10.1.2.3 or "
            f"10.1.0.0/16"
        ) from e
    with contextlib.suppress(ValueError):
        return _Allowed(ipaddress.ip_network(host), port)
    return _Allowed(host, port)
