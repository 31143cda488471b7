"""Kinds for the tests of the language."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs

from hyperverse_core import Ctx, Driver, KindDef, Particle, Pong, PropertiesConfig, PropertyDef, handler, hookimpl
from hyperverse_core.universe.kind_defs.properties import PropertyPattern, PropertySource

_PROPERTIES = PropertiesConfig(
    (
        PropertyDef("bind", "its routes", PropertyPattern.BIND),
        PropertyDef("note", "anything"),
        PropertyDef("size", "a number", PropertyPattern.U64),
        PropertyDef("key", "what only it may know", source=PropertySource.CORE_SECRET),
    )
)


@attrs.define
class Scribe(Particle):
    """Writes down what reaches it, and answers with that."""

    taken: list[dict[str, Any]] = attrs.field(factory=list)

    @handler("Ext<Taken>")
    async def read_taken(self, ctx: Ctx) -> list[dict[str, Any]]:
        return self.taken

    @handler("Ext<Upper>")
    async def upper(self, ctx: Ctx, body: Any) -> Pong:
        return Pong(201, str(body).upper(), headers={"case": "upper"})

    @handler("Ext<Refuse>")
    async def refuse(self, ctx: Ctx, body: Any = None) -> Pong:
        return Pong(451, {"error": "not to be read"})

    @handler("*")
    async def take(self, ctx: Ctx, body: Any = None) -> dict[str, Any]:
        wave = ctx.wave
        seen = {
            "at": ctx.point.text,
            "method": str(wave.method),
            "path": wave.path,
            "body": body,
            "id": wave.id,
            "headers": dict(wave.headers or {}),
        }
        self.taken.append(seen)
        return seen


@attrs.define
class Page(Particle):
    """Hands out a text, and counts how often it has."""

    text: str = ""
    reads: int = 0

    @handler("Cmd<Read>")
    async def read(self, ctx: Ctx) -> str:
        self.reads += 1
        return self.text

    @handler("Cmd<Update>")
    async def update(self, ctx: Ctx, text: str) -> None:
        self.text = text
        await ctx.save()

    @handler("Ext<Reads>")
    async def count(self, ctx: Ctx) -> int:
        return self.reads


class ScribeDriver(Driver):
    kind = KindDef("Scribe", doc="writes down what reaches it", properties=_PROPERTIES)
    particle = Scribe


class PageDriver(Driver):
    kind = KindDef("Page", doc="hands out a text")
    particle = Page


class LanguageKinds:
    """The plugin that brings them."""

    @hookimpl
    def hyperverse_register_drivers(self, register: Callable[[type[Driver]], None]) -> None:
        register(ScribeDriver)
        register(PageDriver)
