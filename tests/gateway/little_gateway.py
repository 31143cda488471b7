"""A little gateway that is right: lines of JSON over TCP, many waves at once, and a test's connection to it."""

from __future__ import annotations

import asyncio
import itertools
import json
from pathlib import Path
from typing import Any

from hyperverse_core import Pong
from hyperverse_core.errors import HyperverseError, Unavailable
from hyperverse_core.gateway import Gateway, GatewayHost, Session
from hyperverse_core.policy import Credentials
from hyperverse_core.testing import GatewayConformance, GatewayConnection

_LINE = 1 << 20


class LittleGateway(Gateway):
    """The first line is the token; each further one is ``{"id", "point", "method", "body"}``."""

    def __init__(self, settings: Any = None) -> None:
        super().__init__(settings)
        self.server: asyncio.Server | None = None
        self.talks: set[asyncio.Task[None]] = set()

    async def open(self, host: GatewayHost) -> None:
        self.host = host
        name, _, port = (self.settings.get("address") or "127.0.0.1:0").rpartition(":")
        try:
            self.server = await asyncio.start_server(self.let_in, name, int(port), limit=_LINE)
        except OSError as exc:
            raise Unavailable(f"{name}:{port} is in use", hint="give another address") from exc
        self.address = "{}:{}".format(*self.server.sockets[0].getsockname())

    async def let_in(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self.talks.add(task)
        try:
            await self.talk(reader, writer)
        except (OSError, asyncio.CancelledError):
            """The agent has gone, or the gateway closes."""
        finally:
            self.talks.discard(task)
            writer.close()

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        def say(**what: Any) -> None:
            if not writer.is_closing():
                writer.write(json.dumps(what).encode() + b"\n")

        async def receive(wave: Any) -> Any:
            say(method=wave.method.text, body=wave.body)

        try:
            session = await self.enter((await reader.readline()).decode().strip(), receive)
        except HyperverseError as exc:
            say(id=None, status=exc.status, body=exc.message)
            return
        say(id=None, status=200, body=session.point.text)
        waves: set[asyncio.Task[None]] = set()
        try:
            while line := await reader.readline():
                task = asyncio.ensure_future(self.answer(session, json.loads(line), say))
                waves.add(task)
                task.add_done_callback(waves.discard)
        finally:
            self.leave(session)
            for task in tuple(waves):
                task.cancel()

    async def enter(self, token: str, receive: Any) -> Session:
        return await self.host.sessions.open(Credentials(token), receive=receive)

    async def answer(self, session: Session, asked: Any, say: Any) -> None:
        try:
            pong = await session.ping(asked["point"], asked["method"], asked["body"], wait=60.0)
        except HyperverseError as exc:
            pong = Pong.failure(exc)
        say(id=asked["id"], status=pong.status, body=pong.body)

    def leave(self, session: Session) -> None:
        session.end("the agent has gone")

    async def close(self) -> None:
        self.address = ""
        if self.server is not None:
            self.server.close()
        talks = tuple(self.talks)
        for task in talks:
            task.cancel()
        await asyncio.gather(*talks, return_exceptions=True)


class LittleConnection(GatewayConnection):
    """The other end."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self.ids = itertools.count()
        self.waits: dict[int, asyncio.Future[Pong]] = {}
        self.waves: asyncio.Queue[tuple[str, Any]] = asyncio.Queue()
        self.reading: asyncio.Task[None] | None = None

    async def enter(self, token: str) -> None:
        self.writer.write(token.encode() + b"\n")
        said = json.loads(await self.reader.readline() or b'{"status": 503}')
        if said["status"] != 200:
            await self.close()
            raise ConnectionError(f"refused with {said['status']}")
        self.reading = asyncio.ensure_future(self.read())

    async def read(self) -> None:
        try:
            while line := await self.reader.readline():
                said = json.loads(line)
                if "method" in said:
                    self.waves.put_nowait((said["method"], said["body"]))
                else:
                    self.waits.pop(said["id"]).set_result(Pong(said["status"], said["body"]))
        except OSError:
            """The gateway has gone."""
        finally:
            self.writer.close()
            for wait in self.waits.values():
                if not wait.done():
                    wait.set_exception(ConnectionError("the gateway has gone"))

    async def ping(self, point: str, method: str, body: Any = None) -> Pong:
        if self.writer.is_closing():
            raise ConnectionError("the gateway has gone")
        number = next(self.ids)
        wait = self.waits[number] = asyncio.get_running_loop().create_future()
        asked = {"id": number, "point": point, "method": method, "body": body}
        self.writer.write(json.dumps(asked).encode() + b"\n")
        return await wait

    async def received(self) -> tuple[str, Any]:
        return await self.waves.get()

    async def close(self) -> None:
        self.writer.close()
        if self.reading is not None:
            self.reading.cancel()
            await asyncio.gather(self.reading, return_exceptions=True)


class LittleKit(GatewayConformance):
    """The kit for it, and for those that are derived from it."""

    gateway: type[LittleGateway] = LittleGateway

    def make(self, address: str = "") -> Gateway:
        return self.gateway({"address": address})

    async def connect(self, address: str, token: str, data_dir: Path) -> GatewayConnection:
        name, _, port = address.rpartition(":")
        connection = LittleConnection(*await asyncio.open_connection(name, int(port), limit=_LINE))
        await connection.enter(token)
        return connection
