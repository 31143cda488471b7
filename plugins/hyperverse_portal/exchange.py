"""Exchange: a request whose body has already arrived, and its answer in one piece.

ASGI passes both in several messages. uvicorn checks each message and writes twice, which for a small answer costs as
much as the particle itself.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, RequestResponseCycle

__all__ = ["EXCHANGE", "Exchange"]

EXCHANGE: Final = "hyperverse.exchange"
"""The key of an exchange in the scope of a request."""
_COPIED: Final = 64 * 1024
"""Bodies up to this size, in bytes, are copied after their head; a larger copy costs more than a second system call."""


class Exchange:
    """One request and its answer.

    Args:
        cycle: uvicorn's state of the request and its answer.
        flow: whether the connection accepts more bytes.
    """

    __slots__ = ("_cycle", "_flow")

    def __init__(self, cycle: RequestResponseCycle, flow: FlowControl) -> None:
        self._cycle = cycle
        self._flow = flow

    def body(self) -> bytes | None:
        """The whole body; None while a part of it is missing, and after it has been taken."""
        cycle = self._cycle
        if cycle.more_body or cycle.disconnected or cycle.response_complete or not cycle.message_event.is_set():
            return None
        cycle.message_event.clear()  # as if it had been received: the next wait is for the client to disconnect
        body, cycle.body = bytes(cycle.body), bytearray()
        return body

    def answer(self, status: int, headers: Iterable[tuple[bytes, bytes]], body: bytes) -> bool:
        """Sends the final answer to the request. If it cannot be sent in one piece now, returns False and sends
        nothing.

        Args:
            status: HTTP status.
            headers: the headers, including the length of the body.
            body: the content; empty for a response without a body.

        Raises ValueError for a header with a line break in it.
        """
        cycle = self._cycle
        if cycle.disconnected or cycle.response_started or self._flow.write_paused:
            return False
        parts = [STATUS_LINE[status]]
        for name, value in (*cycle.default_headers, *headers):
            parts += (name, b": ", value, b"\r\n")
        if not cycle.keep_alive:
            parts.append(b"connection: close\r\n")
        lines = len(parts) // 4 + 1 + (not cycle.keep_alive)
        parts.append(b"\r\n")
        head = b"".join(parts)
        if head.count(b"\n") != lines + 1 or head.count(b"\r") != lines + 1:
            raise ValueError("a header of the answer has a line break")
        cycle.response_started = True
        cycle.waiting_for_100_continue = False
        if len(body) <= _COPIED:
            cycle.transport.write(head + body)
        else:
            cycle.transport.write(head)
            cycle.transport.write(body)
        cycle.chunked_encoding = False
        cycle.response_complete = True
        cycle.message_event.set()
        if not cycle.keep_alive:
            cycle.transport.close()
        cycle.on_response()
        return True
