"""Which transport machines and clients use when nobody has named one."""

from __future__ import annotations

from pathlib import Path

import attrs
import pytest

from config.test_config_sources import load
from hyperverse_core.client.search import Search
from hyperverse_core.config import Choice, Config, Control, Plugins
from hyperverse_core.config.default_transport import transport_before

OLDER = "keys/machines/local.pub"
NEWER = "keys/stream/machines/local.pub"


def keys(data_dir: Path, *names: str) -> Path:
    for name in names:
        (data_dir / name).parent.mkdir(parents=True, exist_ok=True)
        (data_dir / name).write_text("a key\n")
    return data_dir


@pytest.mark.parametrize(
    ("names", "driver"),
    [
        ([], "stream"),
        ([OLDER], "zmq"),
        ([NEWER], "stream"),
        ([OLDER, NEWER], "stream"),
        ([OLDER, "keys/stream/clients.key"], "zmq"),
        (["keys/clients.key"], "stream"),
        (["keys/nats/machines/local.pub"], "stream"),
    ],
)
def test_a_data_directory_goes_on_with_the_transport_of_its_machines(
    tmp_path: Path, names: list[str], driver: str
) -> None:
    assert Config().on(keys(tmp_path, *names)).lanes == Choice(driver)


@pytest.mark.parametrize("driver", ["stream", "zmq", "local"])
def test_a_transport_that_is_named_counts_whatever_there_is(tmp_path: Path, driver: str) -> None:
    config = Config(lanes=Choice(driver, {"address": "tcp://h:1"}), control=Control(address="tcp://h:2"))
    for names in ([OLDER], [NEWER]):
        assert config.on(keys(tmp_path, *names)) == config


@pytest.mark.parametrize(("address", "driver"), [("tcp://h:1", "zmq"), ("ipc:///x", "zmq"), ("unix:///x", "stream")])
def test_an_address_says_which_one_it_is_for(tmp_path: Path, address: str, driver: str) -> None:
    lanes = load(tmp_path, f"[lanes]\naddress = '{address}'\n").config.lanes
    assert lanes == Choice(driver, {"address": address})
    for names in ([OLDER], [NEWER]):
        found = load(keys(tmp_path / ".hyperverse", *names).parent, f"[lanes]\naddress = '{address}'\n").config.lanes
        assert found.driver == driver


def test_clients_come_in_by_the_transport_of_their_address(tmp_path: Path) -> None:
    config = Config(control=Control(address="tcp://h:1")).on(tmp_path)
    assert (config.lanes.driver, config.control.driver) == ("stream", "zmq")
    assert config.client_settings() == {"stream": {}, "zmq": {}}
    older = Config(control=Control(address="tcp://h:1")).on(keys(tmp_path, OLDER))
    assert (older.lanes.driver, older.control.driver, older.shares_transport()) == ("zmq", "", True)
    for named in ("stream", "zmq"):
        chosen = Config(control=Control(driver=named, address="tcp://h:1")).on(tmp_path)
        assert chosen.control.driver == named


def test_what_was_settled_stays(tmp_path: Path) -> None:
    older = Config().on(keys(tmp_path / "older", OLDER))
    assert older.on(tmp_path / "another") == older
    assert attrs.evolve(older, name="b").on(tmp_path).lanes.driver == "zmq"


def test_a_config_file_is_read_for_its_data_directory(tmp_path: Path) -> None:
    keys(tmp_path / "older", OLDER)
    assert load(tmp_path, "data_dir = 'older'\n[lanes]\nmax_peers = 7\n").config.lanes == Choice(
        "zmq", {"max_peers": 7}
    )
    assert load(tmp_path, "data_dir = 'newer'\n[lanes]\nmax_peers = 7\n").config.lanes.driver == "stream"
    env = {"HYPERVERSE__LANES__DRIVER": "stream"}
    assert load(tmp_path, "data_dir = 'older'\n", env=env).config.lanes.driver == "stream"


@pytest.mark.parametrize(
    ("address", "named", "transport"),
    [
        ("unix:///x", None, "stream"),
        ("ipc:///x", None, "zmq"),
        ("tcp://h:1", None, "zmq"),
        ("tcp://h:1", "stream", "stream"),
        ("elsewhere", None, "stream"),
    ],
)
def test_a_client_takes_the_transport_of_the_address(
    tmp_path: Path, address: str, named: str | None, transport: str
) -> None:
    (target,) = Search(tmp_path, address=address, server_key="k", transport=named).targets()
    assert target.transport == transport


@pytest.mark.parametrize(
    ("plugins", "driver"),
    [
        (Plugins(only=("base", "zmq")), "zmq"),
        (Plugins(only=("base", "stream")), "stream"),
        (Plugins(disable=("stream",)), "zmq"),
        (Plugins(disable=("zmq", "stream")), "stream"),
        (Plugins(only=("base",)), "stream"),
    ],
)
def test_a_transport_whose_plugin_does_not_load_is_not_the_default(
    tmp_path: Path, plugins: Plugins, driver: str
) -> None:
    assert Config(plugins=plugins).on(tmp_path).lanes == Choice(driver)


def test_a_machine_that_comes_to_another_transport_had_one_before(tmp_path: Path) -> None:
    assert transport_before(tmp_path, "stream", "local") == ""
    keys(tmp_path, "keys/stream/machines/local.secret")
    assert transport_before(tmp_path, "stream", "local") == ""
    assert transport_before(tmp_path, "zmq", "local") == "stream"
    assert transport_before(tmp_path, "zmq", "other") == ""
    keys(tmp_path, "keys/machines/local.secret")
    assert transport_before(tmp_path, "zmq", "local") == ""
    assert transport_before(tmp_path, "nats", "local") == "zmq"
