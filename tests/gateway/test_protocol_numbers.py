"""Clients and machines of different releases: they use the highest protocol number that both understand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gateway.talk import PROBE, refused
from hyperverse_core import Client, Machine
from hyperverse_core.client.connection import ClientConnection
from hyperverse_core.data_dir.tokens import read_token
from hyperverse_core.errors import ProtocolError
from hyperverse_core.protocol.frame_bytes import encode_frame
from hyperverse_core.protocol.frames import HelloFrame, WelcomeFrame
from hyperverse_core.protocol.versions import WITH_CLIENTS, ProtocolRange, Translation


@pytest.mark.parametrize(
    ("machines", "clients"),
    [(ProtocolRange(2, 1), ProtocolRange(3, 2)), (ProtocolRange(3, 2), ProtocolRange(2, 1))],
    ids=["the client is newer", "the machine is newer"],
)
async def test_a_client_and_a_machine_of_neighbouring_releases_talk(
    machine: Machine,
    data_dir: Path,
    machines: ProtocolRange,
    clients: ProtocolRange,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    machine.control.protocols = machines
    monkeypatch.setattr(ClientConnection, "protocols", clients)
    async with Client.connect(data_dir) as client:
        assert (await client.ping(PROBE, "Ext<Echo>", "hello")).body == "hello"


async def test_a_client_that_understands_no_number_of_the_machine_is_refused(
    machine: Machine, data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine.control.protocols = ProtocolRange(4, 3)
    monkeypatch.setattr(ClientConnection, "protocols", ProtocolRange(2, 1))
    with pytest.raises(ProtocolError) as caught:
        await Client.connect(data_dir)
    assert "speaks 4, understands 3" in caught.value.message
    assert "the client" in caught.value.message
    assert "speaks 2, understands 1" in caught.value.message
    assert caught.value.hint == "upgrade the client"


async def test_a_machine_that_answers_with_another_number_is_refused_by_the_client(
    machine: Machine, data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a machine does that does not look at the range."""
    monkeypatch.setattr("hyperverse_core.gateway.session.agreed_number", lambda ours, theirs: 7)
    with pytest.raises(ProtocolError, match=r"speaks 7 of the wire protocol, this client .* speaks 1"):
        await Client.connect(data_dir)


async def test_a_client_that_announces_one_number_gets_it(raw: Any, machine: Machine) -> None:
    machine.control.protocols = ProtocolRange(3, 1)
    await raw.connect(machine)
    raw.send(encode_frame(HelloFrame(2, read_token(machine.data_dir, {}), "0")))
    welcome = await raw.hear()
    assert isinstance(welcome, WelcomeFrame)
    assert welcome.protocol == 2


async def test_a_range_upside_down_is_refused(raw: Any, machine: Machine) -> None:
    await raw.connect(machine)
    raw.send(encode_frame(HelloFrame(1, read_token(machine.data_dir, {}), "0", understands=2)))
    await refused(raw, 502)


async def test_frames_are_translated_where_an_older_number_is_agreed_on(
    machine: Machine, data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    translated: list[bytes] = []

    def to_older(frame: bytes) -> bytes:
        translated.append(frame)
        return b"older" + frame

    monkeypatch.setitem(WITH_CLIENTS, 2, Translation(to_older, lambda frame: frame.removeprefix(b"older")))
    machine.control.protocols = ProtocolRange(3, 2)
    monkeypatch.setattr(ClientConnection, "protocols", ProtocolRange(2, 1))
    async with Client.connect(data_dir) as client:
        assert (await client.ping(PROBE, "Ext<Echo>", "hello")).body == "hello"
        assert len(translated) == 2  # the request and its answer; the first frames are the same in every number
