"""Sessions send as every sender does: what they refuse, how they count, and what observers hear of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import attrs
import pytest

from gateway.desk_world import ANN, begun, desk_of_ann, sessions
from hyperverse_core import Machine, Observer, Point
from hyperverse_core.errors import (
    BadRequest,
    HyperverseError,
    ParseError,
    TooLarge,
)
from hyperverse_core.gateway import Session
from hyperverse_core.policy import Credentials
from patience import PATIENCE


@pytest.fixture
async def machine(tmp_path: Path) -> AsyncIterator[Machine]:
    async with desk_of_ann(tmp_path) as machine:
        yield machine


def _nested(levels: int) -> Any:
    body: Any = 1
    for _ in range(levels):
        body = [body]
    return body


_NOT_PLAIN = [object(), 2**70, -(2**64), "\ud800", [{"a": object()}], {"a": 2**70}, 1 + 2j, _nested(80)]


@pytest.mark.parametrize("body", _NOT_PLAIN, ids=range(len(_NOT_PLAIN)))
@pytest.mark.parametrize("way", ["ping", "signal", "ripple"])
async def test_a_body_that_cannot_be_sent_is_named(machine: Machine, way: str, body: Any) -> None:
    session: Session = await sessions().open(Credentials("anns"))
    to: Any = [Point.parse("localhost:desk")] if way == "ripple" else "localhost:desk"
    with pytest.raises(BadRequest, match="cannot be sent"):
        await getattr(session, way)(to, "Ext<Who>", body)


@pytest.mark.parametrize("way", ["ping", "signal", "ripple"])
async def test_the_limit_counts_bytes(machine: Machine, way: str) -> None:
    session: Session = await sessions().open(Credentials("anns"))
    to: Any = [Point.parse("localhost:desk")] if way == "ripple" else "localhost:desk"
    half = session.limits.body // 2
    for body, fits in (("x" * (half + 9), True), ("\u00e9" * (half + 9), False), (["\u00e9" * (half + 9)], False)):
        try:
            answers = await getattr(session, way)(to, "Cmd<Bounce>", body)
        except TooLarge:
            assert not fits
        else:
            assert ({a.status for a in answers} if way == "ripple" else {answers.status}) & {413} == (
                set() if fits else {413}
            )


@pytest.mark.parametrize("way", ["ping", "signal"])
async def test_wrong_arguments_raise_as_with_every_sender(machine: Machine, way: str) -> None:
    session: Session = await sessions().open(Credentials("anns"))
    for sender in (session, machine.client()):
        send = getattr(sender, way)
        with pytest.raises(ParseError):
            await send("local host::", "Ext<Who>")
        with pytest.raises(ParseError):
            await send("localhost:desk", "Ext<")
        with pytest.raises(BadRequest):
            await send("localhost:desk", "Ext<Who>", priority=9)
        with pytest.raises(TypeError):
            await send("localhost:desk", "Ext<Who>", colour="blue")
        assert (await send("localhost:desk", "Hyp<Search>")).status == 403


@pytest.mark.parametrize("to", ["points", "selector"])
async def test_the_end_of_a_session_leaves_no_recipient_of_a_ripple_out(machine: Machine, to: str) -> None:
    await machine.client().exec("create localhost:a<Desk>; create localhost:b<Desk>")
    points = [Point.parse(f"localhost:{name}") for name in ("a", "b", "desk")]
    await machine.registry.chown(points, ANN)
    session: Session = await sessions().open(Credentials("anns"))
    recipients: Any = "localhost:*<Desk>" if to == "selector" else points
    under_way = asyncio.ensure_future(session.ripple(recipients, "Ext<Wait>", wait=PATIENCE))
    while begun(machine) < 1:  # noqa: ASYNC110 - no event says so
        await asyncio.sleep(0.01)
    session.end("enough")
    echoes = await under_way
    assert sorted((echo.sender.name, echo.status, str(echo.outcome)) for echo in echoes) == [
        (name, 503, "unknown") for name in ("a", "b", "desk")
    ]


class _Heard(Observer):
    """Notes down what it is told."""

    def __init__(self) -> None:
        self.refused: list[tuple[str, str, int]] = []
        self.answered: list[tuple[str, int]] = []

    def wave_refused(self, wave: Any, reply: Any) -> None:
        self.refused.append((type(wave).__name__, wave.method.text, reply.status))

    def wave_answered(self, wave: Any, reply: Any, seconds: float) -> None:
        self.answered.append((wave.method.text, reply.status))


@pytest.fixture
def heard(machine: Machine) -> _Heard:
    heard = _Heard()
    machine.parts.interceptors.add(heard)
    return heard


async def test_observers_hear_what_a_session_refuses(machine: Machine, heard: _Heard) -> None:
    session: Session = await sessions().open(Credentials("anns"))
    session.limits = attrs.evolve(session.limits, waves=3)
    star, large = machine.parts.home.point, "x" * (session.limits.body + 1)
    for kind, send in (("Ping", session.ping), ("Signal", session.signal)):
        await send(star, "Ext<Who>")
        await send("localhost:desk", "Hyp<Search>")
        await send("localhost:desk", "Ext<Who>", large)
        assert heard.refused == [(kind, "Ext<Who>", 403), (kind, "Hyp<Search>", 403), (kind, "Ext<Who>", 413)]
        heard.refused.clear()
    for to, method, body in (([star], "Ext<Who>", None), ([ANN], "Ext<Who>", large), ([ANN], "Hyp<Search>", None)):
        with pytest.raises(HyperverseError):
            await session.ripple(to, method, body)
    assert heard.refused == [("Ripple", "Ext<Who>", 403), ("Ripple", "Ext<Who>", 413), ("Ripple", "Hyp<Search>", 403)]
    heard.refused.clear()
    waits = [
        asyncio.ensure_future(session.ping("localhost:desk", "Ext<Wait>", wait=PATIENCE))
        for _ in range(session.limits.waves)
    ]
    while begun(machine) < session.limits.waves:  # noqa: ASYNC110 - no event says so
        await asyncio.sleep(0.01)
    await session.ping("localhost:desk", "Ext<Who>")
    session.end("enough")
    await session.signal("localhost:desk", "Ext<Who>")
    assert heard.refused == [("Ping", "Ext<Who>", 429), ("Signal", "Ext<Who>", 503)]
    await asyncio.gather(*waits)
    assert heard.answered == [("Ext<Wait>", 503)] * len(waits)
