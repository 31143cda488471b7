"""The connection of nats-py, extended so that the transport can cut it at once."""

from __future__ import annotations

import asyncio
import random
import re
import ssl
from collections.abc import Awaitable, Callable
from typing import Any

import nats.errors
from nats.aio.client import Client

from hyperverse_core.errors import HyperverseError, Unauthorized, Unavailable

from .proof_files import check_credentials, check_nkey
from .settings import NatsSettings, host_and_port

__all__ = ["BrokerClient", "connected"]

_PING_SECONDS = 1
_PINGS = 3
"""After this many unanswered pings in a row the server counts as lost."""
_PENDING = 4 * 1024 * 1024
_REFUSAL = re.compile(r"(?:-ERR|nats:) '([ -&(-~]{1,200})'")
"""An error that the server sends, as it comes and as nats-py quotes it."""
_IN_CLEAR = "WRONG_VERSION_NUMBER"
"""What OpenSSL makes of an error that the server sent in clear just after the TLS handshake had begun."""
_CUT = (ssl.SSLError, ConnectionError, nats.errors.UnexpectedEOF)
"""How a connection ends whose certificate the server does not accept."""


class _NoTls(nats.errors.Error):  # type: ignore[misc, unused-ignore]  # its types are not read
    """The server does not encrypt."""


class BrokerClient(Client):  # type: ignore[misc, unused-ignore]  # its types are not read
    """A client that does not reconnect by itself: after a reconnect, nats-py would send what was pending again, in the
    name of connections that no longer exist.

    Attributes:
        asks_certificate: whether the server wants to see a certificate of ours.
        largest: bytes of the largest message that the server takes from us. It tells a smaller limit of our account
            later, which nats-py does not read.
    """

    asks_certificate = False
    largest = 0

    async def _process_info(self, info: dict[str, Any], initial_connection: bool = False) -> None:
        self.largest = int(info.get("max_payload", self.largest))
        # Without this, nats-py would send user and password in clear to a server that does not require TLS.
        self.asks_certificate = bool(info.get("tls_verify"))
        if initial_connection and self.options.get("tls") is not None and not info.get("tls_required"):
            if not info.get("tls_available"):
                raise _NoTls("it does not encrypt")
            info["tls_required"] = True
        await super()._process_info(info, initial_connection)

    @property
    def last_words(self) -> str:
        """The error that the server sent before it closed the connection, which nats-py does not read then; empty when
        there is none."""
        unread = getattr(self._transport._io_reader, "_buffer", b"") if self._transport else b""
        return _refusal_in(unread.decode("utf-8", "replace"))

    def cut(self) -> None:
        """Closes the socket, whatever the client is doing. What waits to be sent is dropped: a socket with pending
        data would stay open when the event loop ends. May be called twice."""
        if self._transport:  # also false for a transport that never had a socket, which some versions cannot close
            self._transport._io_writer.transport.abort()


async def connected(
    settings: NatsSettings, name: str, lost: Callable[[], Awaitable[None]], refused: Callable[[str], None]
) -> Any:
    """Connects to one of the servers. Tries them one after another in random order, so that one that is frozen, full or
    of another mind keeps nobody from the others.

    Args:
        settings: the servers, and the credentials for them.
        name: name of this client, as the server's operator sees it.
        lost: called when the connection has ended.
        refused: called when the server denies something later on.

    Returns:
        the client.

    Raises:
        ConfigError: a file named in the settings is not what it should be.
        Unavailable: no server answers.
        Unauthorized: no server takes us, and one of them rejects our credentials.
    """
    if settings.credentials:
        check_credentials(settings.credentials)
    if settings.nkey:
        check_nkey(settings.nkey)
    errors: list[HyperverseError] = []
    for url in random.sample(settings.servers, len(settings.servers)):
        try:
            return await _connected_to(url, settings, name, lost, refused)
        except (Unavailable, Unauthorized) as exc:
            errors.append(exc)
    raise _of_all(errors)


def _of_all(errors: list[HyperverseError]) -> HyperverseError:
    """Returns one error that says what was wrong with each server."""
    first = next((exc for exc in errors if isinstance(exc, Unauthorized)), errors[0])
    others = "".join(f"; {exc.message}" for exc in errors if exc is not first)
    retry_after = None if isinstance(first, Unauthorized) else 1.0
    return type(first)(first.message + others, hint=first.hint, retry_after=retry_after)


async def _connected_to(
    url: str,
    settings: NatsSettings,
    name: str,
    lost: Callable[[], Awaitable[None]],
    refused: Callable[[str], None],
) -> Any:
    """Connects to one server; see :func:`connected`."""
    faults: list[Exception] = []

    async def fault(exc: Exception) -> None:
        faults.append(exc)
        del faults[:-8]
        if "permissions violation" in str(exc).lower():
            refused(str(exc))

    client: Any = BrokerClient()
    try:
        async with asyncio.timeout(settings.limits.connect_timeout):
            await client.connect(
                [url],
                name=name,
                error_cb=fault,
                closed_cb=lost,
                allow_reconnect=False,
                max_reconnect_attempts=1,
                reconnect_time_wait=0,
                connect_timeout=settings.limits.connect_timeout,
                ping_interval=_PING_SECONDS,
                max_outstanding_pings=_PINGS,
                pending_size=_PENDING,
                tls=settings.tls_context(),
                user_credentials=settings.credentials or None,
                nkeys_seed=settings.nkey or None,
                **settings.proof(url),
            )
    except BaseException as exc:
        try:
            if isinstance(exc, TimeoutError | OSError | nats.errors.Error | ValueError):
                raise _why(settings, host_and_port(url), [*faults, exc], client) from None
            raise
        finally:
            client.cut()
    return client


def _why(settings: NatsSettings, where: str, faults: list[Exception], client: BrokerClient) -> HyperverseError:
    """Returns the error for the user. The text of nats-py contains no password, but no remedy either."""
    said = " ".join([*(str(fault) or type(fault).__name__ for fault in faults), client.last_words])
    refusal = client.last_words or _refusal_in(said)
    if "authorization" in said.lower() or "authentication" in said.lower():
        hint = (
            "it asks for credentials: set `credentials` or `nkey` in the table [lanes], or write a user and a password "
            "into the URL of `servers`"
            if not (settings.credentials or settings.nkey or any("@" in url for url in settings.servers))
            else "it rejects the credentials in [lanes]: check `credentials`, `nkey`, or the user in `servers`"
        )
        return Unauthorized(f"the NATS server at {where} rejects this machine", hint=hint)
    if any(isinstance(fault, _NoTls) for fault in faults):
        hint = "switch TLS on at the server, or write nats:// in `servers` and leave out `tls_ca` and `tls_cert`"
        return Unauthorized(f"the NATS server at {where} does not encrypt, as [lanes] demands", hint=hint)
    if any(getattr(fault, "reason", "") == _IN_CLEAR for fault in faults):
        refusal = refusal or "it answers in clear where TLS begins, as one does that takes no further client"
    if refusal:
        hint = "ask the operator of the server, or name another one in `servers` of the table [lanes]"
        return Unavailable(f"the NATS server at {where} refuses us: {refusal}", hint=hint, retry_after=1.0)
    cut = any(isinstance(fault, _CUT) for fault in faults)  # one that is frozen has not rejected us
    if client.asks_certificate and cut and not any(isinstance(fault, ssl.SSLCertVerificationError) for fault in faults):
        hint = (
            "it does not accept `tls_cert`: it may have expired, or be of an authority that the server does not trust"
            if settings.tls_cert
            else "it asks for a certificate: set `tls_cert` and `tls_key` in the table [lanes]"
        )
        return Unauthorized(f"the NATS server at {where} rejects this machine: {_last(faults)}", hint=hint)
    if any(isinstance(fault, ssl.SSLError) for fault in faults) or "certificate" in said.lower():
        hint = (
            "name its certificate authority with `tls_ca`; if the certificate has expired or is for another host, "
            "its operator has to replace it"
        )
        return Unauthorized(f"the NATS server at {where} failed to prove its identity: {_last(faults)}", hint=hint)
    hint = "is it running, and is that its address? See `servers` in the table [lanes]"
    return Unavailable(f"no NATS server answers at {where}: {_last(faults)}", hint=hint, retry_after=1.0)


def _refusal_in(text: str) -> str:
    found = _REFUSAL.search(text)
    return found[1] if found else ""


def _last(faults: list[Exception]) -> str:
    telling = [fault for fault in faults if str(fault) and not isinstance(fault, nats.errors.NoServersError)]
    return str(telling[-1]) if telling else "no answer in time"
