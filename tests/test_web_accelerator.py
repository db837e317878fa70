"""What an accelerator's page shows beyond other entities: facts with sources, prices now and in time."""

import html
import re
import time
import xml.etree.ElementTree as ElementTree
from datetime import UTC, date, datetime

import pytest
from cost_rows import add_article, cost_db, insert, quote
from hypothesis import given
from hypothesis import strategies as st

from aiwire.web.footnotes import Footnotes, pieces
from aiwire.web.links import Links
from aiwire.web.pages import Ask
from aiwire.web.pages.accelerator import load_part
from aiwire.web.server import make_datasette
from aiwire.web.site import Site
from aiwire.web.svg.prices import Mark, price_chart
from db.pages.accelerator import offers

NOW = datetime(2026, 11, 23, 6, tzinfo=UTC)
SXM = "nvidia-h100-sxm5-80gb"


def fact(db, name, value, unit=None, *, standing="used", part=SXM, **more):
    insert(db, "accelerator_facts", accelerator_id=part, fact=name, value=value, unit=unit, standing=standing, **more)


def offer(db, provider, usd, *, part=SXM, **more):
    insert(db, "cloud_prices", provider=provider, gpu_count=8, accelerator_id=part,
           ondemand_usd_per_gpu_hour=usd, **more)  # fmt: skip


def shown(db, family="nvidia-h100"):
    return load_part(db, Ask("", {}, Site(), Links("/", "http://site"), NOW), family)


@pytest.fixture
def db():
    return cost_db()


def row_of(part, name):
    return dict(zip(part.parts, next(row.cells for row in part.facts if row.name == name), strict=True))


def test_a_fact_has_its_unit_and_its_source(db):
    fact(db, "bandwidth_gbs", "3350", "GB/s", source="https://example.org/sheet", note="data sheet")

    part = shown(db)

    cell = row_of(part, "Memory bandwidth")["H100 SXM5 80GB"]
    assert (cell.value, cell.unit) == ("3,350", "GB/s")
    note = part.footnotes[cell.footnote - 1]
    assert (note.number, note.note, note.dated) == (cell.footnote, "data sheet", "2026-11-01")
    assert note.pieces[0].href == "https://example.org/sheet"


def test_what_no_source_states_is_empty_and_never_0(db):
    fact(db, "fp8_dense_tflops", "1979", "TFLOPS")

    cells = row_of(shown(db), "FP8, dense")

    assert cells["H100 SXM5 80GB"].value == "1,979"
    assert (cells["H100 PCIe 80GB"].value, cells["H100 PCIe 80GB"].footnote) == ("", None)


def test_a_fact_that_no_part_has_is_no_row(db):
    assert [row.name for row in shown(db).facts] == ["Power"]


def test_where_sources_differ_the_others_are_shown(db):
    fact(db, "memory_type", "HBM2e")
    fact(db, "memory_type", "HBM3", standing="differs", source="https://example.org/other")
    fact(db, "memory_type", "GDDR6", standing="rejected", note="free text")
    fact(db, "memory_type", "HBM1", standing="differs", superseded_at="2026-01-01")

    part = shown(db)

    cell = row_of(part, "Memory type")["H100 SXM5 80GB"]
    ((value, number),) = cell.differs
    assert (cell.value, value, part.disputed) == ("HBM2e", "HBM3", 1)
    assert part.footnotes[number - 1].pieces[0].href == "https://example.org/other"


def test_each_provider_is_shown_with_its_cheapest_by_way_of_renting_and_old_prices_are_last(db):
    offer(db, "lambda", 2.49, price_date="2025-02-28")  # overtaken by what is asked now
    offer(db, "ancient", 0.5, price_date="2024-01-01")
    offer(db, "gone", 0.1, superseded_at="2026-01-01")
    offer(db, "wrong", 0.1, implausible="a core's price")

    found = offers(db, "nvidia-h100", today=NOW.date())

    assert [(one.provider, one.term, one.usd_per_gpu_hour, one.is_old) for one in found] == [
        ("hyperstack", "on demand", 1.9, False), ("lambda", "reserved 1 year", 1.99, False),
        ("aws", "spot", 2.5, False), ("lambda", "on demand", 2.99, False), ("aws", "on demand", 6.88, False),
        ("ancient", "on demand", 0.5, True),
    ]  # fmt: skip
    assert found[4].region == "us-east-1"
    assert found[4].price_date is None


def test_prices_in_time_have_a_shape_for_each_voice(db):
    offer(db, "dated", 3.0, price_date="2026-09-10")
    of = {"accelerator": "nvidia-h100"}
    add_article(db, "hour", quote("$2.10 an hour", 2.1, "gpu-hour", **of))
    add_article(db, "card", quote("$25,000", 25000.0, "card", **of))
    insert(db, "hardware_prices", family_id="nvidia-h100", kind="street", item="board", gpu_count=8, usd=200000.0,
           price_date="2026-03-02")  # fmt: skip

    hour, card = shown(db).charts

    assert "<circle" in hour.image  # cloud
    assert "<polygon" in hour.image  # press
    assert "2026-11, cloud: median" in hour.image
    assert "; not dated, read in that month" in hour.image
    assert "hollow" in hour.image
    assert [one.text.partition(":")[0] for one in hour.key] == ["cloud", "press", "hollow"]
    assert [one.text.partition(":")[0] for one in card.key] == ["reference", "press"]
    assert "board: $25,000 each" in card.image
    for chart in (hour, card):
        ElementTree.fromstring(str(chart.image))


def test_what_is_not_dated_is_not_in_the_chart_of_hardware(db):
    db.execute("UPDATE hardware_prices SET price_date = NULL")

    part = shown(db)

    assert [chart.title for chart in part.charts] == ["An hour of one accelerator, on demand, in US dollars"]
    assert part.hardware[0][0].price.price_date is None


def test_a_system_is_priced_by_its_accelerators_too(db):
    insert(db, "hardware_prices", family_id="nvidia-h100", kind="system", item="DGX", gpu_count=8, usd_low=240000.0,
           usd_high=400000.0, price_date="2026-03-02")  # fmt: skip

    rows = {row.price.item: row.each for row in shown(db).hardware[0]}

    assert rows == {"DGX": 40000.0, "card": None}


def test_quoted_prices_lead_to_their_articles(db):
    add_article(db, "card", quote("$25,000", 25000.0, "card", accelerator="nvidia-h100"))

    ((row,),) = shown(db).quoted

    assert row.link == f"/news/articles/{row.quoted.article_id}"
    assert db.execute("SELECT count(*) FROM articles WHERE id = ?", [row.quoted.article_id]).fetchone() == (1,)
    assert row.quoted.quote == "$25,000"


def test_buy_or_rent_opens_the_comparison_with_it(db):
    assert shown(db).tco == "/news/tco?accelerator=nvidia-h100&count=8"


def test_a_family_of_which_nothing_is_known_says_so(db):
    part = shown(db, "nvidia-b200")

    assert part.is_empty
    assert part.tco is None


async def test_the_page_shows_it_and_bad_addresses_are_no_links(tmp_path):
    path = tmp_path / "any.db"
    database = cost_db(path)
    fact(database, "memory_type", "<b>HBM3</b>", source="javascript:alert(1)")
    fact(database, "memory_type", "HBM2e", standing="differs")
    offer(database, "<i>evil</i>", 0.9, source="https://example.org/a?b=1&c=2")
    database.close()

    page = await make_datasette(path).client.get("/news/entities/nvidia-h100")

    text = " ".join(html.unescape(re.sub(r"<[^>]+>", " ", page.text)).split())
    assert page.status_code == 200
    assert "disputed: HBM2e" in text
    assert "<b>HBM3</b>" not in page.text
    assert "<i>evil" not in page.text
    assert 'href="javascript' not in page.text
    assert 'href="https://example.org/a?b=1&amp;c=2"' in page.text
    assert "not dated, read 2026-11-01" in text
    assert "Buy or rent?" in text
    for mark in re.findall(r'href="#((?:spec|price)-\d+)"', page.text):
        assert f'id="{mark}"' in page.text


def test_thousands_of_prices_take_no_longer_than_a_page_may(db):
    columns = "id, provider, region, accelerator_id, gpu_count, ondemand_usd_per_gpu_hour, price_date, as_of, source"
    db.conn.executemany(
        f"INSERT INTO cloud_prices ({columns}, origin) VALUES (?, ?, ?, ?, 8, ?, ?, '2026-11-01', 'x', 'shipped')",
        [
            (1000 + n, f"p{n % 20}", f"r{n % 50}", SXM, 1 + n % 97 / 10, f"202{4 + n % 3}-{1 + n % 11:02}-05")
            for n in range(5000)
        ],
    )
    shown(db)
    start = time.process_time()

    part = shown(db)

    assert part.offers_in_all == 5004
    assert [len(rows) for rows in part.offers] == [6, 9]
    assert time.process_time() - start < 0.5  # measured: 0.03


@pytest.mark.parametrize(
    ("citation", "links"),
    [
        ("https://example.org/a.", ["https://example.org/a"]),
        (
            "owner/name@744d01e:a b/READ.md [row 3] <https://example.org/x>",
            ["https://github.com/owner/name/blob/744d01e/a%20b/READ.md", "https://example.org/x"],
        ),
        ("owner/name@744d01e systems", ["https://github.com/owner/name/tree/744d01e"]),
        ("x <web.archive.org/web/2025/shop.example>", ["https://web.archive.org/web/2025/shop.example"]),
        ("PyPI genai-prices 0.2.3 (data.py)", []),
        ("npm @huggingface/tasks 0.21.54: src/x.ts", []),
        ("Pan et al., arXiv:2509.18101v3, Table II", ["https://arxiv.org/abs/2509.18101v3"]),
        ("aiwire: a choice, nothing is measured", []),
        ("javascript:alert(1)", []),
    ],
)
def test_citations_are_linked_where_they_can_be_looked_up(citation, links):
    assert [piece.href for piece in pieces(citation) if piece.href] == links


def test_a_long_commit_is_written_short_and_linked_in_full():
    (piece,) = pieces(f"owner/name@{'a1' * 20}:file.py")

    assert piece.text == "owner/name@a1a1a1a:file.py"
    assert "a1" * 20 in piece.href


@given(st.text(max_size=80) | st.from_regex(r"[\w /@:<>.\[\]-]{0,80}", fullmatch=True))
def test_pieces_hold_all_of_a_citation_and_link_only_to_the_web(citation):
    found = pieces(citation)

    assert "".join(piece.text for piece in found) == citation or "@" in citation
    assert all(piece.href is None or piece.href.startswith(("http://", "https://", "HTTP")) for piece in found)


def test_the_same_source_has_the_same_number():
    notes = Footnotes()

    assert [notes.number("a"), notes.number("b"), notes.number("a"), notes.number("a", "note")] == [1, 2, 1, 3]
    assert [one.number for one in notes.all()] == [1, 2, 3]


days = st.dates(date(2019, 1, 1), date(2031, 1, 1))


@given(st.lists(st.builds(Mark, days, st.floats(0.01, 1e6), st.sampled_from(["reference", "cloud", "press"]),
                          st.text(st.characters(categories=["L", "P"])), is_dated=st.booleans(),
                          joined=st.booleans()), min_size=1, max_size=20))  # fmt: skip
def test_any_prices_make_a_whole_drawing_within_its_frame(marks):
    drawing = ElementTree.fromstring(str(price_chart(marks, title="<t>", description="d & e")))

    width, height = (float(side) for side in drawing.get("viewBox").split()[2:])
    for one in drawing.iter("{http://www.w3.org/2000/svg}circle"):
        assert 0 <= float(one.get("cx")) <= width
        assert 0 <= float(one.get("cy")) <= height


def test_nothing_makes_no_drawing():
    assert price_chart([], title="t", description="d") is None
