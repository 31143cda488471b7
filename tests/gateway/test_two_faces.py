"""The client that waits has all that the asynchronous client has, and takes the same arguments."""

from __future__ import annotations

import asyncio
import inspect
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from gateway.talk import PROBE
from hyperverse_core import At, BlockingClient, Client, Machine
from hyperverse_core.client.blocking import BlockingAt
from hyperverse_core.client.blocking_session import BlockingSession
from hyperverse_core.client.command_session import CommandSession
from hyperverse_core.errors import NotFound

INTERNAL = {"start", "lost", "received"}
"""Methods of a client for the parts of a client."""
MADE_OTHERWISE = {"connect"}
"""``BlockingClient(...)`` connects by itself."""
FACES = [(Client, BlockingClient), (At, BlockingAt), (CommandSession, BlockingSession)]


@pytest.mark.parametrize(("face", "blocking"), FACES)
def test_both_faces_have_the_same_methods_with_the_same_arguments(face: type, blocking: type) -> None:
    missing, different = [], []
    for name, member in inspect.getmembers(face, inspect.isroutine):
        if name.startswith("_") or name in INTERNAL | MADE_OTHERWISE:
            continue
        other = getattr(blocking, name, None)
        if other is None:
            missing.append(name)
        elif _arguments(member) != _arguments(other):
            different.append(name)
    assert (missing, different) == ([], [])


def test_a_blocking_client_is_made_with_the_arguments_of_connect() -> None:
    assert _arguments(BlockingClient.__init__) == _arguments(Client.connect)


def _arguments(function: object) -> list[tuple[str, object, object]]:
    found = inspect.signature(function).parameters.values()  # type: ignore[arg-type]
    return [(one.name, one.kind, one.default) for one in found if one.name != "self"]


async def test_a_session_keeps_its_working_point(machine: Machine, data_dir: Path) -> None:
    def script() -> None:
        with BlockingClient(data_dir) as client:
            session = client.open_session("localhost")
            (made,) = session.exec("create .:inner<Base>")
            assert made.unwrap()["point"] == "localhost:inner"
            assert "Session" in repr(session) and session.surface.point == client.surface.point
            with pytest.raises(NotFound):
                session.exec("select .:nothing<Base>; get .:nothing")
            (failed,) = session.exec("get .:nothing", check=False)
            assert failed.status == 404
            assert client.open_session(PROBE).exec("select .:*")[0].ok

    with ThreadPoolExecutor(1) as pool:
        await asyncio.get_running_loop().run_in_executor(pool, script)
