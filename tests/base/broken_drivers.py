"""Drivers that are wrong, each in its own way, and the kit's tests for them. Not collected by itself:
test_broken_drivers.py runs it and looks at which tests fail."""

from __future__ import annotations

from typing import ClassVar

import attrs

from hyperverse_core import Ctx, Driver, KindDef, Particle, Point, handler
from hyperverse_core.testing import DriverConformance


@attrs.define
class Counter(Particle):
    value: int = 0

    @handler("Ext<Add>")
    async def add(self, ctx: Ctx, by: int = 1) -> int:
        self.value += by
        await ctx.save()
        return self.value


@attrs.define
class Unsaved(Particle):
    value: int = 0

    @handler("Ext<Add>")
    async def add(self, ctx: Ctx, by: int = 1) -> int:
        self.value += by
        return self.value


@attrs.define
class Forgetful(Counter):
    async def on_start(self, ctx: Ctx) -> None:
        self.value = 0


class NoAttrs(Particle):
    value: int

    def __init__(self) -> None:
        self.value = 0

    @handler("Ext<Add>")
    async def add(self, ctx: Ctx, by: int = 1) -> int:
        self.value += by
        await ctx.save()
        return self.value


_SHARED: list[int] = []


@attrs.define
class Sharing(Particle):
    values: list[int] = _SHARED

    @handler("Ext<Add>")
    async def add(self, ctx: Ctx, by: int = 1) -> int:
        self.values.append(by)
        await ctx.save()
        return len(self.values)


@attrs.define
class TakesEverything(Particle):
    value: int = 0

    @handler("Ext<Add>")
    async def add(self, ctx: Ctx, by: int = 1) -> int:
        self.value += by
        await ctx.save()
        return self.value

    @handler("Ext<Put>")
    async def put(self, ctx: Ctx, one: object = None, two: object = None) -> None:
        """Raises what is no answer to a body that does not fit."""

    @handler("Cmd<Read>")
    async def read(self, ctx: Ctx) -> int:
        self.value += 1
        return self.value


class Broken(DriverConformance):
    __test__ = False
    changes = (("Ext<Add>", {"by": 3}),)


class TestUnsaved(Broken):
    __test__ = True

    class driver(Driver):
        kind = KindDef("Unsaved", doc="Answers before it saves")
        particle = Unsaved


class TestForgetful(Broken):
    __test__ = True

    class driver(Driver):
        kind = KindDef("Forgetful", doc="Begins anew each time")
        particle = Forgetful


class TestNoAttrs(Broken):
    __test__ = True

    class driver(Driver):
        kind = KindDef("NoAttrs", doc="Declares state that nobody keeps")
        particle = NoAttrs


class TestSharing(Broken):
    __test__ = True

    class driver(Driver):
        kind = KindDef("Sharing", doc="All its particles have one list")
        particle = Sharing


class TestOneForAll(Broken):
    __test__ = True

    class driver(Driver):
        kind = KindDef("OneForAll", doc="Has one object for all its particles")
        particle = Counter
        only: ClassVar[Counter] = Counter()

        def create(self, point: Point, kind_text: str) -> Particle:
            return self.only


class TestNeverForgets(Broken):
    __test__ = True

    class driver(Driver):
        kind = KindDef("NeverForgets", doc="Keeps deleted particles")
        particle = Counter
        kept: ClassVar[dict[Point, Counter]] = {}

        def create(self, point: Point, kind_text: str) -> Particle:
            return self.kept.setdefault(point, Counter())


class TestNowhere(Broken):
    __test__ = True

    class driver(Driver):
        kind = KindDef("Nowhere", doc="Lives on stars that there are not")
        particle = Counter
        star_kinds = frozenset({"Nebula"})


class TestSilent(Broken):
    __test__ = True

    class driver(Driver):
        kind = KindDef("Silent")
        particle = Counter


class TestChangesWhenRead(Broken):
    __test__ = True

    class driver(Driver):
        kind = KindDef("ChangesWhenRead", doc="Counts how often it was read")
        particle = TakesEverything


class TestDoesNotStart(Broken):
    __test__ = True

    class driver(Driver):
        kind = KindDef("DoesNotStart", doc="Raises when it is started")
        particle = Counter

        async def start(self, host: object) -> None:
            raise RuntimeError("no")
