"""What every request passes on its way to Datasette: the rules of a profile, the gate, the guard of CSVs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiwire.web.middleware.asgi import App
from aiwire.web.middleware.cache import cached
from aiwire.web.middleware.csvguard import guarded
from aiwire.web.middleware.gate import Limits, gated
from aiwire.web.middleware.security import protected
from aiwire.web.middleware.shortpages import shortened

if TYPE_CHECKING:
    from datasette.app import Datasette

__all__ = ["wrapped"]


def wrapped(datasette: Datasette, app: App) -> App:
    """Return Datasette's application as the configuration of our plugin wants it.

    `public`: the rules for strangers, a memory for pages, short pages, and the gate with the
    limits `gate`. `hosts`: the names it answers
    to beside those of this machine; without it, as where `datasette news.db` is started by hand, any. `base_url`: the
    one name of a public site.
    """
    config = datasette.plugin_config("aiwire") or {}
    mount = str(datasette.setting("base_url"))
    is_public = bool(config.get("public", False))
    app = guarded(app)
    if is_public:
        app = cached(gated(shortened(app), Limits.from_config(config.get("gate")), mount=mount))
    origin = str(config.get("base_url", "")) if is_public else ""
    return protected(app, is_public=is_public, hosts=config.get("hosts"), mount=mount, origin=origin)
