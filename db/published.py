"""What of each table a public copy holds: every table and every column is named here, or it is not published.

Three tables live while a copy is made: `excerpted`, the articles whose text is not to be handed on, and how much of a
sentence of theirs is; `quotable`, which of their sentences are; `readdressed`, the articles whose address has a key in
it, and the address without it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = ["TABLES", "VIEWS", "Emptied", "Published"]


@dataclass(frozen=True, slots=True)
class Published:
    """A table that is published: `kept` columns as they are, `changed` ones as an SQL expression of the row says."""

    kept: str  # names, parted by spaces
    changed: Mapping[str, str] = field(default_factory=dict)
    changed_where: str = "TRUE"  # rows whose columns are changed
    left_out: str = "FALSE"  # rows that are not published

    @property
    def columns(self) -> frozenset[str]:
        return frozenset(self.kept.split()) | frozenset(self.changed)


@dataclass(frozen=True, slots=True)
class Emptied:
    """A table of which no row is published: `why`."""

    why: str


_EMPTY = "''"
_NULL = "NULL"
_OF_EXCERPTED = "article_id IN (SELECT article_id FROM excerpted)"
_TEXT_OF_EXCERPTED = f"field = 'text' AND {_OF_EXCERPTED}"


def _cut(column: str, table: str) -> str:
    """Return SQL for as much of a sentence as the source of its article allows; if it is not to be quoted: nothing."""
    return f"""iif(
        EXISTS (SELECT 1 FROM quotable WHERE quotable.article_id = {table}.article_id AND words = {table}.{column}),
        substr({column}, 1, (SELECT chars FROM excerpted WHERE excerpted.article_id = {table}.article_id)),
        ''
    )"""


_PROVENANCE = "origin as_of read_since gone_at superseded_at implausible"
# what we ship names its sources in public; a list of one's own may lie behind an address with a key in it
_OWN_LIST = "origin NOT IN ('shipped', 'gpuhunt', 'skypilot')"
_HAS_OWN_FACT = f"id IN (SELECT accelerator_id FROM accelerator_facts WHERE {_OWN_LIST})"
_OWN = {"source": "bare_urls(source)", "note": _NULL}  # a note may say whom one buys from
_PRIVATE_STATE = "etag last_modified next_check_reason error body_hash hub suggestion sample moved_to redirect_to"
_TRENDS = (
    "entity_id segment period_start articles articles_about articles_owned stories publishers publishers_independent"
    " mentions"
)

TABLES: Mapping[str, Published | Emptied] = {
    "_sqlite_migrations": Published("id migration_set name applied_at"),
    "accelerator_facts": Published(
        f"id accelerator_id fact value unit standing {_PROVENANCE}", _OWN, changed_where=_OWN_LIST
    ),
    "accelerator_families": Published("id vendor kind name source note as_of"),
    "accelerators": Published(
        "id family_id vendor name variant segment status architecture release_date memory_gb memory_type bandwidth_gbs"
        " fp16_bf16_dense_tflops fp8_dense_tflops fp4_dense_tflops int8_dense_tops tdp_w tdp_term interconnect"
        " form_factor launch_price_usd as_of",
        {
            "sources": "bare_urls(sources)",
            "conflicts": "bare_urls(conflicts)",
            "price_note": _NULL,
            "quality_note": _NULL,
        },
        changed_where=_HAS_OWN_FACT,
    ),
    "aliases": Published("surface entity_id policy"),
    "api_prices": Published(
        "id provider model entity_id input_usd_per_mtok cached_input_usd_per_mtok output_usd_per_mtok price_date"
        f" {_PROVENANCE}",
        _OWN,
        changed_where=_OWN_LIST,
    ),
    "article_entities": Published(
        "article_id entity_id dated_at kind count salience about about_in_text role confidence surfaces best_field"
        " unlisted_name correction",
        {
            "evidence": _cut("evidence", "article_entities"),
            # a place in a text that is not there
            "best_start": "iif(best_field = 'text', NULL, best_start)",
            "best_end": "iif(best_field = 'text', NULL, best_end)",
        },
        changed_where=_OF_EXCERPTED,
    ),
    "article_versions": Published(
        "article_id version title text_hash published_at replaced_at", {"text": _EMPTY}, changed_where=_OF_EXCERPTED
    ),
    "articles": Published(
        "id source_id title author published_at dated_at week date_source first_seen_at updated_at"
        " language text_hash text_origin page_state page_attempts page_tried_at page_next_at paywalled"
        " tag_scope tagger_version taxonomy_version tagged_at rights date_flaw story_id",
        {
            "url": "coalesce((SELECT url FROM readdressed WHERE article_id = articles.id), url)",
            "canonical_url": "without_keys(canonical_url)",
            "text": "iif(id IN (SELECT article_id FROM excerpted), '', text)",
            "guid": _NULL,  # may be an address with a key in it
            "page_error": _NULL,
            "entry_hash": _EMPTY,  # only a run needs it
        },
    ),
    "candidates": Emptied("names that wait for review, with whole sentences"),
    "cloud_prices": Published(
        "id provider region instance_type accelerator_id gpu_count ondemand_usd_per_gpu_hour spot_usd_per_gpu_hour"
        f" reserved_1y_usd_per_gpu_hour reserved_3y_usd_per_gpu_hour price_date {_PROVENANCE}",
        _OWN,
        changed_where=_OWN_LIST,
    ),
    "cooccurrence_weekly": Published("entity_a entity_b period_start articles stories"),
    "corrections": Published(
        "kind entity about made_at",
        {
            "url": "coalesce((SELECT url FROM readdressed WHERE url_before = corrections.url), url)",
            "value": "without_keys(value)",
            "evidence": _EMPTY,
            "note": _EMPTY,
        },
        left_out="url NOT IN (SELECT url FROM articles UNION ALL SELECT url_before FROM readdressed)",
    ),
    "coverage": Published("source_id day checks answers"),
    "electricity_prices": Published(f"id country year sector usd_per_kwh {_PROVENANCE}", _OWN, changed_where=_OWN_LIST),
    "entities": Published(
        "id kind name category description parent country ticker listed tag_precision gold_tags",
    ),
    "entity_signals": Published(
        "entity_id kind week signal stories share_stories momentum momentum_lo momentum_hi signal_q coverage_ok"
    ),
    # when a source answered: without it no week would be known to be whole
    "fetches": Published(
        "id run_id source_id article_id purpose outcome status wire_bytes elapsed_ms entries new changed fetched_at",
        {"url": _EMPTY, "final_url": _NULL, "error": _NULL, "hops": _NULL, "robots": _NULL, "mode": _NULL},
        left_out="purpose = 'page'",
    ),
    "grid_carbon": Published(f"id country year g_co2e_per_kwh {_PROVENANCE}", _OWN, changed_where=_OWN_LIST),
    "hardware_prices": Published(
        f"id family_id accelerator_id kind item gpu_count usd usd_low usd_high price_date {_PROVENANCE}",
        _OWN,
        changed_where=_OWN_LIST,
    ),
    "lanes": Emptied("how servers are asked"),
    "lexicon": Emptied("what the tagger looks for, own lists and all: for taggers, not for readers"),
    "loaded_articles": Published("article_id loaded_at"),
    "mentions": Published(
        "article_id field start end entity_id surface sent_start sent_end rule confidence part",
        left_out=_TEXT_OF_EXCERPTED,
    ),
    "model_shapes": Published(
        "id name entity_id params_b active_params_b layers kv_heads head_dim kv_lora_rank rope_head_dim window"
        f" full_layers state_layers max_context {_PROVENANCE}",
        _OWN,
        changed_where=_OWN_LIST,
    ),
    "period_totals": Published(
        "grain period_start segment articles_total stories_total publishers_active articles_full stories_full"
        " publishers_full"
    ),
    "prices": Published(
        "article_id position dated_at accelerator amount amount_max currency unit qualifier field start end product"
        " implausible",
        {"quote": _cut("quote", "prices"), "sentence": _cut("sentence", "prices")},
        changed_where=_OF_EXCERPTED,
    ),
    "published": Published("id made_at aiwire_version text_policy excerpt_chars"),
    "reference_files": Published("name sha256 rows"),
    "reference_sources": Published(
        "name checked_at ok_at applied_at outcome",
        {"url": "bare_urls(url)", "etag": _NULL, "last_modified": _NULL, "read_with": _NULL, "error": _NULL},
    ),
    "reference_staged": Emptied("what nobody has looked at yet"),
    "robots": Emptied("how servers are asked"),
    "runs": Published(
        "id command started_at finished_at status sources_due sources_ok sources_not_modified sources_failed"
        " articles_new articles_changed pages_fetched pages_failed sources_not_in_archive pages_not_in_archive",
        {"message": _NULL},
    ),
    "sentences": Emptied("hashes of sentences, by which one could be recognised"),
    "source_items": Emptied("words of items"),
    "source_moves": Published(
        "source_id moved_at", {"url_before": "site_of_url(url_before)", "url_after": "site_of_url(url_after)"}
    ),
    # the health of sources; validators, addresses and messages of servers are nobody's business
    "source_state": Published(
        "source_id checked_at ok_at next_check_at error_count validators_trusted body_bytes full_at unmoved new_gap_s"
        " new_at hint_s hint_name skip_hours skip_days entries status error_class error_weight failing_since gone_at"
        " suspicious_since redirect_since redirect_count",
        dict.fromkeys(_PRIVATE_STATE.split(), _NULL),
    ),
    "sources": Published(
        "id name kind publisher owner language category licence every_minutes full_text enabled active own_server"
        " excerpt_chars text_policy",
        {"url": "site_of_url(url)", "rules": _NULL},  # a path may be a key, too: feeds of subscribers have such
    ),
    "stated_dates": Emptied("what dates were before they were put right"),
    "stories": Published("id articles publishers first_at last_at"),
    "story_bands": Emptied("fingerprints of texts"),
    "story_links": Published("article_id other_id"),
    "story_sketches": Emptied("fingerprints of texts"),
    "tco_defaults": Published(
        f"id name applies_to low mid high unit trust {_PROVENANCE}", _OWN, changed_where=_OWN_LIST
    ),
    "trends_daily": Published(_TRENDS),
    "trends_monthly": Published(_TRENDS),
    "trends_weekly": Published(_TRENDS),
    "watch_batches": Emptied("private; commands and addresses of webhooks are secrets"),
    "watch_items": Emptied("private; commands and addresses of webhooks are secrets"),
    "watches": Emptied("private; commands and addresses of webhooks are secrets"),
}

VIEWS = frozenset(("accelerator_sheet", "cloud_prices_now", "price_history", "source_health"))
