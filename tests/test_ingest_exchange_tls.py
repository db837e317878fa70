"""TLS: the certificate is held against the host's name, although the connection goes to an address that was checked."""

from __future__ import annotations

import contextlib
import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from exchanges import FEED, ask, failure, fetch_in_turn

from aiwire.types import Response
from ingest.http.guard import Guard

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="needs the openssl program for a certificate")

OWN = Guard(["own.example", "other.example"])


@dataclass
class TlsServer:
    port: int = 0
    names: list[str | None] = field(default_factory=list)  # that clients asked for (SNI), one a connection


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for own.example, signed by itself, and its key in the same file."""
    folder = tmp_path_factory.mktemp("tls")
    key, cert = folder / "key.pem", folder / "cert.pem"
    name = ["-subj", "/CN=own.example", "-addext", "subjectAltName=DNS:own.example"]
    new = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "3650"]
    subprocess.run([*new, "-keyout", key, "-out", cert, *name], check=True, capture_output=True)
    cert.write_bytes(cert.read_bytes() + key.read_bytes())
    return cert


@pytest.fixture
def server(certificate: Path) -> Iterator[TlsServer]:
    """A server that answers every request with the feed, on connections that it keeps open."""
    running = TlsServer()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    context.sni_callback = lambda _socket, name, _context: running.names.append(name)
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(FEED) + FEED

    def serve(listener: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listener.accept()
                with contextlib.suppress(OSError), context.wrap_socket(connection, server_side=True) as secure:
                    while secure.recv(65_536):
                        secure.sendall(answer)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        running.port = listener.getsockname()[1]
        thread = threading.Thread(target=serve, args=(listener,))
        thread.start()
        yield running
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(5)
    assert not thread.is_alive()


def at_home(host: str, port: int) -> list[str]:
    return ["127.0.0.1"]


def test_the_name_is_asked_for_and_verified_and_the_connection_kept(
    server: TlsServer, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    url = f"https://own.example:{server.port}/"

    results = fetch_in_turn(ask(url), ask(url), guard=OWN, resolver=at_home)

    assert [isinstance(result.outcome, Response) and result.outcome.body == FEED for result in results] == [True, True]
    assert server.names == ["own.example"]


def test_a_certificate_for_another_name_is_a_connection_error(
    server: TlsServer, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))

    reason, message = failure(f"https://other.example:{server.port}/", guard=OWN, resolver=at_home)

    assert reason == "connect"
    assert "certificate is not valid for 'other.example'" in message


def test_a_certificate_that_nobody_vouches_for_is_a_connection_error(server: TlsServer) -> None:
    reason, message = failure(f"https://own.example:{server.port}/", guard=OWN, resolver=at_home)

    assert reason == "connect"
    assert "certificate verify failed" in message
