"""GuardedProtocol: uvicorn's HTTP/1.1, with limits for heads that are too large or too slow, and for readers that stop
reading."""

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
"""Greatest number of requests that may wait on one connection for earlier answers."""
_OVERHEAD: Final = 8
"""Bytes of chunk framing that are accepted for each byte of a body."""


class GuardedProtocol(HttpToolsProtocol):
    """By default, uvicorn accepts a head of any size, waits for the rest of a head forever, and keeps an answer for a
    client that never reads it.

    A head ends with ``on_headers_complete``; the next one begins after the body.
    """

    head_seconds: ClassVar[float] = 10.0
    head_bytes: ClassVar[int] = 64 * 1024
    _in_head = True
    _seen = 0  # bytes of this head, or of this body, so far
    _arrived = 0  # bytes of the last read; those that do not belong to this head follow it
    _body = 0  # bytes of this body
    _refused = False
    _timer: asyncio.TimerHandle | None = None
    _since = 0.0  # when this head began; 0 if none is expected
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
            self._refuse(400, "the chunks of the body have more framing than content")

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
            self._refuse(400, "the target of the request names a different host than its header 'host'")
            return
        if len(self.pipeline) >= _PIPELINED:
            self._refuse(429, "too many requests wait for answers on this connection")
            return
        self._in_head, self._seen, self._body = False, 0, 0
        self._guarded.unread = True
        self._since = 0.0
        self.scope["headers"] = self.headers.copy()  # fields after the body are not headers of the request
        cycle = self.cycle
        super().on_headers_complete()
        if self.cycle is not cycle:
            self.scope[EXCHANGE] = Exchange(self.cycle, self.flow)  # type: ignore[typeddict-unknown-key]

    def _head_size(self) -> int:
        return len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)

    def _is_for_our_host(self) -> bool:
        """Whether a target that is a complete URL names the same host as the header."""
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
        # the WebSocket library is stricter about heads, and uvicorn does not answer the requests that it refuses
        if not self._guarded.get_protocol().handshake_initiated:
            self._refuse(
                400,
                "this request cannot open a WebSocket: it has a body, or too many or too long headers",
            )

    def send_400_response(self, msg: str) -> None:
        self._refuse(400, "this is not an HTTP/1.1 request")

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
        """Checks whether a head is late. One timer serves many heads, because a timer for each would cost more than
        another check."""
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
        """Ends the connection, after the answers to earlier requests."""
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
    """Returns the protocol with these limits.

    Args:
        head_seconds: seconds that a head may take to arrive.
        head_bytes: the largest head, in bytes.
    """
    bounds = {"head_seconds": head_seconds, "head_bytes": head_bytes}
    return cast("type[GuardedProtocol]", type("GuardedProtocol", (GuardedProtocol,), bounds))
