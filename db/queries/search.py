"""The SQL of the search: a reader's words as an expression of FTS5, and the quickest way to what they and filters hit.

Whatever is typed is words: nothing in them is an operator, so nothing can be a syntax error. Three ways:

- words that at most `RANKED` articles have: all hits are filtered, then ranked (or put in order of time);
- words that more have, or none at all: articles newest first out of an index, the one of the entity, of the source or
  of all articles, back through the newest `WALKED` of that index. The newest `PROBED` of these are first asked one by
  one whether they have the words: enough for a page of words that are everywhere;
- words in Chinese, Japanese or Korean: FTS5 takes a run of these characters as one word, so besides its hits the newest
  `READ` articles in these languages are read for the words within such runs.
"""

from __future__ import annotations

from db.queries.canned import CannedQuery
from db.trends.counting import DATED_SQL

__all__ = [
    "GIVEN_SQL",
    "PAGES",
    "PAGE_SIZE",
    "PLAN_SQL",
    "PROBED",
    "RANKED",
    "READ",
    "SEARCH",
    "WALKED",
]

PAGE_SIZE = 25
PAGES = 40  # that can be turned over
RANKED = 5_000  # hits: bm25 over more takes too long
WALKED = 20_000  # articles
PROBED = 125  # articles: each takes about 0.05 ms per word, all hits of a word that everybody uses take 30 ms
READ = 2_000  # articles
MOST_CHARS, MOST_TYPED, MOST_WORDS = 300, 24, 12  # of what is typed, and different words that are looked for
LEAST_PREFIX = 3  # letters before a *
MOST_READ = 100_000  # characters of a text in which an excerpt is looked for
LED_BY, EXCERPT = 60, 240  # characters of an excerpt: before a word, and in all

SEPARATORS = (9, 10, 13, 160, 0x3000)  # code points that part words as a space does
_TYPED_SQL = "substr(:q, 1, length(:q))"  # length() ends a text at a NUL, as FTS5 does
for _code in SEPARATORS:
    _TYPED_SQL = f"replace({_TYPED_SQL}, char({_code}), ' ')"

# of what is still to be read: is the next word excluded, the rest from the word itself on, is it a "quoted phrase"
_MINUS = "(substr(rest, 1, 1) = '-')"
_BODY = f"substr(rest, 1 + {_MINUS})"
_QUOTED = f"substr({_BODY}, 1, 1) = '\"'"
_PHRASE = f"substr({_BODY}, 2)"
_PHRASE_LENGTH = f"(instr({_PHRASE} || '\"', '\"') - 1)"
_WORD_LENGTH = f"(instr({_BODY} || ' ', ' ') - 1)"
_STARRED = f"substr(word, -1) = '*' AND length(word) > {LEAST_PREFIX} AND NOT is_phrase"

NOTHING = "'\"\"'"  # an expression that no article fits
_CJK = "*[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7a3]*"  # kana, Han, Hangul

_ANY_FILTER = ":kind || :entity || :source || :since || :until || :sort <> ''"


def _back(number: int) -> str:
    """Return SQL for the date of the article that is this many back from the last day in its index; "": all are."""

    def date(table: str, condition: str) -> str:
        rest = f"dated_at < stop ORDER BY dated_at DESC LIMIT 1 OFFSET {number}"
        return f"coalesce((SELECT dated_at FROM {table} WHERE {condition} {rest}), '')"

    return f"""CASE
            WHEN way <> 'newest' THEN ''
            WHEN :entity <> '' THEN {date("article_entities", "entity_id = :entity AND")}
            WHEN :source <> '' THEN {date("articles", "source_id = :source AND")}
            ELSE {date("articles INDEXED BY articles_dated", "")}
        END"""


# n, rest: where the reading is; then the words, and what is wanted: nothing is looked for yet
_WANTED_SQL = f"""
typed (n, rest, is_not, is_phrase, word) AS (
    SELECT 0, substr(trim({_TYPED_SQL}), 1, {MOST_CHARS}), 0, 0, ''
    UNION ALL
    SELECT n + 1,
        ltrim(iif({_QUOTED}, substr({_PHRASE}, {_PHRASE_LENGTH} + 2), substr({_BODY}, {_WORD_LENGTH} + 1))),
        {_MINUS}, {_QUOTED},
        trim(replace(iif({_QUOTED}, substr({_PHRASE}, 1, {_PHRASE_LENGTH}), substr({_BODY}, 1, {_WORD_LENGTH})),
            '"', ' '))
    FROM typed WHERE rest <> '' AND n < {MOST_TYPED}
),
words AS (
    SELECT min(n) AS n, is_not, is_phrase, word, '"' || word || '"' || iif({_STARRED}, ' *', '') AS string
    FROM typed WHERE word <> '' GROUP BY is_not, lower(string) ORDER BY 1 LIMIT {MOST_WORDS}
),
wanted AS MATERIALIZED (
    SELECT count(*) > 0 AS has_words,
        group_concat(iif(is_not, NULL, string), ' ') AS positive,
        group_concat(iif(is_not, NULL, string), ' OR ') AS any_of_them,
        coalesce(group_concat(iif(is_not, ' NOT ' || string, NULL), ''), '') AS negative,
        coalesce(max(NOT is_not AND word GLOB '{_CJK}'), 0) AS is_cjk,
        coalesce(max(string GLOB '*" [*]'), 0) AS is_starred,
        iif(trim(:since) = '', '', date(trim(:since))) AS since,
        iif(trim(:until) = '', '~', date(trim(:until), '+1 day')) AS stop,
        (min(max(cast(:page AS INTEGER), 1), {PAGES}) - 1) * {PAGE_SIZE} AS passed
    FROM words
)"""

# the one row `way` that all else starts from: it has all, since SQLite reads a chain of such tables anew for each
# mention of it when it prepares
_WAY_SQL = f"""{_WANTED_SQL},
asked AS MATERIALIZED (
    SELECT *, coalesce(positive || negative, {NOTHING}) AS expression,
        (SELECT count(*) FROM (
            SELECT 1 FROM articles_fts
            WHERE articles_fts MATCH coalesce(positive || negative, {NOTHING}) LIMIT {RANKED + 1}
        )) AS hits
    FROM wanted
),
judged AS MATERIALIZED (
    SELECT *, CASE
        WHEN NOT has_words THEN iif({_ANY_FILTER}, 'newest', 'none')
        WHEN positive IS NULL THEN 'none'
        WHEN is_cjk THEN 'cjk'
        WHEN hits > {RANKED} THEN 'newest'
        ELSE 'hits'
    END AS way
    FROM asked
),
-- what each way starts from; for the others it is what nothing fits
way AS MATERIALIZED (
    SELECT way, hits, has_words, since, stop, passed, expression,
        iif(way = 'newest', nullif(:entity, ''), NULL) AS of_entity,
        iif(way = 'newest' AND :entity = '', nullif(:source, ''), NULL) AS of_source,
        iif(way = 'newest' AND :entity = '' AND :source = '', stop, '') AS before_all,
        max(since, {_back(WALKED)}) AS floor,
        iif(has_words AND NOT is_starred, max(since, {_back(PROBED)}), '~') AS near,
        iif(way IN ('hits', 'cjk'), expression, {NOTHING}) AS ranked,
        iif(way = 'cjk', stop, '') AS before_latest,
        iif(is_starred, {NOTHING}, coalesce(positive, {NOTHING})) AS one_by_one
    FROM judged
)"""

_SINCE, _STOP = "(SELECT since FROM way)", "(SELECT stop FROM way)"
_WAY = "(SELECT way FROM way)"
_PAGE = f"LIMIT {PAGE_SIZE + 1} OFFSET (SELECT passed FROM way)"

_NAMES_SQL = """(:entity = '' OR EXISTS (
            SELECT 1 FROM article_entities
            WHERE article_entities.article_id = articles.id AND article_entities.entity_id = :entity
        ))"""
_KIND_SQL = """(:kind = '' OR EXISTS (
            SELECT 1 FROM article_entities
            WHERE article_entities.article_id = articles.id AND article_entities.kind = :kind
        ))"""
_SOURCE_SQL = "(:source = '' OR articles.source_id = :source)"
# a set made once: FTS5 gathers all that begins with some letters for each article anew, which would take seconds
_HIT_SQL = """(NOT (SELECT has_words FROM way) OR articles.id IN (
            SELECT rowid FROM articles_fts WHERE articles_fts MATCH (SELECT expression FROM way)
        ))"""
_HIT_ONE_BY_ONE_SQL = """EXISTS (
            SELECT 1 FROM articles_fts
            WHERE articles_fts MATCH (SELECT expression FROM way) AND articles_fts.rowid = articles.id
        )"""


def _newest(start: str, floor: str, is_hit: str) -> str:
    """Return SQL for a page of articles, newest first, out of the one of three indexes that `start` has a value for."""
    dates = f">= (SELECT {floor} FROM way)"
    return f"""
    SELECT * FROM (
        SELECT articles.id, article_entities.dated_at, 0.0 AS rank
        FROM article_entities
        CROSS JOIN articles INDEXED BY articles_counted ON articles.id = article_entities.article_id
        WHERE article_entities.entity_id = (SELECT of_entity FROM {start})
            AND article_entities.dated_at {dates} AND article_entities.dated_at < {_STOP}
            AND {DATED_SQL} AND {_SOURCE_SQL} AND {_KIND_SQL} AND {is_hit}
        ORDER BY article_entities.dated_at DESC, article_entities.article_id {_PAGE}
    )
    UNION ALL
    SELECT * FROM (
        SELECT articles.id, articles.dated_at, 0.0
        FROM articles INDEXED BY articles_source_dated
        WHERE articles.source_id = (SELECT of_source FROM {start})
            AND articles.dated_at {dates} AND articles.dated_at < {_STOP}
            AND {DATED_SQL} AND {_KIND_SQL} AND {is_hit}
        ORDER BY articles.dated_at DESC, articles.id {_PAGE}
    )
    UNION ALL
    SELECT * FROM (
        SELECT articles.id, articles.dated_at, 0.0
        FROM articles INDEXED BY articles_dated
        WHERE articles.dated_at {dates} AND articles.dated_at < (SELECT before_all FROM {start})
            AND {DATED_SQL} AND {_KIND_SQL} AND {is_hit}
        ORDER BY articles.dated_at DESC, articles.id {_PAGE}
    )"""


_PICKED_SQL = f"""
near AS MATERIALIZED ({_newest("way", "near", _HIT_ONE_BY_ONE_SQL)}
),
-- where to start if that did not fill the page
far AS MATERIALIZED (
    SELECT is_wanted, iif(is_wanted, of_entity, NULL) AS of_entity, iif(is_wanted, of_source, NULL) AS of_source,
        iif(is_wanted, before_all, '') AS before_all
    FROM way, (SELECT count(*) <= {PAGE_SIZE} AS is_wanted FROM near)
),
newest AS ({_newest("far", "floor", _HIT_SQL)}
),
hit AS MATERIALIZED (
    SELECT articles.id, articles.dated_at,
        iif(:sort = 'newest', articles.date_source = 'backlog', bm25(articles_fts, 5.0, 1.0)) AS rank
    FROM articles_fts
    CROSS JOIN articles ON articles.id = articles_fts.rowid
    WHERE articles_fts MATCH (SELECT ranked FROM way)
        AND articles.dated_at >= {_SINCE} AND articles.dated_at < {_STOP} AND {_SOURCE_SQL} AND {_NAMES_SQL}
        AND {_KIND_SQL}
    ORDER BY rank, articles.dated_at DESC, articles.id LIMIT {PAGES * PAGE_SIZE + 1}
),
latest AS (
    SELECT id FROM articles INDEXED BY articles_dated
    WHERE dated_at >= {_SINCE} AND dated_at < (SELECT before_latest FROM way)
        AND (lower(substr(language, 1, 2)) IN ('zh', 'ja', 'ko') OR language IS NULL AND title GLOB '*[぀-ヿ一-鿿가-힯]*')
    ORDER BY dated_at DESC, id LIMIT {READ}
),
within AS (
    SELECT articles.id, articles.dated_at, articles.date_source = 'backlog' AS rank
    FROM latest CROSS JOIN articles ON articles.id = latest.id
    WHERE {_SOURCE_SQL} AND {_NAMES_SQL} AND {_KIND_SQL} AND NOT EXISTS (
        SELECT 1 FROM words
        WHERE (instr(lower(articles.title), lower(word)) + instr(lower(articles.text), lower(word)) > 0) = is_not
    )
),
picked AS MATERIALIZED (
    SELECT id, rank, dated_at FROM near WHERE NOT (SELECT is_wanted FROM far)
    UNION ALL
    SELECT id, rank, dated_at FROM newest
    UNION ALL
    SELECT * FROM (SELECT id, rank, dated_at FROM hit WHERE {_WAY} = 'hits' ORDER BY rank, dated_at DESC, id {_PAGE})
    UNION ALL
    SELECT * FROM (
        SELECT id, 0.0, max(dated_at) AS day FROM (
            SELECT id, dated_at FROM hit WHERE {_WAY} = 'cjk' UNION ALL SELECT id, dated_at FROM within
        ) GROUP BY id ORDER BY day DESC, id {_PAGE}
    )
)"""

# a piece of the text around the first of the words, or of their beginnings; not snippet(): that takes seconds for a
# text which says a word thousands of times, and no time limit ends it
_AROUND_SQL = f"""(
        SELECT CASE WHEN place <= {LED_BY} THEN substr(articles.text, 1, {EXCERPT})
            ELSE '… ' || ltrim(iif(instr(piece, ' ') > {LED_BY}, piece, substr(piece, instr(piece, ' ')))) END
            || iif(ends, '', ' …')
        FROM (
            SELECT place, substr(articles.text, place - {LED_BY}, {EXCERPT}) AS piece,
                substr(articles.text, max(place - {LED_BY}, 1) + {EXCERPT}, 1) = '' AS ends
            FROM (
                SELECT n, is_whole, instr(lower(substr(articles.text, 1, {MOST_READ})), start) AS place FROM starts
            ) WHERE place > 0 ORDER BY NOT is_whole, n LIMIT 1
        )
    )"""
_EVIDENCE_SQL = """(
        SELECT evidence FROM article_entities WHERE article_entities.article_id = articles.id
        ORDER BY about DESC, salience DESC, entity_id LIMIT 1
    )"""

SEARCH_SQL = f"""
WITH RECURSIVE {_WAY_SQL},{_PICKED_SQL},
-- of each word what a text may say literally: the word, and what other forms of it begin with
starts AS MATERIALIZED (
    SELECT n, 1 AS is_whole, rtrim(lower(word), '*') AS start FROM words WHERE NOT is_not
    UNION ALL
    SELECT n, 0, substr(lower(word), 1, max(length(word) - 3, 4)) FROM words
    WHERE NOT is_not AND NOT is_phrase AND length(word) > 4
)
SELECT articles.id, articles.dated_at, articles.published_at, articles.date_source, articles.title,
    sources.name AS source,
    coalesce({_AROUND_SQL}, {_EVIDENCE_SQL}, substr(articles.text, 1, 200)) AS excerpt,
    articles.url, articles.language, articles.source_id, round(-picked.rank, 3) AS score,
    way.way, way.hits, iif(way.way = 'newest', way.floor, '') AS back_to
FROM picked
CROSS JOIN way
CROSS JOIN articles ON articles.id = picked.id
CROSS JOIN sources ON sources.id = articles.source_id
ORDER BY picked.rank, picked.dated_at DESC, picked.id
LIMIT {PAGE_SIZE + 1}
"""

# what the rows say of the search, for a search without rows
PLAN_SQL = f"WITH RECURSIVE {_WAY_SQL} SELECT way, hits, iif(way = 'newest', floor, '') FROM way"
# the words to mark, as an expression of FTS5 that any of them fits (NULL: none), and the days; nothing is looked for
GIVEN_SQL = f"WITH RECURSIVE {_WANTED_SQL} SELECT any_of_them, since, stop FROM wanted"

SEARCH = CannedQuery(
    "search",
    "Search",
    f"Articles that have all the words, in any form, in title or text: {PAGE_SIZE} a page, and one more where there is"
    f" a next page. Words that more than {RANKED:,} articles have are not ranked: these come newest first, out of the"
    f" newest {WALKED:,}. Of texts in Chinese, Japanese and Korean the newest {READ:,} are read for words within"
    " sentences."
    " Column score: bm25, a title counting five times; 0 where nothing was ranked. Column way: hits (all that have the"
    " words), newest (out of an index by time, back to the time in back_to, empty for all of it) or cjk (texts were"
    f" read); hits: articles that have the words, at most {RANKED + 1:,}.",
    SEARCH_SQL,
    {"q": "data centre", "kind": "", "entity": "", "source": "", "since": "", "until": "", "sort": "", "page": ""},
    {
        "q": f'words (at most {MOST_WORDS} different ones), a "quoted phrase", a beginning of three letters or more'
        " with * after it, -word for articles without it; empty, with a filter or an order, for the newest that fit",
        "kind": "company, accelerator, theme, model or regulation, for articles that name one; empty for all",
        "entity": "id of one that they name, such as nvidia; empty for all",
        "source": "id of their source; empty for all",
        "since": "first day, such as 2026-11-01, UTC; empty for no limit",
        "until": "last day, inclusive, UTC; empty for no limit",
        "sort": "newest for the newest first; empty for the best match first",
        "page": f"1 to {PAGES}; empty for 1",
    },
)
