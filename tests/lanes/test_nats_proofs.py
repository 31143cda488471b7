"""What a NATS server may ask of a machine: an nkey, a credentials file, and TLS."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import nkeys
import pytest
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from certificates import certify
from hyperverse_core.contracts.lane import Endpoint, Peer
from hyperverse_core.errors import ConfigError, Unauthorized, Unavailable
from hyperverse_core.testing.lane_kit.harness import Harness
from hyperverse_nats.transport import NatsTransport
from nats_server import NatsServer
from patience import PATIENCE


class _Nobody:
    def lane_up(self, peer: Peer) -> None: ...
    def lane_frames(self, peer: Peer, frames: object) -> None: ...
    def lane_down(self, peer: Peer, reason: str) -> None: ...


_NO_LIMITS = {"subs": -1, "data": -1, "payload": -1, "conn": -1, "leaf": -1, "imports": -1, "exports": -1}


def _nkey(prefix: int, number: int) -> tuple[Any, str]:
    """A pair of keys of that sort, and its seed."""
    seed = bytes(nkeys.encode_seed(bytes([number + 1] * 32), prefix))
    return nkeys.from_seed(bytearray(seed)), seed.decode()


def _signed(whose: Any, by: Any, sort: str, claims: dict[str, Any]) -> str:
    """The claims about a key, signed by another, as NATS wants them."""
    said = {"iss": by.public_key.decode(), "sub": whose.public_key.decode(), "name": sort, "iat": 1_700_000_000}
    said["nats"] = claims | {"type": sort, "version": 2}
    said["jti"] = base64.b32encode(hashlib.sha256(json.dumps(said).encode()).digest()).decode().rstrip("=")
    head = {"typ": "JWT", "alg": "ed25519-nkey"}
    text = ".".join(map(_base64, (json.dumps(head).encode(), json.dumps(said).encode())))
    return f"{text}.{_base64(by.sign(text.encode()))}"


def _base64(what: bytes) -> str:
    return base64.urlsafe_b64encode(what).decode().rstrip("=")


def _credentials(jwt: str, seed: str) -> str:
    """The text of a credentials file."""
    return (
        f"-----BEGIN NATS USER JWT-----\n{jwt}\n------END NATS USER JWT------\n\n"
        f"-----BEGIN USER NKEY SEED-----\n{seed}\n------END USER NKEY SEED------\n"
    )


async def works_with(settings: dict[str, Any]) -> None:
    harness = Harness(partial(NatsTransport, settings), lambda: "", PATIENCE)
    try:
        await (await harness.pair()).prove_it_works()
    finally:
        harness.end()


async def refused_with(settings: dict[str, Any]) -> Unauthorized:
    transport = NatsTransport(settings)
    with pytest.raises(Unauthorized) as caught:
        await transport.open(Endpoint("stars", "", transport.new_identity()), _Nobody())
    await transport.close()
    return caught.value


async def test_an_nkey_proves_a_machine_to_the_server(nats_server: Callable[..., NatsServer], tmp_path: Path) -> None:
    seed = bytes(nkeys.encode_seed(bytes(range(32)), nkeys.PREFIX_BYTE_USER))
    public = nkeys.from_seed(bytearray(seed)).public_key.decode()
    server = nats_server(f"authorization {{ users = [{{ nkey: {public} }}] }}\n")
    (tmp_path / "seed").write_bytes(seed)
    (tmp_path / "other").write_bytes(bytes(nkeys.encode_seed(bytes(32), nkeys.PREFIX_BYTE_USER)))
    await works_with({"servers": server.url, "nkey": str(tmp_path / "seed")})
    assert "nkey" in (await refused_with({"servers": server.url, "nkey": str(tmp_path / "other")})).hint


class _Operator:
    """Who vouches for an account, which vouches for users, as the tools of NATS write it."""

    def __init__(self, **limits: int) -> None:
        self._operator, self._account = (
            _nkey(prefix, number)[0]
            for number, prefix in enumerate((nkeys.PREFIX_BYTE_OPERATOR, nkeys.PREFIX_BYTE_ACCOUNT))
        )
        claims = {"limits": _NO_LIMITS | limits}
        self.conf = (
            f"operator: {_signed(self._operator, self._operator, 'operator', {})}\nresolver: MEMORY\nresolver_preload: "
            f"{{ {self._account.public_key.decode()}: {_signed(self._account, self._operator, 'account', claims)} }}\n"
        )

    def lets_in(self, user: Any, **limits: int) -> str:
        """The proof of a user whom the account knows."""
        return _signed(user, self._account, "user", _NO_LIMITS | limits)


async def test_a_credentials_file_proves_a_machine_to_a_server_that_trusts_its_operator(
    nats_server: Callable[..., NatsServer], tmp_path: Path
) -> None:
    operator = _Operator()
    user, stranger = (_nkey(nkeys.PREFIX_BYTE_USER, number) for number in (2, 3))
    server = nats_server(operator.conf)
    (tmp_path / "machine.creds").write_text(_credentials(operator.lets_in(user[0]), user[1]))
    forged = _signed(stranger[0], stranger[0], "user", _NO_LIMITS)
    (tmp_path / "forged.creds").write_text(_credentials(forged, stranger[1]))
    (tmp_path / "stolen.creds").write_text(_credentials(operator.lets_in(user[0]), stranger[1]))
    await works_with({"servers": server.url, "credentials": str(tmp_path / "machine.creds")})
    assert "`credentials`" in (await refused_with({"servers": server.url})).hint
    for wrong in ("forged", "stolen"):
        said = await refused_with({"servers": server.url, "credentials": str(tmp_path / f"{wrong}.creds")})
        assert "check `credentials`" in said.hint, wrong
        assert stranger[1] not in str(said)


@pytest.mark.parametrize("whose", ["account", "user"])
async def test_frames_above_what_the_account_may_send_are_split(
    whose: str, nats_server: Callable[..., NatsServer], tmp_path: Path
) -> None:
    """The server tells that limit after the connection has begun."""
    limits = {"payload": 4096}
    operator = _Operator(**(limits if whose == "account" else {}))
    user, seed = _nkey(nkeys.PREFIX_BYTE_USER, 2)
    file = tmp_path / "machine.creds"
    file.write_text(_credentials(operator.lets_in(user, **(limits if whose == "user" else {})), seed))
    settings = {"servers": nats_server(operator.conf).url, "credentials": str(file)}
    harness = Harness(partial(NatsTransport, settings), lambda: "", PATIENCE)
    try:
        pair = await harness.pair()
        frame = bytes(100_000)
        pair.near.send(pair.peer, frame)
        assert await pair.far_hears.have(1, pair.guest) == [frame]
        await pair.prove_it_works()
        assert pair.far_hears.downs == []
    finally:
        harness.end()


async def test_an_account_that_may_send_too_little_for_a_handshake_is_told_so(
    nats_server: Callable[..., NatsServer], tmp_path: Path
) -> None:
    operator = _Operator(payload=100)
    user, seed = _nkey(nkeys.PREFIX_BYTE_USER, 2)
    file = tmp_path / "machine.creds"
    file.write_text(_credentials(operator.lets_in(user), seed))
    transport = NatsTransport({"servers": nats_server(operator.conf).url, "credentials": str(file)})
    with pytest.raises(Unavailable, match="at most 100 bytes"):
        await transport.open(Endpoint("stars", "", transport.new_identity()), _Nobody())
    await transport.close()


@pytest.mark.parametrize(
    ("setting", "text"),
    [
        ("credentials", ""),
        ("credentials", "-----BEGIN NATS USER JWT-----\nsecret.secret.secret\n------END NATS USER JWT------\n"),
        ("credentials", _credentials("secret", "SUsecret")),
        ("credentials", _credentials("secret.secret.secret", _nkey(nkeys.PREFIX_BYTE_ACCOUNT, 1)[1])),
        ("nkey", ""),
        ("nkey", "secret"),
        ("nkey", "\x00\xff secret \u20ac"),
        ("nkey", _nkey(nkeys.PREFIX_BYTE_OPERATOR, 1)[1]),
        ("nkey", "0" * 58),
    ],
)
async def test_a_file_without_a_proof_is_named_and_not_quoted(
    setting: str, text: str, nats_url: str, tmp_path: Path
) -> None:
    file = tmp_path / "proof"
    file.write_text(text)
    transport = NatsTransport({"servers": nats_url, setting: str(file)})
    with pytest.raises(ConfigError) as caught:
        await transport.open(Endpoint("stars", "", transport.new_identity()), _Nobody())
    await transport.close()
    assert str(file) in str(caught.value) and setting in str(caught.value)
    assert not text.strip() or "secret" not in f"{caught.value} {caught.value.hint}"
    assert caught.value.hint


async def test_a_server_proves_itself_by_a_certificate(nats_server: Callable[..., NatsServer], tmp_path: Path) -> None:
    certificate, key = tmp_path / "server.pem", tmp_path / "server.key"
    certify(certificate, key)
    server = nats_server(f'tls {{ cert_file: "{certificate}", key_file: "{key}" }}\n')
    url = server.url.replace("nats://", "tls://")
    await works_with({"servers": url, "tls_ca": str(certificate)})
    assert "tls_ca" in (await refused_with({"servers": url})).hint


async def test_a_server_that_permits_both_is_spoken_to_with_tls(
    nats_server: Callable[..., NatsServer], tmp_path: Path
) -> None:
    certificate, key = tmp_path / "server.pem", tmp_path / "server.key"
    certify(certificate, key)
    server = nats_server(f'tls {{ cert_file: "{certificate}", key_file: "{key}" }}\nallow_non_tls: true\n')
    await works_with({"servers": server.url})
    url = server.url.replace("nats://", "tls://")
    await works_with({"servers": url, "tls_ca": str(certificate)})
    assert "tls_ca" in (await refused_with({"servers": url})).hint, "its certificate was looked at"


@pytest.mark.parametrize("how", ["tls", "TLS", "tls_ca"])
async def test_a_server_that_does_not_encrypt_is_told_nothing_by_who_wants_tls(how: str, tmp_path: Path) -> None:
    heard: list[bytes] = []
    over = asyncio.Event()

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b'INFO {"server_id":"x","version":"2.10.0","max_payload":1048576,"auth_required":true}\r\n')
        heard.append(await reader.read())
        writer.close()
        await writer.wait_closed()
        over.set()

    certificate, key = tmp_path / "server.pem", tmp_path / "server.key"
    certify(certificate, key)
    server = await asyncio.start_server(listen, "127.0.0.1", 0)
    try:
        where = f"me:hush@127.0.0.1:{server.sockets[0].getsockname()[1]}"
        table = {"servers": f"{how}://{where}"}
        if how == "tls_ca":
            table = {"servers": f"nats://{where}", "tls_ca": str(certificate)}
        error = await refused_with(table)
        assert "does not encrypt" in error.message
        assert "TLS" in error.hint
        await over.wait()
        assert heard == [b""]
    finally:
        server.close()


async def test_a_server_that_asks_for_a_certificate_says_so_and_takes_ours(
    nats_server: Callable[..., NatsServer], tmp_path: Path
) -> None:
    for name, days in (("server", 1), ("ours", 1), ("other", 1), ("old", -1)):
        certify(tmp_path / f"{name}.pem", tmp_path / f"{name}.key", days)
    trusted = tmp_path / "trusted.pem"
    trusted.write_text((tmp_path / "ours.pem").read_text() + (tmp_path / "old.pem").read_text())
    own = f'cert_file: "{tmp_path}/server.pem", key_file: "{tmp_path}/server.key"'
    server = nats_server(f'tls {{ {own}, ca_file: "{trusted}", verify: true }}\n')

    def table(name: str) -> dict[str, Any]:
        files = {"tls_cert": f"{tmp_path}/{name}.pem", "tls_key": f"{tmp_path}/{name}.key"} if name else {}
        return {"servers": server.url, "tls_ca": f"{tmp_path}/server.pem"} | files

    await works_with(table("ours"))
    assert "set `tls_cert` and `tls_key`" in (await refused_with(table(""))).hint
    for name in ("other", "old"):
        assert "does not accept `tls_cert`" in (await refused_with(table(name))).hint


@pytest.mark.parametrize("how", ["full", "full, seen late", "frozen"])
async def test_a_server_that_is_full_or_frozen_has_not_rejected_our_certificate(how: str, tmp_path: Path) -> None:
    """It sends the same as a server with `verify` and `max_connections`; that one's two messages may come apart."""
    info = {"server_id": "x", "version": "2.10.0", "max_payload": 1048576, "tls_required": True, "tls_verify": True}
    hello = b"INFO " + json.dumps(info).encode() + b"\r\n"
    full = b"-ERR 'maximum connections exceeded'\r\n"

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(hello + full if how == "full" else hello)
        if how != "full":
            await reader.read(1)  # TLS has begun
        if how == "full, seen late":
            writer.write(full)
        if how == "frozen":
            await reader.read()
        writer.close()

    certificate, key = tmp_path / "ours.pem", tmp_path / "ours.key"
    certify(certificate, key)
    server = await asyncio.start_server(listen, "127.0.0.1", 0)
    url = f"nats://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    files = {"tls_cert": str(certificate), "tls_key": str(key)}
    transport = NatsTransport({"servers": url, "connect_timeout": 1.0 if how == "frozen" else PATIENCE} | files)
    try:
        with pytest.raises(Unavailable) as caught:
            await transport.open(Endpoint("stars", "", transport.new_identity()), _Nobody())
        assert ("refuses us" in caught.value.message) is (how != "frozen")
        assert "tls_cert" not in str(caught.value)
    finally:
        await transport.close()
        server.close()


async def test_a_full_server_that_asks_for_a_certificate_says_that_it_is_full(
    nats_server: Callable[..., NatsServer], tmp_path: Path
) -> None:
    certificate, key = tmp_path / "both.pem", tmp_path / "both.key"
    certify(certificate, key)
    tls = f'tls {{ cert_file: "{certificate}", key_file: "{key}", ca_file: "{certificate}", verify: true }}\n'
    server = nats_server(f"{tls}max_connections: 1\n")
    settings = {"tls_ca": str(certificate), "tls_cert": str(certificate), "tls_key": str(key)}
    table = settings | {"servers": server.url}
    first, second = NatsTransport(table), NatsTransport(table)
    try:
        await first.open(Endpoint("stars", "", first.new_identity()), _Nobody())
        with pytest.raises(Unavailable, match="refuses us"):
            await second.open(Endpoint("stars", "", second.new_identity()), _Nobody())
    finally:
        await second.close()
        await first.close()


@pytest.mark.parametrize("wrong", ["tls_ca", "tls_cert", "no tls_key", "tls_key", "encrypted"])
async def test_a_file_for_tls_that_cannot_be_used_is_named(wrong: str, tmp_path: Path) -> None:
    for name in ("one", "two"):
        certify(tmp_path / f"{name}.pem", tmp_path / f"{name}.key")
    table = {name: str(tmp_path / f"one.{end}") for name, end in (("tls_cert", "pem"), ("tls_key", "key"))}
    table["tls_ca"] = str(tmp_path / "one.pem")
    if wrong == "no tls_key":
        del table["tls_key"]
    elif wrong == "encrypted":
        encrypted = tmp_path / "encrypted.key"
        key = load_pem_private_key((tmp_path / "one.key").read_bytes(), None)
        encrypted.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"hush")))
        table["tls_key"] = str(encrypted)
    else:
        table[wrong] = str(tmp_path / "two.key")
    transport = NatsTransport(table | {"servers": "nats://127.0.0.1:1"})
    with pytest.raises(ConfigError) as caught:
        await transport.open(Endpoint("stars", "", transport.new_identity()), _Nobody())
    await transport.close()
    named = "tls_ca" if wrong == "tls_ca" else "tls_cert"
    assert named in str(caught.value)
    assert table[named] in str(caught.value)


async def test_a_user_that_may_not_listen_is_told_which_right_is_missing(
    nats_server: Callable[..., NatsServer],
) -> None:
    rights = "permissions: { subscribe: [other] }"
    server = nats_server(f"authorization {{ users = [{{ user: u, password: p, {rights} }}] }}\n")
    url = server.url.replace("://", "://u:p@")
    assert "hyperverse.>" in (await refused_with({"servers": url})).hint
