"""Files of a data directory that only their owner may read."""

from __future__ import annotations

import hashlib
import json
import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from hyperverse_core import Identity
from hyperverse_core.data_dir.endpoint_file import EndpointFile, read_endpoint_file, write_endpoint_file
from hyperverse_core.data_dir.key_file import ensure_identity
from hyperverse_core.data_dir.private_file import ensure_private_file, read_private_file, write_private_file
from hyperverse_core.data_dir.tokens import TOKEN_VARIABLE, ensure_token, read_token
from hyperverse_core.errors import ConfigError
from hyperverse_core.fabric.cluster.trusted_keys import TrustedKeys
from hyperverse_core.lanes.local.transport import LocalTransport
from hyperverse_core.policy import token_digest


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


# -- any private file ---------------------------------------------------------------------------------------


def test_a_file_is_replaced_as_a_whole(tmp_path: Path) -> None:
    file = tmp_path / "deep" / "down" / "x"
    write_private_file(file, "a longer text\n")
    before = file.open()
    write_private_file(file, "short\n")
    with before:
        assert before.read() == "a longer text\n", "whoever has the old file open reads the old content to its end"
    assert file.read_text() == "short\n"
    assert mode(file) == 0o600 and mode(file.parent) == mode(file.parent.parent) == 0o700
    assert list(file.parent.iterdir()) == [file]


def test_a_file_that_cannot_be_replaced_stays_and_leaves_no_draft(tmp_path: Path) -> None:
    (tmp_path / "x").mkdir()
    with pytest.raises(IsADirectoryError):
        write_private_file(tmp_path / "x", "text")
    assert [path.name for path in tmp_path.iterdir()] == ["x"]


def test_a_text_that_cannot_be_written_leaves_the_old_one_and_no_draft(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_private_file(tmp_path / "x", "old")

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_private_file(tmp_path / "x", "new")
    assert (tmp_path / "x").read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["x"]


def test_all_who_create_a_file_at_once_get_the_text_of_the_first(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        texts = set(pool.map(lambda n: ensure_private_file(tmp_path / "data" / "x", lambda: f"text {n}"), range(32)))
    assert len(texts) == 1
    assert [path.name for path in (tmp_path / "data").iterdir()] == ["x"]


def test_a_file_that_others_could_read_is_closed_to_them(tmp_path: Path) -> None:
    write_private_file(tmp_path / "x", "text\n")
    (tmp_path / "x").chmod(0o644)
    assert read_private_file(tmp_path / "x") == "text"
    assert mode(tmp_path / "x") == 0o600


@pytest.mark.parametrize("open_to", [0o602, 0o620, 0o666])
def test_a_file_that_others_could_write_is_not_believed(tmp_path: Path, open_to: int) -> None:
    write_private_file(tmp_path / "x", "text\n")
    (tmp_path / "x").chmod(open_to)
    with pytest.raises(ConfigError, match=r"others can write .*x") as caught:
        read_private_file(tmp_path / "x")
    assert f"chmod 600 {tmp_path / 'x'}" in caught.value.hint
    assert mode(tmp_path / "x") == open_to


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file to somebody else")
def test_a_file_of_somebody_else_is_read_by_root_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_private_file(tmp_path / "x", "text\n")
    os.chown(tmp_path / "x", 12345, -1)
    assert read_private_file(tmp_path / "x") == "text"
    monkeypatch.setattr("hyperverse_core.data_dir.private_file.os.geteuid", lambda: 54321)
    with pytest.raises(ConfigError, match="belongs to another user") as caught:
        read_private_file(tmp_path / "x")
    assert "chown" in caught.value.hint


# -- the owner's token --------------------------------------------------------------------------------------


def test_a_token_is_made_once(tmp_path: Path) -> None:
    data = tmp_path / "a" / "b"
    token = ensure_token(data)
    assert len(token) >= 43 and ensure_token(data) == token == read_token(data, {})
    assert mode(data / "token") == 0o600 and mode(data) == mode(data.parent) == 0o700
    assert [file.name for file in data.iterdir()] == ["token"]


def test_all_who_make_a_token_at_once_have_the_same(tmp_path: Path) -> None:
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


def test_a_directory_that_cannot_be_written_is_a_config_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="cannot be used") as found:
        ensure_token(tmp_path / "file")
    assert "--data-dir" in found.value.hint


@pytest.mark.parametrize("token", ["x", "", "zwölf", "\udce4"])
def test_a_digest_is_the_sha_256_of_any_text(token: str) -> None:
    assert token_digest(token) == hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def test_a_digest_tells_nothing_of_the_token() -> None:
    assert len(token_digest("x")) == 64 and token_digest("x") != token_digest("y")


# -- keys and endpoints -------------------------------------------------------------------------------------


def test_keys_are_made_once_and_a_damaged_file_is_named_without_its_content(tmp_path: Path) -> None:
    file = tmp_path / "keys" / "clients.key"
    made = ensure_identity(file, lambda: Identity("public", "secret"))
    assert ensure_identity(file, lambda: Identity("other", "other")) == made
    assert mode(file) == 0o600 and mode(file.parent) == 0o700
    file.write_text("secret-but-damaged")
    with pytest.raises(ConfigError, match=r"clients\.key.*damaged") as found:
        ensure_identity(file, lambda: made)
    assert "secret-but" not in str(found.value) and found.value.__cause__ is None


def test_the_keys_of_machines_are_private_files(tmp_path: Path) -> None:
    keys, transport = TrustedKeys(tmp_path / "keys"), LocalTransport({})
    made = keys.own("local", transport)
    keys.allow("away", "k" * 40)
    assert {path.name: mode(path) for path in keys.directory.iterdir()} == dict.fromkeys(
        ("local.secret", "local.pub", "away.pub"), 0o600
    )
    (keys.directory / "local.secret").chmod(0o644)
    assert keys.own("local", transport) == made
    assert mode(keys.directory / "local.secret") == 0o600


def test_an_endpoint_file_keeps_the_names_that_other_versions_know(tmp_path: Path) -> None:
    file = tmp_path / "machines" / "local" / "control.json"
    content = EndpointFile(name="local", pid=7, address="ipc://x", server_key="k" * 40, protocol=1, transport="zmq")
    write_endpoint_file(file, content)
    known = {"name": "local", "pid": 7, "address": "ipc://x", "door_key": "k" * 40, "protocol": 1, "transport": "zmq"}
    assert known.items() <= json.loads(file.read_text()).items()
    assert read_endpoint_file(file) == content
    assert mode(file) == 0o600
    file.write_text("{")
    assert read_endpoint_file(file) is None
