"""Drivers that are wrong, each in its own way, and the kit's tests for them. Not collected by itself:
test_broken_drivers.py runs it and looks at which tests fail."""

from __future__ import annotations

import asyncio
from typing import ClassVar

import attrs

from hyperverse_core import Ctx, Driver, DriverHost, KindDef, Particle, ParticleRecord, Point, handler
from hyperverse_core.driver import HandlerSpec, Traits
from hyperverse_core.errors import Conflict
from hyperverse_core.testing import DriverConformance
from hyperverse_core.values import PropertiesConfig, PropertyDef, RouteSelector

SIZE = PropertiesConfig((PropertyDef("size"),))


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


@attrs.define
class Sorry(Counter):
    async def on_stop(self, ctx: Ctx) -> None:
        raise RuntimeError("it cannot let go")


class HalfDumped(Particle):
    def __init__(self) -> None:
        self.value = 0
        self.calls = 0

    def dump(self) -> bytes:
        return b"%d %d" % (self.value, self.calls)

    def load(self, saved: object) -> None:
        assert isinstance(saved, bytes)
        self.value = int(saved.split()[0])

    @handler("Ext<Add>")
    async def add(self, ctx: Ctx, by: int = 1) -> int:
        self.value += by
        self.calls += 1
        await ctx.save()
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

        async def create(self, record: ParticleRecord) -> Particle:
            return self.only


class TestNeverForgets(Broken):
    __test__ = True

    class driver(Driver):
        kind = KindDef("NeverForgets", doc="Keeps deleted particles")
        particle = Counter
        kept: ClassVar[dict[Point, Counter]] = {}

        async def create(self, record: ParticleRecord) -> Particle:
            return self.kept.setdefault(record.point, Counter())


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


class TestRefusesWithoutReason(Broken):
    __test__ = True
    refused = ({"size": "-1"},)

    class driver(Driver):
        kind = KindDef("RefusesWithoutReason", doc="Raises what nobody can act on", properties=SIZE)
        particle = Counter

        async def check(self, host: DriverHost, point: Point, kind: object, properties: object) -> None:
            assert "-1" not in str(properties)


class TestChecksOnce(Broken):
    __test__ = True

    class driver(Driver):
        kind = KindDef("ChecksOnce", doc="Takes a check for the creation")
        particle = Counter
        seen: ClassVar[set[Point]] = set()

        async def check(self, host: DriverHost, point: Point, kind: object, properties: object) -> None:
            if point in self.seen:
                raise Conflict(f"{point} is there already")
            self.seen.add(point)


class TestWavers(Broken):
    __test__ = True

    class driver(Driver):
        kind = KindDef("Wavers", doc="Has other traits each time")
        particle = Counter
        asked = 0

        def traits(self, record: ParticleRecord) -> Traits:
            self.asked += 1
            return Traits(waves_limit=10 + self.asked)


class TestNamesNoMethod(Broken):
    __test__ = True

    class driver(Driver):
        kind = KindDef("NamesNoMethod", doc="Has handlers that its class has not")
        particle = Counter

        def traits(self, record: ParticleRecord) -> Traits:
            return Traits(handlers=(("subtract", HandlerSpec(RouteSelector.parse("Ext<Sub>"))),))


class TestLoadsHalf(Broken):
    __test__ = True

    class driver(Driver):
        kind = KindDef("LoadsHalf", doc="Forgets a part of what it has dumped")
        particle = HalfDumped


class TestMakesAnother(Broken):
    __test__ = True

    class driver(Driver):
        kind = KindDef("MakesAnother", doc="Makes objects of another class")
        particle = Unsaved

        async def create(self, record: ParticleRecord) -> Particle:
            return Counter()


class TestCannotStop(Broken):
    __test__ = True

    class driver(Driver):
        kind = KindDef("CannotStop", doc="Raises when it is deleted")
        particle = Sorry


class TestTakesRights(Broken):
    __test__ = True

    class driver(Driver):
        kind = KindDef("TakesRights", doc="Creates what it has no right to create")
        particle = Counter

        async def start(self, host: DriverHost) -> None:
            made = await host.ping("GLOBAL::executor", "Cmd<RawCommand>", {"text": "create localhost<Space>"})
            assert made.body["results"][0]["status"] == 200, made.body


class TestPreparesNothing(Broken):
    __test__ = True

    class driver(Driver):
        kind = KindDef("PreparesNothing", doc="Names what has no name")
        particle = Counter

        def prepared(self) -> list[str]:
            return [None]  # type: ignore[list-item]


class WritesWhenRead(Counter):
    @handler("Ext<Look>")
    async def look(self, ctx: Ctx) -> int:
        self.value += 1
        return self.value


class TestWritesWhenRead(DriverConformance):
    changes = (("Ext<Add>", {"by": 3}),)
    reads = (("Ext<Look>", None),)

    class driver(Driver):
        kind = KindDef("WritesWhenRead", doc="changes when it is read")
        particle = WritesWhenRead


@attrs.define
class Restless(Counter):
    async def on_start(self, ctx: Ctx) -> None:
        ctx.spawn(asyncio.sleep(1000))


class TestRestless(DriverConformance):
    changes = (("Ext<Add>", {"by": 3}),)

    class driver(Driver):
        kind = KindDef("Restless", doc="always has work of its own, and does not say so")
        particle = Restless
