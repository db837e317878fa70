"""`aiwire cron`: the line survives cron and the shell, the units survive systemd; no two machines start together."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from aiwire.cli.cron import (
    PERIODS,
    Job,
    Times,
    cron,
    crontab,
    quoted_for_cron,
    quoted_for_systemd,
    times,
    units,
)
from aiwire.exceptions import ConfigError

WORDS = st.lists(st.text(st.characters(categories=["L", "N", "P", "S", "Zs"], exclude_characters="\\")), min_size=1)
needs_systemd = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")


def as_cron_reads(command):
    """What cron hands to the shell, as crontab(5) tells: `\\%` is `%`, a bare `%` ends the command."""
    return re.split(r"(?<!\\)%", command)[0].replace("\\%", "%")


def as_systemd_reads(line):
    """The words of `ExecStart=`, as systemd.service(5) and systemd.syntax(7) tell, for what we may write."""
    words = re.findall(r'"((?:[^"\\]|\\.)*)"|(\S+)', line)
    plain = [re.sub(r"\\(.)", r"\1", quoted) or bare for quoted, bare in words]
    assert all(not re.search(r"(?<!%)(?:%%)*%(?!%)|(?<!\$)(?:\$\$)*\$(?!\$)", word) for word in plain)
    return [word.replace("%%", "%").replace("$$", "$") for word in plain]


def starts(when):
    return [hour * 60 + minute for hour in when.hours or range(24) for minute in when.minutes]


# ---------------------------------------------------------------- quoting


@given(WORDS)
def test_what_a_crontab_says_reaches_the_program_word_for_word(words):
    line = quoted_for_cron(words)

    assert shlex.split(as_cron_reads(line)) == words


@given(WORDS)
def test_what_a_unit_says_reaches_the_program_word_for_word(words):
    line = quoted_for_systemd(["/opt/100 %/aiwire", *words])

    assert as_systemd_reads(line) == ["/opt/100 %/aiwire", *words]


@pytest.mark.parametrize("char", ["'", '"', "$"], ids=["quote", "double-quote", "dollar"])
def test_a_program_that_systemd_would_not_run_is_refused(char):
    with pytest.raises(ConfigError, match="install aiwire elsewhere"):
        quoted_for_systemd([f"/opt/{char}/aiwire"])


@pytest.fixture
def job(tmp_path):
    """A job whose program notes its arguments and ends as the file `status` says, in a folder with an awkward name."""
    folder = tmp_path / "it's 100 % news; $HOME"
    folder.mkdir()
    program = folder / "aiwire"
    program.write_text(f'#!{sys.executable}\nimport sys\nprint(sys.argv[1:])\nsys.exit(int(open("status").read()))\n')
    program.chmod(0o755)
    return Job((str(program), "run", "--db", "a %b.db"), folder, 30, Times((7, 37)), "me")


@pytest.mark.parametrize(("status", "mail"), [(0, False), (75, False), (1, True), (2, True)])
def test_the_line_runs_in_its_folder_writes_a_log_and_is_loud_only_if_it_failed(job, status, mail):
    (job.folder / "status").write_text(str(status))
    fields = crontab(job).splitlines()[-1].split(" ", 5)

    done = subprocess.run(["/bin/sh", "-c", as_cron_reads(fields[5])], cwd="/", capture_output=True, text=True)

    assert fields[:5] == ["7,37", "*", "*", "*", "*"]
    assert (job.folder / "aiwire.log").read_text() == "['run', '--db', 'a %b.db']\n"
    assert done.stdout == (f"aiwire: the run failed, see {job.folder / 'aiwire.log'}\n" if mail else "")
    assert done.stderr == ""


def test_a_folder_that_went_away_is_loud(job):
    shutil.rmtree(job.folder)
    command = as_cron_reads(crontab(job).splitlines()[-1].split(" ", 5)[5])

    done = subprocess.run(["/bin/sh", "-c", command], cwd="/", capture_output=True, text=True)

    assert "the run failed" in done.stdout


def test_all_but_the_last_line_is_comment(job):
    assert all(line.startswith("# ") for line in crontab(job).splitlines()[:-1])


@needs_systemd
@pytest.mark.parametrize("every", PERIODS)
def test_systemd_takes_the_calendar_of_the_timer(every):
    timer = units(Job(("/bin/true",), Path("/"), every, times("host", every), "root"))
    calendar = re.search(r"^OnCalendar=(.*)$", timer, flags=re.MULTILINE).group(1)

    done = subprocess.run(["systemd-analyze", "calendar", calendar], capture_output=True, text=True)

    assert done.returncode == 0, done.stderr


@needs_systemd
def test_systemd_finds_nothing_wrong_with_the_units(job, tmp_path):
    program = tmp_path / "100 % sure" / "aiwire"
    program.parent.mkdir()
    shutil.copy(job.command[0], program)
    awkward = Job((str(program), *job.command[1:], 'it\'s $5 "off"'), job.folder, 30, job.times, "root")
    service, timer = units(awkward).split("# /etc/systemd/system/aiwire.timer", 1)
    (tmp_path / "aiwire.service").write_text(service)
    (tmp_path / "aiwire.timer").write_text("#" + timer)

    done = subprocess.run(["systemd-analyze", "verify", tmp_path / "aiwire.service", tmp_path / "aiwire.timer"],
                          capture_output=True, text=True)  # fmt: skip

    assert (done.returncode, [line for line in done.stderr.splitlines() if "aiwire" in line]) == (0, [])


# ---------------------------------------------------------------- when


@given(st.text(), st.sampled_from(PERIODS))
def test_starts_are_evenly_spread_over_the_day(host, every):
    moments = starts(times(host, every))

    assert len(moments) == 1440 // every
    assert {(later - earlier) % 1440 for earlier, later in zip(moments, moments[1:] + moments[:1], strict=True)} == {
        every % 1440
    }
    assert all(0 <= moment < 1440 for moment in moments)


def test_a_machine_always_starts_at_the_same_minute_and_not_when_all_others_do():
    offsets = [times(f"host-{n}.example", 60).minutes[0] for n in range(300)]

    assert offsets == [times(f"host-{n}.example", 60).minutes[0] for n in range(300)]
    assert len(set(offsets)) > 55


# ---------------------------------------------------------------- the command


@pytest.fixture
def folder(tmp_path, monkeypatch):
    for name in [name for name in os.environ if name.startswith("AIWIRE_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "none"))
    (tmp_path / "sources.toml").write_text("")
    return tmp_path


def call(*args):
    return CliRunner().invoke(cron, args)


def words_of(done):
    return shlex.split(as_cron_reads(done.stdout.splitlines()[-1].split(" ", 5)[5]))


def test_the_line_names_the_folder_and_a_program_that_is_there(folder):
    done = call()

    words = words_of(done)
    assert words[:3] == ["cd", str(folder), "&&"]
    assert Path(words[3]).is_absolute()
    assert os.access(words[3], os.X_OK)
    assert done.exit_code == 0
    assert done.stderr == ""


def test_the_program_of_the_line_is_this_aiwire(folder):
    words = words_of(call())
    program = words[3 : words.index("run")]

    done = subprocess.run([*program, "--version"], capture_output=True, text=True)

    assert done.stdout.startswith("aiwire, version")


@pytest.mark.parametrize(("args", "seconds"), [((), "720"), (("--every", "60"), "2880"), (("--max-seconds", "9"), "9")])
def test_a_run_takes_at_most_four_fifths_of_the_period_unless_told(folder, args, seconds):
    words = words_of(call(*args))

    assert words[words.index("--max-seconds") + 1] == seconds


def test_database_and_settings_are_named_in_full(folder):
    (folder / "my.toml").write_text("")

    words = words_of(call("--db", "sub/my news.db", "--config", "my.toml"))

    assert words[words.index("--db") + 1] == str(folder / "sub/my news.db")
    assert words[words.index("--config") + 1] == str(folder / "my.toml")


def test_systemd_units_hold_the_same_command(folder):
    done = call("--systemd", "--every", "120", "--db", "my news.db")

    start = re.search(r"^ExecStart=(.*)$", done.stdout, flags=re.MULTILINE).group(1)
    assert as_systemd_reads(start) == [
        *words_of(call())[3:-words_of(call())[::-1].index("720") - 1], "5760", "--db", str(folder / "my news.db"),
    ]  # fmt: skip
    assert f"WorkingDirectory={folder}" in done.stdout.splitlines()
    assert "SuccessExitStatus=75" in done.stdout.splitlines()


def test_a_period_that_no_crontab_can_say_is_refused_with_the_nearest(folder):
    done = CliRunner().invoke(cron, ["--every", "45"], standalone_mode=False)

    assert isinstance(done.exception, click.UsageError)
    assert "take 30," in done.exception.message


@pytest.mark.parametrize("name", ["back\\slash", "line\nfeed", "trailing "], ids=["backslash", "line-feed", "space"])
def test_a_folder_that_no_crontab_can_hold_is_refused(folder, monkeypatch, name):
    (folder / name).mkdir()
    monkeypatch.chdir(folder / name)

    done = call()

    assert isinstance(done.exception, ConfigError)
    assert "rename the folder" in str(done.exception)


def test_a_setting_that_only_this_shell_has_is_pointed_out(folder, monkeypatch):
    monkeypatch.setenv("AIWIRE_CONTACT", "me@example.org")

    lines = [call().stdout, call("--systemd").stdout]

    assert all("AIWIRE_CONTACT is set in this shell" in text for text in lines)
    assert not any("me@example.org" in text for text in lines)


def test_a_folder_without_sources_is_pointed_out(folder):
    (folder / "sources.toml").unlink()

    done = call()

    assert "aiwire init" in done.stderr
    assert done.exit_code == 0
