"""Machines and commands that are killed while a version is published: there is the whole version or none."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from hyperverse_core import BlockingClient, NoMachine
from hyperverse_core.blobs import digest_of
from patience import PATIENCE, START, until_sync
from thoroughness import THOROUGH

pytestmark = pytest.mark.thorough

_PROGRAM = [sys.executable, "-m", "hyperverse_core.cli"]
_FILES = 40
_KILLS = 8 if THOROUGH else 3


class Desk:
    """A data directory, a folder to publish, and the processes of a test."""

    def __init__(self, folder: Path) -> None:
        self.data, self.site = folder / "data", folder / "site"
        self.site.mkdir()
        chance = random.Random(1)
        self.contents = {f"f{n}.bin": chance.randbytes(chance.choice((10, 300_000))) for n in range(_FILES)}
        for name, content in self.contents.items():
            (self.site / name).write_bytes(content)
        self.machine: subprocess.Popen[bytes] | None = None

    def up(self) -> None:
        log = (self.data.parent / "log").open("ab")
        with log:
            command = [*_PROGRAM, "up", f"--data-dir={self.data}"]
            self.machine = subprocess.Popen(command, stdout=log, stderr=log, cwd=self.data.parent)
        until_sync(self.answers, "the machine to answer", within=START)

    def answers(self) -> bool:
        try:
            with BlockingClient(self.data) as client:
                client.status()
        except NoMachine:
            return False
        return True

    def kill(self) -> None:
        assert self.machine is not None
        self.machine.send_signal(signal.SIGKILL)
        self.machine.wait(PATIENCE)

    def publishing(self, point: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [*_PROGRAM, "publish", str(self.site), point, f"--data-dir={self.data}", "--quiet"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def whole_or_none(self, point: str) -> bool:
        """Whether the version is there; then it is there with all its files."""
        with BlockingClient(self.data) as client:
            rows = client.select(f"{point}+:**")
            if not rows:
                return False
            assert len(rows) == _FILES + 2
            for name, content in self.contents.items():
                said = client.get(f"{point}:/{name}", ["digest"])
                assert said == {"digest": digest_of(content)}
                assert client.ask(f"{point}:/{name}", "Cmd<Read>") == content
        return True


@pytest.fixture
def desk(tmp_path: Path):
    desk = Desk(tmp_path)
    desk.up()
    with BlockingClient(desk.data) as client:
        client.exec(
            "create localhost<Space>; create localhost:repo<Repo>; create localhost:repo:my<BundleSeries>", check=True
        )
    yield desk
    desk.kill()


def test_whatever_is_killed_leaves_the_whole_version_or_none(desk: Desk) -> None:
    chance = random.Random(7)
    there = 0
    for number in range(_KILLS):
        point = f"localhost:repo:my:1.0.{number}"
        for name in list(desk.contents)[:10]:  # so that each version has content to send
            desk.contents[name] = os.urandom(300_000)
            (desk.site / name).write_bytes(desk.contents[name])
        publishing = desk.publishing(point)
        time.sleep(chance.uniform(0.2, 1.6))
        if number % 2:
            publishing.kill()
            publishing.wait(PATIENCE)
        else:
            desk.kill()
            publishing.kill()
            publishing.wait(PATIENCE)
            desk.up()
        if not desk.whole_or_none(point):
            assert desk.publishing(point).wait(START) == 0
            assert desk.whole_or_none(point)
        else:
            there += 1
    assert there < _KILLS, "nothing was killed in the middle"
