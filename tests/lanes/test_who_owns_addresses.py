"""Addresses and keys belong to the transport: nothing else in the core knows how those of ZeroMQ look."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import pytest

import hyperverse_core
from hyperverse_stream.transport import StreamTransport
from hyperverse_zmq.transport import ZmqTransport

CORE = Path(hyperverse_core.__file__).parent
ALLOWED = {
    "config/default_transport.py": [
        '_FIRST: Final = "zmq"',
        '_BY_SCHEME: Final = {"tcp": _FIRST, "ipc": _FIRST, "unix": DEFAULT_TRANSPORT}',
    ]
}


def test_no_other_file_of_the_core_names_a_transport_or_its_addresses() -> None:
    named: dict[str, list[str]] = {}
    for path in sorted(CORE.rglob("*.py")):
        for line in path.read_text("utf-8").splitlines():
            if re.search(r"\b(ipc|zmq|zeromq|curve|z85)\b", line, re.IGNORECASE):
                named.setdefault(str(path.relative_to(CORE)), []).append(line.partition("  #")[0].strip())
    assert named == ALLOWED


def test_zmq_listens_at_a_socket_in_the_machines_folder() -> None:
    directory = Path("/run/some/machine")
    assert ZmqTransport().default_address("stars", directory) == "ipc:///run/some/machine/stars.sock"


def test_zmq_listens_in_a_private_folder_where_a_path_would_be_too_long(tmp_path: Path) -> None:
    transport, deep = ZmqTransport(), tmp_path / ("a" * 100)
    found = transport.default_address("stars", deep)
    assert found.startswith("ipc://") and len(found) <= 100 + len("ipc://")
    assert Path(found.removeprefix("ipc://")).parent.stat().st_mode & 0o077 == 0
    assert transport.default_address("clients", deep) != found
    assert transport.default_address("stars", deep / "b") != found


def test_zmq_lets_itself_choose_where_the_private_folder_is_not_private(tmp_path: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
        folder = tmp_path / f"hyperverse-{os.getuid()}"
        folder.mkdir()
        folder.chmod(0o755)
        assert ZmqTransport().default_address("stars", tmp_path / ("a" * 100)) == ""


def test_zmq_knows_local_addresses() -> None:
    transport = ZmqTransport()
    assert transport.is_local("ipc:///run/x.sock")
    assert not transport.is_local("tcp://127.0.0.1:1")


@pytest.mark.parametrize("kind", [StreamTransport, ZmqTransport])
@pytest.mark.parametrize(
    ("address", "works"),
    [
        ("tcp://192.0.2.1:7000", True),
        ("tcp://db.example:7000", True),
        ("tcp://[2001:db8::1]:7000", True),
        ("tcp://127.0.0.1:7000", False),
        ("tcp://127.9.9.9:7000", False),
        ("tcp://localhost:7000", False),
        ("tcp://0.0.0.0:7000", False),
        ("tcp://[::]:7000", False),
        ("tcp://[::1]:7000", False),
        ("tcp://[::ffff:127.0.0.1]:7000", False),
    ],
)
def test_an_address_that_leads_everybody_to_himself_works_on_one_host_only(
    kind: Any, address: str, works: bool
) -> None:
    assert kind().works_elsewhere(address) is works


def test_a_socket_works_on_one_host_only() -> None:
    assert not ZmqTransport().works_elsewhere("ipc:///run/x.sock")
    assert not StreamTransport().works_elsewhere("unix:///run/x.sock")
