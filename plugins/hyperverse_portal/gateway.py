"""PortalGateway: the HTTP server, in the event loop of the machine."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

import attrs
import uvicorn

from hyperverse_core.errors import ConfigError, Unavailable
from hyperverse_core.gateway import Gateway, GatewayHost

from .app import PortalApp
from .protocol import guarded
from .settings import PortalSettings

if TYPE_CHECKING:
    from .oidc.login import OidcLogin

__all__ = ["PortalGateway"]

_ENVELOPE: Final = 4096
"""Bytes that a WebSocket message may have in addition to the body of its wave."""
_GRACE: Final = 1
"""Seconds that requests in progress may take when the machine stops."""


def _is_worth_a_line(record: logging.LogRecord) -> bool:
    """Drops the line with which uvicorn reports a refused WebSocket as a fault of the application."""
    return record.msg != "ASGI callable returned without completing handshake."


class _Server(uvicorn.Server):
    """A server that does not change the process's signal handlers, which belong to the machine."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class PortalGateway(Gateway):
    """HTTP/1.1 on loopback, or at the address in the settings.

    Args:
        settings: see :class:`~hyperverse_portal.settings.PortalSettings`. Raises ConfigError.
    """

    settings_class = PortalSettings
    plain_settings = tuple(name for name in attrs.fields_dict(PortalSettings) if name != "oidc")  # it has a secret

    def __init__(self, settings: Mapping[str, Any] | None = None) -> None:
        super().__init__(settings)
        self._settings = PortalSettings.parse(self.settings)
        self._app: PortalApp | None = None
        self._server: _Server | None = None
        self._task: asyncio.Task[None] | None = None

    async def open(self, host: GatewayHost) -> None:
        listening = _listen(*self._settings.place)
        shown, port = listening.getsockname()[:2]
        try:
            self._app = PortalApp(host, self._settings, self._oidc(), owner=_owner(host))
        except BaseException:
            listening.close()
            raise
        config = uvicorn.Config(
            self._app,
            http=guarded(self._settings.head_seconds, self._settings.head_bytes),
            ws="websockets-sansio",
            ws_max_size=host.limits.body + _ENVELOPE,
            ws_per_message_deflate=False,  # a few bytes may decompress to many
            lifespan="off",
            log_config=None,
            log_level="error",  # below this level it warns about requests of strangers
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=_GRACE,
        )
        logging.getLogger("uvicorn.error").addFilter(
            _is_worth_a_line
        )  # adding the same function twice has no further effect
        self._server = _Server(config)
        self._task = asyncio.get_running_loop().create_task(self._server.serve([listening]), name="portal")
        while not self._server.started:
            if self._task.done():
                listening.close()
                raise Unavailable(f"the portal did not start: {self._task.exception()}", hint="see the log")
            await asyncio.sleep(0.005)
        self.address = f"http://[{shown}]:{port}/-/" if ":" in shown else f"http://{shown}:{port}/-/"
        self.invitation = self._invitation(host)

    def _oidc(self) -> OidcLogin | None:
        """Login through an OpenID provider, if the settings name one. Raises ConfigError if the extra is not
        installed."""
        if self._settings.oidc is None:
            return None
        try:
            from .oidc.login import OidcLogin
        except ImportError as exc:
            missing = f"[portal] oidc: the module {exc.name!r} is missing; pip install 'cosmic-hyperverse[oidc]'"
            raise ConfigError(faults=[missing]) from exc
        return OidcLogin(self._settings.oidc)

    def _invitation(self, host: GatewayHost) -> str:
        """A one-time link that logs in the owner of the data directory; empty if there is no token of the owner."""
        assert self._app is not None
        token = _owner(host)
        return self.address + self._app.invite(token) if token else ""

    async def close(self) -> None:
        self.address = self.invitation = ""
        app, server, task = self._app, self._server, self._task
        self._app = self._server = self._task = None
        if app is not None:
            app.close("the machine is stopping")
        if server is None or task is None:
            return
        server.should_exit = True
        try:
            async with asyncio.timeout(2 * _GRACE):
                await task
        except TimeoutError:
            task.cancel()
        for connection in tuple(server.server_state.connections):
            connection.transport.abort()  # its client has stopped reading


def _owner(host: GatewayHost) -> str:
    """The token of the machine's owner; empty if this host does not have it."""
    try:
        return (host.data_dir / "token").read_text("ascii").strip()
    except OSError:
        return ""


def _listen(host: str, port: int) -> socket.socket:
    """Returns a listening socket. Raises Unavailable."""
    try:
        family, kind, protocol, _, place = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        opened = socket.socket(family, kind, protocol)
        try:
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            opened.bind(place)
            opened.listen(1024)
            opened.setblocking(False)
        except BaseException:
            opened.close()
            raise
        return opened
    except OSError as exc:
        reason = os.strerror(exc.errno) if exc.errno and exc.errno > 0 else str(exc.strerror)
        raise Unavailable(
            f"the portal cannot listen at {host}:{port}: {reason}",
            hint='choose another address: [portal] address = "127.0.0.1:8081"',
        ) from exc
