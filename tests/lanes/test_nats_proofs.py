"""What a NATS server may ask of a machine: an nkey, and TLS."""

from __future__ import annotations

import datetime
import ipaddress
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import nkeys
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from hyperverse_core.contracts.lane import Endpoint, Peer
from hyperverse_core.errors import Unauthorized
from hyperverse_core.testing.lane_kit.harness import Harness
from hyperverse_nats.transport import NatsTransport
from nats_server import NatsServer
from patience import PATIENCE


class _Nobody:
    def lane_up(self, peer: Peer) -> None: ...
    def lane_frames(self, peer: Peer, frames: object) -> None: ...
    def lane_down(self, peer: Peer, reason: str) -> None: ...


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


async def test_a_server_proves_itself_by_a_certificate(nats_server: Callable[..., NatsServer], tmp_path: Path) -> None:
    certificate, key = tmp_path / "server.pem", tmp_path / "server.key"
    _certify(certificate, key)
    server = nats_server(f'tls {{ cert_file: "{certificate}", key_file: "{key}" }}\n')
    url = server.url.replace("nats://", "tls://")
    await works_with({"servers": url, "tls_ca": str(certificate)})
    assert "tls_ca" in (await refused_with({"servers": url})).hint


async def test_a_user_that_may_not_listen_is_told_which_right_is_missing(
    nats_server: Callable[..., NatsServer],
) -> None:
    rights = "permissions: { subscribe: [other] }"
    server = nats_server(f"authorization {{ users = [{{ user: u, password: p, {rights} }}] }}\n")
    url = server.url.replace("://", "://u:p@")
    assert "hyperverse.>" in (await refused_with({"servers": url})).hint


def _certify(certificate: Path, key: Path) -> None:
    """Writes a key and a certificate for 127.0.0.1 that vouches for itself."""
    secret = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a NATS server of a test")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(secret.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
        .sign(secret, hashes.SHA256())
    )
    certificate.write_bytes(made.public_bytes(Encoding.PEM))
    key.write_bytes(secret.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
