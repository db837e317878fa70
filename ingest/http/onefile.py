"""One address answered with the bytes of a file: a look at a page that somebody saved."""

from __future__ import annotations

import httpx2

from aiwire.exceptions import FetchError

__all__ = ["OneFileTransport"]


class OneFileTransport(httpx2.AsyncBaseTransport):
    """Answers `url` with `body`. Any other URL is a `FetchError` with the reason "not-in-archive"."""

    def __init__(self, url: str, body: bytes) -> None:
        self._url = httpx2.URL(url).copy_with(fragment=None)
        self._body = body

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        if request.url != self._url:
            raise FetchError(str(request.url), "not in the file", reason="not-in-archive")
        return httpx2.Response(200, stream=httpx2.ByteStream(self._body))
