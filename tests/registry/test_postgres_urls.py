"""What the URL and the other settings of a PostgreSQL registry say, and how mistakes in them are told."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from hyperverse_core.config import Choice, Config, load_config
from hyperverse_core.config.secrets import masked
from hyperverse_core.errors import ConfigError, PluginError
from hyperverse_core.plugins import PluginSet
from hyperverse_postgres.settings import PostgresSettings
from registry.refused_opening import PASSWORD


@pytest.mark.parametrize(
    ("url", "said"),
    [
        (f"postgresql://me:{PASSWORD}@/x", "names no host"),
        ("postgresql:///x", "names no host"),
        (f"postgresql://me:{PASSWORD}@db.example", "names no database"),
        (f"mysql://me:{PASSWORD}@db.example/x", "postgresql://"),
        ("postgresql://", "postgresql://"),
        (f"postgresql://me:{PASSWORD}/@db.example/x", "escaped"),
        (f"postgresql://me:{PASSWORD}#@db.example/x", "escaped"),
        (f"postgresql://me:{PASSWORD}?@db.example/x", "escaped"),
        (f"postgresql://me:{PASSWORD}@@db.example/x", "escaped"),
        (f"postgresql://me:{PASSWORD}@db.example:port/x", "escaped"),
        (f"postgresql://me:{PASSWORD}@db.example/x?hots=y", "did you mean"),
        (f"postgresql://me:{PASSWORD}@db.example:99999/x", "port is not a number from 1 to 65535"),
        (f"postgresql://me:{PASSWORD}@a:1,b:99999/x", "port is not a number from 1 to 65535"),
        (f"postgresql://me:{PASSWORD}@a,,b/x", "names no host"),
        (f"postgresql://me:{PASSWORD}@/x?host=/a,/b&port=5432,no", "port is not a number from 1 to 65535"),
        (f"postgresql://me:{PASSWORD}@:5432/x", "names no host"),
        (f"postgresql://me:{PASSWORD}@::1/x", "in brackets"),
        (f"postgresql://me:{PASSWORD}@db.example/x?target_session_attrs=standby", "because the registry writes"),
        (f"postgresql://me:{PASSWORD}@db.example/x?sslmode=verify-full&sslrootcert=/nowhere", "option sslrootcert"),
        (f"postgresql://me:{PASSWORD}@db.example/x\0", "a character that cannot be seen"),
        (f"postgresql://me:{PASSWORD}@db.example/x\n", "a character that cannot be seen"),
    ],
)
def test_a_url_that_cannot_be_used_is_not_quoted(url: str, said: str) -> None:
    with pytest.raises(ConfigError) as raised:
        PostgresSettings.read({"url": url})
    assert said in str(raised.value)
    assert PASSWORD not in str(raised.value)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({}, "needs a url"),
        ({"url": 7}, "cannot be that"),
        ({"url": "postgresql://h/x", "shcema": "a"}, "did you mean 'schema'"),
        ({"url": "postgresql://h/x", "schema": "Robert'); drop table"}, "schema of the postgres registry"),
        ({"url": "postgresql://h/x", "feed": 0}, "at least 1"),
        ({"url": "postgresql://h/x", "feed": True}, "feed of the postgres registry"),
    ],
)
def test_settings_that_cannot_be_used_are_named(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError) as raised:
        PostgresSettings.read(settings)
    assert said in str(raised.value)


def test_a_path_that_nobody_has_written_is_not_complained_of() -> None:
    registry = Config(registry=Choice("postgres"))
    with pytest.raises(ConfigError) as raised:
        PostgresSettings.read(registry.registry_settings(Path("data")))
    assert [fault.partition(":")[0] for fault in raised.value.faults] == ["the postgres registry needs a url"]


@pytest.mark.parametrize(
    ("url", "where"),
    [
        ("postgresql://me@a:5433,[::1]:5434/x", "'x' at a:5433,[::1]:5434"),
        ("postgresql://[::1]/x", "'x' at [::1]"),
        ("postgresql:///x?host=/a,/b", "'x' at /a,/b"),
        ("postgresql:///x?host=/a&port=5433", "'x' at /a:5433"),
    ],
)
def test_hosts_are_named_as_the_url_names_them(url: str, where: str) -> None:
    settings = PostgresSettings.read({"url": url})
    assert (settings.where, len(settings.servers) > 1) == (where, "," in url)


@pytest.mark.parametrize(
    ("url", "servers"),
    [
        ("postgresql://me@a:5433,[::1]:5434/x", [("a", 5433), ("::1", 5434)]),
        ("postgresql://%2Frun%2Fpg,b/x", [("/run/pg", 5432), ("b", 5432)]),
        ("postgresql:///x?host=/a,/b&port=5433", [("/a", 5433), ("/b", 5433)]),
        ("postgresql:///x?host=/a,/b&port=5433,5434", [("/a", 5433), ("/b", 5434)]),
    ],
)
def test_each_server_of_a_url_is_known(url: str, servers: list[tuple[str, int]]) -> None:
    assert list(PostgresSettings.read({"url": url}).servers) == servers


def test_a_special_character_in_a_password_may_be_escaped() -> None:
    read = PostgresSettings.read({"url": "postgresql://me:a%40b%2Fc@db.example:5433/x"})
    assert read.where == "'x' at db.example:5433"
    assert "a%40b" not in repr(read)


def test_without_the_extra_the_error_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith("hyperverse_postgres.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "asyncpg", None)
    with pytest.raises(PluginError) as raised:
        PluginSet.load().registry("postgres", {"url": "postgresql://h/x"})
    assert "cosmic-hyperverse[postgres]" in str(raised.value)


@pytest.mark.parametrize(
    ("file", "flags", "driver", "settings"),
    [
        ('url = "postgresql://h/x"', {}, "postgres", {"url": "postgresql://h/x"}),
        ('url = "postgres://h/x"\nschema = "s"', {}, "postgres", {"url": "postgres://h/x", "schema": "s"}),
        ('url = "sqlite:///f"', {}, "sql", {"url": "sqlite:///f"}),
        ('driver = "mine"\nurl = "postgresql://h/x"', {}, "mine", {"url": "postgresql://h/x"}),
        # as `up --join` does: what belongs to the registry of the file goes with it
        ('path = "f"\nsynchronous = "FULL"', "postgresql://h/x", "postgres", {"url": "postgresql://h/x"}),
        ('driver = "sql"\npath = "f"', "postgresql://h/x", "postgres", {"url": "postgresql://h/x"}),
        ('url = "postgresql://h/x"\nschema = "s"', "sqlite:///f", "sql", {"url": "sqlite:///f"}),
        ('schema = "s"', "postgresql://h/x", "postgres", {"schema": "s", "url": "postgresql://h/x"}),
    ],
)
def test_the_scheme_of_the_url_chooses_the_registry(
    tmp_path: Any, file: str, flags: Any, driver: str, settings: dict[str, str]
) -> None:
    config = tmp_path / "hyperverse.toml"
    config.write_text(f"[registry]\n{file}\n")
    given = {"registry.url": flags} if flags else {}
    loaded = load_config(config, flags=given, environ={}).config
    assert (loaded.registry.driver, dict(loaded.registry.settings)) == (driver, settings)


def test_a_password_is_hidden_once_the_settings_are_read() -> None:
    url = f"postgresql://me:{PASSWORD}@db.example/x"
    PluginSet.load().registry("postgres", {"url": url})
    assert PASSWORD not in masked(f"cannot connect to {url} with {PASSWORD}")
