"""``[control]`` may name a transport of its own, with settings of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from config.test_config_sources import faults_of, load, user_dir
from hyperverse_core.config import Choice, Config, Control, dump
from hyperverse_core.errors import ConfigError

__all__ = ["user_dir"]

OWN = '[control]\ndriver = "stream"\naddress = "tcp://h:1"\nmax_peers = 5\n'


def test_a_driver_takes_the_other_keys_as_its_settings(tmp_path: Path) -> None:
    config = load(tmp_path, '[lanes]\ndriver = "nats"\nservers = "nats://a"\n' + OWN).config
    assert config.control == Control(driver="stream", address="tcp://h:1", settings={"max_peers": 5})
    assert config.client_settings() == {"nats": {"servers": "nats://a"}, "stream": {"max_peers": 5}}


def test_without_settings_the_same_driver_is_the_transport_of_the_lanes() -> None:
    lanes = Choice("zmq", {"max_frame": 7, "address": "tcp://h:1"})
    for driver in ("", "zmq"):
        config = Config(lanes=lanes, control=Control(driver=driver))
        assert config.shares_transport() and config.client_settings() == {"zmq": {"max_frame": 7}}
    own = Config(lanes=lanes, control=Control(driver="zmq", settings={"max_peers": 5}))
    assert not own.shares_transport() and own.client_settings() == {"zmq": {"max_peers": 5}}


@pytest.mark.parametrize("key", ["adress", "settings", "max_peers"])
def test_without_a_driver_an_unknown_key_is_a_fault(tmp_path: Path, key: str) -> None:
    (fault,) = faults_of(tmp_path, f"[control]\n{key} = 5\n")
    assert fault.startswith(f"control.{key}: there is no such key")


@pytest.mark.parametrize("driver", ["5", "[]", "true"])
def test_a_driver_is_a_text(tmp_path: Path, driver: str) -> None:
    assert any(
        fault.startswith("control.driver: must be a string")
        for fault in faults_of(tmp_path, f"control.driver = {driver}")
    )


def test_settings_in_python_need_a_driver() -> None:
    with pytest.raises(ConfigError, match="settings: are for a driver"):
        Control(settings={"max_peers": 5})


def test_another_driver_drops_the_settings_and_the_address_of_the_one_that_it_replaces(tmp_path: Path) -> None:
    text = OWN + "enabled = false\n"
    config = load(tmp_path, text, env={"HYPERVERSE__CONTROL__DRIVER": "zmq"}).config
    assert config.control == Control(enabled=False, driver="zmq")


def test_settings_are_hidden_unless_they_are_declared_plain(tmp_path: Path) -> None:
    config = load(tmp_path, OWN).config
    shown = {"enabled": True, "driver": "stream", "address": "tcp://h:1"}
    assert dump(config)["control"] == {**shown, "max_peers": "***"}
    assert dump(config, {"control.max_peers"})["control"] == {**shown, "max_peers": 5}
    assert "settings" not in dump(Config())["control"]
