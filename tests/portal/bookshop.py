"""A machine with a portal and a shelf of books, for the tests of this folder."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import attrs

from hyperverse_core import Config, Ctx, Driver, KindDef, Machine, Particle, Pong, Register, handler, hookimpl
from hyperverse_core.config import Choice, Control, Limits

__all__ = ["BODY", "Shelves", "World", "bookshop"]

BODY = 64 * 1024


@attrs.define
class Shelf(Particle):
    """A shelf of books."""

    books: list[str] = attrs.field(factory=list)

    @handler("Http<Get>/json")
    async def listed(self, ctx: Ctx) -> dict[str, Any]:
        return {"books": self.books, "path": ctx.wave.path, "agent": ctx.agent.text}

    @handler("Http<Get>/seen")
    async def seen(self, ctx: Ctx) -> dict[str, str]:
        return dict(ctx.wave.headers or {})

    @handler("Http<Get>/odd")
    async def odd(self, ctx: Ctx) -> Pong:
        headers = {"etag": '"1"', "x-bad": "a\r\nset-cookie: x=1", "content-length": "7", "set-cookie": "y=1"}
        return Pong(418, b"\0\1", headers=headers)

    @handler("Http<Get>")
    async def show(self, ctx: Ctx) -> str:
        """The books, one a line."""
        return "\n".join(self.books)

    @handler("Http<Post>")
    async def put(self, ctx: Ctx, title: str) -> int:
        self.books.append(title)
        await ctx.save()
        return len(self.books)

    @handler("Ext<Put>")
    async def put_too(self, ctx: Ctx, title: str, times: int = 1) -> int:
        """Puts a book there."""
        self.books += [title] * min(times, 5)  # any number fits the description
        await ctx.save()
        return len(self.books)

    @handler("Ext<Shout>")
    async def shout(self, ctx: Ctx, text: str, times: int) -> None:
        for _ in range(times):
            ctx.log.info(text)

    @handler("Ext<Sleep>")
    async def sleep(self, ctx: Ctx) -> None:
        await asyncio.sleep(3600)

    @handler("Ext<Busy>")
    async def busy(self, ctx: Ctx) -> Pong:
        return Pong(503, {"error": "later", "retry_after": 2.5})


class ShelfDriver(Driver):
    kind = KindDef("Shelf", doc="Books")
    particle = Shelf


class Shelves:
    @hookimpl
    def hyperverse_register_drivers(self, register: Register) -> None:
        register(ShelfDriver)  # type: ignore[call-arg]


@attrs.frozen
class World:
    """A machine, where its portal is, and the tokens of its owner and of a user without rights."""

    machine: Machine
    address: str
    token: str
    stranger: str


@contextlib.asynccontextmanager
async def bookshop(folder: Path, *, anonymous: bool = False, body: int = BODY, **settings: Any) -> AsyncIterator[World]:
    """The machine, with these settings of the portal beside those of all tests.

    Args:
        anonymous: whether strangers are let in.
        body: bytes that a body may have.
    """
    portal = {
        "address": "127.0.0.1:0",
        "hosts": {"books.example": "localhost:books"},
        "head_seconds": 0.5,
        "body_seconds": 0.5,
        **settings,
    }
    config = Config(
        data_dir=folder / "data",
        control=Control(enabled=False),
        limits=Limits(body=body),
        gateways={"portal": portal},
        security=Choice("grants", {"anonymous": anonymous}),
    )
    async with Machine(config, plugins=(Shelves(),)) as machine:
        client = machine.client()
        await client.exec("create localhost<Space>; create localhost:books<Shelf>; create hyperspace:users:eve<User>")
        token = (folder / "data" / "token").read_text().strip()
        stranger = await client.ask("GLOBAL::users", "Ext<IssueToken>", {"agent": "hyperspace:users:eve"})
        yield World(machine, machine.status()["gateways"]["portal"], token, stranger["token"])
