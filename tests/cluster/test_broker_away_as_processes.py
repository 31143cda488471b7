"""The lanes need a broker, and it is away: whoever looks after the machine still reaches it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from nats_server import NatsServer, nats_server
from patience import START

__all__ = ["nats_server"]

pytestmark = pytest.mark.thorough


def test_status_and_down_work_while_the_broker_of_the_lanes_is_away(
    nats_server: Callable[..., NatsServer],
    tmp_path: Path,
) -> None:
    """`[control]` names no driver here: clients come in by a local socket, because the lanes need a broker."""

    def said(*words: str) -> str:
        command = [sys.executable, "-m", "hyperverse_core.cli", *words]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=START)
        assert done.returncode == 0, done.stderr
        return done.stdout

    server = nats_server()
    (tmp_path / ".hyperverse").mkdir()
    (tmp_path / "hyperverse.toml").write_text(f'[lanes]\ndriver = "nats"\nservers = "{server.url}"\n')
    said("up", "--detach")
    try:
        server.stop()
        note = json.loads((tmp_path / ".hyperverse/machines/local/control.json").read_text())
        assert (note["transport"], note["local"]) == ("stream", True)
        assert said("status").startswith("machine local: Ready")
    finally:
        stopped = said("down")
    assert "stopped: machine local" in stopped
