"""The page of an article and its citations, over a real database and Datasette's in-process client."""

import json
import re
import time
from dataclasses import replace
from html import unescape

import pytest
from db_rows import NOW, article, id_of, make_db, save, tag
from lxml import html

from aiwire.types import Correction, Price
from aiwire.web.article.textdiff import changes
from aiwire.web.article.words import confidence, put_right, rule
from aiwire.web.server import make_datasette
from db.corrections import add_corrections

HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(1)>\"'& NVIDIA"


class Site:
    """A database and what its site answers."""

    def __init__(self, folder):
        self.path = folder / "news.db"
        self.db = make_db(self.path)

    async def get(self, path):
        return await make_datasette(self.path).client.get(path)

    async def article(self, name="a", suffix=""):
        return await self.get(f"/news/articles/{id_of(self.db, name)}{suffix}")

    async def page(self, name="a"):
        answer = await self.article(name)
        assert answer.status_code == 200
        return Page(answer.text)


class Page:
    """A page as a person sees it."""

    def __init__(self, text):
        self.text = text
        self.tree = html.fromstring(text.replace("</dt>", "</dt> ").replace("</dd>", "</dd> "))

    def all(self, xpath):
        return self.tree.xpath(xpath)

    def words(self, xpath="//main"):
        return " ".join(" ".join(one.text_content() for one in self.tree.xpath(xpath)).split())


@pytest.fixture
def site(tmp_path):
    made = Site(tmp_path)
    yield made
    made.db.close()


def with_tagging(update, **changed):
    return replace(update, tagging=replace(update.tagging, **changed))


# ---------------------------------------------------------------- text and tags


async def test_each_mention_is_a_mark_that_links_and_says_what_it_is(site):
    save(site.db, article("a", "NVIDIA sells the H100.", title="NVIDIA again"))

    page = await site.page()
    marks = page.all('//mark[contains(@class, "tag--")]/a')

    assert [(m.text, m.get("href"), m.get("title")) for m in marks] == [
        ("NVIDIA", "/news/entities/nvidia", "company NVIDIA, confidence 90 %: unambiguous name"),
        ("NVIDIA", "/news/entities/nvidia", "company NVIDIA, confidence 90 %: unambiguous name"),
        ("H100", "/news/entities/nvidia-h100",
         "accelerator NVIDIA H100, confidence 90 %: unambiguous name"),
    ]  # fmt: skip
    assert [m.get("aria-label") for m in marks] == [
        "NVIDIA, company, confidence 90 %",
        "NVIDIA, company, confidence 90 %",
        "H100, accelerator NVIDIA H100, confidence 90 %",
    ]
    assert page.words("//h1") == "NVIDIA again"
    assert [m.get("class") for m in page.all('//div[@class="reading"]//mark')] == [
        "tag tag--company", "tag tag--accelerator",
    ]  # fmt: skip


async def test_a_chinese_text_is_marked_at_the_right_place_and_says_its_language(site):
    save(site.db, article("a", "🙂 英伟达 NVIDIA 发布新品。", title="NVIDIA 新闻", language="zh-Hans"))

    page = await site.page()

    assert [m.text for m in page.all("//mark/a")] == ["NVIDIA", "NVIDIA"]
    assert page.all('//div[@class="reading"]/@lang') == page.all("//h1/@lang") == ["zh-Hans"]
    assert "🙂 英伟达 NVIDIA 发布新品。" in page.words()


async def test_what_strangers_wrote_is_text_and_nothing_else(site):
    hostile = article("a", f"{HOSTILE}\n{HOSTILE}", title=HOSTILE, author=HOSTILE, language='en"><script>')
    save(site.db, hostile)
    site.db.execute("UPDATE articles SET url = 'javascript:alert(1)//', rights = ?, canonical_url = ?", [HOSTILE] * 2)
    site.db.execute("UPDATE sources SET name = ?, licence = ?, category = ?", [HOSTILE] * 3)
    site.db.conn.commit()
    (key,) = site.db.execute("SELECT id FROM articles").fetchone()

    page = Page((await site.get(f"/news/articles/{key}")).text)
    bib = await site.get(f"/news/articles/{key}.bib")

    assert not page.all("//script | //img | //@onerror | //style | //@style")
    assert not [address for address in page.all("//@href") if address.lower().startswith("javascript:")]
    assert page.words().count("<script>alert(1)</script>") > 5
    assert "javascript:" not in re.sub(r"note = .*", "", bib.text)


async def test_the_longest_article_is_cut_below_the_weight_of_a_page_and_in_time(site):
    sentence = "NVIDIA & others sell the H100 to all who ask for it, wherever they may be these days. "
    save(site.db, article("a", (sentence * 60 + "\n") * 100))
    started = time.perf_counter()

    answer = await site.article()
    page = Page(answer.text)

    assert len(answer.content) < 120_000
    assert time.perf_counter() - started < 10  # seconds; it is a tenth of one
    assert re.search(r"Only the first [\d,]+ of 5\d\d,\d\d\d characters are shown", page.words())
    assert page.all('//a[starts-with(@href, "/news/articles/")][contains(@href, ".json?_shape=objects")]')


async def test_a_page_with_much_of_everything_keeps_below_its_weight(site):
    words = "NVIDIA & others sell the H100 to “all” who ask for it, wherever they may be these days. "
    update = article("a", (words * 60 + "\n") * 10, title="NVIDIA " * 400, author="Ann " * 900)
    first, price = update.tagging.tags[0], Price("$9", 9, None, "USD", "card", None, None, words * 9, "text", 0, 2)
    tags = [replace(first, id=f"maker-{n}", name=f"Maker {n}", evidence=f"{n} {words * 9}", listed=False)
            for n in range(100)]  # fmt: skip
    prices = tuple(replace(price, sentence=f"{n} {words * 9}", quote=f"${n}") for n in range(60))
    copies = [article(f"copy-{n}", title=words * 20, tagged=False) for n in range(40)]
    save(site.db, replace(update, text="Else.", entry_hash="first", tagging=None), *copies)
    for n in range(30):
        other = replace(update, title=f"{n} {words * 90}", text=f"{n} is new. " * 900, entry_hash=str(n), tagging=None)
        save(site.db, other, now=NOW.replace(minute=n))
    last = with_tagging(update, tags=tuple(tags), prices=prices)
    save(site.db, replace(last, entry_hash="last"), now=NOW.replace(hour=9))
    with site.db.atomic():
        site.db.execute("UPDATE articles SET story_id = ?", [id_of(site.db, "copy-0")])
        site.db.execute("DELETE FROM stories")
        site.db.execute("INSERT INTO stories VALUES (?, 41, 1, 'x', 'y')", [id_of(site.db, "copy-0")])

    answer = await site.article()
    page = Page(answer.text)
    styles = [await site.get(address) for address in page.all('//link[@rel="stylesheet"]/@href')]

    sections = page.all("//main//h2/@id")
    assert {"names", "evidence", "prices", "story", "versions", "cite", "put-right", "provenance"} <= set(sections)
    assert len(answer.content) + sum(len(style.content) for style in styles) < 150_000
    assert "the first 30 of 60" in page.words()


async def test_the_box_lists_what_is_named_by_kind_and_links_to_the_evidence(site):
    update = article("a", "Reuters says that NVIDIA sells the H100. Foolux does not.")
    tagged = [*update.tagging.tags]
    tagged[0] = replace(tagged[0], about=False, salience=0.9)
    unlisted = replace(tagged[0], id="foolux", name="Foolux", listed=False, evidence="Foolux does not.", mentions=())
    save(site.db, with_tagging(update, tags=(*tagged, unlisted)))

    page = await site.page()
    box = page.words('//section[@aria-labelledby="names"]')

    assert page.all('//section[@aria-labelledby="names"]/h3/text()') == ["Companies", "Accelerators"]
    assert "Reuters about 1× · 90 % confidence: evidence for Reuters · said so: quoted as a source" in box
    assert box.index("Reuters about") < box.index("NVIDIA 1×")
    assert re.search(r"Foolux 1× · .*? · unlisted", box)
    for anchor in page.all('//section[@aria-labelledby="names"]//a/@href[starts-with(., "#")]'):
        assert len(page.all(f'//*[@id="{anchor[1:]}"]')) == 1
    assert "Reuters says that NVIDIA sells the H100." in page.words('//li[.//@id="evidence-nvidia-h100"]')
    assert page.words('//section[@aria-labelledby="evidence"]').count("Reuters says") == 1  # for three tags


async def test_a_hundred_tags_are_cut_with_a_link_to_all(site):
    update = article("a", "NVIDIA sells.")
    first = update.tagging.tags[0]
    many = tuple(replace(first, id=f"maker-{n}", name=f"Maker {n}", listed=False, mentions=()) for n in range(100))
    save(site.db, with_tagging(update, tags=many))

    page = await site.page()

    assert len(page.all('//ul[@class="tag-list"]/li')) == 50
    assert "50 more tags" in page.words()


async def test_an_article_of_which_nothing_is_known_has_a_page(site):
    save(site.db, article("a", "", title="", tagged=False, date_source="backlog", language=None))

    page = await site.page()

    assert page.words("//h1") == "(no title)"
    assert "first seen, in the first answer of its source; its own date is not known" in page.words()
    assert "No text is stored: the feed gives the title alone" in page.words()
    assert "Not tagged yet" in page.words()
    assert (await site.get("/news/articles/123456")).status_code == 404


async def test_a_date_that_is_not_the_publishers_has_first_seen_beside_it(site):
    save(site.db, article("a", date_source="url", day=NOW.replace(day=1)))

    line = (await site.page()).words('//p[contains(@class, "dateline")]')

    assert line.startswith("2026-11-01 06:00 UTC (date in the article's address) first seen 2026-11-23 06:00 UTC")


# ---------------------------------------------------------------- prices, story, versions, corrections


async def test_prices_say_what_of_and_which_are_implausible(site):
    update = article("a", "The H100 is $2.99 per hour, at times $0.01.")
    said = Price("$2.99", 2.99, None, "USD", "gpu-hour", "from", "nvidia-h100", update.text, "text", 12, 17)
    odd = replace(said, quote="$0.01", amount=0.01, qualifier=None, accelerator=None)
    save(site.db, with_tagging(update, prices=(said, odd)))
    with site.db.atomic():
        site.db.execute("UPDATE prices SET implausible = position")

    rows = (await site.page()).all('//section[@aria-labelledby="prices"]//tbody/tr')

    assert [[" ".join(cell.text_content().split()) for cell in row] for row in rows] == [
        ["$2.99", "NVIDIA H100", "per GPU-hour", "from, a lower bound", update.text],
        ["$0.01 implausible", "not said", "per GPU-hour", "—", "the same sentence"],
    ]


async def test_copies_name_their_leader_and_leaders_their_copies(site):
    save(site.db, article("a"), article("b", day=NOW.replace(hour=7)), article("c", day=NOW.replace(hour=8)))
    leader = id_of(site.db, "a")
    with site.db.atomic():
        site.db.execute("UPDATE articles SET story_id = ?", [leader])
        site.db.execute("DELETE FROM stories")
        site.db.execute("INSERT INTO stories VALUES (?, 3, 1, '2026-11-23T06:00:00Z', '2026-11-23T08:00Z')", [leader])

    copy, first = await site.page("b"), await site.page("a")

    assert "A copy: this story was told first by Example (2026-11-23 06:00 UTC), in Title of a." in copy.words()
    assert copy.all('//ol[@class="siblings"]/li/a/@href') == [
        f"/news/articles/{leader}", f"/news/articles/{id_of(site.db, 'c')}",
    ]  # fmt: skip
    assert "A copy" not in first.words()
    assert "This one is the earliest and leads it." in first.words()
    assert "--same-as https://example.org/a" in copy.words()


async def test_versions_say_what_changed_word_by_word(site):
    save(site.db, article("a", "NVIDIA sells ten cards.\nAll is well.", title="Old"))
    save(site.db, article("a", "NVIDIA sells nine cards.\nAll is well.", title="New"), now=NOW.replace(hour=9))

    page = await site.page()

    rows = page.all('//section[@aria-labelledby="versions"]//tbody/tr')
    assert [[cell.text_content() for cell in row] for row in rows] == [
        ["1", "2026-11-23 09:00 UTC", "title, text", "Old"]
    ]
    assert page.words('//section[@aria-labelledby="versions"]//details//del') == "ten"
    assert page.words('//section[@aria-labelledby="versions"]//details//ins') == "nine"
    assert "All is well." not in page.words('//section[@aria-labelledby="versions"]')


async def test_what_a_person_put_right_is_shown(site):
    save(site.db, article("a"))
    with site.db.atomic():
        add_corrections(site.db, [
            Correction("https://example.org/a", "wrong-tag", "tco", note="another one", made_at="2026-11-20T00:00:00Z"),
            Correction("https://example.org/a", "wrong-date", value="2026-01-02", made_at="2026-11-21T00:00:00Z"),
        ])  # fmt: skip

    said = (await site.page()).words('//section[@aria-labelledby="corrections"]')

    assert "Date: 2026-01-02 2026-11-21" in said
    assert "Tag taken away: TCO — another one 2026-11-20" in said


def test_commands_are_quoted_for_a_shell():
    said = dict(put_right("https://example.org/a?b=1&c='$(rm -r ~)'", ["nvidia"], None))

    assert said["A tag that is wrong"] == (
        """aiwire correct tag 'https://example.org/a?b=1&c='"'"'$(rm -r ~)'"'"'' nvidia --wrong"""
    )


async def test_where_the_text_is_from_is_said(site):
    save(site.db, article("a"), source_id="vendor")
    site.db.execute("UPDATE sources SET licence = 'All rights reserved', text_policy = 'excerpt'")
    site.db.execute("UPDATE articles SET rights = 'tdm-reservation: 1', paywalled = 1, page_state = 'fetched'")
    site.db.conn.commit()

    page = await site.page()

    assert "in the own voice of NVIDIA" in page.words('//p[contains(@class, "dateline")]')
    assert page.words('//section[@aria-labelledby="provenance"]').startswith(
        "Where it is from Source Vendor Publisher NVIDIA Licence All rights reserved Text in copies evidence only"
        " Rights tdm-reservation: 1 Paywall yes"
    )
    assert page.all('//a[contains(@class, "source-link")]/@rel') == ["noopener noreferrer nofollow"]


# ---------------------------------------------------------------- public copies


async def test_a_public_copy_shows_evidence_and_says_why_there_is_no_text(site):
    save(site.db, article("a"))
    site.db.execute("UPDATE articles SET text = ''")
    site.db.execute("DELETE FROM mentions WHERE field = 'text'")
    site.db.execute("INSERT INTO published VALUES (1, '2026-11-23T06:00:00Z', '0.1', 'excerpt', 300)")
    site.db.conn.commit()

    page = await site.page()

    assert "The publisher's text is not shown here; read it at https://example.org/a." in page.words()
    assert "NVIDIA sells the H100." in page.words('//section[@aria-labelledby="evidence"]')
    assert "aiwire correct" not in page.text


async def test_evidence_that_a_public_copy_leaves_out_leaves_no_empty_quotes(site):
    save(site.db, article("a", "NVIDIA sells the H100.", tagging=with_prices()))
    site.db.execute("UPDATE article_entities SET evidence = ''")
    site.db.execute("UPDATE prices SET sentence = ''")
    site.db.conn.commit()

    page = await site.page()
    bib = await site.article(suffix=".bib")
    asked = await site.article(suffix=".bib?evidence=nvidia")

    assert not page.all('//section[@aria-labelledby="evidence"] | //blockquote')
    assert "“”" not in page.words()
    assert [cell.text_content() for cell in page.all('//td[@data-label="Sentence"]')] == ["—", "—"]
    assert "note = {As stored on 2026-11-23" in bib.text
    assert asked.status_code == 404


def with_prices():
    text = "NVIDIA sells the H100."
    prices = (
        Price("$4", 4.0, None, "USD", "card", None, None, text, "text", 0, 2, product="nvidia"),
        Price("$5", 5.0, None, "USD", "card", None, None, text, "text", 3, 5, product="nvidia"),
    )
    return replace(tag("Title of a", text), prices=prices)


# ---------------------------------------------------------------- citations


@pytest.mark.parametrize("damaged", ["", "0000-99-99", "2026-13-45T00:00:00Z", "no date"])
async def test_damaged_dates_are_no_dates(site, damaged):
    save(site.db, article("a"))
    site.db.execute("PRAGMA ignore_check_constraints = ON")
    site.db.execute("UPDATE articles SET dated_at = ?, first_seen_at = ?", [damaged] * 2)
    site.db.conn.commit()

    page, bib, csl = await site.article(), await site.article(suffix=".bib"), await site.article(suffix=".csl")

    assert (page.status_code, bib.status_code, csl.status_code) == (200, 200, 200)
    assert not re.search(r"^  (year|month|day|urldate) = ", bib.text, re.MULTILINE)
    assert not {"issued", "accessed"} & set(json.loads(csl.text)[0])


async def test_the_publisher_is_a_name_and_never_an_id(site):
    save(site.db, article("a"))
    site.db.execute("UPDATE sources SET publisher = 'family-of-sources', name = 'Chip Weekly'")
    site.db.conn.commit()

    page = await site.page()
    csl = await site.article(suffix=".csl")
    (item,) = json.loads(csl.text)

    assert "family-of-sources" not in page.text + csl.text
    assert (item["container-title"], item["publisher"]) == ("Chip Weekly", "Chip Weekly")
    assert "howpublished = {Chip Weekly}" in page.words()


async def test_citations_are_downloads_with_absolute_links(site):
    save(site.db, article("a", author="Ann Lee", title="Cards & more"))
    key = id_of(site.db)

    bib, csl = await site.article(suffix=".bib"), await site.article(suffix=".csl")
    (item,) = json.loads(csl.text)

    assert bib.headers["content-type"] == "application/x-bibtex; charset=utf-8"
    assert csl.headers["content-type"] == "application/vnd.citationstyles.csl+json; charset=utf-8"
    assert bib.headers["content-disposition"] == f'attachment; filename="aiwire-{key}.bib"'
    assert bib.text.startswith(
        f"@misc{{aiwire-{key},\n  author = {{{{Ann Lee}}}},\n  title = {{{{Cards \\& more}}}},\n"
    )
    assert item["custom"]["permalink"] == f"http://localhost/news/articles/{key}"
    assert item["custom"]["as_of"] == "2026-11-23T06:00:00Z"
    assert item["issued"] == item["accessed"] == {"date-parts": [[2026, 11, 23]]}


async def test_the_page_shows_the_same_citations_as_the_downloads(site):
    save(site.db, article("a", title="Cards & <more> at 50%"))

    page = await site.page()
    bib, csl = await site.article(suffix=".bib"), await site.article(suffix=".csl")

    assert page.all('//pre[@aria-label="BibTeX"]')[0].text_content() == bib.text
    assert page.all('//pre[@aria-label="CSL-JSON"]')[0].text_content() == csl.text


async def test_the_evidence_that_is_asked_for_stands_first(site):
    save(site.db, article("a", "NVIDIA sells.\nThe H100 is good."))

    bib = await site.article(suffix=".bib?evidence=nvidia-h100")
    unknown = await site.article(suffix=".bib?evidence=amd")
    long = await site.article(suffix=f".csl?evidence={'x' * 300}")

    assert "note = {Evidence for NVIDIA H100 (accelerator): “The H100 is good.”" in bib.text
    assert (unknown.status_code, unknown.text) == (
        404, "The article has no tag 'amd' with a sentence. It has: nvidia, nvidia-h100\n",
    )  # fmt: skip
    assert long.status_code == 400


@pytest.mark.parametrize("path", ["/news/sources.bib", "/news/entities/nvidia.csl", "/news/articles.bib"])
async def test_only_articles_are_cited(site, path):
    answer = await site.get(path)

    assert (answer.status_code, "Only an article" in answer.text) == (404, True)


async def test_other_pages_offer_no_citation(site):
    save(site.db, article("a"))

    answer = await site.get("/news/entities/nvidia")

    assert ".bib" not in unescape(answer.text)


async def test_a_date_that_is_nobodys_is_not_cited(site):
    save(site.db, article("a", date_source="first_seen"))

    (item,) = json.loads((await site.article(suffix=".csl")).text)

    assert "issued" not in item


# ---------------------------------------------------------------- words


def test_rules_are_said_in_words():
    assert rule("lexicon:air-gapped") == "term “air-gapped” of the lexicon"
    assert rule("context:repeat+mid-capital") == (
        "ambiguous name, proved by its context (named beyond doubt elsewhere in the article)"
    )
    assert [confidence(value) for value in (1.0, 0.999, 0.98, 0.0)] == ["100 %", "99 %", "98 %", "0 %"]


def test_the_diff_of_hostile_texts_ends_in_time():
    sentences = [" ".join("ab"[i % 2] for i in range(190)), " ".join("ab"[i // 2 % 2] for i in range(190))]
    before = "\n".join(f"{sentences[0]} x{n}" for n in range(400))
    after = "\n".join(f"{sentences[1]} y{n}" for n in range(400))
    started = time.perf_counter()

    found = changes(before, after, most=10_000)

    assert time.perf_counter() - started < 5
    assert not found.is_whole
    assert sum(len(run.words) for runs in found.sentences for run in runs) <= 10_000


def test_a_diff_of_the_same_text_is_empty_and_one_of_all_of_it_is_cut():
    assert changes("One. Two.", "One.\nTwo.", most=100).sentences == ()

    found = changes("", "x" * 1000, most=100)

    assert [(run.change, len(run.words)) for run in found.sentences[0]] == [("new", 101)]
