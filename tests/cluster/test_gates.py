"""Gates: which machines are let in, which stars they may be, and that clients come in by another endpoint."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

import pytest

from cluster import cluster_kinds
from cluster.worlds import InProcess
from hyperverse_core import __version__
from hyperverse_core.config import Config, Control, StarTemplate
from hyperverse_core.contracts.lane import Endpoint
from hyperverse_core.errors import Conflict
from hyperverse_core.fabric.machine import Machine
from hyperverse_core.lanes.local.transport import LocalTransport
from hyperverse_core.protocol.envelope import Envelope, Hello, Refused, decode_lane, encode_lane
from hyperverse_core.protocol.frames import PROTOCOL
from hyperverse_core.protocol.versions import BETWEEN_MACHINES, ProtocolRange, Translation
from hyperverse_core.testing.lane_kit.recorder import Recorder


async def say_hello_as(world: InProcess, machine: Machine, name: str) -> tuple[LocalTransport, Recorder, Refused]:
    """Connects to the endpoint for machines with a key of its own and says that it is ``name``; the answer."""
    transport, hears = LocalTransport(hub=world.hub), Recorder(2.0)
    board = machine.parts.board
    peer = await transport.connect(
        board.address, hears, identity=transport.new_identity(), server_key=board.server_key, timeout=2.0
    )
    try:
        transport.send(peer, encode_lane(Hello(PROTOCOL, name, "0", "central")))
    except Exception as exc:  # it may have been sent away already, and that is an answer as well
        logging.getLogger(__name__).info("%s", exc)
    await asyncio.sleep(0.1)
    said = decode_lane(hears.frames()[0])
    assert isinstance(said, Refused)
    return transport, hears, said


async def test_a_machine_with_an_unknown_key_is_refused(inside: InProcess) -> None:
    """Who has no key that is let in stays outside, and is told the cure."""
    machine = await inside.start("first")
    transport, _, said = await say_hello_as(inside, machine, "stranger")
    assert said.status == 401
    assert "hyperverse keys allow" in said.error
    transport.abort()


async def test_a_machine_cannot_take_the_name_of_another(inside: InProcess) -> None:
    first = await inside.start("first")
    await inside.start("second")
    transport = LocalTransport(hub=inside.hub)
    identity = transport.new_identity()
    first.parts.board.keys.allow("third", identity.public)
    hears = Recorder(2.0)
    peer = await transport.connect(
        first.parts.board.address, hears, identity=identity, server_key=first.parts.board.server_key
    )
    transport.send(peer, encode_lane(Hello(PROTOCOL, "second", "0", "central")))
    await asyncio.sleep(0.1)
    said = decode_lane(hears.frames()[0])
    assert isinstance(said, Refused)
    assert said.status == 401
    transport.abort()


async def test_frames_of_somebody_who_was_not_welcomed_are_not_delivered(inside: InProcess) -> None:
    machine = await inside.start("first")
    transport = LocalTransport(hub=inside.hub)
    identity = transport.new_identity()
    machine.parts.board.keys.allow("third", identity.public)
    hears = Recorder(2.0)
    peer = await transport.connect(
        machine.parts.board.address, hears, identity=identity, server_key=machine.parts.board.server_key
    )
    import msgspec

    from hyperverse_core.protocol.codec import encode_ping
    from hyperverse_core.universe.waves.wave import BOUNCE, Ping

    star = machine.parts.home
    payload = encode_ping(Ping(star.point, BOUNCE, deadline=star.loop.time() + 1.0), star.loop.time())
    transport.send(peer, encode_lane(Envelope(star.text, 8, 1, "STAR::machine:third[0]", 3, (), msgspec.Raw(payload))))
    await asyncio.sleep(0.5)
    assert not hears.frames()
    transport.abort()


async def start_with(world: InProcess, name: str, numbers: ProtocolRange, monkeypatch: pytest.MonkeyPatch) -> Machine:
    """Starts a machine as a release with these protocol numbers would be."""
    with monkeypatch.context() as patch:
        patch.setattr("hyperverse_core.fabric.transit.greeting.PROTOCOLS", numbers)
        return await world.start(name)


async def test_machines_with_no_protocol_number_in_common_are_refused_with_a_clear_text_on_both_sides(
    inside: InProcess, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    await start_with(inside, "old", ProtocolRange(2, 1), monkeypatch)
    caplog.set_level(logging.WARNING, "hyperverse.lane")
    await start_with(inside, "new", ProtocolRange(4, 3), monkeypatch)
    await asyncio.sleep(0.5)
    told = [record.getMessage() for record in caplog.records]
    for name, numbers in (("old", "speaks 2, understands 1"), ("new", "speaks 4, understands 3")):
        text = f"machine {name!r} (version {__version__}) {numbers}"
        assert any("is refused" in line and text in line for line in told)
        assert any("refuses the lane" in line and text in line and "upgrade machine 'old'" in line for line in told)


async def test_machines_are_upgraded_one_by_one(inside: InProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine of the release before and one of the release after talk; each wave goes both ways."""
    old = await start_with(inside, "old", ProtocolRange(2, 1), monkeypatch)
    new = await start_with(inside, "new", ProtocolRange(3, 2), monkeypatch)
    for here, there in ((old, new), (new, old)):
        pong = await here.client().ping(there.parts.home.point, "Cmd<Bounce>", wait=5.0, retries=50)
        assert pong.ok, pong.error
        assert pong.remote


async def test_frames_are_translated_where_a_lane_has_agreed_on_an_older_number(
    inside: InProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    translated: list[bytes] = []

    def to_older(frame: bytes) -> bytes:
        translated.append(frame)
        return b"older" + frame

    monkeypatch.setitem(BETWEEN_MACHINES, 2, Translation(to_older, lambda frame: frame.removeprefix(b"older")))
    old = await start_with(inside, "old", ProtocolRange(2, 1), monkeypatch)
    new = await start_with(inside, "new", ProtocolRange(3, 2), monkeypatch)
    before = len(translated)
    for here, there in ((old, new), (new, old)):
        assert (await here.client().ping(there.parts.home.point, "Cmd<Bounce>", wait=5.0, retries=50)).remote
    assert len(translated) >= before + 4  # at least two requests and two answers


async def test_an_occupied_star_refuses_a_second_holder(inside: InProcess) -> None:
    """An occupied star mount refuses a second holder."""
    await inside.start("first", [StarTemplate("fold", "Fold", machine="first")])
    with pytest.raises(Conflict, match="first"):
        await inside.start("second", [StarTemplate("fold", "Fold", machine="second")])
    inside.running.pop("second", None)


async def test_two_machines_of_one_name_cannot_run_on_one_data_directory(inside: InProcess) -> None:
    await inside.start("first")
    with pytest.raises(Conflict, match="runs on"):
        await inside.start("first")


async def test_the_endpoint_for_clients_is_not_that_for_machines(inside: InProcess) -> None:
    """A machine that says hello at the endpoint for clients is not heard."""
    machine = await inside.start("first")
    transport, hears = LocalTransport(hub=inside.hub), Recorder(2.0)
    endpoint = Endpoint("clients", "local://clients", machine.parts.board.identity)
    await machine.parts.transport.open(endpoint, machine.control)
    peer = await transport.connect("local://clients", hears, server_key=machine.parts.board.server_key)
    transport.send(peer, encode_lane(Hello(PROTOCOL, "second", "0", "central")))
    await asyncio.sleep(0.2)
    assert not machine.parts.board.outgoing
    assert all(not isinstance(_lane(frame), Hello) for frame in hears.frames())
    transport.abort()


def _lane(frame: bytes) -> object:
    try:
        return decode_lane(frame)
    except Exception:  # a frame of the other protocol
        return None


async def test_a_machine_that_is_refused_again_and_again_is_named_once(
    inside: InProcess, caplog: pytest.LogCaptureFixture
) -> None:
    machine = await inside.start("first")
    caplog.set_level(logging.WARNING, "hyperverse.lane")
    identity = LocalTransport(hub=inside.hub).new_identity()
    for _ in range(5):
        transport = LocalTransport(hub=inside.hub)
        hears = Recorder(2.0)
        await transport.connect(
            machine.parts.board.address, hears, identity=identity, server_key=machine.parts.board.server_key
        )
        await asyncio.sleep(0.1)
        transport.abort()
    told = [record.getMessage() for record in caplog.records if "is refused" in record.getMessage()]
    assert len(told) == 1
    assert identity.public in told[0]


async def test_another_machine_of_the_name_from_another_data_directory_does_not_start(
    inside: InProcess, tmp_path: Path
) -> None:
    """Neither takes the other's places."""
    first = await inside.start("first")
    before = {record.key: record.incarnation for record in await inside.registry.stars()}
    other = elsewhere(inside, "first", tmp_path / "elsewhere")
    with pytest.raises(Conflict, match="another machine named 'first'") as caught:
        await other.start()
    assert "--name" in caught.value.hint
    assert {record.key: record.incarnation for record in await inside.registry.stars()} == before
    assert first.parts.membership.may_serve


async def test_a_machine_takes_its_places_again_when_its_keys_are_new(inside: InProcess, tmp_path: Path) -> None:
    """Its data directory was lost with the machine: nobody renews what it has left behind."""
    lost = await inside.start("first")
    left = await inside.registry.stars()
    await lost.stop()
    for record in left:
        await inside.registry.announce(record)
    again = elsewhere(inside, "first", tmp_path / "elsewhere")
    await again.start()
    assert {r.server_key for r in await inside.registry.stars()} == {again.parts.board.server_key}
    await again.stop()


def elsewhere(inside: InProcess, name: str, directory: Path) -> Machine:
    """A machine with a data directory of its own that shares the registry."""
    return Machine(
        Config(name=name, data_dir=directory, seed=7, control=Control(enabled=False)),
        plugins=(cluster_kinds,),
        registry=inside.registry,
        transport=LocalTransport({}, hub=inside.hub, machine=name),
    )
