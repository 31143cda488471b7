"""A field that is added to every wave reaches the other machine. It is added in three files: the wave, its frame, and
the codec between them."""

from __future__ import annotations

from typing import Any

import pytest

from hyperverse_core import Method, Ping, Point, Ripple, Signal
from hyperverse_core.protocol.codec import decode, encode_part, encode_ping, encode_signal
from hyperverse_core.universe.access.scope import Scope
from hyperverse_core.universe.waves.wave import Directed, Handling, Priority

NOW = 100.0
FIELDS: dict[str, Any] = {
    "to": Point.parse("localhost:a"),
    "method": Method.parse("Ext<Add>"),
    "body": {"by": 3},
    "path": "/here",
    "headers": {"traceparent": "00-1"},
    "sender": Point.parse("localhost:b"),
    "agent": Point.parse("localhost:users:ann"),
    "scope": Scope.parse("None"),
    "handling": Handling(2.0, 3, Priority.HIGH),
    "deadline": NOW + 1.5,
    "chain": ("localhost:c",),
    "hops": 2,
    "id": "wave-1",
    "topic": "talk",
    "origin": "STAR::central:fold[0]",
}
"""A value of each field, and none is its default."""
PARTS = (Point.parse("localhost:a"), Point.parse("localhost:d"))


def _as_ping() -> tuple[Directed, bytes]:
    wave = Ping(**FIELDS)
    return wave, encode_ping(wave, NOW)


def _as_signal() -> tuple[Directed, bytes]:
    wave = Signal(**FIELDS)
    return wave, encode_signal(wave, NOW)


def _as_part_of_a_ripple() -> tuple[Directed, bytes]:
    wave = Ripple(**{**FIELDS, "to": Point.parse("ROOT"), "recipients": PARTS, "count": 1})
    return wave, encode_part(wave, list(PARTS), NOW)


def test_there_is_a_value_for_every_field() -> None:
    assert set(FIELDS) == set(Directed.__struct_fields__)
    bare = Ping(FIELDS["to"], FIELDS["method"])
    assert [
        name for name, value in FIELDS.items() if name not in ("to", "method") and getattr(bare, name) == value
    ] == []


@pytest.mark.parametrize("send", [_as_ping, _as_signal, _as_part_of_a_ripple])
def test_every_field_reaches_the_other_machine(send: Any) -> None:
    wave, frame = send()
    read = decode(frame, NOW)
    assert type(read) is type(wave)
    fields = type(wave).__struct_fields__
    assert {name: getattr(read, name) for name in fields} == {name: getattr(wave, name) for name in fields}
