"""Kinds for the tests of the fabric."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import attrs

from hyperverse_core import (
    Ctx,
    Driver,
    KindDef,
    Particle,
    Pong,
    PropertiesConfig,
    PropertyDef,
    handler,
    hookimpl,
    transient,
)
from hyperverse_core.errors import Conflict, Unavailable

BIND = PropertiesConfig((PropertyDef("bind", doc="the routes of its waves"), PropertyDef("note")))


def told(reply: Pong) -> dict[str, Any]:
    """A reply as a body."""
    return {"status": reply.status, "outcome": str(reply.outcome), "body": reply.body}


@attrs.define
class Worker(Particle):
    """Does what it is told, and keeps a book of it."""

    value: int = 0
    book: list[str] = attrs.field(factory=list)
    inside: int = transient(default=0)
    most: int = transient(default=0)

    @handler("Ext<Add>")
    async def add(self, ctx: Ctx, by: int = 1) -> int:
        self.value += by
        await ctx.save()
        return self.value

    @handler("Ext<Get>")
    async def get(self, ctx: Ctx) -> int:
        return self.value

    @handler("Ext<Work>")
    async def work(self, ctx: Ctx, tag: str = "", seconds: float = 0.0, turns: int = 0) -> str:
        """Notes the tag, and waits."""
        self.inside += 1
        self.most = max(self.most, self.inside)
        try:
            self.book.append(tag)
            for _ in range(turns):
                await asyncio.sleep(0)
            if seconds:
                await asyncio.sleep(seconds)
        finally:
            self.inside -= 1
        return tag

    @handler("Ext<Book>")
    async def read_book(self, ctx: Ctx) -> list[str]:
        return self.book

    @handler("Ext<Most>")
    async def read_most(self, ctx: Ctx) -> int:
        return self.most

    @handler("Ext<Spoil>")
    async def spoil(self, ctx: Ctx, by: int, seconds: float) -> int:
        """Changes without saving, and waits."""
        self.value += by
        await asyncio.sleep(seconds)
        return self.value

    @handler("Ext<Fail>")
    async def fail(self, ctx: Ctx) -> None:
        self.value += 1
        raise ValueError("a secret of the handler")

    @handler("Ext<Refuse>")
    async def refuse(self, ctx: Ctx) -> None:
        self.value += 1
        await ctx.save()
        raise Unavailable("not today", retry_after=1.0)

    @handler("Ext<Odd>")
    async def odd(self, ctx: Ctx) -> Any:
        return object()

    @handler("Ext<Strict>")
    async def strict(self, ctx: Ctx, number: int, words: list[str], share: float = 0.5) -> list[Any]:
        return [number, words, share]

    @handler("Ext<Keep>")
    async def keep(self, ctx: Ctx, things: list[str]) -> list[str]:
        """Puts the very list that it got to its own use."""
        things.append(ctx.point.name)
        return things

    @handler("Ext<Same>")
    async def same(self, ctx: Ctx, body: Any = None) -> Any:
        return body

    @handler("Ext<Owner>", privilege="press-red-button")
    async def privileged(self, ctx: Ctx) -> str:
        return "pressed"

    @handler("Http<Get>/users/(?P<user>[a-z]+)")
    async def user(self, ctx: Ctx, user: str) -> str:
        return f"user {user}"


@attrs.define
class Relay(Particle):
    """Sends waves on."""

    seen: int = 0
    notes: list[Any] = attrs.field(factory=list)

    @handler("Ext<Relay>")
    async def relay(
        self, ctx: Ctx, to: str, method: str, body: Any = None, wait: float | None = None, behalf: bool = False
    ) -> dict[str, Any]:
        sender = ctx.on_behalf if behalf else ctx
        return told(await sender.ping(to, method, body, wait=wait))

    @handler("Ext<Round>")
    async def go_round(self, ctx: Ctx, way: list[str]) -> list[str]:
        """To the first of the way and on from there; the points that were passed."""
        self.seen += 1
        if not way:
            return [ctx.point.text]
        reply = await ctx.ping(way[0], "Ext<Round>", {"way": way[1:]})
        return [ctx.point.text, *reply.unwrap()]

    @handler("Ext<Forever>")
    async def forever(self, ctx: Ctx, to: str) -> Any:
        return await ctx.ping(to, "Ext<Forever>", {"to": ctx.point.text})

    @handler("Ext<Seen>")
    async def read_seen(self, ctx: Ctx) -> int:
        return self.seen

    @handler("Ext<Spoil>")
    async def spoil(self, ctx: Ctx, through: str, save: bool) -> dict[str, Any]:
        """Has itself called back and cut off there, through another one."""
        body = {"to": ctx.point.text, "method": "Ext<Hang>"}
        reply = await ctx.ping(through, "Ext<Relay>", body, wait=1.0)
        self.seen += 1
        if save:
            await ctx.save()
        return {"status": reply.status, "seen": self.seen}

    @handler("Ext<Hang>")
    async def hang(self, ctx: Ctx) -> None:
        self.seen += 100
        await asyncio.sleep(3600)

    @handler("Ext<Remaining>")
    async def remaining(self, ctx: Ctx) -> float:
        return ctx.remaining

    @handler("Ext<Spread>")
    async def spread(self, ctx: Ctx, to: str, method: str, wait: float | None = None) -> list[dict[str, Any]]:
        return [{"point": e.sender.text, **told(e)} for e in await ctx.ripple(to, method, wait=wait)]

    @handler("Ext<Burst>")
    async def burst(self, ctx: Ctx, to: str, count: int) -> list[int]:
        """Many waves to one, all at once, Pings and Signals by turns."""
        replies = await asyncio.gather(*(self._one(ctx, to, number) for number in range(count)))
        return [reply.status for reply in replies]

    @staticmethod
    async def _one(ctx: Ctx, to: str, number: int) -> Pong:
        send = ctx.signal if number % 2 else ctx.ping
        return await send(to, "Ext<Work>", {"tag": str(number)})

    @handler("Ext<Begin>")
    async def begin(self, ctx: Ctx, to: str, seconds: float) -> None:
        """Begins work that sends to somebody after this wave is over."""
        ctx.spawn(self._later(ctx, to, seconds))

    async def _later(self, ctx: Ctx, to: str, seconds: float) -> None:
        await asyncio.sleep(seconds)
        self.notes.append(told(await ctx.ping(to, "Ext<Bump>", wait=5.0)))

    @handler("Ext<Bump>")
    async def bump(self, ctx: Ctx) -> list[str]:
        self.seen += 1
        return list(ctx.wave.chain)

    @handler("Ext<Many>")
    async def many(self, ctx: Ctx, count: int) -> None:
        for _ in range(count):
            ctx.spawn(asyncio.sleep(3600))

    @handler("Ext<Notes>")
    async def read_notes(self, ctx: Ctx) -> list[Any]:
        return self.notes

    @handler("Ext<Make>")
    async def make(self, ctx: Ctx, point: str, kind: str) -> str:
        return (await ctx.create(point, kind)).owner.text

    @handler("Ext<Execute>")
    async def execute(self, ctx: Ctx, command: str) -> dict[str, Any]:
        return told(await ctx.execute(command))

    @handler("Ext<Whoami>")
    async def whoami(self, ctx: Ctx) -> dict[str, Any]:
        wave = ctx.wave
        headers = dict(wave.headers or {})
        return {"agent": ctx.agent.text, "sender": wave.sender.text, "id": wave.id, "headers": headers}


@attrs.define
class Lively(Particle):
    """Has a life: it says when it starts and stops."""

    value: int = 0
    starts: int = 0

    async def on_start(self, ctx: Ctx) -> None:
        self.starts += 1
        ctx.spawn(asyncio.sleep(3600), name="heart")

    async def on_stop(self, ctx: Ctx) -> None:
        self.value += 1000
        await ctx.save()

    @handler("Ext<Set>")
    async def set(self, ctx: Ctx, to: int) -> None:
        self.value = to

    @handler("Ext<Get>")
    async def get(self, ctx: Ctx) -> list[int]:
        return [self.value, self.starts]


@attrs.define
class Shy(Particle):
    """Cannot start the first times."""

    async def on_start(self, ctx: Ctx) -> None:
        ShyDriver.tries += 1
        if ShyDriver.tries < 3:
            raise RuntimeError("not yet")

    @handler("Ext<Get>")
    async def get(self, ctx: Ctx) -> int:
        return ShyDriver.tries


@attrs.define
class Crowd(Particle):
    """Handles waves at once."""

    concurrent = True
    inside: int = transient(default=0)
    most: int = transient(default=0)

    @handler("Ext<Work>")
    async def work(self, ctx: Ctx, seconds: float = 0.0) -> int:
        self.inside += 1
        self.most = max(self.most, self.inside)
        await asyncio.sleep(seconds)
        self.inside -= 1
        return self.most


@attrs.define
class Page(Particle):
    """Hands out a text: a bind, for instance."""

    text: str = ""

    @handler("Cmd<Read>")
    async def read(self, ctx: Ctx) -> str:
        return self.text

    @handler("Cmd<Update>")
    async def update(self, ctx: Ctx, text: str) -> None:
        self.text = text
        await ctx.save()


@attrs.define
class Taker(Particle):
    """Takes whatever comes and says what it was."""

    taken: list[str] = attrs.field(factory=list)

    @handler("Ext<Taken>")
    async def read_taken(self, ctx: Ctx) -> list[str]:
        return self.taken

    @handler("Ext<Deny>")
    async def deny(self, ctx: Ctx) -> None:
        raise Conflict("it is taken")

    @handler("Ext<Number>")
    async def number(self, ctx: Ctx) -> int:
        return 7

    @handler("*")
    async def take(self, ctx: Ctx, body: Any = None) -> dict[str, Any]:
        wave = ctx.wave
        self.taken.append(f"{wave.method}{wave.path}")
        return {
            "at": ctx.point.text,
            "method": str(wave.method),
            "path": wave.path,
            "body": body,
            "id": wave.id,
            "agent": ctx.agent.text,
            "headers": dict(wave.headers or {}),
        }


class WorkerDriver(Driver):
    kind = KindDef("Worker", doc="does what it is told", properties=BIND)
    particle = Worker


class NarrowDriver(Driver):
    kind = KindDef("Narrow", doc="a worker for whom few may wait")
    particle = Worker
    waves_limit = 3


class RelayDriver(Driver):
    kind = KindDef("Relay", doc="sends waves on")
    particle = Relay


class LivelyDriver(Driver):
    kind = KindDef("Lively", doc="has a life")
    particle = Lively
    idle_after = 60.0


class ShyDriver(Driver):
    kind = KindDef("Shy", doc="does not start at once")
    particle = Shy
    tries = 0

    async def start(self, host: Any) -> None:
        ShyDriver.tries = 0


class CrowdDriver(Driver):
    kind = KindDef("Crowd", doc="handles waves at once")
    particle = Crowd


class PageDriver(Driver):
    kind = KindDef("Page", doc="hands out a text")
    particle = Page


class TakerDriver(Driver):
    kind = KindDef("Taker", doc="takes whatever comes", properties=BIND)
    particle = Taker


class FabricKinds:
    """The plugin that brings them."""

    @hookimpl
    def hyperverse_register_drivers(self, register: Callable[[type[Driver]], None]) -> None:
        for driver in (
            WorkerDriver,
            NarrowDriver,
            RelayDriver,
            LivelyDriver,
            ShyDriver,
            CrowdDriver,
            PageDriver,
            TakerDriver,
        ):
            register(driver)
