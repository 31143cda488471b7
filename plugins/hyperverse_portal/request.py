"""Requests: plain ASGI values, without a framework in between."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from http.cookies import CookieError, SimpleCookie
from typing import Any, Final, TypeAlias

import msgspec

from hyperverse_core.errors import BadRequest, HyperverseError, TooLarge, Unauthorized

from .exchange import EXCHANGE, Exchange
from .json_text import value_of

__all__ = ["COOKIE", "HOST", "BodyTooLate", "Disconnected", "HttpRequest", "Receive", "Scope"]

Scope: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[MutableMapping[str, Any]]]

COOKIE: Final = "hyperverse_session"
_ONCE: Final = frozenset({b"host", b"content-length", b"transfer-encoding", b"authorization", b"content-type"})
"""Headers that a request may have only once. If there were two, a proxy in front of the portal might have read the
other one."""


HOST: Final = re.compile(rb"\[[0-9A-Fa-f:.]+\](:\d{1,5})?|[0-9A-Za-z_.-]+(:\d{1,5})?")
_TYPE: Final = re.compile(r"[!#$%&'*+.^_`|~0-9a-z-]+/[!#$%&'*+.^_`|~0-9a-z-]+")
_CHARSET: Final = re.compile(r"(?:^|;)\s*charset\s*=\s*\"?([^\";\s]+)", re.IGNORECASE)
_CHARSETS: Final = frozenset({"utf-8", "utf8", "us-ascii", "ascii"})


class BodyTooLate(HyperverseError):
    """The body of a request did not arrive in time."""

    status = 408


class Disconnected(Exception):
    """The client disconnected before it was answered."""


class HttpRequest:
    """A request.

    Attributes:
        method: the HTTP method, in capitals.
        path: the path, without the query.
        unread: whether its body has not been read to the end.
        exchange: sends the answer in one piece; None if that is not possible.

    Raises BadRequest if its head is ambiguous.
    """

    __slots__ = ("_headers", "_receive", "_scope", "exchange", "method", "path", "unread")

    def __init__(self, scope: Scope, receive: Receive) -> None:
        self._scope = scope
        self._receive = receive
        self.method: str = scope.get("method", "GET")  # a WebSocket has none
        self.path: str = scope["path"]
        self.exchange: Exchange | None = scope.get(EXCHANGE)
        headers: dict[bytes, bytes] = {}
        for name, value in scope["headers"]:
            if name in headers:
                if name in _ONCE:
                    raise BadRequest(f"the request has two headers {name.decode('latin-1')!r}", hint="send one")
                value = headers[name] + (b"; " if name == b"cookie" else b", ") + value
            headers[name] = value
        if b"host" not in headers:
            raise BadRequest("the request has no header 'host'", hint="send the name of the host")
        if not HOST.fullmatch(headers[b"host"]):
            raise BadRequest("the header 'host' does not name a host", hint="send NAME or NAME:PORT")
        encoded = headers.get(b"transfer-encoding")
        if encoded is not None and b"content-length" in headers:
            raise BadRequest("the request has both a content-length and a transfer-encoding", hint="send one of them")
        if encoded is not None and (encoded.lower() != b"chunked" or scope.get("http_version") == "1.0"):
            raise BadRequest(
                f"the body has the encoding {encoded.decode('latin-1')!r}", hint="send it without an encoding"
            )
        self._headers = headers
        self.unread = encoded is not None or headers.get(b"content-length", b"0") != b"0"

    def these(self, names: Mapping[bytes, str]) -> dict[str, str]:
        """Returns those of these headers that the request has, under the names that the map gives them."""
        return {
            names[name]: value.decode("latin-1") for name, value in self._headers.items() if name in names and value
        }

    def header(self, name: str) -> str:
        """The value of a header; empty if there is none."""
        return self._headers.get(name.encode(), b"").decode("latin-1")

    @property
    def is_traced(self) -> bool:
        """Whether it belongs to a trace."""
        return b"traceparent" in self._headers or b"baggage" in self._headers

    @property
    def prefix(self) -> str:
        """The path below which a proxy serves the portal; usually empty."""
        return str(self._scope.get("root_path", ""))

    @property
    def is_secure(self) -> bool:
        """Whether the browser uses HTTPS."""
        return self._scope.get("scheme") in ("https", "wss")

    @property
    def portal(self) -> str:
        """The address of the portal's own pages, as the browser sees it."""
        return f"{'https' if self.is_secure else 'http'}://{self.header('host')}{self.prefix}/-/"

    @property
    def url(self) -> str:
        """Path and query."""
        query = self._scope["query_string"].decode("latin-1")
        return f"{self.path}?{query}" if query else self.path

    @property
    def query(self) -> str:
        """The query, without the question mark."""
        return str(self._scope["query_string"].decode("latin-1"))

    @property
    def address(self) -> str:
        """The address of the client, or of a proxy in between; empty if the server does not know it."""
        client = self._scope.get("client")
        return str(client[0]) if client else ""

    @property
    def host(self) -> str:
        """The host name in the Host header, in lower case, without the port."""
        text = self._headers[b"host"].decode("ascii").lower()
        return text[1:].partition("]")[0] if text.startswith("[") else text.partition(":")[0]

    @property
    def bearer(self) -> str:
        """The token of the Authorization header; empty if there is none.

        Raises Unauthorized if the header contains something else."""
        raw = self._headers.get(b"authorization")
        if not raw:
            return ""
        text = raw.decode("latin-1")
        kind, _, token = text.partition(" ")
        if kind.lower() != "bearer" or not token.strip():
            raise Unauthorized("the header 'authorization' is not a bearer token", hint="Authorization: Bearer TOKEN")
        return token.strip()

    @property
    def cookie(self) -> str:
        """The login of the browser; empty if there is none."""
        return self.cookie_of(COOKIE)

    def cookie_of(self, name: str) -> str:
        """The value of a cookie; empty if there is none."""
        text = self.header("cookie")
        if not text:
            return ""
        try:
            found = SimpleCookie(text).get(name)
        except CookieError:
            return ""
        return "" if found is None else found.value

    @property
    def is_foreign(self) -> bool:
        """Whether, according to the browser, a page of another site made this request."""
        if self.header("sec-fetch-site") in ("cross-site", "same-site"):
            return True
        origin = self.header("origin")
        return bool(origin) and origin.partition("://")[2].lower() != self.header("host").lower()

    @property
    def wants_page(self) -> bool:
        """Whether a browser asks for a page to display."""
        return self.method == "GET" and b"text/html" in self._headers.get(b"accept", b"")

    async def raw_body(self, limit: int, seconds: float) -> bytes:
        """Returns the body of the request as bytes.

        Args:
            limit: the largest body, in bytes.
            seconds: seconds that it may take to arrive.

        Raises:
            TooLarge: the body is larger.
            BadRequest: its length is not a number.
            BodyTooLate: the body did not arrive in time.
            Disconnected: the client has disconnected.
        """
        if not self.unread:
            return b""
        said = self.header("content-length")
        if said and not said.isdecimal():
            raise BadRequest(f"the length of the body is {said!r}", hint="it is a number of bytes")
        if said and int(said) > limit:
            raise _too_large(limit)
        arrived = None if self.exchange is None else self.exchange.body()
        if arrived is not None:  # it arrived with the head, so neither a wait nor a timer is needed
            self.unread = False
            if len(arrived) > limit:
                raise _too_large(limit)
            return arrived
        return await self._rest_of_body(limit, seconds)

    async def _rest_of_body(self, limit: int, seconds: float) -> bytes:
        parts, size = [], 0
        try:
            async with asyncio.timeout(seconds):
                while True:
                    message = await self._receive()
                    if message["type"] == "http.disconnect":
                        raise Disconnected
                    part = message.get("body", b"")
                    size += len(part)
                    if size > limit:
                        raise _too_large(limit)
                    parts.append(part)
                    if not message.get("more_body"):
                        self.unread = False
                        return b"".join(parts)
        except TimeoutError:
            raise BodyTooLate(f"the body did not arrive within {seconds:g} s", hint="send it again") from None

    async def body(self, limit: int, seconds: float) -> Any:
        """Returns the body as a value: parsed JSON, text, or bytes for any other type; None if there is none.

        Raises the errors of :meth:`raw_body`, BadRequest if the content does not match the content type, and TooLarge
        for JSON with too many values."""
        raw = await self.raw_body(limit, seconds)
        if not raw:
            return None
        kind = self._content_type()
        try:
            if kind == "application/json" or kind.endswith("+json"):
                return value_of(raw)
            if kind.startswith("text/"):
                return raw.decode()
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as exc:
            raise BadRequest(
                f"the body is not {kind}: {exc}", hint="correct the body, or send another content type"
            ) from exc
        return raw

    def _content_type(self) -> str:
        """The content type of the body, without parameters; empty if the request has none. Raises BadRequest."""
        said = self.header("content-type")
        if said == "application/json":
            return said
        kind, _, parameters = said.partition(";")
        kind = kind.strip().lower()
        if said and not _TYPE.fullmatch(kind):
            raise BadRequest(f"the content type {said!r} is not valid", hint="send one such as application/json")
        charset = _CHARSET.search(parameters)
        if charset is not None and charset[1].lower() not in _CHARSETS:
            raise BadRequest(f"the body is in {charset[1]!r}", hint="send it in UTF-8")
        return kind

    async def gone(self) -> None:
        """Returns when the client has disconnected."""
        while (await self._receive())["type"] != "http.disconnect":
            pass


def _too_large(limit: int) -> TooLarge:
    return TooLarge(f"the body is larger than {limit} bytes", hint="send less at once")
