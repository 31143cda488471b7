"""``[portal]`` is another way to write ``[gateways.portal]``, and may describe a portal that is not open."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from hyperverse_core.config import load_config
from hyperverse_core.errors import ConfigError

HOSTS = '[portal.hosts]\n"a.example" = "localhost:a"\n'


@pytest.fixture(autouse=True)
def user_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the user's own config would be."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "user"))
    (tmp_path / "user" / "hyperverse").mkdir(parents=True)
    return tmp_path / "user" / "hyperverse" / "config.toml"


def gateways(folder: Path, text: str, *, env: dict[str, str] | None = None, **flags: Any) -> dict[str, Any]:
    path = folder / "hyperverse.toml"
    path.write_text(text)
    named = {key.replace("__", "."): value for key, value in flags.items()}
    return dict(load_config(path, environ=env or {}, flags=named).config.gateways)


@pytest.mark.parametrize(
    ("text", "opened"),
    [
        ("[portal]\nenabled = true\n", {"portal": {}}),
        ('[portal]\nenabled = true\naddress = "[::1]:1"\n', {"portal": {"address": "[::1]:1"}}),
        (f"[portal]\nenabled = true\n{HOSTS}", {"portal": {"hosts": {"a.example": "localhost:a"}}}),
        ("[portal]\nenabled = false\n[gateways.portal]\nwait = 1.0\n", {}),
        ("[portal]\nwait = 1.0\n", {}),
        ("[portal]\n", {}),
        ("[portal]\nwait = 1.0\n[gateways.portal]\n", {"portal": {"wait": 1.0}}),
        ("[portal]\nwait = 1.0\n[gateways.portal]\nidle = 2.0\n", {"portal": {"wait": 1.0, "idle": 2.0}}),
        ("[portal]\nenabled = true\n[gateways.line]\n", {"portal": {}, "line": {}}),
    ],
)
def test_the_table_opens_a_portal_when_it_is_enabled(tmp_path: Path, text: str, opened: dict[str, Any]) -> None:
    assert gateways(tmp_path, text) == opened


def test_the_option_opens_what_the_table_describes(tmp_path: Path) -> None:
    described = f'[portal]\naddress = "127.0.0.1:7"\n{HOSTS}'
    hosts = {"a.example": "localhost:a"}
    opened = gateways(tmp_path, described, portal__enabled=True)
    assert opened == {"portal": {"address": "127.0.0.1:7", "hosts": hosts}}
    opened = gateways(tmp_path, described, portal__enabled=True, portal__address="127.0.0.1:8")
    assert opened == {"portal": {"address": "127.0.0.1:8", "hosts": hosts}}
    other = '[gateways.portal]\naddress = "127.0.0.1:7"\n'
    assert gateways(tmp_path, other, portal__enabled=True, portal__address="127.0.0.1:8") == {
        "portal": {"address": "127.0.0.1:8"}
    }


def test_a_variable_counts_more_than_the_file(tmp_path: Path) -> None:
    env = {"HYPERVERSE__PORTAL__ENABLED": "true", "HYPERVERSE__PORTAL__ADDRESS": "127.0.0.1:9"}
    assert gateways(tmp_path, '[portal]\naddress = "127.0.0.1:7"\n', env=env) == {"portal": {"address": "127.0.0.1:9"}}
    off = {"HYPERVERSE__PORTAL__ENABLED": "false"}
    assert gateways(tmp_path, "[portal]\nenabled = true\n", env=off) == {}


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("portal = 1\n", "portal: must be a table, not 1; write [portal] enabled = true"),
        ('[portal]\nenabled = "yes"\n', "portal.enabled: must be true or false, not 'yes'"),
        ("[portl]\nenabled = true\n", "portl: there is no such key; did you mean 'portal'?"),
        (
            "[portal]\nenabled = true\nwait = 1.0\n[gateways.portal]\nwait = 2.0\n",
            "gateways.portal.wait: is also written as portal.wait; write it once",
        ),
    ],
)
def test_what_is_wrong_is_named_with_its_file(tmp_path: Path, text: str, fault: str) -> None:
    with pytest.raises(ConfigError) as caught:
        gateways(tmp_path, text)
    assert list(caught.value.faults) == [f"{tmp_path / 'hyperverse.toml'}: {fault}"]
