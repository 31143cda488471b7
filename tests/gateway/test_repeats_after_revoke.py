"""A repeat is authorised before its answer is looked up, over the same connection and over another one."""

from __future__ import annotations

from typing import Any

from gateway.conftest import RawClient
from gateway.talk import PROBE, ask
from hyperverse_core import Machine
from hyperverse_core.contracts.registry import TokenRecord
from hyperverse_core.contracts.tokens import token_digest
from hyperverse_core.protocol.frame_bytes import encode_frame
from hyperverse_core.protocol.frames import PROTOCOL, HelloFrame
from hyperverse_core.universe.access.access import AccessGrant
from hyperverse_core.universe.address.point import HYPERUSER, Point
from hyperverse_stream.transport import StreamTransport

ANN = Point.parse("localhost:users:ann")


async def status(raw: RawClient, frame: Any) -> int:
    raw.send(encode_frame(frame))
    return int((await raw.hear()).status)


async def come_in(raw: RawClient, machine: Machine) -> None:
    await raw.connect(machine)
    raw.send(encode_frame(HelloFrame(PROTOCOL, "anns", "0")))
    assert (await raw.hear()).agent == ANN.text


async def test_who_is_not_allowed_any_more_gets_no_answer_a_second_time(raw: RawClient, machine: Machine) -> None:
    await machine.client().exec(
        f"create? localhost<Space>; create? localhost:users<UserBase<OAuth>>; create {ANN}<User>;"
        f"create? {PROBE}<Probe>; grant perm +cSd-rwx on localhost to {ANN}"
    )
    await machine.registry.add_token(TokenRecord(token_digest("anns"), ANN, "anns"))
    made = await machine.registry.grant(AccessGrant.parse(f"perm +csd-RwX on {PROBE} to {ANN} by {HYPERUSER}"))
    other = RawClient(StreamTransport())
    try:
        await come_in(raw, machine)
        await come_in(other, machine)
        first = ask(1, method="Ext<Run>", retries=2)
        assert [await status(raw, first), await status(other, first)] == [200, 200]
        assert (await machine.client().ask(PROBE, "Ext<Runs>")) == 1, "a repeat runs nothing"
        await machine.client().exec(f"revoke {made.id}")
        assert [await status(raw, first), await status(other, first)] == [403, 403]
        assert await status(raw, ask(1, method="Ext<Run>", retries=2, path="/other")) == 403, "nor is it told a 409"
    finally:
        await other.transport.close()
