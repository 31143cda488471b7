"""Sockets: WebSockets on which both sides send Pings, and which report changes. Each message is one JSON object.

Messages of the client have an ``id`` that it chooses and that the answer repeats::

    {"id": 1, "to": "localhost:hits", "method": "Ext<Add>", "body": {"by": 2}}
    {"id": 2, "watch": "localhost:hits", "aspects": ["State"]}
    {"id": 3, "unwatch": "localhost:hits"}
    {"answer": "w1", "status": 200, "body": 7}

The portal sends ``{"point": ...}`` first, then answers, ``{"change": ...}``, ``{"ping": "w1", "from": ..., "method":
..., "body": ...}`` for a Ping to that point, ``{"signal": ...}``, and ``{"end": reason}`` last.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from hyperverse_core import Pong
from hyperverse_core.errors import BadRequest, HyperverseError, TooMany
from hyperverse_core.gateway import GatewayHost, Session
from hyperverse_core.values import Directed, Point, Signal

from .agents import Shown, credentials
from .answer import Send, failed
from .api import MACHINE
from .events import ALIVE, ASPECTS, Streams
from .feed import Feed
from .json_text import value_of
from .request import HttpRequest, Receive
from .settings import PortalSettings

__all__ = ["Sockets"]

_UNDER_WAY: Final = 64
"""Greatest number of waves of one socket in progress. The next message is read when one of them has ended."""
_UNANSWERED: Final = 256
"""Greatest number of Pings to one socket that may wait for answers."""
_GOING_AWAY: Final = 1001
_POLICY: Final = 1008
_encoder: Final = msgspec.json.Encoder(enc_hook=str)
_SHAPES: Final = 'send {"id": 1, "to": POINT, "method": METHOD, "body": ...} or {"id": 1, "watch": POINT}'


class _Socket:
    """One connection.

    Args:
        settings: the bounds.
    """

    def __init__(self, settings: PortalSettings) -> None:
        self._settings = settings
        self._names = itertools.count(1)
        self._asked: dict[str, asyncio.Future[Pong]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._room = asyncio.Semaphore(_UNDER_WAY)
        self.feed = Feed()

    def say(self, **message: Any) -> None:
        """Queues a message for the client."""
        self.feed.put(_encoder.encode(message))

    async def receive(self, wave: Directed) -> Pong | None:
        """Handles a wave to the session's own point."""
        method = wave.method.text
        told = {"from": wave.sender.text, "method": method, "body": wave.body}
        if method == "Ext<Changed>":
            self.say(change=wave.body)
            return None
        if isinstance(wave, Signal):
            self.say(signal=told)
            return None
        if method == "Cmd<Bounce>":
            return Pong()
        if len(self._asked) >= _UNANSWERED:
            return Pong.failure(TooMany(f"{_UNANSWERED} waves wait for answers from this client", retry_after=1.0))
        name = f"w{next(self._names)}"
        answer = self._asked[name] = asyncio.get_running_loop().create_future()
        try:
            self.say(ping=name, **told)
            pong: Pong = await answer
            return pong
        finally:
            del self._asked[name]

    async def read(self, session: Session, receive: Receive) -> None:
        """Handles the client's messages until it disconnects."""
        while True:
            await self._room.acquire()
            message = await receive()
            if message["type"] != "websocket.receive":
                self.feed.close("the client has gone")
                return
            task = asyncio.create_task(self._take(session, message))
            self._tasks.add(task)
            task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._room.release()

    async def _take(self, session: Session, message: Mapping[str, Any]) -> None:
        said: Any = None
        try:
            said = value_of(message.get("text") or message.get("bytes") or b"")
            if not isinstance(said, dict):
                raise BadRequest("a message must be a JSON object", hint=_SHAPES)
            pong = await self._answer(session, said)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as exc:
            pong = Pong.failure(BadRequest(f"a message is not JSON: {exc}", hint=_SHAPES))
        except HyperverseError as exc:
            pong = failed(exc)
        if pong is not None:
            name = said.get("id") if isinstance(said, dict) else None
            told = {"status": pong.status, "outcome": str(pong.outcome), "body": pong.body}
            self.say(id=name, **told, wave=pong.id, star=pong.star)

    async def _answer(self, session: Session, said: dict[str, Any]) -> Pong | None:
        """Returns the answer to a message; None if the message is itself an answer. Raises HyperverseError."""
        wait = self._settings.wait
        match said:
            case {"answer": str(name), **rest}:
                self._answered(name, rest)
                return None
            case {"to": str(point), "method": str(method)}:
                return await session.ping(point, method, said.get("body"), wait=wait)
            case {"watch": str(point)}:
                body = {"point": Point.parse(point).text, "aspects": said.get("aspects", list(ASPECTS))}
                return await session.ping(MACHINE, "Ext<Watch>", body, wait=wait)
            case {"unwatch": str(point)}:
                body = {"point": Point.parse(point).text, "aspects": said.get("aspects")}
                return await session.ping(MACHINE, "Ext<Unwatch>", body, wait=wait)
        raise BadRequest("the message has an unknown form", hint=_SHAPES)

    def _answered(self, name: str, said: Mapping[str, Any]) -> None:
        """Handles the client's answer to a Ping. A late answer, for which nobody waits any more, is not an error."""
        status = said.get("status", 200)
        if not isinstance(status, int) or not 100 <= status <= 599:
            raise BadRequest(f"status = {status!r}", hint="the status must be an HTTP status, such as 200")
        waiting = self._asked.get(name)
        if waiting is not None and not waiting.done():
            waiting.set_result(Pong(status, said.get("body")))

    def stop(self) -> None:
        """Cancels the tasks in progress."""
        for task in self._tasks:
            task.cancel()


class Sockets:
    """All WebSockets of the gateway.

    Args:
        host: the machine.
        settings: the bounds.
        streams: the event streams, which share a limit with the sockets and end with them.
    """

    def __init__(self, host: GatewayHost, settings: PortalSettings, streams: Streams) -> None:
        self._host = host
        self._settings = settings
        self._streams = streams

    async def serve(self, request: HttpRequest, token: Shown, receive: Receive, send: Send) -> None:
        """Serves a client until it disconnects, is too slow, or its token expires.

        Raises HyperverseError if the client is refused. In this case nothing has been sent.
        """
        socket = _Socket(self._settings)
        self._streams.begin(socket.feed)
        try:
            shown = credentials(token, request.address)
            session = await self._host.sessions.open(shown, receive=socket.receive, ended=socket.feed.close)
            try:
                await self._connected(socket, session, receive, send)
            finally:
                socket.stop()
                session.end("the socket has ended")
        finally:
            self._streams.ended(socket.feed)

    async def _connected(self, socket: _Socket, session: Session, receive: Receive, send: Send) -> None:
        await send({"type": "websocket.accept"})
        socket.say(point=session.point.text, agent=session.agent.text)
        reading = asyncio.create_task(socket.read(session, receive))
        try:
            while (message := await socket.feed.take(ALIVE)) is not None:
                if message:
                    await socket.feed.sent(send({"type": "websocket.send", "text": message.decode()}))
            if not reading.done():
                said = _encoder.encode({"end": socket.feed.end}).decode()
                await socket.feed.sent(send({"type": "websocket.send", "text": said}))
                code = _GOING_AWAY if self._streams.closed else _POLICY
                await socket.feed.sent(send({"type": "websocket.close", "code": code, "reason": socket.feed.end[:100]}))
        except (TimeoutError, OSError):
            return  # the client has stopped reading, or disconnected: close the connection
        finally:
            reading.cancel()
