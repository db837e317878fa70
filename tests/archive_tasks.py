"""Tasks for tests of runners: picklable functions of a shard that behave as real ones may.

What a shard is to do stands in its URL: `ok`, `slow`, `die-once`, `die`, `network-once`, `network`, `missing`, `bug`,
`settings`. Every call leaves a line `<key> <pid>` in `calls` of the folder.
"""

from __future__ import annotations

import json
import os
import signal
import time
from dataclasses import asdict, replace
from pathlib import Path

from aiwire.archive.parts import part_folder, read_report
from aiwire.archive.values import Shard, ShardReport
from aiwire.exceptions import ConfigError, InputError, TryLater
from aiwire.types.archive import BadRecord


def shards(*deeds: str) -> list[Shard]:
    """Return a shard for each deed."""
    return [Shard(f"s{number:03}", deed, 100, f"f{number}") for number, deed in enumerate(deeds)]


def work(shard: Shard, folder: Path) -> ShardReport:
    """Do what the shard's URL says."""
    with (folder / "calls").open("a") as file:
        file.write(f"{shard.key} {os.getpid()}\n")
    first = not (folder / shard.key).exists()
    (folder / shard.key).touch()
    match shard.url:
        case "slow":
            time.sleep(0.3)
        case "long":
            time.sleep(60)
        case "die":
            os.kill(os.getpid(), signal.SIGKILL)
        case "die-once" if first:
            os.kill(os.getpid(), signal.SIGKILL)
        case "network":
            raise TryLater(f"{shard.url}: the connection broke")
        case "network-once" if first:
            raise TryLater(f"{shard.url}: the connection broke")
        case "missing":
            raise InputError(f"{shard.url}: there is no such file")
        case "bug":
            raise KeyError("nobody thought of this")
        case "settings":
            raise ConfigError("the lists cannot be used")
    return ShardReport(key=shard.key, version="v", fingerprint=shard.fingerprint, articles=1, worker=str(os.getpid()))


def calls(folder: Path) -> list[tuple[str, int]]:
    """Return which shard was begun by which process, in order."""
    if not (folder / "calls").exists():
        return []
    lines = (folder / "calls").read_text().split("\n")[:-1]
    return [(key, int(pid)) for key, pid in (line.split() for line in lines)]


def make(shard: Shard, job_file: Path) -> ShardReport:
    """Do what the shard's URL says and leave a part as `aiwire.archive.parts` reads it."""
    folder = job_file.parent.parent
    part = part_folder(folder, shard.key, job_file.stem)
    if (report := read_report(part)) is not None and report.fingerprint == shard.fingerprint:
        return report
    report = replace(work(shard, folder), version=job_file.stem, pages=10, bad=(BadRecord(5, "cut short"),))
    part.mkdir(parents=True, exist_ok=True)
    (part / ".report").write_text(json.dumps(asdict(report)))
    (part / ".report").replace(part / "report.json")
    return report
