"""Another user of the same computer, in flesh: a process of `nobody` beside a machine that runs under umask 000."""

from __future__ import annotations

import json
import os
import pwd
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from patience import START

Run = Callable[..., subprocess.CompletedProcess[str]]
_WITH_UMASK = "import os, runpy, sys; os.umask(0o000); runpy.run_module('hyperverse_core.cli', run_name='__main__')"
_NOBODY = "nobody"

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")


@pytest.fixture
def shared() -> Iterator[Path]:
    """A folder that everybody can enter, as `/srv` is."""
    folder = Path(tempfile.mkdtemp(prefix="hv-shared-", dir="/tmp"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


def as_nobody(attempt: Callable[[], list[str]]) -> list[str]:
    """What ``attempt`` returns in a process of another user. It runs in a fork: the interpreter may lie where that user
    cannot read."""
    user = pwd.getpwnam(_NOBODY)
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.setgroups([])
            os.setgid(user.pw_gid)
            os.setuid(user.pw_uid)
            said = attempt()
        except BaseException as exc:
            said = [f"the attempt broke: {exc!r}"]
        os.write(writing, json.dumps(said).encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as stream:
        said = json.load(stream)
    os.waitpid(child, 0)
    return said


def attempts(paths: list[Path], folders: list[Path]) -> Callable[[], list[str]]:
    """Reads and writes each file, connects to each socket, lists and writes each folder. Returns what went through."""

    def attempt() -> list[str]:
        through = []
        for path in paths:
            for flags, word in ((os.O_RDONLY, "read"), (os.O_WRONLY | os.O_APPEND, "written")):
                try:
                    os.close(os.open(path, flags | os.O_NONBLOCK))
                except OSError:
                    continue
                through.append(f"{path} can be {word}")
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
                try:
                    client.connect(str(path))
                    through.append(f"{path} can be connected to")
                except OSError:
                    pass
        for folder in folders:
            try:
                next(folder.iterdir(), None)
                through.append(f"{folder} can be listed")
            except OSError:
                pass
            try:
                os.close(os.open(folder / "planted", os.O_WRONLY | os.O_CREAT, 0o600))
                through.append(f"something can be put into {folder}")
            except OSError:
                pass
        return through

    return attempt


def test_another_user_reads_writes_and_connects_to_nothing(
    shared: Path, home: Path, run: Run, environment: dict[str, str]
) -> None:
    data = shared / "data"
    started = subprocess.run(
        [sys.executable, "-c", _WITH_UMASK, "up", "--detach", "--data-dir", str(data)],
        cwd=home,
        env=environment,
        capture_output=True,
        text=True,
        timeout=START,
    )
    assert started.returncode == 0, started.stderr
    try:
        assert run("exec", "create localhost<Space>", "--data-dir", str(data)).returncode == 0
        assert run("user", "add", "ann", "--data-dir", str(data)).returncode == 0
        every = [data, *data.rglob("*")]
        paths = [path for path in every if not path.is_dir()]
        names = " ".join(str(path) for path in paths)
        for known in ("token", "registry.sqlite", "clients.sock", ".secret", "audit/key", ".jsonl"):
            assert known in names, "the attempt is about what is there"
        assert as_nobody(attempts(paths, [path for path in every if path.is_dir()])) == []
    finally:
        run("down", "--data-dir", str(data))


def test_the_attempt_would_go_through_where_it_may(shared: Path) -> None:
    (shared / "open").write_text("for all")
    (shared / "open").chmod(0o666)
    shared.chmod(0o777)
    with socket.socket(socket.AF_UNIX) as listening:
        before = os.umask(0)
        listening.bind(str(shared / "socket"))
        os.umask(before)
        listening.listen()
        found = as_nobody(attempts([shared / "open", shared / "socket"], [shared]))
    for word in ("open can be read", "open can be written", "socket can be connected to", "can be listed", "put into"):
        assert any(word in line for line in found), (word, found)
