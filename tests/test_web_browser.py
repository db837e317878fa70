"""The site in a real browser, as people see it: a walk without JavaScript, every page on a phone and a desktop, axe.

Screenshots go to the folder in AIWIRE_SCREENSHOTS, else to `artefacts/screenshots`.
"""

import csv
import io
import os
import shutil
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect, sync_playwright
from site_pages import make_demo, serving

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = pytest.mark.skipif(
    CHROMIUM is None and not os.environ.get("CI"), reason="there is no Chromium here (Debian: apt install chromium)"
)

SCREENSHOTS = Path(os.environ.get("AIWIRE_SCREENSHOTS", Path(__file__).parents[1] / "artefacts" / "screenshots"))
WIDTHS = {"phone": 390, "desktop": 1280}
MOST_BYTES = 150_000
PAGES = {
    "home": "/",
    "search": "/news/search?q=cloud",
    "company": "/news/entities/nvidia",
    "accelerator": "/news/entities/nvidia-h100",
    "theme": "/news/entities/data-sovereignty",
    "compare": "/news/compare?entities=nvidia,amd",
    "tco": "/news/tco",
    "sources": "/news/sources",
    "about": "/news/about_the_data",
    "articles": "/news/articles",
    "table": "/news/accelerators",
    "query": "/news/entity_news?entity_id=nvidia",
    "tables": "/news",
    "missing": "/news/no_such_table",
}


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The address of `aiwire serve` over the demo's news."""
    database = make_demo(tmp_path_factory.mktemp("browser"))
    with serving(database) as address:
        yield address


@pytest.fixture(scope="module")
def chromium():
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()


@pytest.fixture
def article(site, chromium):
    """The path of an article that names an accelerator."""
    with chromium.new_context() as context:
        page = context.new_page()
        page.goto(f"{site}/news/entities/nvidia-h100")
        return page.locator("main a[href^='/news/articles/']").first.get_attribute("href").partition("#")[0]


def test_a_reader_walks_from_the_first_page_to_a_csv_without_javascript(site, chromium):
    with chromium.new_context(java_script_enabled=False, accept_downloads=True) as context:
        page = context.new_page()
        page.goto(site)
        expect(page.get_by_role("heading", level=1)).to_be_visible()

        page.get_by_role("main").get_by_role("searchbox").first.fill("sovereign")
        page.keyboard.press("Enter")
        expect(page).to_have_url(f"{site}/news/search?q=sovereign", ignore_case=True)
        results = page.locator("main a[href^='/news/articles/']")
        assert results.count() >= 1
        assert page.locator("main mark").count() >= 1

        results.first.click()
        title = page.get_by_role("heading", level=1).inner_text()
        assert len(title) > 10
        assert page.locator("main mark.tag").count() >= 3
        expect(page.get_by_role("link", name="original").first).to_be_visible()

        page.goto(f"{site}/news/search?q=nvidia")
        page.get_by_role("main").locator("a[href='/news/entities/nvidia']").first.click()
        expect(page.get_by_role("heading", level=1)).to_contain_text("NVIDIA", ignore_case=True)
        assert page.locator("figure.chart svg").count() >= 1

        page.goto(f"{site}/news/search?q=H100")
        page.get_by_role("main").locator("a[href='/news/entities/nvidia-h100']").first.click()
        expect(page.get_by_role("heading", level=1)).to_contain_text("H100")
        assert page.get_by_text("80", exact=False).count() > 0  # gigabytes

        page.get_by_role("link", name="Buy or rent").last.click()
        assert "/news/tco" in page.url
        assert "accelerator=nvidia-h100" in page.url
        assert page.get_by_text("cheapest").count() > 0

        with page.expect_download() as downloading:
            page.get_by_role("main").get_by_role("link", name="CSV").first.click()
        rows = list(csv.DictReader(io.StringIO(Path(downloading.value.path()).read_text(encoding="utf-8"))))
        assert len(rows) >= 2


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("device", sorted(WIDTHS))
@pytest.mark.parametrize("name", [*PAGES, "article"])
def test_pages_fit_their_screen_and_axe_finds_nothing_serious(site, chromium, article, name, device, scheme):
    address = site + (article if name == "article" else PAGES[name])
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    with chromium.new_context(
        viewport={"width": WIDTHS[device], "height": 900}, color_scheme=scheme, locale="en-GB"
    ) as context:
        page = context.new_page()
        said, asked, size = [], [], [0]
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("request", lambda request: asked.append(request.url))
        page.on("response", lambda response: size.append(len(response.body())) if response.ok else None)
        page.goto(address, wait_until="networkidle")
        page.screenshot(path=SCREENSHOTS / f"{name}-{device}-{scheme}.png", full_page=True)
        wide = page.evaluate("document.scrollingElement.scrollWidth - window.innerWidth")
        found = Axe().run(page, options={"resultTypes": ["violations"]}).response["violations"]

    grave = [(one["id"], one["nodes"][0]["html"][:200]) for one in found if one["impact"] in ("serious", "critical")]
    assert grave == []
    assert wide <= 0
    assert [url for url in asked if not url.startswith((site, "data:"))] == []
    assert [line for line in said if "404" not in line or name != "missing"] == []
    assert sum(size) < MOST_BYTES


def test_the_keyboard_is_enough(site, chromium):
    with chromium.new_context(viewport={"width": 1280, "height": 900}) as context:
        page = context.new_page()
        page.goto(site)
        page.keyboard.press("Tab")
        skip = page.evaluate("document.activeElement.getAttribute('href')")
        page.keyboard.press("Enter")
        assert (skip, page.url) == ("#main", f"{site}/#main")
        seen = set()
        for _ in range(40):
            page.keyboard.press("Tab")
            focus = "document.activeElement"
            seen.add(page.evaluate(f"{focus}.tagName + ' ' + getComputedStyle({focus}).outlineStyle"))
        assert "A none" not in seen  # where one is can be seen
        assert any(one.startswith("A ") for one in seen)


def test_a_printed_page_leaves_out_what_is_for_screens(site, chromium, article):
    with chromium.new_context() as context:
        page = context.new_page()
        page.goto(site + article)
        assert page.locator(".site-nav").is_visible()
        page.emulate_media(media="print")
        assert not page.locator(".site-nav").is_visible()
        assert not page.get_by_role("search").first.is_visible()
        assert page.get_by_role("heading", level=1).is_visible()


def test_the_dark_is_dark(site, chromium):
    def light_of(scheme):
        with chromium.new_context(color_scheme=scheme) as context:
            page = context.new_page()
            page.goto(site)
            colour = page.evaluate("getComputedStyle(document.body).backgroundColor")
        return sum(int(part) for part in colour.removeprefix("rgb(").removesuffix(")").split(",")[:3])

    assert light_of("dark") < 200 < 600 < light_of("light")
