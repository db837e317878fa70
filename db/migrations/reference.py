"""The reference: facts with their sources, prices with their dates, what a refresh has staged."""

from __future__ import annotations

from sqlite_utils import Database

from db.migrations.steps import MIGRATIONS, execute

__all__: list[str] = []

# what every observation carries
_PROVENANCE = """
            origin TEXT NOT NULL,           -- shipped, the catalogue that was refreshed, or the name of an import
            source TEXT NOT NULL,           -- address or citation
            note TEXT,
            as_of TEXT NOT NULL,            -- day on which the source was read; renewed while it says the same
            read_since TEXT,                -- day on which it first said so; NULL: as_of
            gone_at TEXT,                   -- day on which its own source no longer said so; NULL: not that we know
            superseded_at TEXT,             -- day on which another value or none took its place; NULL: it holds
            implausible TEXT                -- why it is shown, but never used; NULL: nothing speaks against it
"""


@MIGRATIONS()
def m013_reference(db: Database) -> None:
    """Facts one by one, prices of all kinds with their history, state and staging of a refresh.

    The tables of m005 hold nothing but copies of shipped files: they are made anew, and filled when they are loaded.
    """
    execute(
        db,
        "DROP TABLE cloud_prices",
        "DROP TABLE accelerators",
        "DELETE FROM reference_files",
        """
        CREATE TABLE accelerators (         -- the facts in use, a row per part
            id TEXT PRIMARY KEY,
            family_id TEXT NOT NULL REFERENCES accelerator_families(id),
            vendor TEXT NOT NULL,
            name TEXT NOT NULL,
            variant TEXT,                   -- what tells it from others of its family: SXM5 80GB
            segment TEXT NOT NULL,          -- datacenter, workstation, consumer, cloud-only, edge or internal
            status TEXT NOT NULL,           -- announced, released, available, discontinued, cancelled or unknown
            architecture TEXT,
            release_date TEXT,              -- ISO date, or a year
            memory_gb REAL,                 -- GB or GiB, as the source prints it
            memory_type TEXT,
            bandwidth_gbs REAL,             -- memory bandwidth, GB/s
            fp16_bf16_dense_tflops REAL,    -- tensor TFLOPS without sparsity
            fp8_dense_tflops REAL,
            fp4_dense_tflops REAL,
            int8_dense_tops REAL,           -- TOPS without sparsity
            tdp_w REAL,                     -- watts
            tdp_term TEXT,                  -- the vendor's own word for that power
            interconnect TEXT,
            form_factor TEXT,
            launch_price_usd REAL,          -- US dollars
            price_note TEXT,                -- what kind of price
            sources TEXT NOT NULL,          -- of its facts: which came from where; one by one in accelerator_facts
            conflicts TEXT,                 -- facts on which sources differ, with what each says; NULL: none known
            quality_note TEXT,
            as_of TEXT NOT NULL             -- day the sources were read, the latest
        ) STRICT
        """,
        "CREATE INDEX accelerators_family ON accelerators(family_id)",  # the parts of a family
        f"""
        CREATE TABLE accelerator_facts (    -- what a source says of a part: several sources may say different things
            id INTEGER PRIMARY KEY,         -- 52 bits of a hash of the row
            accelerator_id TEXT NOT NULL REFERENCES accelerators(id) DEFERRABLE INITIALLY DEFERRED,
            fact TEXT NOT NULL,             -- column of accelerators
            value TEXT NOT NULL,            -- as it is used
            unit TEXT,                      -- GB, GB/s, TFLOPS, TOPS, W, USD; NULL: a word or date
            standing TEXT NOT NULL,         -- used, differs (another source's is used) or rejected (plainly wrong)
            {_PROVENANCE}
        ) STRICT
        """,
        "CREATE INDEX accelerator_facts_part ON accelerator_facts(accelerator_id, fact, standing)",
        f"""
        CREATE TABLE cloud_prices (         -- an offer to rent, while its prices held
            id INTEGER PRIMARY KEY,         -- 52 bits of a hash of the row
            provider TEXT NOT NULL,
            region TEXT,
            instance_type TEXT,
            accelerator_id TEXT NOT NULL REFERENCES accelerators(id) DEFERRABLE INITIALLY DEFERRED,
            gpu_count INTEGER NOT NULL,     -- in the instance
            ondemand_usd_per_gpu_hour REAL, -- US dollars
            spot_usd_per_gpu_hour REAL,     -- US dollars; the lowest of the zones
            reserved_1y_usd_per_gpu_hour REAL,
            reserved_3y_usd_per_gpu_hour REAL,
            price_date TEXT,                -- as the source dates it; NULL: not dated, as_of is the only date
            {_PROVENANCE}
        ) STRICT
        """,
        # the offers for a part, cheapest first
        "CREATE INDEX cloud_prices_accelerator ON cloud_prices(accelerator_id, ondemand_usd_per_gpu_hour)",
        # those of a provider; the next one of an offer
        """
        CREATE INDEX cloud_prices_offer
        ON cloud_prices(provider, accelerator_id, region, instance_type, gpu_count, price_date)
        """,
        # what ended last
        """
        CREATE INDEX cloud_prices_ended ON cloud_prices(superseded_at DESC, provider, instance_type, region, id)
        WHERE superseded_at IS NOT NULL
        """,
        f"""
        CREATE TABLE hardware_prices (      -- what a card, board, server or system cost, on a day
            id INTEGER PRIMARY KEY,         -- 52 bits of a hash of the row
            family_id TEXT NOT NULL REFERENCES accelerator_families(id),
            accelerator_id TEXT             -- NULL: only the family is said
                REFERENCES accelerators(id) DEFERRABLE INITIALLY DEFERRED,
            kind TEXT NOT NULL,             -- launch, list, street, system or estimate
            item TEXT NOT NULL,             -- what is sold: card, HGX board with 8 GPUs, a server's name
            gpu_count INTEGER NOT NULL,     -- accelerators in the item
            usd REAL,                       -- US dollars for the item; NULL: only a range is said
            usd_low REAL,
            usd_high REAL,
            price_date TEXT,                -- ISO date, month or year; NULL: not dated
            {_PROVENANCE}
        ) STRICT
        """,
        "CREATE INDEX hardware_prices_family ON hardware_prices(family_id, price_date)",  # of a family, in time
        f"""
        CREATE TABLE api_prices (           -- what a model costs by the token, while the price held
            id INTEGER PRIMARY KEY,         -- 52 bits of a hash of the row
            provider TEXT NOT NULL,
            model TEXT NOT NULL,            -- as the provider calls it
            entity_id TEXT,                 -- family of models as tags name it; NULL: none of the list
            input_usd_per_mtok REAL,        -- US dollars per 1M tokens
            cached_input_usd_per_mtok REAL, -- of input that the provider has in its cache
            output_usd_per_mtok REAL,
            price_date TEXT,                -- from when it held, or on which day it was seen; NULL: not dated
            {_PROVENANCE}
        ) STRICT
        """,
        "CREATE INDEX api_prices_model ON api_prices(model, provider)",
        "CREATE INDEX api_prices_entity ON api_prices(entity_id) WHERE entity_id IS NOT NULL",  # of a family of models
        f"""
        CREATE TABLE electricity_prices (
            id INTEGER PRIMARY KEY,         -- 52 bits of a hash of the row
            country TEXT NOT NULL,          -- ISO 3166-1 alpha-2
            year INTEGER NOT NULL,
            sector TEXT NOT NULL,           -- who pays it: industrial ...
            usd_per_kwh REAL NOT NULL,      -- US dollars
            {_PROVENANCE}
        ) STRICT
        """,
        "CREATE INDEX electricity_prices_country ON electricity_prices(country, year DESC)",
        f"""
        CREATE TABLE grid_carbon (
            id INTEGER PRIMARY KEY,         -- 52 bits of a hash of the row
            country TEXT NOT NULL,          -- ISO 3166-1 alpha-2
            year INTEGER NOT NULL,
            g_co2e_per_kwh REAL NOT NULL,   -- grams of CO2 equivalent
            {_PROVENANCE}
        ) STRICT
        """,
        "CREATE INDEX grid_carbon_country ON grid_carbon(country, year DESC)",
        f"""
        CREATE TABLE tco_defaults (         -- what a cost comparison takes where nobody says otherwise
            id INTEGER PRIMARY KEY,         -- 52 bits of a hash of the row
            name TEXT NOT NULL,             -- of the input, as in scenario files
            applies_to TEXT NOT NULL,       -- family id, or empty: all
            low REAL,
            mid REAL NOT NULL,
            high REAL,
            unit TEXT NOT NULL,
            trust TEXT NOT NULL,            -- good, fair, weak, or choice (ours: neither measured nor sourced)
            {_PROVENANCE}
        ) STRICT
        """,
        f"""
        CREATE TABLE model_shapes (         -- what a model's memory follows from
            id INTEGER PRIMARY KEY,         -- 52 bits of a hash of the row
            name TEXT NOT NULL,             -- as `aiwire fit --model` takes it
            entity_id TEXT,                 -- family of models as tags name it; NULL: none of the list
            params_b REAL NOT NULL,         -- parameters, in billions, all experts counted
            active_params_b REAL,           -- at work for a token; NULL: all, or not said
            layers INTEGER NOT NULL,
            kv_heads INTEGER,               -- NULL where kv_lora_rank is set
            head_dim INTEGER,               -- of a key; need not be hidden size / heads
            kv_lora_rank INTEGER,           -- compressed cache (multi-head latent attention): per layer and token
            rope_head_dim INTEGER,          -- what such a cache keeps beside
            window INTEGER,                 -- tokens that a layer with a sliding window sees; NULL: none has one
            full_layers INTEGER,            -- layers without a window, where others have one
            state_layers INTEGER,           -- layers whose cache does not grow with the context (linear, Mamba)
            max_context INTEGER,            -- tokens
            {_PROVENANCE}
        ) STRICT
        """,
        """
        CREATE TABLE reference_sources (    -- a document that a refresh asks for: its HTTP state and last outcome
            name TEXT PRIMARY KEY,          -- catalogue/provider, or the name of a price list
            url TEXT NOT NULL,
            etag TEXT,
            last_modified TEXT,
            read_with TEXT,                 -- hash of the names and rules it was read with; another: ask for all of it
            checked_at TEXT,
            ok_at TEXT,                     -- last answer that could be read, or 304
            applied_at TEXT,                -- when its rows last went into the tables
            outcome TEXT,                   -- of the last try: staged, not-modified, broken, vanished or failed
            error TEXT                      -- of the last try; of one that was read: why it is held back
        ) STRICT
        """,
        """
        CREATE TABLE reference_staged (     -- what a document said and nobody has applied yet
            source TEXT NOT NULL REFERENCES reference_sources(name),
            position INTEGER NOT NULL,      -- in the document
            target TEXT NOT NULL,           -- table
            row TEXT NOT NULL,              -- a JSON object of its columns
            PRIMARY KEY (source, position)
        ) STRICT, WITHOUT ROWID
        """,
    )


# an offer's prices one by one: column of cloud_prices -> kind
_CLOUD_KINDS = {
    "ondemand_usd_per_gpu_hour": "on-demand",
    "spot_usd_per_gpu_hour": "spot",
    "reserved_1y_usd_per_gpu_hour": "reserved-1y",
    "reserved_3y_usd_per_gpu_hour": "reserved-3y",
}
# until when a price is known to have held. A dated one ends with the next dated one of its offer: that we read another
# price later says nothing of the time between
_HELD_UNTIL = """
            CASE
                WHEN price_date IS NULL THEN coalesce(superseded_at, cloud_prices.as_of)
                WHEN EXISTS (
                    SELECT 1 FROM cloud_prices AS later
                    WHERE later.provider = cloud_prices.provider AND later.accelerator_id = cloud_prices.accelerator_id
                        AND later.region IS cloud_prices.region AND later.instance_type IS cloud_prices.instance_type
                        AND later.gpu_count = cloud_prices.gpu_count AND later.price_date = cloud_prices.superseded_at
                ) THEN superseded_at
                ELSE price_date
            END"""
_CLOUD_VOICE = " UNION ALL ".join(
    f"""
        SELECT 'cloud/' || cloud_prices.id || '/{kind}', family_id, accelerator_id, 'cloud', '{kind}', 'gpu-hour',
            coalesce(price_date, read_since, cloud_prices.as_of),
            {_HELD_UNTIL}, price_date IS NOT NULL,
            {column}, NULL, NULL, {column}, NULL, 'USD', gpu_count, provider, region, instance_type, source, NULL, NULL,
            implausible IS NULL, implausible, superseded_at, cloud_prices.as_of, note
        FROM accelerators JOIN cloud_prices ON cloud_prices.accelerator_id = accelerators.id
        WHERE {column} IS NOT NULL"""
    for column, kind in _CLOUD_KINDS.items()
)


@MIGRATIONS()
def m014_reference_views(db: Database) -> None:
    """What the prices of a part were, told by three voices; what holds now."""
    execute(
        db,
        f"""
        CREATE VIEW price_history AS
        SELECT 'hardware/' || id AS observation, family_id, accelerator_id, 'reference' AS voice, kind,
            iif(kind = 'system', 'system', 'card') AS unit,
            price_date, price_date AS held_until, price_date IS NOT NULL AS is_dated,
            usd / iif(kind = 'system', 1, gpu_count) AS usd,
            usd_low / iif(kind = 'system', 1, gpu_count) AS usd_low,
            usd_high / iif(kind = 'system', 1, gpu_count) AS usd_high, usd AS amount, NULL AS amount_max,
            'USD' AS currency, gpu_count, NULL AS provider, NULL AS region, item, source, NULL AS article_id,
            NULL AS sentence, implausible IS NULL AS is_plausible, implausible AS why_not, superseded_at, as_of, note
        FROM hardware_prices
        UNION ALL {_CLOUD_VOICE}
        UNION ALL
        SELECT 'press/' || article_id || '/' || position, prices.accelerator, NULL, 'press',
            coalesce(qualifier, 'quoted'), unit, date(prices.dated_at), date(prices.dated_at), 1,
            iif(currency = 'USD', amount, NULL), iif(currency = 'USD' AND amount_max IS NOT NULL, amount, NULL),
            iif(currency = 'USD', amount_max, NULL), amount, amount_max, currency, NULL, NULL, NULL, NULL, articles.url,
            prices.article_id, sentence, implausible IS NOT 1,
            iif(implausible = 1, 'outside what the reference makes likely', NULL), NULL, date(prices.dated_at), NULL
        FROM prices JOIN articles ON articles.id = prices.article_id WHERE prices.accelerator IS NOT NULL
        """,
        """
        CREATE VIEW cloud_prices_now AS
        SELECT accelerators.family_id, accelerators.name AS accelerator, accelerators.memory_gb, cloud_prices.*
        FROM accelerators JOIN cloud_prices ON cloud_prices.accelerator_id = accelerators.id
        WHERE superseded_at IS NULL AND implausible IS NULL
        """,
        """
        CREATE VIEW accelerator_sheet AS
        SELECT accelerators.*,
            (SELECT count(DISTINCT fact) FROM accelerator_facts
             WHERE accelerator_id = accelerators.id AND standing = 'differs' AND superseded_at IS NULL
                AND implausible IS NULL) AS facts_disputed,
            (SELECT min(ondemand_usd_per_gpu_hour) FROM cloud_prices
             WHERE accelerator_id = accelerators.id AND superseded_at IS NULL AND implausible IS NULL
            ) AS cheapest_ondemand_usd_per_gpu_hour,
            (SELECT count(DISTINCT provider) FROM cloud_prices
             WHERE accelerator_id = accelerators.id AND superseded_at IS NULL AND implausible IS NULL) AS providers,
            (SELECT max(dated_at) FROM article_entities WHERE entity_id = accelerators.family_id) AS last_in_the_news
        FROM accelerators
        """,
    )
