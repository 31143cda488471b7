"""Gateways that are wrong, each in its own way. Not collected by itself: test_broken_gateways.py runs it and looks at
which tests fail."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from gateway.little_gateway import LittleGateway
from gateway.little_gateway import LittleKit as WholeKit
from hyperverse_core.errors import HyperverseError
from hyperverse_core.gateway import GatewayHost, Session


class LittleKit(WholeKit):
    patience = 2.0  # most of them are caught by waiting for what does not come


class SharesASession(LittleGateway):
    """Whoever comes later acts as the one who came first."""

    shared: Session | None = None

    async def enter(self, token: str, receive: Any) -> Session:
        session = await super().enter(token, receive)
        self.shared = self.shared or session
        return self.shared


class LetsStrangersIn(LittleGateway):
    """Whoever shows wrong credentials acts as the one who was let in last."""

    last = ""

    async def enter(self, token: str, receive: Any) -> Session:
        try:
            session = await super().enter(token, receive)
        except HyperverseError:
            return await super().enter(self.last, receive)
        self.last = token
        return session


class HidesRefusals(LittleGateway):
    async def answer(self, session: Session, asked: Any, say: Any) -> None:
        pong = await session.ping(asked["point"], asked["method"], asked["body"])
        say(id=asked["id"], status=200, body=pong.body)


class HangsUpOnTooMuch(LittleGateway):
    """One wave that is refused costs the connection."""

    async def answer(self, session: Session, asked: Any, say: Any) -> None:
        pong = await session.ping(asked["point"], asked["method"], asked["body"])
        say(id=asked["id"], status=pong.status, body=pong.body)
        if pong.status == 413:
            session.end("too large")


class IgnoresNonsense(LittleGateway):
    async def answer(self, session: Session, asked: Any, say: Any) -> None:
        if asked["method"].endswith(">"):
            await super().answer(session, asked, say)


class OneAfterTheOther(LittleGateway):
    """A wave that waits holds up all others of its connection."""

    def __init__(self, settings: Any = None) -> None:
        super().__init__(settings)
        self.turn = asyncio.Lock()

    async def answer(self, session: Session, asked: Any, say: Any) -> None:
        async with self.turn:
            await super().answer(session, asked, say)


class TakesNoWaves(LittleGateway):
    async def enter(self, token: str, receive: Any) -> Session:
        return await super().enter(token, None)


class KeepsSessions(LittleGateway):
    def leave(self, session: Session) -> None:
        """Forgets that the agent has gone."""


class KeepsListening(LittleGateway):
    async def close(self) -> None:
        self.address = ""


class ClosesOnce(LittleGateway):
    async def close(self) -> None:
        assert self.address, "it is closed"
        await super().close()


class ClosesSlowly(LittleGateway):
    async def close(self) -> None:
        await asyncio.sleep(4.5)
        await super().close()


class RaisesWhatItGets(LittleGateway):
    async def open(self, host: GatewayHost) -> None:
        try:
            await super().open(host)
        except HyperverseError as exc:
            raise OSError("in use") from exc


class LeavesATask(LittleGateway):
    async def open(self, host: GatewayHost) -> None:
        await super().open(host)
        self.beat = asyncio.ensure_future(asyncio.sleep(15))


class WritesALog(LittleGateway):
    async def enter(self, token: str, receive: Any) -> Session:
        log = Path(self.host.data_dir).parent / "gateway.log"
        log.write_text("somebody has come\n")
        return await super().enter(token, receive)


class TestSharesASession(LittleKit):
    gateway = SharesASession


class TestLetsStrangersIn(LittleKit):
    gateway = LetsStrangersIn


class TestHidesRefusals(LittleKit):
    gateway = HidesRefusals


class TestHangsUpOnTooMuch(LittleKit):
    gateway = HangsUpOnTooMuch


class TestIgnoresNonsense(LittleKit):
    gateway = IgnoresNonsense


class TestOneAfterTheOther(LittleKit):
    gateway = OneAfterTheOther


class TestTakesNoWaves(LittleKit):
    gateway = TakesNoWaves


class TestKeepsSessions(LittleKit):
    gateway = KeepsSessions


class TestKeepsListening(LittleKit):
    gateway = KeepsListening


class TestClosesOnce(LittleKit):
    gateway = ClosesOnce


class TestClosesSlowly(LittleKit):
    gateway = ClosesSlowly


class TestRaisesWhatItGets(LittleKit):
    gateway = RaisesWhatItGets


class TestLeavesATask(LittleKit):
    gateway = LeavesATask


class TestWritesALog(LittleKit):
    gateway = WritesALog
