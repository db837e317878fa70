"""The wrappers around Datasette: headers, closed doors, hosts, the gate, and CSVs that no spreadsheet runs."""

import asyncio
import csv
from io import StringIO

import polars as pl
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from public_site import make_copy, make_database

from aiwire.web.middleware.asgi import answer
from aiwire.web.middleware.csvguard import NUMBER, CsvGuard, guarded
from aiwire.web.middleware.gate import Limits, gated, is_expensive
from aiwire.web.middleware.security import CLOSED_PARAMETERS, HEADERS, protected
from aiwire.web.server import make_datasette
from aiwire.web.site import Site
from db.exports.writers import FORMULA


def scope(path="/", query="", *, method="GET", host="127.0.0.1:8001", **headers):
    sent = [(b"host", host.encode())] + [(name.encode(), value.encode()) for name, value in headers.items()]
    return {
        "type": "http", "method": method, "path": path, "raw_path": path.encode(), "query_string": query.encode(),
        "headers": sent,
    }  # fmt: skip


async def ask(app, asked):
    """Return status, headers and body of an answer."""
    sent = []

    async def send(message):
        sent.append(message)

    async def receive():
        return {"type": "http.request", "body": b""}

    await app(asked, receive, send)
    body = b"".join(message.get("body", b"") for message in sent[1:])
    return sent[0]["status"], {k.decode().lower(): v.decode() for k, v in sent[0]["headers"]}, body


def site_of(**rules):
    """Return an application that says what it was asked, and sets a cookie, behind the rules."""

    async def app(asked, receive, send):
        cookie = next((value.decode() for name, value in asked["headers"] if name == b"cookie"), "no cookie")
        await answer(
            send, 200, cookie, {"set-cookie": "a=1", "server": "x", "vary": "Cookie", "X-Frame-Options": "ALLOWALL"}
        )

    return protected(app, **({"is_public": False, "hosts": None} | rules))


# ---------------------------------------------------------------- headers


def test_the_policy_for_contents_allows_nothing_inline_and_nothing_from_elsewhere():
    policy = dict(part.strip().split(" ", 1) for part in HEADERS["content-security-policy"].split(";"))

    assert policy["default-src"] == policy["frame-ancestors"] == policy["base-uri"] == "'none'"
    assert "unsafe" not in HEADERS["content-security-policy"]
    assert not {"script-src", "object-src", "frame-src", "connect-src"} & policy.keys()  # so default-src holds
    assert {word for words in policy.values() for word in words.split()} == {"'none'", "'self'", "data:"}


@pytest.mark.parametrize("rules", [{}, {"is_public": True}])
@pytest.mark.parametrize("asked", [scope(), scope("/-/databases"), scope(method="POST")])
async def test_every_answer_has_the_headers_once_refusals_too(rules, asked):
    _, headers, _ = await ask(site_of(**rules), asked)

    assert {name: headers[name] for name in HEADERS} == HEADERS
    assert "server" not in headers


async def test_strangers_neither_send_nor_get_cookies():
    status, headers, body = await ask(site_of(is_public=True), scope(cookie="ds_actor=root"))

    assert (status, body) == (200, b"no cookie\n")
    assert not {"set-cookie", "vary"} & headers.keys()


async def test_a_local_site_keeps_its_cookies():
    _, headers, body = await ask(site_of(), scope(cookie="ds_actor=root"))

    assert (body, headers["set-cookie"]) == (b"ds_actor=root\n", "a=1")


# ---------------------------------------------------------------- names


@pytest.mark.parametrize(
    "host", ["127.0.0.1:8001", "localhost", "LOCALHOST:1", "[::1]:8001", "news.example.org", "localhost."]
)
async def test_a_local_site_answers_to_this_machine_and_its_own_name(host):
    status, _, _ = await ask(site_of(hosts=["news.example.org"]), scope(host=host))

    assert status == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:8001",
        "127.0.0.1.evil.example",
        "localhost.evil.example",
        "",
        "[",
        "a@evil.example",
    ],
)
async def test_a_local_site_does_not_answer_to_the_name_of_a_strangers_page(host):
    status, _, body = await ask(site_of(hosts=["news.example.org"]), scope(host=host))

    assert status == 421
    assert b"base_url" in body


async def test_a_site_without_a_list_of_names_answers_to_any():
    assert (await ask(site_of(), scope(host="any.example")))[0] == 200


# ---------------------------------------------------------------- closed doors


@pytest.mark.parametrize(
    "path",
    ["/-/databases", "/-/databases.json", "/-/settings", "/-/versions.json", "/-/plugins", "/-/threads",
     "/-/metadata.json", "/-/allow-debug", "/-/patterns", "/-/messages", "/-/logout", "/-/auth-token",
     "/-/permissions", "/-/actor.json", "/-", "/-.json", "/~2D/settings", "/_memory", "/_memory.json", "/_memory/x",
     "/~5Fmemory", "/_internal", "/~5Finternal/x", "/news.db", "/~6Eews.db", "/x.db",
     "/-/static/../databases.json", "/-/static-plugins/../../-/settings"],
)  # fmt: skip
async def test_pages_about_the_server_are_not_there_for_strangers(path):
    assert (await ask(site_of(is_public=True), scope(path)))[0] == 404
    assert (await ask(site_of(is_public=True, mount="/wire/"), scope(f"/wire{path}")))[0] == 404
    assert (await ask(site_of(), scope(path)))[0] == 200


async def test_a_path_that_is_encoded_is_closed_as_well():
    asked = scope("/-/databases") | {"raw_path": b"/%2D/databases"}

    assert (await ask(site_of(is_public=True), asked))[0] == 404


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/news",
        "/news/articles/1",
        "/-/static/app.css",
        "/-/static-plugins/aiwire/site.css",
        "/robots.txt",
        "/news/x.dbx",
    ],
)
async def test_what_strangers_may_read_is_open(path):
    assert (await ask(site_of(is_public=True), scope(path)))[0] == 200


@pytest.mark.parametrize("name", sorted(CLOSED_PARAMETERS))
@pytest.mark.parametrize("query", ["{}=1", "a=1&{}=", "{}", "%{code}{rest}=1"])
async def test_parameters_that_reach_past_a_page_are_closed_however_they_are_written(name, query):
    written = query.format(name, code=f"{ord(name[0]):02x}", rest=name[1:])

    assert (await ask(site_of(is_public=True), scope("/news", written)))[0] == 403


async def test_a_thousand_parameters_are_too_many():
    assert (await ask(site_of(is_public=True), scope("/news", "&".join(f"a{n}=1" for n in range(1000)))))[0] == 400


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "PATCH"])
async def test_strangers_only_read(method):
    assert (await ask(site_of(is_public=True), scope(method=method)))[0] == 405


# ---------------------------------------------------------------- the gate


@pytest.mark.parametrize(
    ("path", "query", "expensive"),
    [
        ("/", "", False),
        ("/news", "", False),
        ("/news/articles", "", False),
        ("/news/articles/17", "", False),
        ("/news/entities/nvidia.json", "", False),
        ("/-/static/app.css", "v=1", False),
        ("/news", "sql=select+1", True),
        ("/news/articles", "_search=x", True),
        ("/news/articles.csv", "", True),
        ("/news/search", "", True),
        ("/news/tco.json", "", True),
        ("/news/price_history", "", True),
        ("/~6Eews/se~61rch", "", True),
        ("/~6Eews/articles", "_search=x", True),
        ("/news/articles~2Ecsv", "", True),
    ],
)
def test_what_may_be_slow_is_told_by_its_address(path, query, expensive):
    assert is_expensive(scope(path, query)) is expensive
    assert is_expensive(scope(f"/wire{path}", query), "/wire/") is expensive


class Slow:
    """An application whose answers wait until they are let go."""

    def __init__(self):
        self.at_work = self.most = 0
        self.go = asyncio.Event()

    async def __call__(self, asked, receive, send):
        if asked["path"] == "/":
            await answer(send, 200, "quick")
            return
        self.at_work += 1
        self.most = max(self.most, self.at_work)
        try:
            await self.go.wait()
        finally:
            self.at_work -= 1
        await answer(send, 200, "slow")


async def test_a_quick_page_passes_while_slow_ones_wait_in_a_line_that_has_an_end():
    slow = Slow()
    app = gated(slow, Limits(at_once=2, waiting=3, wait_s=30))
    asked = [asyncio.create_task(ask(app, scope("/news/search"))) for _ in range(7)]
    await asyncio.sleep(0.05)

    quick = await asyncio.wait_for(ask(app, scope("/")), 1)
    refused = [task.result() for task in asked if task.done()]
    slow.go.set()
    statuses = [status for status, _, _ in await asyncio.gather(*asked)]

    assert quick[0] == 200
    assert [(status, headers["retry-after"]) for status, headers, _ in refused] == [(503, "5"), (503, "5")]
    assert sorted(statuses) == [200] * 5 + [503] * 2
    assert slow.most == 2


async def test_who_waited_too_long_is_told_to_come_back_and_takes_no_place():
    slow = Slow()
    app = gated(slow, Limits(at_once=1, waiting=3, wait_s=0.05))
    first = asyncio.create_task(ask(app, scope("/news/search")))
    await asyncio.sleep(0.01)

    late = await ask(app, scope("/news/search"))
    slow.go.set()
    await first

    assert late[0] == 503
    assert (await ask(app, scope("/news/search")))[0] == 200


async def test_a_request_that_fails_or_is_broken_off_gives_its_place_back():
    slow = Slow()
    app = gated(slow, Limits(at_once=1, waiting=1, wait_s=0.2))
    for _ in range(3):
        broken_off = asyncio.create_task(ask(app, scope("/news/search")))
        await asyncio.sleep(0.01)
        broken_off.cancel()
        await asyncio.gather(broken_off, return_exceptions=True)
    slow.go.set()

    assert (await ask(app, scope("/news/search")))[0] == 200


async def test_a_reader_that_takes_nothing_loses_its_place():
    async def send(message):
        await asyncio.sleep(60)

    app = gated(Slow(), Limits(at_once=1, read_s=0.05))
    app_with_answer = gated(lambda asked, receive, send: answer(send, 200, "x"), Limits(at_once=1, read_s=0.05))
    assert app is not app_with_answer

    with pytest.raises(TimeoutError):
        await app_with_answer(scope("/news/search"), None, send)
    assert (await ask(app_with_answer, scope("/news/search")))[0] == 200


# ---------------------------------------------------------------- CSV

MARKS = "=+-@\t\r\n\"', 0123456789.e＝\x00\u200b"
CELLS = st.text(
    alphabet=st.one_of(
        st.sampled_from("=+-@\t\r\n\"', 0123456789.e＝\x00\u200b"), st.characters(exclude_categories=["Cs"])
    ),
    max_size=20,
)
TABLES = st.integers(1, 4).flatmap(lambda width: st.lists(st.lists(CELLS, min_size=width, max_size=width), max_size=12))


def written(rows):
    out = StringIO(newline="")
    csv.writer(out).writerows(rows)
    return out.getvalue()


def read(text):
    return list(csv.reader(StringIO(text, newline="")))


def in_pieces(data, sizes):
    guard = CsvGuard()
    out = b""
    position = 0
    for size in sizes:
        out += guard.feed(data[position : position + size])
        position += size
    return out + guard.feed(data[position:], final=True)


def expected(cell):
    """Return a cell by the rule of the exports, a number as it is."""
    is_formula = pl.Series([cell], dtype=pl.String).str.contains(FORMULA).item()
    return f"'{cell}" if is_formula and not NUMBER.fullmatch(cell) else cell


@given(TABLES, st.lists(st.integers(0, 30), max_size=8))
@example([["=1+1", "-5", "+1.5e3", "-1+1"], ["@x", "\t1", " =1", "a\r\n=b"]], [1, 2, 3])
@example([["ü" * 9, '"=']], [1, 1, 1, 1])
def test_what_is_read_back_is_the_same_but_for_guarded_cells_however_it_came_in_pieces(rows, sizes):
    found = read(in_pieces(written(rows).encode(), sizes).decode())

    assert found == [[expected(cell) for cell in row] for row in read(written(rows))]


@pytest.mark.parametrize(
    "cell", ["=1+1", "+1+1", "-1-1", "@SUM(1)", "\t=1", "\r=1", " =1", "＝1", "-inf", '=HYPERLINK("x")']
)
def test_a_formula_gets_an_apostrophe(cell):
    ((found,),) = read(in_pieces(written([[cell]]).encode(), []).decode())

    assert found == f"'{cell}"


@pytest.mark.parametrize("cell", ["-5", "+1.25", "-1e-7", "1", "plain", "a=b", "2026-11-23", ""])
def test_numbers_and_plain_texts_stay(cell):
    assert in_pieces(written([[cell, "x"]]).encode(), []) == written([[cell, "x"]]).encode()


def test_a_long_file_is_sent_on_before_its_end():
    guard = CsvGuard()
    row = written([["some words", "=1"]]).encode()

    sent = [guard.feed(row * 500) for _ in range(20)]

    assert sum(map(len, sent)) > 15 * 500 * len(row)


async def test_only_csv_that_was_found_is_guarded_and_its_other_headers_stay():
    async def app(asked, receive, send):
        status = 404 if asked["query_string"] else 200
        disposition = {"content-type": "text/csv", "content-disposition": "attachment; filename=x.csv"}
        await answer(send, status, "=1+1,2", disposition)

    found = await ask(guarded(app), scope("/news/articles.csv"))
    missing = await ask(guarded(app), scope("/news/articles.csv", "x=1"))
    other = await ask(guarded(app), scope("/news/articles"))

    assert found[2] == b"'=1+1,2\r\n"
    assert found[1]["content-disposition"] == "attachment; filename=x.csv"
    assert "content-length" not in found[1]
    assert missing[2] == other[2] == b"=1+1,2\n"


@pytest.mark.parametrize("query", ["_size=max", "_size=max&_dl=1", "_stream=1", "_labels=on&_stream=1"])
async def test_a_csv_of_datasette_is_guarded_in_all_its_forms(tmp_path, query):
    datasette = make_datasette(make_database(tmp_path / "news.db"))

    response = await datasette.client.get(f"/news/articles.csv?{query}")

    titles = [row["title"] for row in csv.DictReader(StringIO(response.text, newline=""))]
    assert "'=1+2 is a title" in titles
    assert ("content-disposition" in response.headers) == ("_dl" in query)


# ---------------------------------------------------------------- as they are put together


async def test_the_local_site_has_the_headers_refuses_other_names_and_is_open_else(tmp_path):
    datasette = make_datasette(make_database(tmp_path / "news.db"), Site("https://news.example.org"))

    page = await datasette.client.get("/news/articles.json")
    own = await datasette.client.get("/news.json", headers={"host": "news.example.org"})
    other = await datasette.client.get("/news.json", headers={"host": "rebound.example"})
    sql = await datasette.client.get("/news.json?sql=select+1&_shape=array")

    assert {name: page.headers[name] for name in HEADERS} == HEADERS
    assert (own.status_code, other.status_code) == (200, 421)
    assert sql.json() == [{"1": 1}]


async def test_robots_are_kept_out_of_a_local_site_and_of_the_endless_pages_of_a_public_one(tmp_path):
    local = make_datasette(make_database(tmp_path / "news.db"))
    public = make_datasette(make_copy(tmp_path / "out"), Site(is_public=True))

    assert (await local.client.get("/robots.txt")).text.splitlines() == ["User-agent: *", "Disallow: /"]
    assert (await public.client.get("/robots.txt")).text.splitlines() == [
        "User-agent: *",
        "Disallow: /*?",
        "Disallow: /-/",
    ]


def test_a_cell_as_long_as_a_text_is_guarded_and_the_limit_of_others_stays():
    before = csv.field_size_limit()

    told = CsvGuard().feed(b"title,text\r\n=1+1," + b"x" * 300_000 + b"\r\n", final=True)

    assert told.startswith(b"title,text\r\n'=1+1,xxx")
    assert csv.field_size_limit() == before
