"""BibTeX and CSL-JSON of articles: read back by a small parser, held against the schema, whatever the title says."""

import json
import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiwire.web.article.citations import Citation, Proof, authors, bibtex, csl, csl_json, escape_latex, note, with_first

COMMANDS = {
    r"\textbackslash{}": "\\", r"\textbraceleft{}": "{", r"\textbraceright{}": "}", r"\textasciitilde{}": "~",
    r"\textasciicircum{}": "^", r"\textless{}": "<", r"\textgreater{}": ">", r"\textbar{}": "|",
    r"\#": "#", r"\$": "$", r"\%": "%", r"\&": "&", r"\_": "_",
}  # fmt: skip
COMMAND = re.compile("|".join(re.escape(command) for command in COMMANDS))
HARD = st.text(alphabet=st.sampled_from("ab \\{}$&#%_^~<>|\"'@,=\n\t京é🙂\x00\u2028"), max_size=40)
TEXTS = st.one_of(HARD, st.text(max_size=40))
# types and variables of csl-data.json 1.0.2, as far as ours could be others
CSL_TYPES = {"article-newspaper", "webpage", "post-weblog"}
CSL_STRINGS = {"title", "container-title", "publisher", "URL", "language", "note"}
PROOFS = (
    Proof("nvidia", "NVIDIA", "company", "The maker sells more cards.", 0.98, True),
    Proof("nvidia-h100", "NVIDIA H100", "accelerator", "An H100 was sold.", 0.9, False),
)
CITED = Citation(
    id=42, title="Cards & {more} at 50% of $1_000", author="Ann Lee and Bo Chen", source="Chip News",
    publisher="chip-news", is_own_voice=False, category="press", url="https://example.org/a_b?x={1}&y=50%25",
    permalink="https://site.example/news/articles/42",
    dated_at="2026-03-04T05:06:07Z", first_seen_at="2026-03-05T06:00:00Z", language="en", text_hash="00ff",
    tagger_version="3", taxonomy_version="abc", as_of="2026-04-01T00:00:00Z", proofs=PROOFS,
)  # fmt: skip


def read_bibtex(text):
    """Return key and fields of an entry, braces counted as BibTeX does: a backslash shields none."""
    head = re.match(r"@misc\{([^,\s{}]+),\n", text)
    at, fields = head.end(), {}
    while text[at] != "}":
        name = re.match(r"  (\w+) = ", text[at:])
        at += name.end()
        if text[at] != "{":
            bare = re.match(r"(\w+),\n", text[at:])
            fields[name[1]], at = bare[1], at + bare.end()
            continue
        depth, start = 0, at
        while True:
            depth += {"{": 1, "}": -1}.get(text[at], 0)
            at += 1
            if depth == 0:
                break
        assert text[at : at + 2] == ",\n"
        fields[name[1]], at = text[start + 1 : at - 1], at + 2
    assert text[at:] == "}\n"
    return head[1], fields


def shown(latex):
    return COMMAND.sub(lambda found: COMMANDS[found.group()], latex)


def on_one_line(text):
    return re.sub(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ufffe\uffff\s]+", " ", text).strip()


@given(TEXTS)
def test_latex_shows_the_text_that_was_escaped(text):
    escaped = escape_latex(text)

    assert shown(escaped) == on_one_line(text)
    assert not re.search(r"[#$%&_^~<>|]", COMMAND.sub("", escaped))
    assert not re.search(r"[\\{}]", COMMAND.sub("", escaped))


@given(TEXTS, TEXTS, TEXTS, TEXTS, TEXTS)
def test_an_entry_is_read_back_whatever_is_in_it(title, author, source, sentence, url):
    proof = replace(PROOFS[0], sentence=sentence)
    address = f"https://example.org/{url}" if not re.search(r"[\x00-\x20\x7f]", url) else None
    cited = replace(CITED, title=title, author=author, source=source, proofs=(proof, proof), url=address)

    key, fields = read_bibtex(bibtex(cited))

    assert key == "aiwire-42"
    assert shown(fields["title"][1:-1]) == on_one_line(title)
    assert shown(fields["note"]) == on_one_line(note(cited))
    assert shown(fields.get("howpublished", "")) == on_one_line(source)


@given(TEXTS, TEXTS, TEXTS, st.sampled_from(["press", "analysis", "lab", None]), st.booleans())
def test_csl_json_keeps_to_the_schema(title, author, sentence, category, is_own_voice):
    proof = replace(PROOFS[0], sentence=sentence)
    cited = replace(CITED, title=title, author=author, proofs=(proof,), category=category, is_own_voice=is_own_voice)

    (item,) = json.loads(csl_json(cited))

    assert {"id", "type"} <= item.keys()  # what the schema requires
    assert item["type"] in CSL_TYPES
    assert all(isinstance(item[name], str) for name in CSL_STRINGS & item.keys())
    assert item.keys() <= CSL_STRINGS | {"id", "type", "author", "issued", "accessed", "custom"}
    assert isinstance(item["custom"], dict)
    for name in item.get("author", []):
        assert name.keys() == {"literal"}
    for name in ("issued", "accessed"):
        ((year, month, day),) = item[name]["date-parts"]
        assert (1 <= month <= 12, 1 <= day <= 31, year > 1000) == (True, True, True)
    assert item["custom"]["evidence"][0]["sentence"] == on_one_line(sentence)


def test_the_whole_entry_of_an_article():
    assert bibtex(CITED) == (
        "@misc{aiwire-42,\n"
        "  author = {{Ann Lee} and {Bo Chen}},\n"
        r"  title = {{Cards \& \textbraceleft{}more\textbraceright{} at 50\% of \$1\_000}},"
        "\n"
        "  howpublished = {Chip News},\n"
        "  organization = {chip-news},\n"
        "  year = {2026},\n"
        "  month = mar,\n"
        "  day = {4},\n"
        "  url = {https://example.org/a_b?x=%7B1%7D&y=50%25},\n"
        "  urldate = {2026-03-05},\n"
        "  language = {en},\n"
        "  note = {Evidence for NVIDIA (company): “The maker sells more cards.” As stored on 2026-04-01, tagger 3,"
        " taxonomy abc, text BLAKE2b-128 00ff. https://site.example/news/articles/42},\n"
        "  annote = {NVIDIA H100 (accelerator): “An H100 was sold.”},\n"
        "}\n"
    )


def test_the_whole_item_of_an_article():
    assert csl(CITED) == {
        "id": "aiwire-42",
        "type": "article-newspaper",
        "title": "Cards & {more} at 50% of $1_000",
        "author": [{"literal": "Ann Lee"}, {"literal": "Bo Chen"}],
        "container-title": "Chip News",
        "publisher": "chip-news",
        "issued": {"date-parts": [[2026, 3, 4]]},
        "accessed": {"date-parts": [[2026, 3, 5]]},
        "URL": "https://example.org/a_b?x={1}&y=50%25",
        "language": "en",
        "note": "Evidence for NVIDIA (company): “The maker sells more cards.” As stored on 2026-04-01, tagger 3,"
        " taxonomy abc, text BLAKE2b-128 00ff. https://site.example/news/articles/42",
        "custom": {
            "permalink": "https://site.example/news/articles/42",
            "as_of": "2026-04-01T00:00:00Z",
            "text_hash": "00ff",
            "tagger_version": "3",
            "taxonomy_version": "abc",
            "evidence": [
                {
                    "entity_id": "nvidia", "name": "NVIDIA", "kind": "company",
                    "sentence": "The maker sells more cards.", "confidence": 0.98, "about": True,
                },
                {
                    "entity_id": "nvidia-h100", "name": "NVIDIA H100", "kind": "accelerator",
                    "sentence": "An H100 was sold.", "confidence": 0.9, "about": False,
                },
            ],
        },
    }  # fmt: skip


def test_dates_stand_on_one_line_of_the_json():
    assert '"issued": {\n      "date-parts": [[2026, 3, 4]]\n    }' in csl_json(CITED)


def test_what_is_not_known_is_left_out():
    cited = replace(CITED, author=None, dated_at=None, url=None, language=None, proofs=(), tagger_version=None)

    _, fields = read_bibtex(bibtex(cited))
    item = csl(cited)

    assert fields.keys().isdisjoint({"author", "year", "month", "day", "url", "language", "annote"})
    assert item.keys().isdisjoint({"author", "issued", "URL", "language"})
    assert fields["note"] == "As stored on 2026-04-01, text BLAKE2b-128 00ff. https://site.example/news/articles/42"


@pytest.mark.parametrize(
    ("author", "expected"),
    [
        (None, ()),
        ("  \n ", ()),
        ("Ann Lee", ("Ann Lee",)),
        ("Ann Lee and Bo Chen", ("Ann Lee", "Bo Chen")),
        ("Ann M. Lee & Zoë O'Neil-Šimić", ("Ann M. Lee", "Zoë O'Neil-Šimić")),
        ("Lee, Ann", ("Lee, Ann",)),
        ("Ann Lee, Bo Chen", ("Ann Lee, Bo Chen",)),
        ("Ann Lee, Bo Chen and Cy Day", ("Ann Lee, Bo Chen and Cy Day",)),
        ("Black and Decker", ("Black and Decker",)),
        ("Ann Lee and the Keyword Team", ("Ann Lee and the Keyword Team",)),
        ("Ann Lee and Acme Labs", ("Ann Lee and Acme Labs",)),
        ("Research and Development", ("Research and Development",)),
        ("张伟", ("张伟",)),
    ],
)
def test_authors_are_parted_only_where_it_is_sure(author, expected):
    assert authors(author) == expected


@given(st.text(alphabet=st.sampled_from("aA.-' &"), max_size=3000))
def test_a_hostile_author_is_read_at_once(author):
    assert " ".join(authors(author)).replace(" ", "") in author.replace(" and ", "").replace(" ", "") or "&" in author


def test_a_source_that_is_a_vendor_is_its_weblog():
    assert csl(replace(CITED, is_own_voice=True, category="chips"))["type"] == "post-weblog"
    assert csl(replace(CITED, category="analysis"))["type"] == "post-weblog"
    assert csl(replace(CITED, category=None))["type"] == "webpage"


def test_the_evidence_that_is_asked_for_stands_first():
    first = with_first(PROOFS, "nvidia-h100")

    assert [proof.entity_id for proof in first] == ["nvidia-h100", "nvidia"]
    with pytest.raises(KeyError):
        with_first(PROOFS, "amd")
