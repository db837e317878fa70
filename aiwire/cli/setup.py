"""init and serve: the first and the last thing a user does."""

from __future__ import annotations

from pathlib import Path

import click

from aiwire.cli.common import Context, common_options, warn
from aiwire.exceptions import ConfigError
from aiwire.paths import package_file

__all__ = ["init", "serve"]


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
@click.option("--port", type=click.IntRange(1, 65535), help="Port on 127.0.0.1 [default: 8001].")
@common_options
def serve(context: Context, port: int | None) -> None:
    """Browse the database in Datasette, on this machine only.

    \b
    Example:
      aiwire serve --port 8001
    """
    from aiwire.web.server import serve as serve_datasette

    serve_datasette(context.settings)
