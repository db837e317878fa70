"""Settings: precedence, errors that name the place and the nearest key."""

from dataclasses import fields, replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiwire.config import Settings, exports_folder, find_config, load_settings, own_gazetteer
from aiwire.exceptions import ConfigError
from aiwire.paths import package_file
from db.reference.tables import OBSERVATIONS


def _load(path: Path | None, environ=None, **overrides):
    return load_settings(path, environ=environ or {}, overrides=overrides)


def test_without_a_file_the_defaults_hold():
    assert _load(None) == replace(Settings(), base_url="http://127.0.0.1:8001")


def test_command_line_goes_over_environment_over_file(tmp_path):
    config = tmp_path / "aiwire.toml"
    config.write_text("port = 1001\npages_per_run = 5\nconcurrency = 3\n")

    settings = _load(config, {"AIWIRE_PORT": "1002", "AIWIRE_CONCURRENCY": "4"}, port=1003)

    assert (settings.port, settings.concurrency, settings.pages_per_run) == (1003, 4, 5)


def test_links_follow_the_port_unless_an_address_is_given():
    assert _load(None, port=9000).base_url == "http://127.0.0.1:9000"
    assert (
        _load(None, {"AIWIRE_BASE_URL": "https://news.example.org/"}, port=9000).base_url == "https://news.example.org"
    )


def test_a_path_in_the_file_is_relative_to_the_file(tmp_path):
    config = tmp_path / "aiwire.toml"
    config.write_text('db = "data/news.db"\n')

    assert _load(config).db == tmp_path / "data" / "news.db"


def test_a_path_in_the_environment_is_relative_to_the_current_folder():
    assert _load(None, {"AIWIRE_DB": "other.db"}).db == Path("other.db")


def test_the_gazetteer_beside_the_settings_is_taken_if_none_is_named(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    config, beside = tmp_path / "conf" / "aiwire.toml", tmp_path / "conf" / "gazetteer.jsonl"
    config.parent.mkdir()
    config.write_text("port = 1001\n")
    assert own_gazetteer(config) == beside
    assert _load(config).gazetteer == ()

    beside.write_text("")
    assert _load(config).gazetteer == (beside,)
    assert _load(None).gazetteer == ()  # it is not in the current folder
    assert _load(config, {"AIWIRE_GAZETTEER": "a.jsonl, b.jsonl"}).gazetteer == (Path("a.jsonl"), Path("b.jsonl"))

    config.write_text('gazetteer = ["mine.jsonl"]\n')
    assert _load(config).gazetteer == (config.parent / "mine.jsonl",)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("prot = 1", "unknown setting 'prot', did you mean 'port'?", id="misspelt"),
        pytest.param("port = 70000", "'port' = 70000 is out of range, it may be 1 to 65535", id="range"),
        pytest.param('port = "x"', "'port' wants a whole number, not 'x'", id="type"),
        pytest.param("port = true", "'port' wants a whole number, not True", id="bool-is-no-number"),
        pytest.param("db = 5", "'db' wants a path, not 5", id="path"),
        pytest.param('base_url = "ftp://x"', "'base_url' wants an address", id="address"),
        pytest.param('contact = "a\\nb"', "'contact' goes into an HTTP header", id="header-injection"),
        pytest.param("port = ", "not valid TOML", id="syntax"),
        pytest.param('skypilot_url = ""', "'skypilot_url' wants an address such as https://prices", id="no-address"),
        pytest.param('gpuhunt_catalogs = ["a/b"]', "'gpuhunt_catalogs' wants the name of a provider", id="provider"),
        pytest.param('skypilot_catalogs = ["vast"]', "wants a version and a cloud, such as 'v9/vast'", id="cloud"),
        pytest.param('price_lists = ["https://a.org/b.csv"]', "'price_lists' wants 'NAME TABLE URL'", id="price-list"),
        pytest.param(
            'price_lists = ["a fees https://a.org"]', "no table 'fees', there are accelerator_facts,", id="table"
        ),
        pytest.param('price_lists = ["gpuhunt api_prices https://a.org"]', "the name 'gpuhunt' is taken", id="taken"),
        pytest.param(
            'price_lists = ["a api_prices https://a.org", "a grid_carbon https://b.org"]',
            "two lists are called 'a'",
            id="two-lists",
        ),
    ],
)
def test_a_bad_setting_names_the_file_and_what_is_wrong(tmp_path, text, message):
    config = tmp_path / "aiwire.toml"
    config.write_text(text)

    with pytest.raises(ConfigError, match=r"aiwire\.toml") as caught:
        _load(config)

    assert message in str(caught.value)


def test_catalogues_and_price_lists_are_taken_as_they_are_written(tmp_path):
    config = tmp_path / "aiwire.toml"
    config.write_text(
        'skypilot_url = "https://s.example.org/c/"\nskypilot_catalogs = ["v9/vast"]\ngpuhunt_catalogs = []\n'
        'price_lists = ["ours cloud_prices https://i.example.org/a.csv"]\n'
    )
    settings = _load(config, {"AIWIRE_GPUHUNT_CATALOGS": "aws, oci"})

    assert settings.skypilot_url == "https://s.example.org/c"
    assert (settings.skypilot_catalogs, settings.gpuhunt_catalogs) == (("v9/vast",), ("aws", "oci"))
    assert settings.price_lists == ("ours cloud_prices https://i.example.org/a.csv",)


def test_every_table_that_a_user_may_import_can_be_a_price_list():
    for table in OBSERVATIONS:
        line = f"ours {table} https://i.example.org/a.csv"
        assert _load(None, {"AIWIRE_PRICE_LISTS": line}).price_lists == (line,)


def test_a_bad_environment_value_names_the_variable():
    with pytest.raises(ConfigError, match="AIWIRE_PORT wants a whole number, not 'abc'"):
        _load(None, {"AIWIRE_PORT": "abc"})


def test_config_is_looked_for_in_the_folder_then_in_the_users(tmp_path, monkeypatch):
    user, here = tmp_path / "user", tmp_path / "here"
    for folder in (user / "aiwire", here):
        folder.mkdir(parents=True)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(user))
    assert find_config(None, folder=here) is None

    (user / "aiwire" / "aiwire.toml").touch()
    assert find_config(None, folder=here) == user / "aiwire" / "aiwire.toml"

    (here / "aiwire.toml").touch()
    assert find_config(None, folder=here) == here / "aiwire.toml"


def test_a_named_settings_file_that_is_missing_is_an_error(tmp_path):
    with pytest.raises(ConfigError, match="no such settings file; `aiwire init` writes one"):
        find_config(tmp_path / "no.toml", folder=tmp_path)


def test_exports_are_kept_beside_the_database_unless_a_folder_is_named(tmp_path):
    assert exports_folder(Settings(db=tmp_path / "a.db")) == tmp_path / "a-exports"
    assert exports_folder(Settings(exports=tmp_path / "kept")) == tmp_path / "kept"


def test_the_starter_file_shows_every_setting_with_its_default(tmp_path):
    text = package_file("starter", "aiwire.toml").read_text(encoding="utf-8")
    config = tmp_path / "aiwire.toml"
    config.write_text(
        "\n".join(
            line.removeprefix("#") if line.startswith("#") and "=" in line.split("# ")[0] else line
            for line in text.splitlines()
        )
    )

    settings = _load(config)

    for field in fields(Settings):
        assert f"\n#{field.name} = " in text, field.name
        if field.name not in ("db", "sources", "contact", "base_url", "exports"):
            assert getattr(settings, field.name) == getattr(Settings(), field.name), field.name


@given(st.integers(1, 65535), st.floats(0.1, 600, allow_nan=False))
def test_numbers_survive_the_environment(port, seconds):
    settings = _load(None, {"AIWIRE_PORT": str(port), "AIWIRE_READ_TIMEOUT_S": repr(seconds)})

    assert (settings.port, settings.read_timeout_s) == (port, seconds)
