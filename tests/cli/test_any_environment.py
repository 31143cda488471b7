"""The program gives a result or one clear line, whatever it was started with."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from cli.conftest import program, variables
from patience import LEASE, START

pytestmark = pytest.mark.thorough

Bytes = subprocess.CompletedProcess[bytes]
Run = Callable[..., Bytes]

SOURCE = """
from hyperverse_core import Ctx, Driver, KindDef, Particle, handler, hookimpl

class Voice(Particle):
    @handler("Ext<Nan>")
    async def nan(self, ctx: Ctx) -> dict:
        return {"x": float("nan"), "y": [float("inf"), -float("inf")]}

    @handler("Ext<Escapes>")
    async def escapes(self, ctx: Ctx) -> str:
        return "a\\x1b[31mred\\x1b]0;title\\x07\\nerror: forged\\r\\x9b2J\\u202e"

    @handler("Ext<Raises>")
    async def raises(self, ctx: Ctx) -> str:
        raise ValueError("a\\x1b[31mred\\nerror: forged")

    @handler("Ext<Snow>")
    async def snow(self, ctx: Ctx) -> str:
        return "Gr\\u00fc\\u00dfe \\u2603"

class VoiceDriver(Driver):
    kind = KindDef("Voice")
    particle = Voice

@hookimpl
def hyperverse_register_drivers(register):
    register(VoiceDriver)
"""
NOBODY = "import pwd\ndef getpwuid(uid): raise KeyError(uid)\npwd.getpwuid = getpwuid\n"


def started(
    home: Path, *words: str, closed: Sequence[int] = (), without: Sequence[str] = (), stdin: bytes = b"", **env: str
) -> Bytes:
    """Runs the program with some standard streams closed, and some variables removed."""
    environment = {k: v for k, v in {**variables(home), **env}.items() if k not in without}
    words = (sys.executable, "-m", "hyperverse_core.cli", *words)
    close = "".join(f"os.close({number});" for number in closed)
    code = f"import os, sys; {close} os.execv(sys.argv[1], sys.argv[1:])"
    return subprocess.run(
        [sys.executable, "-c", code, *words], cwd=home, env=environment, input=stdin, capture_output=True, timeout=START
    )


def is_clear(done: Bytes) -> bool:
    said = done.stdout + done.stderr
    return not any(word in said for word in (b"internal error", b"Traceback", b"Exception ignored"))


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where a machine runs with a particle that says strange things. It was started with all streams closed."""
    home = tmp_path_factory.mktemp("place")
    (home / ".hyperverse").mkdir()
    (home / "hyperverse.toml").write_bytes(b"\xef\xbb\xbf[plugins]\r\nlocal = true\r\n")
    (home / "hyperverse_local.py").write_text(SOURCE)
    done = started(home, "up", "--detach", closed=(0, 1, 2), HYPERVERSE__LEASE=str(LEASE))
    try:
        assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
        assert started(home, "exec", "create localhost<Space>; create localhost:v<Voice>").returncode == 0
        yield home
    finally:
        program(home)("down")


@pytest.mark.parametrize("closed", [(0,), (1,), (2,), (1, 2), (0, 1, 2)], ids=str)
@pytest.mark.parametrize(
    "words", ["status", "tree --json", "plugins check", "--help", "exec -", "term", "down --name no"]
)
def test_closed_streams_are_no_error(place: Path, words: str, closed: tuple[int, ...]) -> None:
    assert is_clear(started(place, *words.split(), closed=closed))


def test_a_full_disk_behind_stdout_is_one_line(place: Path) -> None:
    command = f"{sys.executable} -m hyperverse_core.cli kinds > /dev/full"
    done = subprocess.run(["sh", "-c", command], cwd=place, env=variables(place), capture_output=True, timeout=START)
    assert (done.returncode, done.stderr) == (1, b"error: No space left on device\n")


def test_a_current_directory_that_was_deleted_is_one_clear_error(place: Path) -> None:
    gone = place / "gone"
    env = {k: v for k, v in variables(place).items() if k != "PYTHONPATH"}  # Python itself fails for a relative one
    for words in ("status", "up --detach --data-dir /nowhere/at/all", "plugins list", "exec list"):
        gone.mkdir()
        command = f"cd {gone}; rmdir {gone}; exec {sys.executable} -m hyperverse_core.cli {words}"
        done = subprocess.run(["sh", "-c", command], env=env, capture_output=True, timeout=START)
        assert (done.returncode, is_clear(done)) == (1, True), done.stderr
        assert b"error: the current directory no longer exists\n  hint: change to one" in done.stderr


def refuse(constant: str) -> Any:
    raise AssertionError(f"{constant} is no JSON")


def test_numbers_that_json_does_not_know_are_written_as_json(place: Path) -> None:
    done = started(place, "exec", "--json", "ping localhost:v Ext<Nan>")
    body = json.loads(done.stdout, parse_constant=refuse)["body"]
    assert body == {"x": {"float": "nan"}, "y": [{"float": "inf"}, {"float": "-inf"}]}
    assert b"NaN" not in started(place, "exec", "ping localhost:v Ext<Nan>").stdout


def test_escapes_and_line_ends_of_particles_are_shown_as_text(place: Path) -> None:
    done = started(place, "exec", "ping localhost:v Ext<Escapes>")
    assert done.stdout == b"a\\x1b[31mred\\x1b]0;title\\x07\\nerror: forged\\r\\x9b2J\\u202e\n"
    done = started(place, "exec", "ping localhost:v Ext<Raises>")
    assert b"ValueError: a\\x1b[31mred\n  error: forged\n" in done.stderr  # no line of its own
    exact = json.loads(started(place, "exec", "--json", "ping localhost:v Ext<Escapes>").stdout)["body"]
    assert exact.startswith("a\x1b[31mred")
    log = (place / ".hyperverse/machines/local/log/machine.log").read_bytes()
    assert b"\x1b" not in log
    assert b"\nerror: forged" not in log


@pytest.mark.parametrize(
    "env", [{"PYTHONIOENCODING": "ascii"}, {"LC_ALL": "C", "PYTHONUTF8": "0"}, {"LC_ALL": "no.such"}]
)
def test_a_locale_that_is_not_utf_8_is_no_error(place: Path, env: dict[str, str]) -> None:
    env = {"PYTHONCOERCECLOCALE": "0", **env}
    done = started(place, "exec", "ping localhost:v Ext<Snow>", **env)
    assert (done.returncode, is_clear(done)) == (0, True)
    assert done.stdout.decode() in ("Gr\\xfc\\xdfe \\u2603\n", "Grüße \u2603\n")
    done = started(place, "exec", "--json", "ping localhost:v Ext<Snow>", **env)
    assert json.loads(done.stdout)["body"] == "Grüße \u2603"
    assert is_clear(started(place, "tree", **env))


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32", "utf-16-be"])
def test_a_script_may_have_a_byte_order_mark_and_cr_lf(place: Path, encoding: str) -> None:
    text = "# Grüße\r\nping localhost:v\r\n  Ext<Snow>;\r\n"
    content = (f"\ufeff{text}" if encoding.endswith("be") else text).encode(encoding)
    (place / "script.hv").write_bytes(content)
    for done in (started(place, "exec", "-f", "script.hv"), started(place, "exec", "-", stdin=content)):
        assert (done.returncode, done.stdout.decode()) == (0, "Grüße \u2603\n"), done.stderr


def test_a_script_in_another_encoding_is_one_clear_error(place: Path) -> None:
    (place / "script.hv").write_bytes("ping localhost:v Ext<Snow>;\n# Grüße\n".encode("latin-1"))
    done = started(place, "exec", "-f", "script.hv")
    assert done.returncode == 1
    assert b"error: 'script.hv' is not in UTF-8: line 2 has the byte 0xfc" in done.stderr
    assert b"hint: save it with the encoding UTF-8" in done.stderr


def test_a_command_line_in_another_encoding_is_one_clear_error(place: Path) -> None:
    done = started(place, "exec", os.fsdecode(b"ping localhost:v Ext<\xff>"))
    assert (done.returncode, is_clear(done)) == (1, True)


def test_a_user_without_a_home_and_without_an_entry_is_told_what_to_give(tmp_path: Path) -> None:
    home = tmp_path / "nowhere"
    home.mkdir()
    (home / "sitecustomize.py").write_text(NOBODY)
    for words in ("status", "up --detach", "plugins list"):
        done = started(home, *words.split(), without=("HOME", "XDG_CACHE_HOME"), PYTHONPATH=str(home))
        assert (done.returncode, is_clear(done)) == (2, True)
        assert b"give --data-dir, or set HOME" in done.stderr
    done = started(home, "--help", without=("HOME", "XDG_CACHE_HOME"), PYTHONPATH=str(home))
    assert (done.returncode, is_clear(done)) == (0, True)
    data = ("--data-dir", str(tmp_path / "d"))
    done = started(home, "up", "--detach", *data, without=("HOME", "XDG_CACHE_HOME"), PYTHONPATH=str(home))
    assert done.returncode == 0, done.stderr
    assert started(home, "down", *data, without=("HOME",), PYTHONPATH=str(home)).returncode == 0
    assert sorted(path.name for path in home.iterdir() if path.name != "__pycache__") == ["sitecustomize.py"]


def machines_of(folder: Path) -> list[str]:
    """The processes whose command line names a folder."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            words = (entry / "cmdline").read_bytes() if entry.name.isdigit() else b""
        except OSError:
            continue  # it has ended meanwhile
        if str(folder).encode() in words and b"--ready-fd" in words:
            found.append(entry.name)
    return found


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL], ids=lambda number: number.name)
def test_an_up_that_is_cut_off_leaves_no_machine_behind(home: Path, number: signal.Signals) -> None:
    (home / "hyperverse.toml").write_text("[plugins]\nlocal = true\nload_seconds = 2\n")
    (home / "hyperverse_local.py").write_text("import time\ntime.sleep(60)\n")
    words = [sys.executable, "-m", "hyperverse_core.cli", "up", "--detach", "--data-dir", str(home / "d")]
    up = subprocess.Popen(words, cwd=home, env=variables(home), stderr=subprocess.DEVNULL)
    until = time.monotonic() + START
    while not machines_of(home / "d"):
        assert time.monotonic() < until
        time.sleep(0.02)
    up.send_signal(number)
    up.wait(START)
    while machines_of(home / "d"):
        assert time.monotonic() < until, "the machine is left running"
        time.sleep(0.05)
