"""A small HTTP client for tests: it says just what it is told to, also what no proper client would."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import attrs

from patience import PATIENCE

__all__ = ["Browser", "Response", "Stream", "ask", "raw"]


@attrs.frozen
class Response:
    """An answer."""

    status: int
    headers: dict[str, str]
    body: bytes
    cookies: tuple[str, ...] = ()

    @property
    def json(self) -> Any:
        """Its content."""
        return json.loads(self.body)


def place(address: str) -> tuple[str, int]:
    host, _, port = address.removeprefix("http://").partition("/")[0].rpartition(":")
    return host, int(port)


async def raw(address: str, said: bytes) -> bytes:
    """What is answered to these bytes, until the connection ends."""
    reader, writer = await asyncio.open_connection(*place(address))
    try:
        writer.write(said)
        return await asyncio.wait_for(reader.read(), PATIENCE)
    finally:
        writer.close()


async def head_of(reader: asyncio.StreamReader) -> tuple[int, dict[str, str]]:
    status, pairs = await pairs_of(reader)
    return status, dict(pairs)


async def pairs_of(reader: asyncio.StreamReader) -> tuple[int, list[tuple[str, str]]]:
    head = (await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), PATIENCE)).decode("latin-1").split("\r\n")
    pairs = [line.partition(": ") for line in head[1:] if line]
    return int(head[0].split()[1]), [(name.lower(), value) for name, _, value in pairs]


def request(method: str, path: str, headers: dict[str, str], body: bytes) -> bytes:
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    if "upgrade" not in headers:  # a client of a WebSocket sends no body, and says nothing of its length
        lines.append(f"content-length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode() + body


async def ask(
    address: str,
    method: str,
    path: str,
    *,
    token: str = "",
    body: object = None,
    host: str = "localhost",
    **headers: str,
) -> Response:
    """Sends one request. A body that is neither text nor bytes goes as JSON."""
    sent: dict[str, str] = {"host": host, "connection": "close"}
    if token:
        sent["authorization"] = f"Bearer {token}"
    content = b""
    if isinstance(body, bytes):
        content = body
    elif isinstance(body, str):
        content, sent["content-type"] = body.encode(), "text/plain"
    elif body is not None:
        content, sent["content-type"] = json.dumps(body).encode(), "application/json"
    sent |= {name.replace("_", "-"): value for name, value in headers.items()}
    reader, writer = await asyncio.open_connection(*place(address))
    try:
        writer.write(request(method, path, sent, content))
        status, got = await pairs_of(reader)
        cookies = tuple(value for name, value in got if name == "set-cookie")
        return Response(status, dict(got), await asyncio.wait_for(reader.read(), PATIENCE), cookies)
    finally:
        writer.close()


class Browser:
    """Keeps the cookie that it is given."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.cookie = ""

    async def ask(self, method: str, path: str, body: object = None, **headers: str) -> Response:
        if self.cookie:
            headers["cookie"] = self.cookie
        got = await ask(self.address, method, path, body=body, **headers)
        if "set-cookie" in got.headers:
            self.cookie = got.headers["set-cookie"].partition(";")[0]
        return got


class Stream:
    """A stream of server-sent events."""

    def __init__(self, address: str, query: str, token: str, **headers: str) -> None:
        self.address, self.query, self.token, self.headers = address, query, token, headers
        self.writer: asyncio.StreamWriter
        self.reader: asyncio.StreamReader

    async def __aenter__(self) -> Stream:
        self.reader, self.writer = await asyncio.open_connection(*place(self.address))
        shown = {"authorization": f"Bearer {self.token}"} if self.token else {}
        sent = {"host": "localhost", **shown, **self.headers}
        self.writer.write(request("GET", f"/-/events?{self.query}", sent, b""))
        self.status, self.got = await head_of(self.reader)
        return self

    async def __aexit__(self, *exc: object) -> None:
        self.writer.close()

    async def events(self) -> AsyncIterator[tuple[str, Any]]:
        """Name and data of each event, until the stream ends."""
        text = b""
        while True:
            size = int((await asyncio.wait_for(self.reader.readline(), PATIENCE)).strip() or b"0", 16)
            if size == 0:
                return
            text += await self.reader.readexactly(size)
            await self.reader.readexactly(2)
            while b"\n\n" in text:
                event, _, text = text.partition(b"\n\n")
                fields = dict(line.split(": ", 1) for line in event.decode().splitlines() if not line.startswith(":"))
                if fields:
                    yield fields["event"], json.loads(fields["data"])
