"""Files are written whole or not at all; what is no regular file is written as it is."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from aiwire.exceptions import ConfigError
from db.files import write_atomically, write_bytes_atomically


def test_a_device_or_pipe_is_written_as_it_is(tmp_path):
    fifo = tmp_path / "fifo.csv"
    os.mkfifo(fifo)
    got = []
    reader = threading.Thread(target=lambda: got.append(fifo.read_text()))
    reader.start()

    write_atomically(fifo, lambda out: out.write("rows"))
    reader.join(5)

    assert got == ["rows"]
    assert fifo.is_fifo()
    assert write_atomically(Path("/dev/null"), lambda out: out.write("x")) == 1
    assert Path("/dev/null").is_char_device()
    with pytest.raises(ConfigError, match=r"/dev/full: cannot be written \(No space left on device\)"):
        write_atomically(Path("/dev/full"), lambda out: out.write("x"))
    assert Path("/dev/full").is_char_device()


@pytest.mark.parametrize("there", [True, False])
def test_a_symbolic_link_stays_and_its_target_is_written(tmp_path, there):
    (tmp_path / "data").mkdir()
    target, link = tmp_path / "data" / "real.csv", tmp_path / "link.csv"
    if there:
        target.write_text("before")
    link.symlink_to(target)

    write_bytes_atomically(link, lambda out: out.write(b"after"))

    assert (link.is_symlink(), target.is_symlink(), target.read_text()) == (True, False, "after")


def test_a_loop_of_links_is_a_clear_error(tmp_path):
    (tmp_path / "a").symlink_to(tmp_path / "b")
    (tmp_path / "b").symlink_to(tmp_path / "a")

    with pytest.raises(ConfigError, match="a: cannot be written"):
        write_atomically(tmp_path / "a", lambda out: out.write(""))


def test_dev_stdout_is_written_even_where_it_leads_to_a_file(tmp_path):
    code = (
        "from pathlib import Path\nfrom db.files import write_atomically\n"
        "write_atomically(Path('/dev/stdout'), lambda out: out.write('rows\\n'))"
    )
    with (tmp_path / "out.csv").open("w") as out:
        subprocess.run([sys.executable, "-P", "-c", code], stdout=out, check=True)
        assert os.fstat(out.fileno()).st_ino == (tmp_path / "out.csv").stat().st_ino

    assert (tmp_path / "out.csv").read_text() == "rows\n"


def test_a_file_is_written_whole_or_stays_as_it_was(tmp_path):
    path = tmp_path / "trends.csv"
    path.write_text("before")

    def broken(out):
        out.write("half")
        raise RuntimeError

    with pytest.raises(RuntimeError):
        write_atomically(path, broken)
    assert path.read_text() == "before"

    assert write_atomically(path, lambda out: out.write("a\nb\n")) == 4
    assert path.read_bytes() == b"a\nb\n"
    assert [p.name for p in tmp_path.iterdir()] == ["trends.csv"]


def test_bytes_are_written_as_they_are(tmp_path):
    every = bytes(range(256))

    assert write_bytes_atomically(tmp_path / "x", lambda out: out.write(every)) == 256

    assert (tmp_path / "x").read_bytes() == every


def test_a_new_file_has_the_permissions_of_any_new_file(tmp_path):
    (tmp_path / "other").touch()

    write_atomically(tmp_path / "trends.csv", lambda out: out.write(""))

    assert (tmp_path / "trends.csv").stat().st_mode == (tmp_path / "other").stat().st_mode


def test_a_folder_that_is_not_there_is_a_clear_error(tmp_path):
    with pytest.raises(ConfigError, match=r"x\.csv: cannot be written \(No such file or directory\)"):
        write_atomically(tmp_path / "no" / "x.csv", lambda out: out.write(""))
