"""A machine with a dashboard, and the browser of its owner."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlencode

import attrs

from hyperverse_core import Config, Ctx, Driver, KindDef, Machine, Particle, Register, handler, hookimpl
from hyperverse_core.config import Control
from portal.web import Browser, Response

__all__ = ["LOOK", "MACHINE", "Counters", "World", "dashboard", "follow", "page"]

MACHINE = "GLOBAL::machine"
LOOK = 1.1
"""Seconds after which figures are asked for again."""


@attrs.define
class Counter(Particle):
    value: int = 0

    @handler("Ext<Add>")
    async def add(self, ctx: Ctx, by: int = 1) -> int:
        self.value += by
        return self.value

    @handler("Ext<Keep>")
    async def keep(self, ctx: Ctx) -> None:
        await ctx.save()

    @handler("Ext<Break>")
    async def fail(self, ctx: Ctx) -> None:
        raise ValueError("it is jammed")

    @handler("Ext<Say>")
    async def fail_with(self, ctx: Ctx, text: str) -> None:
        raise ValueError(text)


class CounterDriver(Driver):
    kind = KindDef("Counter", doc="<b>Counts</b>")
    particle = Counter


class Counters:
    @hookimpl
    def hyperverse_register_drivers(self, register: Register) -> None:
        register(CounterDriver)  # type: ignore[call-arg]


@attrs.define
class World:
    """A machine, and its owner's browser."""

    machine: Machine
    address: str
    owner: Browser


@contextlib.asynccontextmanager
async def dashboard(directory: Path) -> AsyncIterator[World]:
    """A machine with a dashboard and a counter, and a browser that its owner has logged in with."""
    config = Config(data_dir=directory, control=Control(enabled=False), gateways={"portal": {"address": "127.0.0.1:0"}})
    async with Machine(config, plugins=(Counters(),)) as machine:
        await machine.client().exec("create localhost<Space>; create localhost:hits<Counter>")
        (link,) = machine.parts.gateways.invitations().values()
        address = machine.status()["gateways"]["portal"]
        assert "once=" not in str(machine.status())
        owner = Browser(address)
        assert (await follow(owner, link)).status == 303
        yield World(machine, address, owner)


async def follow(browser: Browser, link: str) -> Response:
    return await browser.ask("POST", "/-/login", urlencode({"once": link.partition("once=")[2]}).encode())


async def page(browser: Browser, path: str, status: int = 200) -> str:
    got = await browser.ask("GET", f"/-/{path}")
    assert got.status == status, got.body[:500]
    assert "default-src 'none'" in got.headers["content-security-policy"]
    return got.body.decode()
