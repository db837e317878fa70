"""Handing over to a webhook, against a real server on 127.0.0.1."""

import contextlib
import socket
import threading
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from webhook_server import taking

from aiwire.exceptions import ConfigError, FetchError
from ingest.http.guard import Guard
from ingest.http.limits import FetchLimits
from ingest.http.webhook import check_url, post_json, shown

QUICK = FetchLimits(connect_s=2.0, read_s=0.5, total_s=1.0)
LOCAL = Guard(["127.0.0.0/8"])


@pytest.fixture
def taker():
    with taking() as server:
        yield server


def post(url, payload=None, *, guard=LOCAL, limits=QUICK, **more):
    post_json(url, {"n": 1} if payload is None else payload, user_agent="aiwire/test", limits=limits, guard=guard,
              **more)  # fmt: skip


def refused(url, **more):
    with pytest.raises(FetchError) as caught:
        post(url, **more)
    return caught.value


def test_json_arrives_with_its_headers(taker):
    post(taker.url("/hook?key=k"), {"title": "数据中心 “H100”"}, headers={"Idempotency-Key": "b.1"})

    (posted,) = taker.posted
    assert posted.path == "/hook?key=k"
    assert posted.json == {"title": "数据中心 “H100”"}
    assert posted.headers["content-type"] == "application/json"
    assert posted.headers["idempotency-key"] == "b.1"
    assert posted.headers["user-agent"] == "aiwire/test"
    assert int(posted.headers["content-length"]) == len(posted.body)


def test_a_large_body_arrives_whole(taker):
    payload = ["x" * 1000] * 5000

    post(taker.url(), payload)

    assert taker.posted[0].json == payload


def test_a_lone_surrogate_does_not_stop_a_hand_over(taker):
    post(taker.url(), {"title": "a\ud800b"})

    assert taker.posted[0].json == {"title": "a?b"}


@pytest.mark.parametrize("status", [200, 201, 202, 204])
def test_every_2xx_is_success_whatever_the_answer_says(taker, status):
    taker.status = status
    taker.body = b"" if status == 204 else b"no JSON, nothing that anybody reads"

    post(taker.url())

    assert len(taker.posted) == 1


@pytest.mark.parametrize("status", [400, 401, 404, 410, 429, 500, 503])
def test_other_statuses_are_errors_that_name_them(taker, status):
    taker.status = status

    error = refused(taker.url())

    assert (error.reason, error.status) == ("status", status)
    assert f"HTTP {status}" in str(error)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_no_redirect_is_followed(taker, status):
    taker.status, taker.headers = status, {"Location": taker.url("/elsewhere?secret=s3cret")}

    error = refused(taker.url())

    assert error.reason == "redirect"
    assert "/elsewhere" in str(error)
    assert "s3cret" not in str(error)
    assert [posted.path for posted in taker.posted] == ["/hook"]


def test_an_address_inside_is_refused_unless_it_is_allowed(taker):
    error = refused(taker.url(), guard=Guard())

    assert error.reason == "address"
    assert "allow_hosts" in str(error)
    assert taker.posted == []


def test_a_name_that_leads_inside_is_refused(taker):
    error = refused(f"http://hooks.example:{taker.port}/", guard=Guard(), resolver=lambda host, port: ["127.0.0.1"])

    assert error.reason == "address"
    assert taker.posted == []


def test_behind_a_proxy_an_address_inside_is_refused_too(taker):
    error = refused("http://10.0.0.7/hook", guard=Guard(), proxy=taker.url(""))

    assert error.reason == "address"
    assert taker.posted == []


def test_a_proxy_gets_the_request(taker):
    post("http://hooks.example/hook", proxy=taker.url(""))

    assert [posted.path for posted in taker.posted] == ["http://hooks.example/hook"]
    assert taker.posted[0].json == {"n": 1}


def test_a_proxy_that_is_none_is_a_setting_to_correct(taker):
    with pytest.raises(ConfigError, match="proxy"):
        post(taker.url(), proxy="socks4://x")


def test_nobody_at_the_port_is_an_error(unused_port):
    assert refused(f"http://127.0.0.1:{unused_port}/").reason == "connect"


def test_a_name_without_address_is_an_error():
    def nowhere(host, port):
        raise socket.gaierror(socket.EAI_NONAME, "no")

    assert refused("http://nowhere.example/", resolver=nowhere).reason == "dns"


def test_a_server_that_never_answers_is_given_up(taker):
    taker.wait = threading.Event()
    began = time.monotonic()

    error = refused(taker.url())

    assert error.reason == "timeout"
    assert time.monotonic() - began < 3


def test_a_server_that_answers_a_byte_at_a_time_is_given_up():
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def drip():
            peer, _ = listener.accept()
            with peer:
                try:
                    for _ in range(50):
                        peer.sendall(b"H")
                        time.sleep(0.1)
                except OSError:
                    return

        thread = threading.Thread(target=drip)
        thread.start()
        error = refused(f"http://127.0.0.1:{listener.getsockname()[1]}/")
        thread.join(10)

    assert error.reason == "timeout"
    assert "within 1 s" in str(error)


def test_an_endless_answer_is_not_read_to_its_end():
    sent = 0
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def pour():
            nonlocal sent
            peer, _ = listener.accept()
            with peer:
                peer.recv(65536)
                peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n")
                try:
                    while sent < 100_000_000:
                        sent += peer.send(b"x" * 65536)
                except OSError:
                    return

        thread = threading.Thread(target=pour)
        thread.start()
        post(f"http://127.0.0.1:{listener.getsockname()[1]}/")
        thread.join(10)

    assert sent < 20_000_000


def test_an_answer_that_is_no_http_is_an_error():
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def gibber():
            peer, _ = listener.accept()
            with peer:
                peer.recv(65536)
                peer.sendall(b"220 mail.example ESMTP\r\n\r\n")

        thread = threading.Thread(target=gibber)
        thread.start()
        error = refused(f"http://127.0.0.1:{listener.getsockname()[1]}/")
        thread.join(10)

    assert error.reason == "broken"


@pytest.mark.parametrize(
    "url", ["ftp://h.example/", "file:///etc/passwd", "h.example/x", "", "http://", "javascript:x"]
)
def test_only_http_and_https_are_urls_of_webhooks(url):
    with pytest.raises(FetchError) as caught:
        check_url(url)

    assert caught.value.reason == "url"


def test_a_user_name_in_a_url_is_refused_and_not_repeated():
    with pytest.raises(FetchError, match="user name") as caught:
        check_url("https://joe:hunter2@h.example/hook")

    assert "hunter2" not in str(caught.value)
    assert "joe" not in str(caught.value)


def test_what_is_shown_of_a_url_holds_no_key():
    assert shown("https://hooks.example/services/T0001/B0002/abcdefGHIJKL012345678901?x=1#f") == (
        "https://hooks.example/services/T0001/B0002/abc…?…"
    )
    assert shown("https://u:p@h.example:8443/a") == "https://h.example:8443/a"
    assert shown("http://[::1") == "(not a URL)"


@given(st.text(max_size=60), st.text(alphabet="abcdef0123456789", min_size=16, max_size=40))
def test_a_key_is_never_shown_wherever_it_stands(rest, key):
    for url in (f"https://h.example/{key}", f"https://h.example/x?token={key}&{rest}", f"https://u:{key}@h.example/"):
        assert key not in shown(url)


@given(st.text(max_size=200))
def test_any_text_is_shown_or_refused_without_a_crash(text):
    assert isinstance(shown(text), str)
    with contextlib.suppress(FetchError):
        check_url(text)
