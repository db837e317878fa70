"""publish: a copy of the database for strangers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from aiwire import __version__
from aiwire.cli.common import Context, common_options, warn
from aiwire.config import exports_folder
from aiwire.exceptions import ConfigError
from aiwire.lock import writer_lock

if TYPE_CHECKING:
    from db.publish import Policy, PublicCopy

__all__ = ["policy_of", "publish"]


@click.command()
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path, file_okay=False))
@click.option("--json", "as_json", is_flag=True, help="Print what was made as JSON.")
@common_options
def publish(context: Context, folder: Path, as_json: bool) -> None:
    """Make DIR/news.db, a public copy: no texts but those of sources whose `text_policy` is full, nothing private.

    Of other articles it holds title, date, link, tags, and sentences that prove these, cut to `excerpt_chars`, together
    15 % of the text at most. Of the addresses of sources it holds the host only. From those of articles it takes what
    is named as keys are (?token=), but cannot tell a key in a path: do not publish such a source. It may be made while
    a run writes; a copy that is being served is replaced as a whole.

    \b
    Examples:
      aiwire publish /srv/aiwire
      aiwire serve --public --db /srv/aiwire/news.db
    """
    from db.publish import COPY_NAME
    from db.publish import publish as make

    exports = exports_folder(context.settings).resolve()
    if folder.resolve() == exports or exports in folder.resolve().parents:
        raise ConfigError(f"{folder}: is where exports are kept, which nobody deletes; name another folder")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as e:
        raise ConfigError(f"{folder}: cannot be made ({e.strerror}); name a folder that you may write in") from e
    with writer_lock(folder / COPY_NAME):
        copy = make(context.settings.db, folder, policy_of(context))
    if as_json:
        click.echo(json.dumps(_as_json(copy), indent=2))
        return
    if copy.left_out:
        warn(f"left out, as they are not aiwire's: {', '.join(copy.left_out)}")
    settings = context.settings
    default = "full texts" if settings.text_policy == "full" else f"excerpts of {settings.excerpt_chars} characters"
    click.echo(
        f"{copy.path}: {copy.size / 1e6:.1f} MB, {copy.articles:,} articles, {copy.in_full:,} of them with their text,"
        f" {copy.mentions:,} mentions; sources that say nothing: {default}"
    )


def policy_of(context: Context) -> Policy:
    """Return what the settings say of a public copy that is made now."""
    from db.publish import Policy

    settings = context.settings
    return Policy(settings.text_policy, settings.excerpt_chars, context.now, __version__)


def _as_json(copy: PublicCopy) -> dict[str, object]:
    return {
        "path": str(copy.path),
        "bytes": copy.size,
        "sha256": copy.sha256,
        "made_at": copy.made_at,
        "articles": copy.articles,
        "articles_in_full": copy.in_full,
        "mentions": copy.mentions,
        "left_out": list(copy.left_out),
    }
