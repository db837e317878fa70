"""The columns of the trends, in the order of the file, and how they are counted."""

from __future__ import annotations

from db.exports.table import Column
from db.trends.bysource import BASE_LEAST, BASE_PERIODS, LEAST_EXPECTED
from db.trends.coverage import EXPECTED_PERIODS, MISSING_SHARE, PANEL_PERIODS, SILENT_ARTICLES
from db.trends.series import DEFAULT_PERIODS
from db.trends.signals import (
    BASE,
    BURST_BASE,
    BURST_LEAST,
    COMMON_WEIGHT,
    FALL,
    MIN_STORIES,
    RISE,
    SIGNAL_Q,
    WINDOW,
)

__all__ = ["COLUMNS", "KEY", "RULES", "SPREADABLE"]

KEY = ("period_start", "grain", "entity_id", "segment")

_NO_ARTICLES = "the period has no tagged article in this segment, or of a theme none that was tagged for themes"
_NO_MOMENTUM = f"the period is partial, or there are fewer than {2 * WINDOW} full periods up to it"

COLUMNS = (
    Column("period_start", "date", "ISO date", "First day of the period, UTC: of a week its Monday."),
    Column("period_end", "date", "ISO date", "Last day of the period, inclusive: of a week its Sunday."),
    Column(
        "iso_week", "text", "",
        "ISO 8601 name of the week that the day or week is in, such as 2026-W53; a label, not for arithmetic.",
        null="the period is a month",
    ),
    Column("grain", "text", "", "Length of the period: day, week or month."),
    Column(
        "is_partial", "boolean", "0 or 1",
        "1: the period ends after as_of or after the last good answer of a source, or began before the first; its"
        " counts may be too low.",
    ),
    Column(
        "coverage_ok", "boolean", "0 or 1",
        f"0: sources that together should have given more than {MISSING_SHARE:.0%} of the articles of the period did"
        " not answer or, against their habit, fell silent; counts may be too low.",
        formula="1 if the articles expected of the sources that were not covered are at most"
        f" {MISSING_SHARE:.0%} of those expected of all; covered: a good answer from a day before the period's end to a"
        f" week after it, and at least one article where {SILENT_ARTICLES:g} or more were to be expected; expected: the"
        f" mean of the last {EXPECTED_PERIODS} full periods in which the source was covered",
    ),
    Column("entity_id", "text", "", "Stable id of the entity."),
    Column("entity_label", "text", "", "Its name; may change."),
    Column("entity_type", "text", "", "company, accelerator, theme, model or regulation."),
    Column(
        "segment", "text", "",
        "Which articles: all, owned (in a vendor's own voice), independent, lang:xx, category:xx (of the source).",
    ),
    Column("articles", "integer", "articles", "Articles that name the entity as subject or mention; each counts once."),
    Column("articles_about", "integer", "articles", "Of these, articles that are about it."),
    Column(
        "stories", "integer", "stories",
        "Different stories that these articles tell: near-identical articles (syndication, wire copies, re-posts) are"
        " one story.",
    ),
    Column("publishers", "integer", "publishers", "Publisher families of these articles; many feeds may be one."),
    Column(
        "publishers_independent", "integer", "publishers",
        "Of these, with an article that is in no vendor's own voice.",
    ),
    Column("mentions", "integer", "places", "Places in these articles; for drill-down, not for ranking."),
    Column(
        "articles_total", "integer", "articles",
        "Tagged articles of the same period and segment; of a theme, only articles that were tagged for themes, too.",
    ),
    Column("stories_total", "integer", "stories", "Different stories that the articles of articles_total tell."),
    Column("publishers_active", "integer", "publishers", "Publisher families of the articles of articles_total."),
    Column(
        "share_articles", "real", "share, 0 to 1", "Share of the articles.",
        formula="articles / articles_total", null=_NO_ARTICLES,
    ),
    Column(
        "share_stories", "real", "share, 0 to 1", "Share of the stories.",
        formula="stories / stories_total", null=_NO_ARTICLES,
    ),
    Column(
        "share_lo", "real", "share, 0 to 1", "Lower end of the 95 % interval of share_stories.",
        formula="Wilson score interval of stories out of stories_total, z = 1.96", null=_NO_ARTICLES,
    ),
    Column(
        "share_hi", "real", "share, 0 to 1", "Upper end of the 95 % interval of share_stories.",
        formula="as share_lo", null=_NO_ARTICLES,
    ),
    Column(
        "share_panel", "real", "share, 0 to 1",
        "Share of the articles of the panel: the sources that were covered in each of the last"
        f" {PANEL_PERIODS} full periods, so that a source that comes or goes does not move it.",
        formula="articles of the panel's sources that name the entity / their tagged articles (of a theme: tagged for"
        " themes, too)",
        null="the period is not one of the panel's, or the panel has no article in it",
    ),
    Column(
        "owned_share", "real", "share, 0 to 1", "Share of the articles that are in a vendor's own voice.",
        formula="owned articles that name the entity / articles", null="articles is 0",
    ),
    Column(
        "stories_ma4", "real", "stories per period", "Moving average of stories.",
        formula=f"mean of stories over this and the {WINDOW - 1} full periods before",
        null=f"the period is partial, or there are fewer than {WINDOW} full periods up to it",
    ),
    Column(
        "momentum_4v4", "real", "ratio",
        f"Share of the last {WINDOW} full periods over that of the {WINDOW} before: 1 is steady.",
        formula="((s + 0.5) / (S + 1)) / ((p + 0.5) / (P + 1)); s, S = sums of stories and stories_total over this and"
        " the 3 full periods before, p, P = over the 4 before these",
        null=_NO_MOMENTUM,
    ),
    Column(
        "momentum_lo", "real", "ratio", "Lower end of the 95 % interval of momentum_4v4.",
        formula="momentum_4v4 * exp(-1.96 * sqrt(1/(s+0.5) - 1/(S+1) + 1/(p+0.5) - 1/(P+1)))", null=_NO_MOMENTUM,
    ),
    Column(
        "momentum_hi", "real", "ratio", "Upper end of the 95 % interval of momentum_4v4.",
        formula="as momentum_lo, with +1.96", null=_NO_MOMENTUM,
    ),
    Column(
        "signal", "text", "",
        "rising, falling, flat, or too_few to tell.",
        formula=f"too_few: s + p < {MIN_STORIES}, or no momentum_4v4; rising: signal_q <= {SIGNAL_Q:g}, momentum_4v4 >="
        f" {RISE:g} and momentum_lo > 1; falling: signal_q <= {SIGNAL_Q:g}, momentum_4v4 <= {FALL:g} and momentum_hi <"
        " 1; else flat",
    ),
    Column(
        "signal_q", "real", "false discovery rate, 0 to 1",
        "Share of false ones to be expected among all entities of this period and segment whose signal_q is as low.",
        formula="p-value of a two-sided exact binomial test of s / signal_noise out of (s + b) / signal_noise with"
        f" chance S / (S + B), b, B = sums of stories and stories_total over the up to {BASE} full periods before the"
        f" last {WINDOW}; adjusted after Benjamini and Hochberg over all entities of the period and segment with s + b"
        f" >= {MIN_STORIES}, whatever was selected",
        null="the signal is too_few",
    ),
    Column(
        "signal_noise", "real", "ratio of variances",
        "How many times as much as chance alone (Poisson) the stories of the entity scatter in the base; at least 1.",
        formula=f"max(1, ({COMMON_WEIGHT:g} * m + chi2) / ({COMMON_WEIGHT:g} + d)); chi2 = sum over the periods of the"
        " base of (stories - e)^2 / e, e = stories_total * b / B; d = these periods - 1; m = median of chi2 / (d * (1 -"
        " 2 / (9 * d))^3) over the entities of the period and segment that are tested, at least 1",
        null="the signal is too_few",
    ),
    Column(
        "burst_z", "real", "standard deviations", "How far stories stands out from the periods before.",
        formula="(stories - median) / max(1.4826 * MAD, sqrt(median), 1), median and MAD (median absolute deviation) of"
        f" stories over the up to {BURST_BASE} full periods before this one",
        null=f"the period is partial, or there are fewer than {BURST_LEAST} full periods before it",
    ),
    Column(
        "theme_lift", "real", "ratio",
        "How many times as often as these very sources' own habits would make one expect; 1: as ever.",
        formula="articles of the theme / sum over sources of (articles tagged for themes in the period * share of the"
        f" theme in the source's articles of the up to {BASE_PERIODS} full periods before); sources without articles in"
        " these are left out of both",
        null=f"no theme, a segment of a language, fewer than {BASE_LEAST} full periods before, or fewer than"
        f" {LEAST_EXPECTED:g} article expected",
    ),
    Column(
        "tag_precision", "real", "share, 0 to 1", "Share of such tags that were right in labelled texts.",
        formula="right tags / judged tags (tag_gold_n)", null="not measured",
    ),
    Column("tag_gold_n", "integer", "tags", "Judged tags behind tag_precision.", null="not measured"),
    Column(
        "evidence_id", "text", "", "Id of this cell, for `aiwire export evidence --cell`.",
        formula="grain/period_start/entity_id/segment", null="articles is 0",
    ),
    Column(
        "evidence_url", "text", "URL", "Page that lists the articles of this row with their evidence sentences.",
        null="articles is 0",
    ),
    Column(
        "taxonomy_version", "text", "",
        "Gazetteer and lexicon that tagged the articles in the database, as tx-HASH; several joined by +.",
        null="no article is tagged",
    ),
    Column(
        "tagger_version", "text", "", "Code that tagged them, as tagger-VERSION; several joined by +.",
        null="no article is tagged",
    ),
    Column("as_of", "text", "ISO time", "Time of the export, UTC."),
)  # fmt: skip

# what a wide table can show: the columns that differ from cell to cell
SPREADABLE = (
    "articles", "articles_about", "stories", "publishers", "publishers_independent", "mentions", "articles_total",
    "stories_total", "publishers_active", "share_articles", "share_stories", "share_lo", "share_hi", "share_panel",
    "owned_share", "stories_ma4", "momentum_4v4", "momentum_lo", "momentum_hi", "signal", "signal_q", "signal_noise",
    "burst_z", "theme_lift",
)  # fmt: skip

RULES = {
    "zero": "the entity was looked for in every article that articles_total counts, and not found; every entity that is"
    " named in the window, or was asked for by its id, has a row in each of its periods. Before the first good"
    " answer of a source (is_partial) a zero only says that none of the articles that were still to be had names it",
    "languages": "names are looked for in every language, themes in English and Chinese: articles_total, stories_total,"
    " publishers_active and the shares of a theme count only the articles that were tagged for themes",
    "tag_precision": "measured by `aiwire evaluate` on texts labelled by hand and shipped with the tagger: the"
    " entity's own figure where there is one, else that of its kind; tag_gold_n tags were judged",
    "signal": f"rising or falling only where a two-sided exact binomial test of the last {WINDOW} full periods against"
    f" the up to {BASE} before finds a change at a false discovery rate of at most {SIGNAL_Q:.0%} (Benjamini and"
    f" Hochberg) over the entities of the period and segment, and momentum_4v4 and its interval say so, too; fewer than"
    f" {MIN_STORIES} stories in {2 * WINDOW} periods are too_few",
    "coverage": "the panel and coverage_ok rest on what each source answered and gave: see `aiwire export sources`",
    "window": f"without `since` the last {DEFAULT_PERIODS['week']} weeks, {DEFAULT_PERIODS['month']} months or"
    f" {DEFAULT_PERIODS['day']} days; never before the first tagged article",
}
