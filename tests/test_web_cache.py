"""Pages of a public copy are made once a minute, however many ask for them."""

import asyncio

from aiwire.web.middleware.cache import Keep, cached


class Site:
    """An application that counts how often it makes a page."""

    def __init__(self, *, status=200, kind="text/html; charset=utf-8", body=b"<p>page</p>", cookie=False):
        self.made = 0
        self.status, self.kind, self.body, self.cookie = status, kind, body, cookie

    async def __call__(self, scope, receive, send):
        self.made += 1
        await asyncio.sleep(0.01)
        headers = [(b"content-type", self.kind.encode())] + ([(b"set-cookie", b"a=b")] if self.cookie else [])
        await send({"type": "http.response.start", "status": self.status, "headers": headers})
        await send({"type": "http.response.body", "body": self.body, "more_body": True})
        await send({"type": "http.response.body", "body": str(self.made).encode()})


async def ask(app, path="/", *, method="GET", query=b"", headers=()):
    sent = []

    async def send(message):
        sent.append(message)

    scope = {
        "type": "http", "method": method, "path": path, "raw_path": path.encode(), "query_string": query,
        "scheme": "https", "headers": [(b"host", b"news.example"), *headers],
    }  # fmt: skip
    await app(scope, None, send)
    return sent[0]["status"], b"".join(message.get("body", b"") for message in sent[1:])


async def test_a_page_is_made_once_and_comes_out_the_same():
    site = Site()
    app = cached(site)

    assert await ask(app) == await ask(app) == (200, b"<p>page</p>1")
    assert site.made == 1


async def test_of_many_that_ask_at_once_one_makes_the_page():
    site = Site()
    app = cached(site)

    answers = await asyncio.gather(*(ask(app, "/news/tco") for _ in range(50)))

    assert site.made == 1
    assert set(answers) == {(200, b"<p>page</p>1")}


async def test_what_is_asked_for_otherwise_is_another_page():
    site = Site()
    app = cached(site)

    await ask(app)
    await ask(app, query=b"weeks=26")
    await ask(app, "/news")

    assert site.made == 3


async def test_a_page_is_made_anew_when_its_time_is_over():
    site = Site()
    app = cached(site, Keep(seconds=0.0))

    await ask(app)
    await asyncio.sleep(0.01)
    await ask(app)

    assert site.made == 2


async def test_what_is_no_page_or_somebodys_own_passes():
    for site, asked in (
        (Site(), {"path": "/news/articles.csv"}),
        (Site(), {"path": "/-/static/app"}),
        (Site(), {"method": "HEAD"}),
        (Site(), {"headers": [(b"cookie", b"ds_actor=x")]}),
        (Site(status=503), {}),
        (Site(status=404), {}),
        (Site(kind="application/json"), {}),
        (Site(cookie=True), {}),
        (Site(body=b"x" * 600_000), {}),
    ):
        app = cached(site)
        await ask(app, **asked)
        await ask(app, **asked)
        assert site.made == 2, (site.status, site.kind, asked)


async def test_the_memory_has_a_limit_and_the_oldest_goes_first():
    site = Site(body=b"x" * 100)
    app = cached(site, Keep(most_bytes=250))

    for path in ("/a", "/b", "/a", "/c"):
        await ask(app, path)
    assert site.made == 3
    await ask(app, "/a")
    assert site.made == 3
    await ask(app, "/b")
    assert site.made == 4


async def test_an_error_while_a_page_is_made_is_everyones_own():
    class Broken(Site):
        async def __call__(self, scope, receive, send):
            self.made += 1
            raise RuntimeError("broken")

    site = Broken()
    app = cached(site)

    answers = await asyncio.gather(*(ask(app) for _ in range(3)), return_exceptions=True)

    assert [type(one) for one in answers] == [RuntimeError] * 3
    assert site.made == 3
