"""Waves to bytes and back."""

from __future__ import annotations

import datetime
import math
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hyperverse_core import Echo, Outcome, Ping, Point, Pong, Ripple, Scope, Selector, Signal, StarKey
from hyperverse_core.contracts.registry import Assignment
from hyperverse_core.errors import BadRequest, HyperverseError, ProtocolError
from hyperverse_core.protocol import codec as wire
from hyperverse_core.protocol.frames import ClientPingFrame, HelloFrame
from hyperverse_core.protocol.messages import Echoes, ProvisionReply, ProvisionRequest
from hyperverse_core.protocol.recipients_text import read_recipients, write_recipients
from hyperverse_core.universe.waves.wave import Directed, Handling, Method, Priority, Stars, Watchers

texts = st.text(st.characters(exclude_categories=("Cs",)), max_size=20)
bodies = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False)
    | texts
    | st.binary(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=20,
)
points = st.sampled_from(
    ["ROOT", "localhost", "localhost:a:b", "GLOBAL::executor", "<<STAR::central:fold[0]>>::star", "r:1.0.0:/x/y.txt"]
).map(Point.parse)
methods = st.sampled_from(["Ext<Add>", "Cmd<Bounce>", "Http<Get>"]).map(Method.parse)
scopes = st.sampled_from([None, Scope.FULL, Scope.NONE])
whole_seconds = st.integers(1, 10_000).map(float)
handlings = st.builds(Handling, whole_seconds, st.integers(0, 5), st.sampled_from(Priority))
headers = st.none() | st.dictionaries(texts, texts, max_size=3)
fields: dict[str, Any] = {
    "to": points,
    "method": methods,
    "body": bodies,
    "path": texts,
    "headers": headers,
    "sender": points,
    "agent": points,
    "scope": scopes,
    "handling": handlings,
    "deadline": whole_seconds | st.just(math.inf),
    "chain": st.lists(texts, max_size=3).map(tuple),
    "hops": st.integers(0, 100),
    "id": texts,
    "topic": texts,
    "origin": texts,
}
reply_fields: dict[str, Any] = {
    "status": st.integers(100, 599),
    "body": bodies,
    "sender": points,
    "outcome": st.sampled_from(Outcome),
    "id": texts,
    "star": texts,
    "hops": st.integers(0, 100),
    "remote": st.booleans(),
    "attempts": st.integers(1, 9),
    "headers": headers,
}


def values(wave: Any) -> dict[str, Any]:
    """All fields, to compare by: waves themselves are compared by identity."""
    return {
        name: getattr(wave, name)
        for cls in type(wave).__mro__
        for name in getattr(cls, "__slots__", ())
        if name[0] != "_"
    }


def same(one: Directed, other: Directed, *, later: float = 0.0) -> bool:
    """Whether two waves say the same, but for a deadline that is ``later``."""
    ours, theirs = values(one), values(other)
    due = ours.pop("deadline") + later
    return math.isclose(theirs.pop("deadline"), due, abs_tol=1e-6) and ours == theirs


@given(st.builds(Ping, **fields), st.floats(0, 1000))
def test_a_ping_arrives_as_it_was_sent_on_a_clock_of_its_own(wave: Ping, theirs: float) -> None:
    arrived = wire.decode(wire.encode_ping(wave, 0.0), theirs)
    assert isinstance(arrived, Ping) and same(wave, arrived, later=theirs)


@given(st.builds(Signal, **fields))
def test_a_signal_arrives_as_it_was_sent(wave: Signal) -> None:
    arrived = wire.decode(wire.encode_signal(wave, 0.0), 0.0)
    assert isinstance(arrived, Signal) and same(wave, arrived)


@given(st.builds(Ripple, **{**fields, "to": st.just(Point.parse("ROOT"))}), st.lists(points, max_size=4))
def test_a_part_of_a_ripple_arrives_for_its_recipients(wave: Ripple, recipients: list[Point]) -> None:
    arrived = wire.decode(wire.encode_part(wave, recipients, 0.0), 0.0)
    assert isinstance(arrived, Ripple) and arrived.recipients == tuple(recipients)
    wave.recipients = arrived.recipients
    assert same(wave, arrived)


@given(st.builds(Pong, **reply_fields))
def test_a_pong_arrives_as_it_was_sent(pong: Pong) -> None:
    assert values(wire.decode(wire.encode_pong(pong), 0.0)) == values(pong)


@given(st.lists(st.builds(Echo, **reply_fields), max_size=5), st.booleans())
def test_echoes_arrive_as_they_were_sent(echoes: list[Echo], last: bool) -> None:
    arrived = wire.decode(wire.encode_echoes("id", echoes, last=last), 0.0)
    assert isinstance(arrived, Echoes) and (arrived.id, arrived.last) == ("id", last)
    assert [values(echo) for echo in arrived.echoes] == [values(echo) for echo in echoes]
    assert all(type(echo) is Echo for echo in arrived.echoes)


@pytest.mark.parametrize("assignment", [None, Assignment(StarKey("central", "fold", 1), 3, 7)])
def test_provisioning_arrives_as_it_was_sent(assignment: Assignment | None) -> None:
    asked = ProvisionRequest("7", StarKey("central", "fold"), Point.parse("localhost"), assignment)
    answered = ProvisionReply("7", assignment, 409, "somebody was faster", "look again")
    assert wire.decode(wire.encode_provision_request(asked), 0.0) == asked
    assert wire.decode(wire.encode_provision_reply(answered), 0.0) == answered


@pytest.mark.parametrize(
    "recipients",
    [
        (),
        (Point.parse("localhost"), Point.parse("localhost:a")),
        Selector.parse("localhost:**<Base>"),
        Stars(),
        Stars("Fold", True),
        Watchers(Point.parse("localhost"), "State"),
    ],
)
def test_recipients_are_read_as_they_were_written(recipients: Any) -> None:
    assert read_recipients(write_recipients(recipients)) == recipients


@given(st.binary(max_size=300))
def test_any_bytes_are_a_message_or_a_protocol_error(frame: bytes) -> None:
    try:
        wire.decode(frame, 0.0)
    except ProtocolError:
        return


@pytest.mark.parametrize(
    "key", [b"\x80", b"\x81\xa1a\x01", b"\x90", b"\x91\x01", b"\xc4\x01a", b"\xc0", b"\xcb" + 8 * b"\xff"]
)
def test_a_body_with_a_map_under_a_strange_key_is_a_message_or_a_protocol_error(key: bytes) -> None:
    frame = wire.encode_ping(Ping(Point.parse("localhost"), Method.parse("Ext<A>"), "HERE"), 0.0)
    assert frame.count(b"\xa4HERE") == 1
    try:
        wire.decode(frame.replace(b"\xa4HERE", b"\x81" + key + b"\x01"), 0.0)
    except ProtocolError as exc:
        assert "does not follow the protocol" in exc.message or "not allowed" in exc.message


@given(st.builds(Ping, **fields), st.data())
def test_a_frame_with_a_byte_changed_is_a_message_or_a_protocol_error(wave: Ping, data: st.DataObject) -> None:
    frame = bytearray(wire.encode_ping(wave, 0.0))
    for _ in range(data.draw(st.integers(1, 3))):
        frame[data.draw(st.integers(0, len(frame) - 1))] = data.draw(st.integers(0, 255))
    try:
        wire.decode(bytes(frame), 0.0)
    except ProtocolError:
        return


class Strange:
    pass


@pytest.mark.parametrize(
    ("body", "what"),
    [
        (Strange(), "the body is a Strange"),
        ({"a": [1, Strange()]}, r"the body\['a'\]\[1\] is a Strange"),
        ([2**64], r"the body\[0\] is an int of more than 64 bits"),
        (-(2**63) - 1, "more than 64 bits"),
        ("\ud800", "a string with surrogates"),
        (datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC), "the body is a datetime"),
        (lambda: None, "is a function"),
    ],
)
def test_a_body_that_is_not_plain_is_refused_with_its_place(body: Any, what: str) -> None:
    wave = Ping(Point.parse("localhost"), Method.parse("Ext<A>"), body)
    with pytest.raises(BadRequest, match=what):
        wire.encode_ping(wave, 0.0)
    with pytest.raises(BadRequest):
        wire.encode_pong(Pong(200, body))
    with pytest.raises(BadRequest):
        wire.encode_echoes("1", [Echo(200, body)])


def test_a_body_that_holds_itself_is_refused() -> None:
    endless: list[Any] = []
    endless.append(endless)
    with pytest.raises(BadRequest, match="nested"):
        wire.encode_pong(Pong(200, endless))


_NOW = datetime.datetime.now(datetime.UTC)


@pytest.mark.parametrize("value", [_NOW, [1, {"at": _NOW}], msgspec.msgpack.Ext(9, b"x")])
def test_an_extension_value_in_a_frame_is_refused(value: Any) -> None:
    fields = msgspec.msgpack.decode(wire.encode_pong(Pong(200, "HERE")))
    forged = msgspec.msgpack.encode([value if field == "HERE" else field for field in fields])
    with pytest.raises(ProtocolError):
        wire.decode(forged, 0.0)


def test_time_left_is_never_negative_and_no_deadline_stays_none() -> None:
    late = Ping(Point.parse("localhost"), Method.parse("Ext<A>"), deadline=5.0)
    arrived = wire.decode(wire.encode_ping(late, 9.0), 100.0)
    assert isinstance(arrived, Ping) and arrived.deadline == 100.0


@pytest.mark.parametrize("left", [float("nan"), -1.0, float("-inf")])
def test_a_time_left_that_is_none_is_refused(left: float) -> None:
    wave = Ping(Point.parse("localhost"), Method.parse("Ext<A>"), deadline=5.0)
    fields = msgspec.msgpack.decode(wire.encode_ping(wave, 1.0))
    forged = msgspec.msgpack.encode([left if field == 4.0 else field for field in fields])
    with pytest.raises(ProtocolError, match="s left"):
        wire.decode(forged, 0.0)


def test_a_token_is_not_shown_in_a_frames_repr() -> None:
    assert "secret" not in repr(HelloFrame(1, "secret", "0"))


def test_a_clients_frame_has_no_place_for_a_sender_or_an_agent() -> None:
    """Forged from and agent by a client."""
    known = set(ClientPingFrame.__struct_fields__)
    assert not known & {"sender", "agent", "scope", "chain", "hops", "origin", "left"}


def test_errors_are_of_the_platform() -> None:
    with pytest.raises(HyperverseError):
        wire.decode(b"\x90", 0.0)
