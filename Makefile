# Each target sets up what it needs in .venv/ (with uv where it is there, else venv and pip).
PYTHON ?= python3
BIN := .venv/bin
UV := $(shell command -v uv 2>/dev/null)
SET_UP := pyproject.toml constraints.txt

.PHONY: demo run serve test test-next lint bench bench-tag bench-trends bench-site bench-archive bench-parse bench-lanes bench-extract clean help

help:
	@echo "make demo   the whole job on the bundled archive, without network, into demo/"
	@echo "make run    fetch, tag and store what is due (sources.toml)"
	@echo "make serve  browse news.db in Datasette"
	@echo "make test   the tests        make lint   ruff, mypy, import-linter"
	@echo "make test-next  the plugin's tests in the newest Datasette, an alpha"
	@echo "make bench-tag  speed of the tagger    bench-parse, bench-lanes, bench-extract: of feeds, fetching, extraction"
	@echo "make bench-trends  speed of rollups, exports and story clustering at a million articles (10 GB of disk)"
	@echo "make bench-site  speed of the pages at 200,000 articles (5 GB of disk)"
	@echo "make bench-archive  speed and exactness of archive jobs on 500 MB of pages (8 minutes)"
	@echo "make clean  remove what was built"

demo: .venv/.run
	$(BIN)/aiwire demo

run: .venv/.run
	@test -f sources.toml || $(BIN)/aiwire init
	$(BIN)/aiwire run

serve: .venv/.run
	$(BIN)/aiwire serve

test: .venv/.dev
	$(BIN)/python -m pytest -n auto

# the plugin in the newest Datasette, which is an alpha: not part of `make test`
test-next: .venv/.dev
	test -x .venv-next/bin/python || $(BIN)/python -m venv .venv-next
	.venv-next/bin/python -m pip install --quiet --pre "datasette>=1.0a41"
	echo "import site; site.addsitedir('$$($(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')')" > "$$(.venv-next/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/zz_aiwire.pth"
	NEXT_DATASETTE=$(abspath .venv-next)/bin/python $(BIN)/python -m pytest tests/test_web_plugin.py

lint: .venv/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench-trends: .venv/.dev
	$(BIN)/python bench/bench_trends.py

bench-site: .venv/.dev
	$(BIN)/python bench/bench_site.py

bench-archive: .venv/.dev
	$(BIN)/python bench/bench_archive.py

bench bench-tag: .venv/.dev
	$(BIN)/python bench/bench_tagging.py

bench-parse: .venv/.dev
	$(BIN)/python bench/bench_parse.py

bench-lanes: .venv/.dev
	$(BIN)/python bench/bench_lanes.py

bench-extract: .venv/.bench
	$(BIN)/python bench/bench_extract.py

clean:
	rm -rf .venv .venv-next demo dist build artefacts .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache

.venv/bin/python:
ifdef UV
	$(UV) venv --quiet --python $(PYTHON) .venv
else
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade "pip>=25.1"
endif

.venv/.run: .venv/bin/python $(SET_UP)
ifdef UV
	$(UV) pip install --quiet --python $(BIN)/python --constraint constraints.txt --editable .
else
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable .
endif
	@touch $@

.venv/.bench: .venv/.dev
ifdef UV
	$(UV) pip install --quiet --python $(BIN)/python --constraint constraints.txt --group bench
else
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --group bench
endif
	@touch $@

.venv/.dev: .venv/.run
ifdef UV
	$(UV) pip install --quiet --python $(BIN)/python --constraint constraints.txt --editable '.[archive]' --group dev
else
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[archive]' --group dev
endif
	@touch $@
