"""Settings of the NATS transport that cannot be are refused with the cure and without a password."""

from __future__ import annotations

from typing import Any

import pytest

from hyperverse_core.errors import ConfigError
from hyperverse_nats.transport import NatsTransport


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({}, "servers"),
        ({"servers": ""}, "servers"),
        ({"servers": []}, "servers"),
        ({"servers": 4222}, "servers"),
        ({"servers": ["nats://a", 1]}, "servers"),
        ({"servers": "http://a"}, "nats://"),
        ({"servers": "nats://"}, "host"),
        ({"servers": "nats://:hush@"}, "host"),
        ({"servers": "nats://u:hush/x@a"}, "%2F"),
        ({"servers": "nats://u:hu[sh@a"}, "%40"),
        ({"servers": "nats://a:99999"}, "from 1 to 65535"),
        ({"servers": "nats://u:p@hush/x@a"}, "%40"),
        ({"servers": "nats://u:p@hush?x@a"}, "%40"),
        ({"servers": "nats://u:p@hush#x@a"}, "%40"),
        ({"servers": "nats://u:p@hush@a"}, "%40"),
        ({"servers": "nats://a", "prefx": "a"}, "did you mean 'prefix'?"),
        ({"servers": "nats://a", "server": "x"}, "server"),
        ({"servers": "nats://a", "prefix": "a.*"}, "prefix"),
        ({"servers": "nats://a", "prefix": ""}, "prefix"),
        ({"servers": "nats://a", "credentials": "/not/there"}, "credentials"),
        ({"servers": "nats://a", "credentials": "/x", "nkey": "/y"}, "nkey"),
        ({"servers": "nats://a", "tls_key": "/x"}, "tls_cert"),
        ({"servers": "nats://a", "max_peers": 0}, "max_peers"),
        ({"servers": "nats://a", "heartbeat_interval": "often"}, "heartbeat_interval"),
    ],
)
def test_settings_that_cannot_be_are_refused_without_a_password(table: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        NatsTransport(table)
    assert said in str(caught.value) + str(caught.value.faults)
    assert "hush" not in str(caught.value) + str(caught.value.faults)


@pytest.mark.parametrize("servers", ["u:hush@a,nats://b", "u:hush@a,b", "u:hush@a:1,b:2", "u:hush@a:1, b"])
def test_several_urls_in_one_text_are_refused_with_the_form_of_a_list(servers: str) -> None:
    with pytest.raises(ConfigError) as caught:
        NatsTransport({"servers": f"nats://{servers}"})
    assert '["nats://ONE", "nats://TWO"]' in str(caught.value.faults)
    assert "hush" not in str(caught.value.faults)
