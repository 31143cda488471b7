"""Files that only their owner may read."""

from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from hyperverse_core import Identity
from hyperverse_core.data_dir.tokens import (
    TOKEN_VARIABLE,
    digest,
    ensure_identity,
    ensure_token,
    read_token,
    write_private,
)
from hyperverse_core.errors import ConfigError


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_token_is_made_once(tmp_path: Path) -> None:
    data = tmp_path / "a" / "b"
    token = ensure_token(data)
    assert len(token) >= 43 and ensure_token(data) == token == read_token(data, {})
    assert mode(data / "token") == 0o600 and mode(data) == mode(data.parent) == 0o700
    assert [file.name for file in data.iterdir()] == ["token"]


def test_all_who_make_one_at_once_have_the_same(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        tokens = set(pool.map(lambda _: ensure_token(tmp_path / "data"), range(32)))
    assert len(tokens) == 1


def test_a_token_that_others_could_read_is_closed_again(tmp_path: Path) -> None:
    ensure_token(tmp_path)
    (tmp_path / "token").chmod(0o644)
    ensure_token(tmp_path)
    assert mode(tmp_path / "token") == 0o600


def test_the_variable_goes_before_the_file(tmp_path: Path) -> None:
    ensure_token(tmp_path)
    assert read_token(tmp_path, {TOKEN_VARIABLE: "given"}) == "given"
    assert read_token(tmp_path / "none", {}) == ""


def test_a_digest_tells_nothing_of_the_token() -> None:
    assert len(digest("x")) == 64 and digest("x") != digest("y")


def test_keys_are_made_once_and_a_damaged_file_is_named_without_its_content(tmp_path: Path) -> None:
    file = tmp_path / "keys" / "clients.key"
    made = ensure_identity(file, lambda: Identity("public", "secret"))
    assert ensure_identity(file, lambda: Identity("other", "other")) == made
    assert mode(file) == 0o600 and mode(file.parent) == 0o700
    file.write_text("secret-but-damaged")
    with pytest.raises(ConfigError, match=r"clients\.key.*damaged") as found:
        ensure_identity(file, lambda: made)
    assert "secret-but" not in str(found.value) and found.value.__cause__ is None


def test_a_file_is_replaced_as_a_whole(tmp_path: Path) -> None:
    file = tmp_path / "deep" / "x.json"
    write_private(file, {"a": 1})
    write_private(file, {"b": 2})
    assert '"b": 2' in file.read_text() and '"a"' not in file.read_text()
    assert mode(file) == 0o600 and list(file.parent.iterdir()) == [file]


def test_a_directory_that_cannot_be_written_is_a_config_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="cannot be used") as found:
        ensure_token(tmp_path / "file")
    assert "--data-dir" in found.value.hint
