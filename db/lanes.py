"""How each server is to be treated: lanes and robots.txt."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlite_utils import Database

from aiwire.types import LaneState, RobotsFile, iso, parse_iso
from db.connection import transaction

__all__ = ["lane_states", "robots_files", "save_lane", "save_lanes", "save_robots"]


def lane_states(db: Database) -> dict[str, LaneState]:
    """Return what is known of each lane, by its name."""
    rows = db.execute(
        "SELECT lane, latency_s, gap_s, gap_until, crawl_delay_s, blocked_until, reason FROM lanes"
    ).fetchall()
    return {row[0]: LaneState(row[0], row[1], row[2], _moment(row[3]), row[4], _moment(row[5]), row[6]) for row in rows}


def save_lane(db: Database, lane: LaneState) -> None:
    """Store the state of a lane. Part of the caller's transaction."""
    db.execute(
        """
        INSERT OR REPLACE INTO lanes (lane, latency_s, gap_s, gap_until, crawl_delay_s, blocked_until, reason)
        VALUES (?, ?, ?, ?, ?, ?, ?)
        """,
        [lane.lane, lane.latency_s, lane.gap_s, _text(lane.gap_until), lane.crawl_delay_s, _text(lane.blocked_until),
         lane.reason],
    )  # fmt: skip


def save_lanes(db: Database, lanes: Iterable[LaneState]) -> None:
    """Store the states of lanes, in one transaction."""
    with transaction(db):
        for lane in lanes:
            save_lane(db, lane)


def robots_files(db: Database) -> dict[str, RobotsFile]:
    """Return the robots.txt of each origin as it was last read."""
    rows = db.execute("SELECT origin, fetched_at, status, body, error FROM robots").fetchall()
    return {row[0]: RobotsFile(row[0], parse_iso(row[1]), row[2], row[3], row[4]) for row in rows}


def save_robots(db: Database, file: RobotsFile, *, ai_opt_outs: Iterable[str]) -> None:
    """Store a robots.txt and the AI crawlers that it keeps out. Part of the caller's transaction."""
    db.execute(
        """
        INSERT OR REPLACE INTO robots (origin, fetched_at, status, body, error, ai_opt_outs)
        VALUES (?, ?, ?, ?, ?, ?)
        """,
        [file.origin, iso(file.fetched_at), file.status, file.body, file.error, ", ".join(ai_opt_outs) or None],
    )


def _text(moment: datetime | None) -> str | None:
    return None if moment is None else iso(moment)


def _moment(text: str | None) -> datetime | None:
    return None if text is None else parse_iso(text)
