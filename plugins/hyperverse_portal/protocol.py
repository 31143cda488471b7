"""GuardedProtocol: HTTP/1.1 of uvicorn, with an end for heads that are too large or too slow, and for readers that do
not read."""

from __future__ import annotations

import asyncio
import json
from http import HTTPStatus
from typing import Any, ClassVar, Final, cast

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from .exchange import EXCHANGE, Exchange
from .transport import GuardedTransport

__all__ = ["GuardedProtocol", "guarded"]

_PIPELINED: Final = 64
"""Requests that may wait on one connection for the answers before theirs."""
_OVERHEAD: Final = 8
"""Bytes around the pieces of a body that count as proper, for each byte in them."""


class GuardedProtocol(HttpToolsProtocol):
    """uvicorn by itself takes a head of any size, waits for the rest of one without end, and keeps an answer for as
    long as its reader does not read.

    A head ends with ``on_headers_complete``; the next one begins behind the body.
    """

    head_seconds: ClassVar[float] = 10.0
    head_bytes: ClassVar[int] = 64 * 1024
    _in_head = True
    _seen = 0  # bytes that have arrived for this head, or for this body
    _arrived = 0  # bytes that have arrived last; what is not of this head is behind it
    _body = 0  # bytes of this body
    _refused = False
    _timer: asyncio.TimerHandle | None = None
    _since = 0.0  # when this head began; 0 when none is expected
    _guarded: GuardedTransport

    def connection_made(self, transport: Any) -> None:
        self._guarded = GuardedTransport(transport, self.loop)
        super().connection_made(cast(asyncio.Transport, self._guarded))
        self._start_timer()

    def data_received(self, data: bytes) -> None:
        if self._refused or self._guarded.lingers:
            return
        self._arrived = len(data)
        self._seen += self._arrived
        if self._in_head and not self._since:
            self._start_timer()
        super().data_received(data)
        if self._in_head:
            if self._seen > self.head_bytes:
                self._refuse(431, f"the head of the request is larger than {self.head_bytes} bytes")
        elif self._seen > self.head_bytes + _OVERHEAD * self._body:
            self._refuse(400, "the pieces of the body have more around them than in them")

    def on_message_begin(self) -> None:
        super().on_message_begin()
        if not self._since:
            self._start_timer()

    def on_headers_complete(self) -> None:
        if self._refused:
            return
        if self._seen + self._arrived > self.head_bytes and self._head_size() > self.head_bytes:
            self._refuse(431, f"the head of the request is larger than {self.head_bytes} bytes")
            return
        if not self.url.startswith(b"/") and not self._is_for_our_host():
            self._refuse(400, "the request is for another host than its header 'host' says")
            return
        if len(self.pipeline) >= _PIPELINED:
            self._refuse(429, "too many requests wait on this connection for answers")
            return
        self._in_head, self._seen, self._body = False, 0, 0
        self._guarded.unread = True
        self._since = 0.0
        self.scope["headers"] = self.headers.copy()  # what stands behind the body is no header of its request
        cycle = self.cycle
        super().on_headers_complete()
        if self.cycle is not cycle:
            self.scope[EXCHANGE] = Exchange(self.cycle, self.flow)  # type: ignore[typeddict-unknown-key]

    def _head_size(self) -> int:
        return len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)

    def _is_for_our_host(self) -> bool:
        """Whether a target that is no path names the host that the header does."""
        named = httptools.parse_url(self.url)
        hosts = [value for name, value in self.headers if name == b"host"]
        port = b"" if named.port is None else b":%d" % named.port
        return named.host is not None and named.userinfo is None and hosts == [named.host + port]

    def on_body(self, body: bytes) -> None:
        self._body += len(body)
        if not self._refused:
            super().on_body(body)

    def on_message_complete(self) -> None:
        if self._refused:
            return
        super().on_message_complete()
        self._in_head, self._seen = True, 0
        self._guarded.unread = False

    def pause_writing(self) -> None:
        super().pause_writing()
        self._guarded.watch()

    def handle_websocket_upgrade(self) -> None:
        super().handle_websocket_upgrade()
        # the library of WebSockets is stricter about heads, and uvicorn leaves whoever sent one without an answer
        if not self._guarded.get_protocol().handshake_initiated:
            self._refuse(400, "this is no request to open a WebSocket: it has a body, or too many or too long headers")

    def send_400_response(self, msg: str) -> None:
        self._refuse(400, "this is no request of HTTP/1.1")

    def shutdown(self) -> None:
        if self._guarded.lingers:
            self._guarded.abort()
        self._guarded.unread = False
        super().shutdown()

    def connection_lost(self, exc: Exception | None) -> None:
        self._end_timer()
        self._guarded.lost()
        super().connection_lost(exc)

    def _late(self) -> None:
        """Looks whether a head is late. One timer serves many heads: a timer for each costs more than to look again."""
        self._timer = None
        if not self._since or self._refused:
            return
        left = self._since + self.head_seconds - self.loop.time()
        if left > 0.001:
            self._timer = self.loop.call_later(left, self._late)
        elif self._is_answering():
            self._since = 0.0
            self._start_timer()  # the next request may take its time while the last one is answered
        else:
            self._refuse(408, f"the head of the request did not arrive within {self.head_seconds:g} s")

    def _is_answering(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _refuse(self, status: int, why: str) -> None:
        """Ends the connection. A request before this one is answered first, and then nothing more."""
        if self._refused:
            return
        self._refused = True
        self._end_timer()
        if self._is_answering() and (self._in_head or self.pipeline or self.cycle.response_started):
            self.cycle.keep_alive = False
            return
        if self._guarded.is_closing():
            return
        body = json.dumps({"error": why}).encode()
        head = f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\ncontent-type: application/json\r\n"
        self._guarded.write(f"{head}connection: close\r\ncontent-length: {len(body)}\r\n\r\n".encode() + body)
        self._guarded.linger()

    def _start_timer(self) -> None:
        if self._since or self._refused:
            return
        self._since = self.loop.time()
        if self._timer is None:
            self._timer = self.loop.call_later(self.head_seconds, self._late)

    def _end_timer(self) -> None:
        self._since = 0.0
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def guarded(head_seconds: float, head_bytes: int) -> type[GuardedProtocol]:
    """The protocol with these bounds.

    Args:
        head_seconds: how long a head may take.
        head_bytes: how large it may be.
    """
    bounds = {"head_seconds": head_seconds, "head_bytes": head_bytes}
    return cast("type[GuardedProtocol]", type("GuardedProtocol", (GuardedProtocol,), bounds))
