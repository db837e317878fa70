"""Which addresses are refused, by rule and over real sockets."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import threading
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from exchanges import FEED, LOCAL, QUICK, ask, body, error, failure, fetch, fetch_in_turn
from hypothesis import given
from hypothesis import strategies as st

from aiwire.exceptions import ConfigError, FetchError
from aiwire.types import Response
from ingest.http.guard import AddressForbidden, Guard, forbidden
from ingest.http.network import network_transport

if TYPE_CHECKING:
    from conftest import Loopback, Seen

STRICT = Guard()
PUBLIC = "93.184.215.14"


# ---------------------------------------------------------------- the rule


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("127.0.0.1", "a loopback address"),
        ("127.255.255.254", "a loopback address"),
        ("10.0.0.1", "a private address"),
        ("172.31.255.255", "a private address"),
        ("192.168.1.1", "a private address"),
        ("169.254.169.254", "a link-local address, where clouds serve metadata"),
        ("100.64.0.1", "an address shared behind a carrier's NAT"),
        ("100.100.100.200", "an address shared behind a carrier's NAT"),
        ("168.63.129.16", "a cloud's internal service"),
        ("0.0.0.0", "an unspecified address"),
        ("0.1.2.3", "an unspecified address"),
        ("192.0.0.192", "a reserved address"),
        ("192.0.2.1", "an address for documentation"),
        ("198.19.255.255", "an address for benchmarks"),
        ("224.0.0.1", "a multicast address"),
        ("239.255.255.250", "a multicast address"),
        ("240.0.0.1", "a reserved address"),
        ("255.255.255.255", "the broadcast address"),
        ("::", "an unspecified address"),
        ("::1", "a loopback address"),
        ("::ffff:10.0.0.1", "an IPv4 address in IPv6 notation"),
        ("::ffff:8.8.8.8", "an IPv4 address in IPv6 notation"),
        ("::7f00:1", "an IPv4 address in IPv6 notation"),
        ("64:ff9b::a00:1", "an IPv4 address behind NAT64"),
        ("64:ff9b:1::a00:1", "an IPv4 address behind a local NAT64"),
        ("2001:0:1234::1", "a Teredo tunnel"),
        ("2001:2::1", "an address for benchmarks"),
        ("2001:10::1", "an ORCHID, which is no address"),
        ("2001:20::1", "an ORCHID, which is no address"),
        ("2001:db8::1", "an address for documentation"),
        ("2002:7f00:1::", "a 6to4 tunnel"),
        ("fd00:ec2::254", "a private (unique local) address"),
        ("fe80::1", "a link-local address"),
        ("fe80::1%2", "a link-local address"),
        ("fec0::1", "a site-local address"),
        ("ff02::1", "a multicast address"),
        ("5f00::1", "a reserved address"),
        ("4000::1", "a reserved address"),
        ("localhost", "no IP address"),
        ("", "no IP address"),
    ],
)
def test_an_address_that_nobody_outside_may_name_has_a_reason(address: str, reason: str) -> None:
    assert forbidden(address) == reason


@pytest.mark.parametrize(
    "address",
    ["1.1.1.1", PUBLIC, "9.255.255.255", "11.0.0.0", "172.15.0.1", "172.32.0.1", "100.63.255.255", "100.128.0.0",
     "128.0.0.1", "223.255.255.255", "2606:4700::1111", "2a00:1450:4001::1", "2001:4860:4860::8888"],
)  # fmt: skip
def test_public_addresses_are_free(address: str) -> None:
    assert forbidden(address) is None


@given(st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6)))
def test_what_is_free_is_a_global_unicast_address_that_carries_no_other(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> None:
    if forbidden(str(address)) is None:
        assert address.is_global
        assert not address.is_multicast
        if isinstance(address, ipaddress.IPv6Address):
            assert address.ipv4_mapped is address.sixtofour is address.teredo is None


@given(
    st.ip_addresses(v=4),
    st.sampled_from(["::ffff:0:0", "::", "64:ff9b::", "64:ff9b:1::", "2001:0:1::"]),
)
def test_no_ipv6_address_that_carries_an_ipv4_address_is_free(inner: ipaddress.IPv4Address, prefix: str) -> None:
    assert forbidden(str(ipaddress.IPv6Address(int(ipaddress.IPv6Address(prefix)) + int(inner)))) is not None


# ---------------------------------------------------------------- the allow list


@pytest.mark.parametrize(
    ("entry", "host", "port", "address", "allowed"),
    [
        ("feeds.lan", "feeds.lan", 80, "10.1.2.3", True),
        ("FEEDS.lan.", "feeds.LAN", 80, "10.1.2.3", True),
        ("bücher.lan", "xn--bcher-kva.lan", 80, "10.1.2.3", True),
        ("feeds.lan", "other.lan", 80, "10.1.2.3", False),
        ("feeds.lan", "x.feeds.lan", 80, "10.1.2.3", False),
        ("feeds.lan:8080", "feeds.lan", 8080, "10.1.2.3", True),
        ("feeds.lan:8080", "feeds.lan", 80, "10.1.2.3", False),
        ("feeds.lan:80", "feeds.lan", 8080, "10.1.2.3", False),
        ("10.1.2.3", "feeds.lan", 80, "10.1.2.3", True),
        ("10.1.2.3", "10.1.2.3", 80, "10.1.2.3", True),
        ("10.1.2.3:81", "10.1.2.3", 80, "10.1.2.3", False),
        ("10.1.0.0/16", "evil.example", 443, "10.1.255.1", True),
        ("10.1.0.0/16", "evil.example", 443, "10.2.0.1", False),
        ("::1", "[::1]", 80, "::1", True),
        ("[::1]:8080", "[::1]", 8080, "::1", True),
        ("[::1]:8080", "[::1]", 80, "::1", False),
        ("fd00::/8", "nas.lan", 80, "fd12::1", True),
        ("fd00::/8", "nas.lan", 80, "10.1.2.3", False),
    ],
)
def test_an_entry_of_the_allow_list_allows_what_it_says(
    entry: str, host: str, port: int, address: str, allowed: bool
) -> None:
    guard = Guard([entry])

    if allowed:
        assert guard.admitted(host, port, [address]) == [address]
    else:
        with pytest.raises(AddressForbidden):
            guard.admitted(host, port, [address])


@pytest.mark.parametrize(
    "entry",
    ["", " ", "http://feeds.lan/", "feeds.lan/x", "10.1.2.3/8", "*.lan", "a b", "feeds.lan:", "feeds.lan:x",
     "feeds.lan:99999", "me@feeds.lan", "[::1", "10.0.0.0/33", "feeds.lan?x", "feeds.lan#x"],
)  # fmt: skip
def test_a_mistake_in_the_allow_list_is_a_config_error_with_the_remedy(entry: str) -> None:
    with pytest.raises(ConfigError, match=r"allow_hosts: .* write feeds\.lan, "):
        Guard([entry])


def test_of_several_addresses_the_forbidden_ones_are_left_out() -> None:
    assert STRICT.admitted("a.example", 443, ["10.0.0.1", PUBLIC, "::1"]) == [PUBLIC]


def test_a_refusal_tells_the_address_the_reason_and_the_remedy() -> None:
    with pytest.raises(AddressForbidden) as caught:
        STRICT.admitted("wiki.example", 443, ["10.0.0.1", "::1"])

    assert str(caught.value) == (
        "wiki.example leads to 10.0.0.1: a private address; if it is a server of your own, add 'wiki.example' to the "
        "setting 'allow_hosts'"
    )


# ---------------------------------------------------------------- over sockets


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "localhost", "[::1]", "2130706433", "0x7f.1", "127.1", "0", "169.254.169.254", "0.0.0.0",
     "[::ffff:10.0.0.1]", "[::ffff:7f00:1]", "100.100.100.200", "[64:ff9b::a00:1]", "[2002:7f00:1::]", "[fd00::1]",
     "[fe80::1]", "224.0.0.1", "[::]"],
)  # fmt: skip
def test_no_spelling_of_an_inner_address_gets_a_connection(loopback: Loopback, host: str) -> None:
    loopback.reply("/feed", FEED)

    reason, message = failure(loopback.url("/feed", host=host), guard=STRICT)

    assert reason == "address", message
    assert "add '" in message
    assert loopback.seen == []


@pytest.mark.parametrize("host", ["0177.0.0.1", "127.0.0.1.", "0x7f000001", "127.0.0.1%20", "①②⑦.0.0.1"])
def test_spellings_that_one_parser_takes_and_another_does_not_get_no_connection_either(
    loopback: Loopback, host: str
) -> None:
    loopback.reply("/feed", FEED)

    assert failure(loopback.url("/feed", host=host), guard=STRICT)[0] in {"address", "url", "dns"}
    assert loopback.seen == []


def test_the_same_server_answers_once_it_is_allowed(loopback: Loopback) -> None:
    url = loopback.reply("/feed", FEED)

    assert body(url, guard=Guard([f"127.0.0.1:{loopback.port}"])) == FEED
    assert body(url.replace("127.0.0.1", "localhost"), guard=Guard(["localhost"])) == FEED
    assert body(url.replace("127.0.0.1", "2130706433"), guard=Guard(["127.0.0.0/8"])) == FEED
    assert failure(url, guard=Guard(["localhost"]))[0] == "address"


def resolving(*answers: Sequence[str]) -> Any:
    """A resolver that gives these answers in turn, the last one for ever; `asked` holds the hosts."""
    left = list(answers)

    def resolver(host: str, port: int) -> Sequence[str]:
        resolver.asked.append(host)
        return left.pop(0) if len(left) > 1 else left[0]

    resolver.asked = []
    return resolver


def test_a_public_name_with_a_private_address_is_refused(loopback: Loopback) -> None:
    url = loopback.url("/feed", host="rebind.example")

    reason, message = failure(url, guard=STRICT, resolver=resolving(["127.0.0.1"]))

    assert reason == "address"
    assert message.startswith("rebind.example leads to 127.0.0.1: a loopback address; ")
    assert loopback.seen == []


def test_a_name_that_changes_its_address_after_the_check_is_not_resolved_again(loopback: Loopback) -> None:
    """DNS rebinding: one address for the check, another one for the connection."""
    loopback.reply("/feed", FEED)
    resolver = resolving(["127.0.0.9"], ["127.0.0.1"])  # nobody listens on the first

    reason, _ = failure(loopback.url("/feed", host="rebind.example"), guard=Guard(["127.0.0.9"]), resolver=resolver)

    assert reason == "connect"
    assert resolver.asked == ["rebind.example"]
    assert loopback.seen == []


def test_the_address_that_was_checked_is_the_one_connected_to(loopback: Loopback) -> None:
    loopback.reply("/feed", FEED)
    resolver = resolving(["127.0.0.1"], [PUBLIC])
    url = loopback.url("/feed", host="own.example")

    assert body(url, guard=Guard(["own.example"]), resolver=resolver) == FEED
    assert loopback.seen[0].headers["host"] == f"own.example:{loopback.port}"
    assert resolver.asked == ["own.example"]


@pytest.mark.parametrize(
    "location", ["http://10.0.0.1/", "http://metadata.example/", "http://169.254.169.254/latest/", "//[::1]/x"]
)
def test_every_hop_is_checked(loopback: Loopback, location: str) -> None:
    loopback.reply("/feed", status="302 Found", headers={"Location": location})
    resolver = resolving(["127.0.0.1"], ["169.254.169.254"])
    guard = Guard([f"own.example:{loopback.port}"])

    outcome = error(loopback.url("/feed", host="own.example"), guard=guard, resolver=resolver)

    assert outcome.reason == "address"
    assert "own.example" not in outcome.url
    assert loopback.paths() == ["/feed"]


def test_when_one_address_refuses_the_next_is_tried(loopback: Loopback) -> None:
    loopback.reply("/feed", FEED)
    resolver = resolving(["127.0.0.9", "127.0.0.8", "127.0.0.1"])

    assert body(loopback.url("/feed", host="own.example"), guard=Guard(["own.example"]), resolver=resolver) == FEED


def test_addresses_of_both_families_are_tried_in_turn(loopback: Loopback) -> None:
    loopback.reply("/feed", FEED)
    resolver = resolving([f"::{n}" for n in range(2, 9)] + ["127.0.0.1"])  # seven dead IPv6 addresses come first

    assert body(loopback.url("/feed", host="own.example"), guard=Guard(["own.example"]), resolver=resolver) == FEED


# ---------------------------------------------------------------- names


@pytest.mark.parametrize(
    ("problem", "message"),
    [
        (socket.gaierror(socket.EAI_NONAME, "x"), "the name a.example does not exist, or has no address"),
        (socket.gaierror(socket.EAI_AGAIN, "x"), "the name a.example cannot be resolved at the moment"),
        (UnicodeError("label too long"), "the name a.example does not exist, or has no address"),
    ],
    ids=["none", "again", "label"],
)
def test_a_name_that_does_not_resolve_is_a_dns_error(problem: Exception, message: str) -> None:
    def resolver(host: str, port: int) -> Sequence[str]:
        raise problem

    assert failure("https://a.example/", guard=STRICT, resolver=resolver) == ("dns", message)


def test_a_name_without_addresses_is_a_dns_error() -> None:
    assert failure("https://a.example/", resolver=resolving([])) == ("dns", "the name a.example has no address")


def test_a_name_server_that_says_nothing_is_a_dns_error_in_time() -> None:
    release = threading.Event()

    def resolver(host: str, port: int) -> Sequence[str]:
        release.wait(10)
        return [PUBLIC]

    result = fetch("https://a.example/", replace(QUICK, connect_s=0.2), guard=STRICT, resolver=resolver)
    release.set()

    assert isinstance(result.outcome, FetchError)
    assert result.outcome.reason == "dns"
    assert result.outcome.message.endswith("was not resolved in time (name server down or slow)")
    assert result.elapsed_ms < 5_000


# ---------------------------------------------------------------- proxies


def test_through_a_proxy_the_proxy_resolves_the_name(loopback: Loopback) -> None:
    loopback.script("http://news.example/feed", _proxied_answer)

    result = fetch("http://news.example/feed", guard=STRICT, proxy=loopback.url(""), resolver=lambda *_: ["127.0.0.1"])

    assert isinstance(result.outcome, Response)
    assert result.outcome.body == FEED
    assert loopback.seen[0].headers["host"] == "news.example"
    assert "proxy-authorization" not in loopback.seen[0].headers


def test_a_proxy_gets_its_password_and_the_server_does_not(loopback: Loopback) -> None:
    loopback.script("http://news.example/feed", _proxied_answer)
    proxy = loopback.url("").replace("http://", "http://me:secret@")

    assert body("http://news.example/feed", guard=STRICT, proxy=proxy) == FEED
    assert loopback.seen[0].headers["proxy-authorization"] == "Basic bWU6c2VjcmV0"
    assert "authorization" not in loopback.seen[0].headers


async def _proxied_answer(seen: Seen, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(FEED) + FEED)


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "2130706433", "0x7f.1", "10.0.0.1", "[::1]", "169.254.169.254", "localhost", "intranet",
     "nas.local", "metadata.google.internal", "router.lan", "x.home.arpa."],
)  # fmt: skip
def test_through_a_proxy_what_looks_local_is_refused(loopback: Loopback, host: str) -> None:
    assert failure(f"http://{host}/x", guard=STRICT, proxy=loopback.url(""))[0] == "address"
    assert loopback.seen == []


def test_through_a_proxy_a_local_name_may_be_allowed(loopback: Loopback) -> None:
    loopback.script("http://intranet/feed", _proxied_answer)

    assert body("http://intranet/feed", guard=Guard(["intranet"]), proxy=loopback.url("")) == FEED


def test_a_proxy_that_refuses_a_tunnel_is_a_connection_error(loopback: Loopback) -> None:
    assert failure("https://news.example/feed", guard=STRICT, proxy=loopback.url("")) == (
        "connect",
        "no connection through the proxy: 404 Not Found",
    )


@pytest.mark.parametrize("proxy", ["proxy:3128", "socks5://127.0.0.1:1080", "http://", "http://[::1", "file:///x"])
def test_what_is_no_http_proxy_is_a_config_error(proxy: str) -> None:
    with pytest.raises(ConfigError, match="write http://host:port"):
        network_transport(QUICK, guard=LOCAL, proxy=proxy)


def test_one_transport_serves_several_rounds(loopback: Loopback) -> None:
    url = loopback.reply("/feed", FEED)

    results = fetch_in_turn(ask(url), ask(url), ask(url))

    assert all(isinstance(result.outcome, Response) for result in results)
    assert {seen.connection for seen in loopback.seen} == {1}
