"""One writer at a time."""

import subprocess
import sys
from pathlib import Path

import pytest

from aiwire.exceptions import DatabaseError, TryLater
from aiwire.lock import writer_lock


def test_a_second_writer_is_told_to_try_later(tmp_path):
    db = tmp_path / "news.db"
    with writer_lock(db), pytest.raises(TryLater, match="another aiwire is writing"), writer_lock(db):
        pass


def test_the_lock_is_free_again_after_the_block(tmp_path):
    db = tmp_path / "news.db"
    with writer_lock(db):
        pass
    with writer_lock(db):
        pass


def test_a_killed_process_frees_its_lock(tmp_path):
    db = tmp_path / "news.db"
    code = f"""
from pathlib import Path
from aiwire.lock import writer_lock
with writer_lock(Path({str(db)!r})):
    print("held", flush=True)
    input()
"""
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        with pytest.raises(TryLater), writer_lock(db):
            pass
        holder.kill()
    with writer_lock(db):
        pass


def test_a_missing_folder_is_a_clear_error():
    with pytest.raises(DatabaseError, match="does the folder exist"), writer_lock(Path("/nowhere/news.db")):
        pass
