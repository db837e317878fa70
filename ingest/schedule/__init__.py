"""When a source is asked again, and what its checks say of its health. Pure.

from ingest import schedule
schedule.is_due(source, state, now)
"""

from ingest.schedule.checks import (
    Check,
    Timing,
    after_failure,
    after_success,
    classify,
    is_due,
    is_the_same_body,
    move_of,
    overdue_ratio,
    request_for,
)

__all__ = [
    "Check",
    "Timing",
    "after_failure",
    "after_success",
    "classify",
    "is_due",
    "is_the_same_body",
    "move_of",
    "overdue_ratio",
    "request_for",
]
