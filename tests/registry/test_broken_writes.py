"""The kit catches registries that say something wrong about a write during which the connection broke."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from hyperverse_core.errors import OutcomeUnknown, Unavailable
from hyperverse_core.registry import Assigned, Assignment, Registered, Registration, Registry
from hyperverse_core.testing.memory_registry import MemoryRegistry
from hyperverse_core.testing.registry_conformance import RegistryConformance
from hyperverse_core.testing.registry_kit import cut_writes
from hyperverse_core.values import Point, StarKey

_REQUEST = "test_a_write_that_does_not_reach_the_store_is_sent_again_or_said_not_to_be_done"
_ANSWER = "test_a_write_whose_answer_is_lost_is_done_once"


class Cuttable(MemoryRegistry):
    """A registry with a connection to its store, over which it draws numbers.

    Attributes:
        breaks: when the connection breaks, once: at the ``"request"`` or the ``"answer"``.
    """

    breaks = ""

    def _broken(self) -> str:
        moment, self.breaks = self.breaks, ""
        return moment

    async def sequence(self, point: Point) -> int:
        moment = self._broken()
        if moment == "request":
            raise Unavailable("nothing was written")
        return await super().sequence(point)


class SaysThatNothingWasWritten(Cuttable):
    async def sequence(self, point: Point) -> int:
        moment, number = self._broken(), await super().sequence(point)
        if moment:
            raise Unavailable("nothing was written")
        return number


class SendsItAgain(Cuttable):
    async def sequence(self, point: Point) -> int:
        if self._broken() == "answer":
            await super().sequence(point)
        return await super().sequence(point)


class SaysThatItIsDone(Cuttable):
    async def sequence(self, point: Point) -> int:
        if self._broken() == "request":
            return self._at(point).sequence + 1
        return await super().sequence(point)


class DoesNotLook(Cuttable):
    async def sequence(self, point: Point) -> int:
        if self._broken():
            raise OutcomeUnknown("it is not known whether that was committed")
        return await super().sequence(point)


class WaitsForever(Cuttable):
    async def sequence(self, point: Point) -> int:
        if self._broken():
            await asyncio.get_running_loop().create_future()
        return await super().sequence(point)


class AnswersAsTheSecondOfTwo(Cuttable):
    async def register(self, registration: Registration) -> Registered:
        found = await super().register(registration)
        return Registered(found.record, created=False) if self._broken() else found


class SaysThatAnotherHasIt(Cuttable):
    async def assign(self, point: Point, star: StarKey, incarnation: int, expected: Assignment | None) -> Assigned:
        found = await super().assign(point, star, incarnation, expected)
        if self._broken():
            raise Unavailable("nothing was written")
        return found


async def _run(make: type[Cuttable], test: str, *, finds_out: bool = True) -> None:
    class Kit(RegistryConformance):
        durable = False
        cuts = ("request", "answer")

        @asynccontextmanager
        async def cut(self, registry: Registry, moment: str, write: str) -> AsyncIterator[None]:
            assert isinstance(registry, Cuttable)
            registry.breaks = moment
            yield
            registry.breaks = ""

    Kit.finds_out = finds_out
    registry = make()
    await registry.open()
    await getattr(Kit(), test)(registry)
    await registry.close()


@pytest.mark.parametrize("test", [_REQUEST, _ANSWER])
async def test_a_registry_that_says_what_is_true_passes(test: str) -> None:
    await _run(Cuttable, test)


@pytest.mark.parametrize("test", [_REQUEST, _ANSWER])
async def test_one_whose_store_cannot_tell_may_say_that_it_is_unknown(test: str) -> None:
    await _run(DoesNotLook, test, finds_out=False)


@pytest.mark.parametrize(
    ("broken", "test", "says"),
    [
        (SaysThatNothingWasWritten, _REQUEST, "which says that nothing was written, and was done"),
        (SaysThatNothingWasWritten, _ANSWER, "which says that nothing was written, and was done"),
        (SendsItAgain, _ANSWER, "must answer as if nothing had broken"),
        (SaysThatItIsDone, _REQUEST, "was acknowledged and done 0 times"),
        (DoesNotLook, _REQUEST, "must find out"),
        (DoesNotLook, _ANSWER, "must find out"),
        (WaitsForever, _ANSWER, "must end although its connection is gone"),
        (AnswersAsTheSecondOfTwo, _ANSWER, "must answer as if nothing had broken"),
        (SaysThatAnotherHasIt, _ANSWER, "which says that nothing was written, and was done"),
    ],
)
async def test_the_kit_catches(broken: type[Cuttable], test: str, says: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cut_writes, "LONG", 0.3)
    with pytest.raises(AssertionError, match=says):
        await _run(broken, test)


async def test_without_a_way_to_break_the_connection_they_are_skipped() -> None:
    class Kit(RegistryConformance):
        durable = False

    for test in (_REQUEST, _ANSWER):
        with pytest.raises(pytest.skip.Exception, match="`cuts` does not have"):
            await getattr(Kit(), test)(MemoryRegistry())
