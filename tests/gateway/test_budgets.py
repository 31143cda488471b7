"""What one frame of a client may ask for: it is refused before anything is parsed."""

from __future__ import annotations

import time
from typing import Any

import pytest

from hyperverse_core import Machine, Point
from hyperverse_core.contracts.policy import Credentials
from hyperverse_core.contracts.registry import TokenRecord
from hyperverse_core.contracts.tokens import token_digest
from hyperverse_core.errors import TooLarge
from hyperverse_core.protocol.codec import wave_of_client
from hyperverse_core.protocol.frames import ClientPingFrame, ClientRippleFrame, ClientSignalFrame
from hyperverse_core.universe.address.point import HYPERUSER, ROOT
from hyperverse_core.universe.waves.origin import Ids, Origin
from patience import budget

_LONG = 200_000


def _origin() -> Origin:
    return Origin(ROOT, ROOT, "", Ids("t-"), time.monotonic)


def _ping(**changes: Any) -> ClientPingFrame:
    fields: dict[str, Any] = {
        "id": "c-1",
        "to": "localhost",
        "method": "Ext<A>",
        "body": None,
        "path": "/",
        "headers": None,
        "wait": 5.0,
        "retries": 0,
        "priority": 3,
        "topic": "",
    }
    return ClientPingFrame(**{**fields, **changes})


def _ripple(to: list[str]) -> ClientRippleFrame:
    return ClientRippleFrame(
        id="c-1",
        to=to,
        method="Ext<A>",
        body=None,
        path="/",
        headers=None,
        wait=5.0,
        count=None,
        priority=3,
        topic="",
    )


@pytest.mark.parametrize(
    "frame",
    [
        _ping(to="localhost" + ":a" * 1_000_000),
        _ping(path="/" + "a" * _LONG),
        _ping(topic="a" * _LONG),
        _ping(method="Ext<" + "A" * _LONG + ">"),
        _ping(headers={"a": "b" * _LONG}),
        _ping(headers={"a" * _LONG: "b"}),
        _ping(headers={f"a{number}": "b" * 100 for number in range(10_000)}),
        _ripple(["points", *(f"localhost:n{number}" for number in range(700_000))]),
        _ripple(["points", *(f"localhost:{'a' * 200}:n{number}" for number in range(9_999))]),
        _ripple(["selector", "localhost" + ":*" * _LONG]),
        _ripple(["watchers", "localhost" + ":a" * _LONG, "State"]),
    ],
    ids=lambda frame: type(frame).__name__,
)
def test_a_frame_that_asks_for_too_much_is_refused_at_once(
    frame: ClientPingFrame | ClientSignalFrame | ClientRippleFrame,
) -> None:
    began = time.perf_counter()
    with pytest.raises(TooLarge):
        wave_of_client(frame, _origin(), 5.0)
    assert time.perf_counter() - began < budget(0.2)


def test_what_is_just_within_the_budget_is_taken() -> None:
    points = ["points", *(f"localhost:n{number}" for number in range(10_000))]
    assert len(wave_of_client(_ripple(points), _origin(), 5.0).recipients) == 10_000  # type: ignore[union-attr,arg-type]
    assert wave_of_client(_ping(path="/" + "a" * 60_000), _origin(), 5.0).path.startswith("/aaa")


@pytest.mark.parametrize(
    "text",
    [
        "set localhost {" + ",".join(f"+k{number}=v" for number in range(200_000)) + "}",
        "create localhost:z<Base>{+a='" + "\\'" * 1_500_000 + "'}",
        "select localhost" + ":*" * _LONG,
        "# x\n" * 900_000 + "select localhost",
        ";".join(["get localhost"] * 20_000),
        "ping localhost Ext<Add> [" + "1," * 500_000 + "1]",
    ],
    ids=("properties", "quotes", "hops", "comments", "commands", "json"),
)
@pytest.mark.parametrize("method", ["Cmd<RawCommand>", "Cmd<Command>"])
async def test_a_text_that_is_too_long_to_parse_is_refused(machine: Machine, text: str, method: str) -> None:
    began = time.perf_counter()
    reply = await machine.client().ping("GLOBAL::executor", method, {"text": text})
    assert (reply.status, "65536 are allowed" in reply.error) == (413, True), reply
    assert time.perf_counter() - began < budget(0.5)


async def test_a_session_inside_the_process_has_the_same_budget(machine: Machine) -> None:
    await machine.registry.add_token(TokenRecord(token_digest("x"), HYPERUSER))
    session = await machine.parts.sessions.open(Credentials("x"))
    points = [Point.parse(f"localhost:n{number}") for number in range(10_001)]
    with pytest.raises(TooLarge, match="10001 points"):
        await session.ripple(points, "Cmd<Bounce>")
