"""Where a config is read from, which source wins, and what each fault says."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from hyperverse_core.config import Choice, LoadedConfig, Secret, StarTemplate, dump, load_config
from hyperverse_core.errors import ConfigError


@pytest.fixture(autouse=True)
def user_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user without a config of their own."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "user"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    (tmp_path / "user" / "hyperverse").mkdir(parents=True)
    return tmp_path / "user" / "hyperverse"


def load(start: Path, text: str | None = None, *, env: Mapping[str, str] | None = None, **flags: Any) -> LoadedConfig:
    start.mkdir(exist_ok=True)
    if text is not None:
        (start / "hyperverse.toml").write_text(text)
    return load_config(start=start, environ=env or {}, flags={key.replace("__", "."): v for key, v in flags.items()})


def faults_of(start: Path, text: str, *, env: Mapping[str, str] | None = None) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load(start, text, env=env)
    return [fault.removeprefix(f"{start / 'hyperverse.toml'}: ") for fault in caught.value.faults]


def test_nothing_at_all_gives_the_defaults(tmp_path: Path) -> None:
    loaded = load(tmp_path)
    assert loaded.config.name == "local" and loaded.files == ()
    assert str(loaded.origin("name")) == "default"


def test_the_file_is_found_upward(tmp_path: Path) -> None:
    load(tmp_path, 'name = "up"')
    below = tmp_path / "a" / "b"
    below.mkdir(parents=True)
    assert load(below).config.name == "up"


def test_a_table_in_pyproject_serves_as_well(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "x"\n[tool.hyperverse]\nname = "py"\n')
    assert load(tmp_path).config.name == "py"


def test_a_pyproject_without_our_table_is_passed_over(tmp_path: Path) -> None:
    load(tmp_path, 'name = "up"')
    (tmp_path / "below").mkdir()
    (tmp_path / "below" / "pyproject.toml").write_text('[project]\nname = "x"\n')
    assert load(tmp_path / "below").config.name == "up"


def test_flag_beats_environment_beats_project_beats_user(tmp_path: Path, user_dir: Path) -> None:
    (user_dir / "hyperverse.toml").write_text('name = "user"\nlease = 1\nidle_after = 1\nseed = 1\n')
    text = 'name = "project"\nlease = 2\nidle_after = 2\n'
    env = {"HYPERVERSE__NAME": "env", "HYPERVERSE__LEASE": "3"}
    loaded = load(tmp_path / "p", text, env=env, name="flag")
    config = loaded.config
    assert (config.name, config.lease, config.idle_after, config.seed) == ("flag", 3.0, 2.0, 1)
    keys = ("name", "lease", "idle_after", "seed", "log.level")
    sources = [str(loaded.origin(key)).split(" ")[0] for key in keys]
    assert sources == ["flag", "environment", "project", "user", "default"]


def test_an_origin_names_the_file_the_variable_and_the_flag(tmp_path: Path) -> None:
    loaded = load(tmp_path, "lease = 2", env={"HYPERVERSE__NAME": "env"}, log__format="json")
    assert str(loaded.origin("lease")) == f"project ({tmp_path / 'hyperverse.toml'})"
    assert str(loaded.origin("name")) == "environment (HYPERVERSE__NAME)"
    assert str(loaded.origin("log.format")) == "flag (--log-format)"


def test_an_explicit_file_replaces_the_one_that_would_be_found(tmp_path: Path) -> None:
    load(tmp_path, 'name = "found"')
    (tmp_path / "other.toml").write_text('name = "given"')
    assert load_config(tmp_path / "other.toml", start=tmp_path, environ={}).config.name == "given"


def test_an_explicit_file_that_is_missing_is_a_fault(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no\.toml: cannot be read: No such file"):
        load_config(tmp_path / "no.toml", start=tmp_path, environ={})


def test_other_keys_of_a_choice_are_its_settings(tmp_path: Path) -> None:
    config = load(tmp_path, '[registry]\ndriver = "sql"\nurl = "u"\n[registry.pool]\nsize = 3\n').config
    assert config.registry == Choice("sql", {"url": "u", "pool": {"size": 3}})


def test_settings_alone_keep_the_default_driver(tmp_path: Path) -> None:
    assert load(tmp_path, "[lanes]\nlinger = 1\n").config.lanes == Choice("stream", {"linger": 1})


def test_one_word_swaps_a_transport_and_drops_the_settings_of_the_other(tmp_path: Path) -> None:
    text = '[lanes]\ndriver = "zmq"\nlinger = 1\n'
    assert load(tmp_path, text, env={"HYPERVERSE__LANES__DRIVER": "nats"}).config.lanes == Choice("nats", {})


def test_a_variable_is_a_toml_value_or_else_a_text(tmp_path: Path) -> None:
    env = {
        "HYPERVERSE__LANES__DRIVER": "nats",
        "HYPERVERSE__LANES__RETRIES": "3",
        "HYPERVERSE__LANES__NOTE": "3\nx = 4",
        "HYPERVERSE__KINDS__Counter__PLACEMENT": "hash",
        "HYPERVERSE__PLUGINS__DISABLE": '["a", "b"]',
        "OTHER": "x",
    }
    config = load(tmp_path, env=env).config
    assert config.lanes == Choice("nats", {"retries": 3, "note": "3\nx = 4"})
    assert config.kinds["Counter"].placement == "hash"
    assert config.plugins.disable == ("a", "b")


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("HYPERVERSE_TOKN", "'HYPERVERSE_TOKEN'"),
        ("HYPERVERSE_LANES_DRIVER", "HYPERVERSE__"),
        ("HYPERVERSE_LEASE", "HYPERVERSE__LEASE"),
    ],
)
def test_a_variable_that_was_meant_for_us_is_a_fault(tmp_path: Path, name: str, meant: str) -> None:
    with pytest.raises(ConfigError, match=f"{name}: there is no such variable; did you mean {meant}"):
        load(tmp_path, "", env={name: "x"})


@pytest.mark.parametrize("name", ["HYPERVERSE_THOROUGH", "HYPERVERSE_SERVICE_HOST", "HYPERVERSE_PORT", "HYPERVERSE"])
def test_a_variable_of_somebody_else_is_none_of_ours(tmp_path: Path, name: str) -> None:
    """Such as those that a cluster manager sets for a service that is called hyperverse."""
    load(tmp_path, "", env={name: "x"})


def test_a_variable_that_names_no_key_is_a_fault(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="HYPERVERSE__LANES__: names no key"):
        load(tmp_path, env={"HYPERVERSE__LANES__": "x"})


def test_a_fault_of_a_variable_names_the_variable(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="HYPERVERSE__LEASE: lease: must be a number, not 'soon'"):
        load(tmp_path, env={"HYPERVERSE__LEASE": "soon"})


def test_count_makes_several_stars_of_one(tmp_path: Path) -> None:
    text = """
[[stars]]
name = "nexus"
kind = "Nexus"
[[stars]]
name = "fold"
kind = "Fold"
count = 2
links = ["nexus"]
"""
    assert load(tmp_path, text).config.stars == (
        StarTemplate("nexus", "Nexus"),
        StarTemplate("fold", "Fold", 0, ("nexus",)),
        StarTemplate("fold", "Fold", 1, ("nexus",)),
    )


def test_every_fault_comes_with_file_key_and_hint(tmp_path: Path) -> None:
    text = """
leese = 3
name = "Alpha"
plugins = 3
[limits]
waves = -1
[log]
format = "xml"
[[stars]]
name = "fold"
kind = "Fold"
count = 0
[[stars]]
name = "nexus"
colour = "red"
"""
    assert faults_of(tmp_path, text) == [
        "leese: there is no such key; did you mean 'lease' or 'lanes'?",
        "plugins: must be a table, not 3",
        "limits.waves: must be more than 0, not -1",
        "log.format: must be one of 'text', 'json', not 'xml'",
        "stars[0].count: must be an integer of 1 or more, not 0",
        "stars[1].colour: there is no such key; known: name, kind, index, links, machine, count",
        "stars[1].kind: is missing",
        "name: 'Alpha' is not a name: use lower-case letters and digits, with hyphens between, a letter first",
    ]


@pytest.mark.parametrize("servers", ['"nats://a"', '["nats://a", "nats://b"]', '"TLS://a"'])
def test_the_servers_of_a_broker_are_enough_to_choose_its_transport(tmp_path: Path, servers: str) -> None:
    text = f"[lanes]\nservers = {servers}\n"
    assert load(tmp_path, text).config.lanes.driver == "nats"
    replaced = load(tmp_path, f"{text}address = 'nats:x'\n", env={"HYPERVERSE__LANES__DRIVER": "zmq"}).config.lanes
    assert (replaced.driver, replaced.settings) == ("zmq", {})
    chosen = load(tmp_path, "[lanes]\ndriver = 'stream'\n", env={"HYPERVERSE__LANES__SERVERS": "nats://c"}).config.lanes
    assert (chosen.driver, chosen.settings) == ("nats", {"servers": "nats://c"})


@pytest.mark.parametrize("servers", ['"http://a"', "[]", "[7]", '"a:4222"', "7"])
def test_servers_that_name_no_broker_are_refused_unless_a_driver_is_named(tmp_path: Path, servers: str) -> None:
    assert faults_of(tmp_path, f"[lanes]\nservers = {servers}\n") == [
        "lanes.servers: must begin with nats:// or tls://; or name the `driver` in [lanes]"
    ]
    lanes = load(tmp_path, f"[lanes]\ndriver = 'mine'\nservers = {servers}\n").config.lanes
    assert (lanes.driver, list(lanes.settings)) == ("mine", ["servers"])


@pytest.mark.parametrize("key", ["server", "address", "url"])
def test_the_servers_of_a_broker_under_another_name_are_told_the_right_one(tmp_path: Path, key: str) -> None:
    assert faults_of(tmp_path, f"[lanes]\n{key} = 'nats://u:hush@a'\n") == [
        f"lanes.{key}: cannot be the URL of a NATS server; write it as `servers`"
    ]


def test_a_driver_written_as_a_text_is_told_how(tmp_path: Path) -> None:
    assert faults_of(tmp_path, 'lanes = "nats"') == [
        "lanes: must be a table, not 'nats'; write [lanes] driver = 'nats'"
    ]


def test_a_file_that_is_no_toml_is_told_where(tmp_path: Path) -> None:
    (fault,) = faults_of(tmp_path, "name = \n")
    assert fault.startswith("not a TOML file: ") and "line 1" in fault


def test_a_relative_data_dir_is_relative_to_its_file(tmp_path: Path) -> None:
    load(tmp_path, 'data_dir = "var"')
    below = tmp_path / "below"
    assert load(below).config.data_dir == tmp_path / "var"
    assert load(below, env={"HYPERVERSE__DATA_DIR": "var"}).config.data_dir == below / "var"


def test_the_default_data_dir_is_the_nearest_one_upward_else_the_users(tmp_path: Path) -> None:
    below = tmp_path / "below"
    assert load(below).config.data_dir == tmp_path / "data" / "hyperverse"
    (tmp_path / ".hyperverse").mkdir()
    assert load(below).config.data_dir == tmp_path / ".hyperverse"


def test_secrets_come_from_files_and_variables(tmp_path: Path) -> None:
    (tmp_path / "pw").write_text("hunter2\n")
    text = '[registry]\nuser_password = {file = "pw"}\nnested = {x = {env = "TOKEN"}}\n'
    settings = load(tmp_path, text, env={"TOKEN": "t0k"}).config.registry.settings
    assert settings == {"user_password": "hunter2", "nested": {"x": "t0k"}}
    assert isinstance(settings["nested"]["x"], Secret)


def test_a_secret_that_is_not_there_is_a_fault(tmp_path: Path) -> None:
    faults = faults_of(tmp_path, '[registry]\na = {file = "no"}\nb = {env = "NO"}\n')
    assert faults[0].startswith(f"registry.a: the secret in '{tmp_path / 'no'}' cannot be read")
    assert faults[1:] == ["registry.b: the variable 'NO' is not set"]


def test_no_dump_and_no_repr_shows_a_secret(tmp_path: Path) -> None:
    text = """
[registry]
url = "postgresql://me:hunter2@db/x"
a = {env = "A"}
password = "hunter2"
[drivers.Web]
keys = [{env = "A"}]
api_token = "hunter2"
"""
    config = load(tmp_path, text, env={"A": "hunter2"}).config
    shown = json.dumps(dump(config, {"registry.a", "drivers.Web.keys"}))  # a secret from elsewhere is never plain
    assert "hunter2" not in shown
    assert json.loads(shown)["registry"] == {"driver": "postgres", "url": "***", "a": "***", "password": "***"}
    assert repr(config.registry.settings["a"]) == "'***'"


def test_a_dump_has_the_shape_of_the_file(tmp_path: Path) -> None:
    shown = dump(load(tmp_path, '[registry]\nurl = "u"\n').config, {"registry.url"})
    assert shown["registry"] == {"driver": "sql", "url": "u"}
    assert (shown["stars"][1]["name"], shown["stars"][1]["links"]) == ("super", ["nexus"])
