"""init and serve: the first and the last thing a user does."""

from __future__ import annotations

from pathlib import Path

import click

from aiwire.cli.common import Context, common_options, warn
from aiwire.cli.publish import policy_of
from aiwire.exceptions import ConfigError
from aiwire.paths import package_file

__all__ = ["init", "serve"]

HOST = "127.0.0.1"


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False), default=Path())
@click.option("--force", is_flag=True, help="Write over files that are there.")
@common_options
def init(context: Context, folder: Path, force: bool) -> None:
    """Write a commented aiwire.toml and a sources.toml with the starter feeds.

    \b
    Example:
      aiwire init && aiwire run
    """
    targets = {folder / name: package_file("starter", name) for name in ("aiwire.toml", "sources.toml")}
    if not force and (there := [str(path) for path in targets if path.exists()]):
        raise ConfigError(f"{', '.join(there)}: already there; --force writes over")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for path, template in targets.items():
            path.write_bytes(template.read_bytes())
    except OSError as e:
        raise ConfigError(f"{folder}: cannot be written: {e.strerror}") from e
    warn(f"wrote {' and '.join(str(path) for path in targets)}; set `contact` in the first, then `aiwire run`")


@click.command()
@click.option("--port", type=click.IntRange(1, 65535), help="Port to listen on [default: 8001].")
@click.option("--public", is_flag=True, help="For strangers: a copy as of `aiwire publish`, and closed doors.")
@click.option("--host", default=HOST, show_default=True, help="Address to listen on; others than this: with --public.")
@common_options
def serve(context: Context, port: int | None, public: bool, host: str) -> None:
    """Browse the database in Datasette, on this machine only; or serve a copy of it to strangers.

    With --public the database is a copy that `aiwire publish` made; any other is copied first, which leaves out what is
    not to be handed on, and what a run writes later does not show. A reverse proxy belongs in front (docs/site.md).

    \b
    Examples:
      aiwire serve --port 8001
      aiwire serve --public --db /srv/aiwire/news.db
    """
    from aiwire.web.server import Address, public_copy
    from aiwire.web.server import serve as serve_datasette
    from aiwire.web.site import Site

    settings = context.settings
    if not public and host != HOST:
        raise ConfigError(f"--host {host}: a site that others reach is served with --public")
    is_named = settings.base_url != f"http://{HOST}:{settings.port}"  # else links say what the reader asked for
    site = Site(settings.base_url if is_named else "", public, context.given_now)
    address = Address(host, settings.port)
    if not public:
        serve_datasette(settings.db, site, address)
        return
    with public_copy(settings.db, policy_of(context)) as copy:
        if copy != settings.db:
            warn(f"{settings.db} is no public copy: serving one made of it now; `aiwire publish DIR` keeps one")
        serve_datasette(copy, site, address)
