"""cron: the crontab line, or the systemd units, that run aiwire on this machine."""

from __future__ import annotations

import hashlib
import os
import pwd
import shlex
import socket
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from aiwire.cli.common import Context, common_options, warn
from aiwire.config import PREFIX
from aiwire.exceptions import ConfigError

__all__ = ["PERIODS", "Job", "Times", "cron", "crontab", "quoted_for_cron", "quoted_for_systemd", "times", "units"]

# minutes between two runs that a crontab can say evenly: divisors of an hour, and whole hours that divide a day
PERIODS = tuple(n for n in (*range(5, 61), *range(120, 1441, 60)) if 60 % n == 0 or (n % 60 == 0 and 1440 % n == 0))
_DEFAULT_EVERY = 15  # finer than the floor of an hour: a source that is due at 61 minutes does not wait until 120
_SHARE = 0.8  # of the period that one run may take
_LOG_NAME = "aiwire.log"


@dataclass(frozen=True, slots=True)
class Times:
    """Minutes and hours of a day at which a run starts; no hours: every hour."""

    minutes: tuple[int, ...]
    hours: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Job:
    """What is to be run, where and when."""

    command: tuple[str, ...]  # program and arguments
    folder: Path  # absolute
    every_minutes: int
    times: Times
    user: str
    unseen: tuple[str, ...] = ()  # environment variables of this shell that neither cron nor systemd will see


def times(host: str, every_minutes: int) -> Times:
    """Return when to start on the machine named `host`: always the same, but not when everybody else does.

    Args:
        host: any name; its hash gives the offset within the period.
        every_minutes: one of `PERIODS`.
    """
    offset = int.from_bytes(hashlib.blake2b(host.encode(), digest_size=8).digest(), "big") % every_minutes
    if every_minutes <= 60:
        return Times(tuple(range(offset, 60, every_minutes)))
    return Times((offset % 60,), tuple(range(offset // 60, 24, every_minutes // 60)))


def quoted_for_cron(words: Sequence[str]) -> str:
    """Return the words of a command for the sixth field of a crontab: quoted for the shell, `%` escaped.

    In crontab(5) a bare `%` ends the command; the backslash before it is taken away whatever the shell's quotes are.
    """
    return shlex.join(words).replace("%", "\\%")


def quoted_for_systemd(words: Sequence[str]) -> str:
    """Return the words of a command for `ExecStart=` (systemd.service(5), "Command lines").

    Raises:
        ConfigError: the path of the program has a quote or a `$`, which systemd takes in arguments only.
    """
    program = words[0]
    if any(char in program for char in "'\"$"):
        raise ConfigError(
            f"{program}: systemd runs no program with a quote or a $ in its path; install aiwire elsewhere"
        )
    return " ".join(map(_systemd_word, words))


def crontab(job: Job) -> str:
    """Return the lines for `crontab -e`. The comments tell what they do."""
    log = job.folder / _LOG_NAME
    run = f"cd {quoted_for_cron([str(job.folder)])} && {quoted_for_cron(job.command)}"
    minutes = ",".join(map(str, job.times.minutes))
    hours = ",".join(map(str, job.times.hours)) or "*"
    trouble = quoted_for_cron([f"aiwire: the run failed, see {log}"])
    lines = [
        f"# aiwire, every {job.every_minutes} minutes. Add the next line with `crontab -e`. 75 means: try again later,",
        "# another run is at work or this machine is offline. Any other failure is mailed by cron to MAILTO.",
        *(f"# {name} is set in this shell, but cron does not see it: put it into aiwire.toml" for name in job.unseen),
        "# MAILTO=you@example.org",
        f"{minutes} {hours} * * * {run} >>{quoted_for_cron([str(log)])} 2>&1 || [ $? -eq 75 ] || echo {trouble}",
    ]
    return "\n".join(lines) + "\n"


def units(job: Job) -> str:
    """Return a service and a timer for systemd, each under a comment that says where it goes."""
    minutes = ",".join(f"{minute:02}" for minute in job.times.minutes)
    hours = ",".join(f"{hour:02}" for hour in job.times.hours) or "*"
    notes = (
        f"# {name} is set in this shell, but systemd does not see it: put it into aiwire.toml" for name in job.unseen
    )
    lines = [
        "# /etc/systemd/system/aiwire.service",
        *notes,
        "[Unit]",
        "Description=aiwire: fetch and tag the news that is due",
        "Wants=network-online.target",
        "After=network-online.target",
        "",
        "[Service]",
        "Type=oneshot",
        f"User={job.user}",
        f"WorkingDirectory={str(job.folder).replace('%', '%%')}",
        f"ExecStart={quoted_for_systemd(job.command)}",
        "# 75: another run is at work, or this machine is offline",
        "SuccessExitStatus=75",
        f"TimeoutStartSec={2 * job.every_minutes}min",
        "Nice=10",
        "NoNewPrivileges=yes",
        "",
        "# /etc/systemd/system/aiwire.timer, then:",
        "#   systemctl daemon-reload && systemctl enable --now aiwire.timer",
        "[Unit]",
        f"Description=aiwire every {job.every_minutes} minutes",
        "",
        "[Timer]",
        f"OnCalendar=*-*-* {hours}:{minutes}:00",
        "Persistent=true",
        "",
        "[Install]",
        "WantedBy=timers.target",
    ]
    return "\n".join(lines) + "\n"


def _systemd_word(word: str) -> str:
    """Return one argument in double quotes: no specifier, no variable and no escape in it is expanded."""
    for char, written in (("\\", "\\\\"), ('"', '\\"'), ("%", "%%"), ("$", "$$")):
        word = word.replace(char, written)
    return (
        f'"{word}"' if not word or not word.isascii() or not all(c.isalnum() or c in "/._-=:" for c in word) else word
    )


@click.command()
@click.option("--every", type=click.IntRange(min=1), default=_DEFAULT_EVERY, show_default=True, metavar="MINUTES",
              help="Between the starts of two runs.")  # fmt: skip
@click.option("--max-seconds", type=click.IntRange(min=1), help="Of one run [default: 80 % of the time between two].")
@click.option("--systemd", is_flag=True, help="Print a service and a timer for systemd instead.")
@common_options
def cron(context: Context, every: int, max_seconds: int | None, systemd: bool) -> None:
    """Print the crontab line that runs aiwire in this folder on this machine. Nothing is installed.

    \b
    Examples:
      aiwire cron
      aiwire cron --every 60 --systemd
      (crontab -l; aiwire cron) | crontab -
    """
    if every not in PERIODS:
        near = min(PERIODS, key=lambda period: abs(period - every))
        raise click.UsageError(
            f"--every {every} does not divide an hour or a day evenly; take {near}, or one of "
            f"{', '.join(map(str, PERIODS))}"
        )
    if not context.settings.sources.is_file():
        warn(f"{context.settings.sources} is not there yet: write it with `aiwire init` before the first run")
    given = click.get_current_context().params
    job = _job(every, max_seconds or int(every * 60 * _SHARE), db=given["db"], config=given["config"])
    click.echo(units(job) if systemd else crontab(job), nl=False)


def _job(every: int, max_seconds: int, *, db: Path | None, config: Path | None) -> Job:
    """Return the job of this machine, user, folder and installation.

    Raises:
        ConfigError: a path that a crontab or a unit file cannot hold safely.
    """
    folder = Path.cwd()
    command = [*_program(), "run", "--max-seconds", str(max_seconds)]
    for option, path in (("--db", db), ("--config", config)):
        if path is not None:
            command += [option, str(path.absolute())]
    for word in (str(folder), *command):
        if not word.isprintable() or "\\" in word or word != word.strip():
            raise ConfigError(
                f"{word!r}: has characters that no crontab and no unit can hold safely; rename the folder or file"
            )
    unseen = tuple(sorted(name for name in os.environ if name.startswith(PREFIX)))
    user = pwd.getpwuid(os.getuid()).pw_name
    return Job(tuple(command), folder, every, times(socket.gethostname(), every), user, unseen)


def _program() -> list[str]:
    """Return what starts this very aiwire: the script beside its interpreter, else the interpreter itself."""
    script = Path(sys.executable).absolute().with_name("aiwire")
    if script.is_file() and os.access(script, os.X_OK):
        return [str(script)]
    return [sys.executable, "-P", "-m", "aiwire"]  # -P: nothing in the folder is taken for one of our packages
