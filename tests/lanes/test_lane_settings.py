"""The settings of the transports, as far as they are the same in each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from hyperverse_core.errors import ConfigError
from hyperverse_nats.transport import NatsTransport
from hyperverse_stream.transport import StreamTransport
from hyperverse_zmq.transport import ZmqTransport


@pytest.mark.parametrize("make", [NatsTransport, StreamTransport, ZmqTransport])
@pytest.mark.parametrize(
    "table",
    [{"heartbeat_interval": 60}, {"heartbeat_timeout": 0.01}, {"heartbeat_interval": 1.5, "heartbeat_timeout": 1.5}],
)
def test_a_peer_must_be_able_to_give_a_sign_of_life_in_time(make: Callable[[Any], Any], table: dict[str, Any]) -> None:
    with pytest.raises(ConfigError) as refused:
        make({"servers": "nats://a", **table} if make is NatsTransport else table)
    (fault,) = refused.value.faults
    assert "heartbeat_timeout = " in fault
    assert "must be more than heartbeat_interval" in fault


def test_it_is_told_beside_other_faults() -> None:
    with pytest.raises(ConfigError) as refused:
        StreamTransport({"heartbeat_interval": 60, "busy_poll": 1, "max_peer": 3})
    assert [fault.partition(" = ")[0].partition(";")[0] for fault in refused.value.faults] == [
        "no setting 'max_peer'",
        "busy_poll",
        "heartbeat_timeout",
    ]
