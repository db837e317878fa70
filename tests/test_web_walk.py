"""Every page that can be reached: no broken link, nothing that runs, nothing too heavy, no trace of an error."""

import json
import re
from urllib.parse import urlsplit

import pytest
from lxml import html
from site_pages import make_demo, running_parts, walk

from aiwire.paths import package_file

MOST_BYTES = 150_000
STYLE = re.compile(r'<link rel="stylesheet" href="([^"]+)"')


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    return make_demo(tmp_path_factory.mktemp("walk"))


@pytest.fixture
async def answers(demo):
    return await walk(demo)


def weight(page):
    """Bytes of a page with the style sheets that it links."""
    names = [urlsplit(address).path.rpartition("/")[2] for address in STYLE.findall(page)]
    return len(page.encode()) + sum(package_file("web", "static", name).stat().st_size for name in names)


async def test_all_that_is_linked_is_there(answers):
    asked_in_vain = ("/news/no_such_table", "/news/entities/no-such-entity")
    broken = [(one.path, one.status) for one in answers if one.status != 200 and one.path not in asked_in_vain]

    assert len(answers) > 100
    assert broken == []
    assert {one.status for one in answers if one.path in asked_in_vain} == {404}


async def test_pages_have_what_readers_of_all_kinds_need(answers):
    for one in answers:
        if not one.content_type.startswith("text/html"):
            continue
        page = html.document_fromstring(one.body)
        assert page.get("lang") == "en", one.path
        assert len(page.findall(".//h1")) == 1, one.path
        assert len(page.findall(".//main")) == 1, one.path
        assert page.findtext(".//title").strip(), one.path
        assert page.xpath("//a[@href='#main']"), one.path
        unlabelled = [
            field.get("name")
            for field in page.xpath("//input[not(@type='hidden' or @type='submit')] | //select | //textarea")
            if not (field.get("aria-label") or page.xpath("//label[@for=$id]", id=field.get("id") or "-"))
            and field.getparent().tag != "label"
        ]
        assert unlabelled == [], one.path


async def test_pages_run_nothing_and_load_nothing_from_elsewhere(answers):
    found = {one.path: parts for one in answers if "html" in one.content_type and (parts := running_parts(one.body))}

    assert found == {}


async def test_pages_are_light(answers):
    heavy = {
        one.path: size
        for one in answers
        if "html" in one.content_type and "_rows=all" not in one.path and (size := weight(one.body)) > MOST_BYTES
    }

    assert heavy == {}


async def test_what_is_said_to_be_json_can_be_read(answers):
    documents = [one for one in answers if one.content_type.startswith("application/json")]

    assert len(documents) > 10
    for one in documents:
        json.loads(one.body)
