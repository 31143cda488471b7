"""Streams of changes as server-sent events: ``GET /-/events?point=localhost:hits&aspect=State``.

A page of a particle may follow changes of that particle, as Anonymous. It has an origin of its own in the browser, so
its requests carry no login, and it only gets what the policy shows to strangers.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final

import msgspec

from hyperverse_core import Pong
from hyperverse_core.errors import BadRequest, TooMany, Unavailable
from hyperverse_core.gateway import GatewayHost, Session
from hyperverse_core.values import Directed, Point

from .agents import Shown, credentials
from .answer import Send
from .api import MACHINE, query_of
from .feed import Feed
from .followers import Followers
from .request import HttpRequest
from .settings import PortalSettings

__all__ = ["ALIVE", "ASPECTS", "Streams"]

ASPECTS: Final = ("State", "Log", "Property", "Child")
ALIVE: Final = 15.0
"""Seconds between two keep-alive comments on a stream without changes."""
_encoder: Final = msgspec.json.Encoder(enc_hook=str)


class _Events:
    """Turns the waves to the session of a stream into events."""

    def __init__(self) -> None:
        self.feed = Feed()
        self._number = 0

    async def receive(self, wave: Directed) -> Pong | None:
        if wave.method.text == "Ext<Changed>":
            self._number += 1
            self.feed.put(_event(_name_of(wave.body), wave.body, self._number))
            return None
        if wave.method.text == "Cmd<Bounce>":
            return Pong()
        return Pong(404, {"error": "a stream accepts changes only"})


class Streams:
    """All event streams and WebSockets of the gateway, which share one limit.

    Args:
        host: the machine.
        settings: the bounds.
        followers: recognise pages of particles.

    Attributes:
        closed: whether the portal is closing.
    """

    def __init__(self, host: GatewayHost, settings: PortalSettings, followers: Followers) -> None:
        self._followers = followers
        self._host = host
        self._settings = settings
        self._open: set[Feed] = set()
        self.closed = False

    def close(self, reason: str) -> None:
        """Ends all of them."""
        self.closed = True
        for feed in self._open:
            feed.close(reason)

    def begin(self, feed: Feed) -> None:
        """Counts one more open stream. Raises TooMany, Unavailable."""
        if self.closed:
            raise Unavailable("the portal is closing", retry_after=1.0)
        if len(self._open) >= self._settings.streams:
            raise TooMany(f"{self._settings.streams} streams are open", retry_after=1.0)
        self._open.add(feed)

    def ended(self, feed: Feed) -> None:
        """Called when a feed has ended, and no longer counts as open."""
        self._open.discard(feed)

    async def serve(self, request: HttpRequest, token: Shown, send: Send) -> None:
        """Answers a request with a stream, which ends when the reader disconnects or is too slow, or the token expires.

        Raises:
            ParseError: the point in the query is malformed.
            BadRequest: the query has no point, or an unknown aspect.
            Forbidden: the request does not come from a page of the particle at its host.
            TooMany: too many streams are open.
            HyperverseError: the token is not valid, or its agent may not watch that particle. In this case nothing has
                been sent.
        """
        query = query_of(request)
        points = [Point.parse(value).text for name, value in query if name == "point"]
        words = [value for name, value in query if name == "follow"]
        if words:  # a page of a particle acts as a stranger, whoever views it
            token, points = "", [self._followers.of(request, words[0])]
        aspects = [value for name, value in query if name == "aspect"] or list(ASPECTS)
        if not points:
            raise BadRequest("the query names no point", hint="/-/events?point=localhost:hits&aspect=State")
        events = _Events()
        self.begin(events.feed)
        try:
            shown = credentials(token, request.address)
            opened = self._host.sessions.open(shown, receive=events.receive, ended=events.feed.close)
            session = await opened
            try:
                await self._watch(session, points, aspects)
                await self._pass_on(events.feed, request, send, by_page=bool(words))
            finally:
                session.end("the stream has ended")
        finally:
            self.ended(events.feed)

    async def _watch(self, session: Session, points: Sequence[str], aspects: Sequence[str]) -> None:
        for point in points:
            body = {"point": point, "aspects": list(aspects)}
            (await session.ping(MACHINE, "Ext<Watch>", body, wait=self._settings.wait)).unwrap()

    async def _pass_on(self, feed: Feed, request: HttpRequest, send: Send, *, by_page: bool) -> None:
        headers = [
            (b"content-type", b"text/event-stream"),
            (b"cache-control", b"no-store"),
            (b"x-accel-buffering", b"no"),  # a proxy that buffers would hold changes back
        ]
        if by_page:
            headers.append((b"access-control-allow-origin", b"null"))
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        # A client that reconnects cannot know the changes of the meantime.
        first = _event("missed", {}) if request.header("last-event-id") else b": watching\n\n"
        await feed.sent(send(_part(first)))
        watching = asyncio.ensure_future(self._gone(request, feed))
        try:
            while not watching.done():
                message = await feed.take(ALIVE)
                if watching.done():
                    return
                if message is None:
                    await feed.sent(send(_part(_event("end", {"reason": feed.end}), more=False)))
                    return
                await feed.sent(send(_part(message or b": alive\n\n")))
        except TimeoutError:
            return  # the reader has stopped reading: close the connection
        finally:
            watching.cancel()

    @staticmethod
    async def _gone(request: HttpRequest, feed: Feed) -> None:
        await request.gone()
        feed.close("the reader has gone")


def _part(data: bytes, *, more: bool = True) -> dict[str, object]:
    return {"type": "http.response.body", "body": data, "more_body": more}


def _name_of(change: object) -> str:
    if not isinstance(change, dict):
        return "change"
    if change.get("change") == "missed":
        return "missed"
    aspect = change.get("aspect")
    return aspect.lower() if isinstance(aspect, str) and aspect.isalpha() else "change"


def _event(name: str, body: object, number: int = 0) -> bytes:
    head = f"id: {number}\n" if number else ""
    return f"{head}event: {name}\ndata: ".encode() + _encoder.encode(body) + b"\n\n"
