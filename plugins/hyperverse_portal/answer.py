"""Answers to requests: plain ASGI values, without a framework in between."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Mapping, MutableMapping, Sequence
from typing import Any, Final, TypeAlias

import attrs
import msgspec

from hyperverse_core import Outcome, Pong
from hyperverse_core.errors import HyperverseError, ParseError

from .exchange import Exchange

__all__ = [
    "HttpAnswer",
    "Send",
    "answer_of",
    "failed",
    "failure",
    "final_status",
    "json_answer",
    "not_allowed",
    "retry_after",
]

Send: TypeAlias = Callable[[MutableMapping[str, Any]], Awaitable[None]]

_encoder: Final = msgspec.json.Encoder(enc_hook=str)
_OUTCOMES: Final = {outcome: str(outcome).encode() for outcome in Outcome}
_OWN_HEADERS: Final = frozenset(
    {"connection", "content-length", "keep-alive", "set-cookie", "te", "trailer", "transfer-encoding", "upgrade"}
)
"""Response headers that belong to the connection or to the portal. A particle cannot set them."""


@attrs.frozen
class HttpAnswer:
    """An answer to a request.

    Attributes:
        status: the HTTP status.
        body: its content.
        headers: in lower case.
    """

    status: int = 200
    body: bytes = b""
    headers: tuple[tuple[bytes, bytes], ...] = ()

    def also(self, **headers: str) -> HttpAnswer:
        """Returns the same answer with more headers; ``_`` in a name stands for a hyphen."""
        more = tuple((name.replace("_", "-").encode(), value.encode()) for name, value in headers.items())
        return HttpAnswer(self.status, self.body, (*self.headers, *more))

    def with_header(self, name: bytes, value: bytes) -> HttpAnswer:
        """Returns the same answer with one more header."""
        return HttpAnswer(self.status, self.body, (*self.headers, (name, value)))

    def send_at_once(self, exchange: Exchange, *, without_body: bool = False) -> bool:
        """Sends the answer in one piece. If that is not possible, returns False and sends nothing.

        Args:
            exchange: the request that is answered.
            without_body: whether only the head is sent.
        """
        if self.status in (204, 304):  # a length would be that of the content, which is not sent
            return exchange.answer(self.status, self.headers, b"")
        headers = (*self.headers, (b"content-length", b"%d" % len(self.body)))
        return exchange.answer(self.status, headers, b"" if without_body else self.body)

    async def send(self, send: Send, *, without_body: bool = False, kind: str = "http.response") -> None:
        """Sends it.

        Args:
            send: the ``send`` callable of ASGI.
            without_body: whether only the head is sent.
            kind: prefix of the ASGI message types; another prefix refuses a WebSocket.
        """
        headers = list(self.headers)
        if self.status not in (204, 304):  # a length would be that of the content, which is not sent
            headers.append((b"content-length", str(len(self.body)).encode()))
        await send({"type": f"{kind}.start", "status": self.status, "headers": headers})
        await send({"type": f"{kind}.body", "body": b"" if without_body or self.status in (204, 304) else self.body})


def json_answer(value: object, status: int = 200) -> HttpAnswer:
    """An answer in JSON."""
    return HttpAnswer(status, _encoder.encode(value), ((b"content-type", b"application/json"),))


def failure(error: HyperverseError) -> HttpAnswer:
    """Returns the answer that reports an error."""
    return answer_of(failed(error))


def not_allowed(method: str, path: str, allowed: Sequence[str]) -> HttpAnswer:
    """Returns the answer 405 to a request whose path exists, but not for its method.

    Args:
        method: the method of the request.
        path: the path, as the error names it.
        allowed: the methods for which the path is answered.
    """
    known = ", ".join(allowed)
    said = {"error": f"{path} does not take {method}", "hint": f"it takes {known}"}
    return answer_of(Pong(405, said, outcome=Outcome.REJECTED)).also(allow=known)


def failed(error: HyperverseError) -> Pong:
    """Returns the reply that reports an error, with the position if a text does not parse."""
    pong = Pong.failure(error)
    if isinstance(error, ParseError) and error.text and isinstance(pong.body, dict):
        pong.body["error"] = error.told
        pong.body["caret"] = error.caret()
    return pong


def answer_of(pong: Pong, *more: tuple[bytes, bytes]) -> HttpAnswer:
    """Returns the answer for a particle's reply: JSON, text or bytes, depending on the type of its body, and the
    outcome of the wave.

    Args:
        pong: the reply.
        *more: headers that the particle cannot override.
    """
    status = final_status(pong)
    said = pong.body
    if said is None:
        body, kind = b"", b""
    elif type(said) is str:
        body, kind = said.encode(), b"text/plain; charset=utf-8"
    elif type(said) is bytes:
        body, kind = said, b"application/octet-stream"
    else:
        body, kind = _encoder.encode(said), b"application/json"
    headers = [(b"content-type", kind), (b"x-content-type-options", b"nosniff")] if kind else []
    headers += (
        (b"hyperverse-outcome", _OUTCOMES[pong.outcome]),
        (b"hyperverse-wave", _value(pong.id)),
        (b"hyperverse-star", _value(pong.star)),
    )
    if status >= 400:
        later = retry_after(pong)
        if later:
            headers.append((b"retry-after", later.encode()))
        if status == 401:
            headers.append((b"www-authenticate", b"Bearer"))
    if pong.headers is not None:
        given = {_token(name.lower()): _value(value) for name, value in pong.headers.items()}
        allowed = {name: value for name, value in given.items() if name and name.decode() not in _OWN_HEADERS}
        headers = list({**dict(headers), **allowed}.items())
    return HttpAnswer(status, body, (*[pair for pair in headers if pair[1]], *more))


def final_status(pong: Pong) -> int:
    """The HTTP status. A status below 200 would not end the response, and none above 599 exists."""
    return pong.status if 200 <= pong.status <= 599 else 502


def retry_after(pong: Pong) -> str:
    """Whole seconds after which a retry may succeed; empty if the reply does not say."""
    said = pong.body.get("retry_after") if pong.status >= 400 and isinstance(pong.body, Mapping) else None
    fits = isinstance(said, int | float) and not isinstance(said, bool) and 0 <= said < 1e6
    return str(math.ceil(said)) if fits and said is not None else ""


def _token(name: str) -> bytes:
    """The text as the name of a header; empty if it is not a valid name."""
    return name.encode() if name.isascii() and name.replace("-", "").replace("_", "").isalnum() else b""


def _value(value: str) -> bytes:
    """The text as the value of a header. Line breaks are removed, because one would begin another header."""
    if value.isascii() and value.isprintable():
        return value.encode()
    return "".join(c for c in value if c.isprintable()).encode("utf-8")
