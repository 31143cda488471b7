"""Tests of writes during which the connection to the store breaks. They need a way to break it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection
from contextlib import AbstractAsyncContextManager
from functools import partial
from typing import Any, ClassVar, Final, TypeVar

import attrs
import pytest

from ...contracts.registry import ChangeKind, Registration, Registry, Status
from ...errors import OutcomeUnknown, Unavailable
from ...universe.address.point import HYPERUSER
from .fixture_tree import BASE, LONG, RegistryKitBase, at, fold, heard, hosted_at, populate

__all__ = ["CutWrites"]

T = TypeVar("T")
_A: Final = at("localhost:a")
_NEW: Final = at("localhost:new")
_OLD: Final = at("localhost:old")
_PAUSE: Final = 0.05


@attrs.frozen
class _Write:
    """A write, and what shows whether it was done.

    Attributes:
        name: the method of the registry.
        call: calls it.
        told: the entry that the feed has each time that the write is done, as its kind and point.
        right: whether the answer is that of a write that was done once.
    """

    name: str
    call: Callable[[], Awaitable[Any]]
    told: tuple[ChangeKind, str]
    right: Callable[[Any], bool] = attrs.field(default=lambda answer: answer is None)


class CutWrites(RegistryKitBase):
    """A test group of :class:`~hyperverse_core.testing.RegistryConformance`.

    Attributes:
        cuts: the moments at which :meth:`cut` can break the connection: ``"request"`` before the store gets the write,
            ``"answer"`` after the store has committed it and before the registry learns that. Without any, the default,
            the tests are skipped.
        finds_out: whether the registry can find out afterwards if a write was committed. False for a store that keeps
            nothing by which it could tell: then a write may end as OutcomeUnknown although the store is back.
    """

    cuts: ClassVar[Collection[str]] = ()
    finds_out: ClassVar[bool] = True

    def cut(self, registry: Registry, moment: str, write: str) -> AbstractAsyncContextManager[None]:
        """Returns a block in which the connection between ``registry`` and its store breaks once, during the next
        write. The store itself continues, and new connections to it succeed. For example, the connection goes through a
        proxy of the test, which closes it instead of passing on the next request, or the answer to it.

        Args:
            registry: the registry of the fixture.
            moment: one of ``cuts``.
            write: name of the method that the test calls in the block, for a proxy that looks for its request.
        """
        raise NotImplementedError(f"{type(self).__name__} has `cuts`, so it must implement cut for {registry!r}")

    async def test_a_write_that_does_not_reach_the_store_is_sent_again_or_said_not_to_be_done(
        self, registry: Registry
    ) -> None:
        await self._check_writes(registry, "request")

    async def test_a_write_whose_answer_is_lost_is_done_once(self, registry: Registry) -> None:
        await self._check_writes(registry, "answer")

    async def _check_writes(self, registry: Registry, moment: str) -> None:
        if moment not in self.cuts:
            pytest.skip(f"`cuts` does not have {moment!r}")
        await populate(registry, "localhost<Space>", _A.text, _OLD.text)
        for write in await _writes(registry):
            since = await _when_it_is_back(registry.revision)
            done, answer = await self._cut_write(registry, moment, write.name, write.call)
            told = await _when_it_is_back(partial(heard, registry, since))
            _judge(write.name, done, told.count(write.told))
            assert not done or write.right(answer), f"{write.name} must answer as if nothing had broken, not {answer!r}"
        before = await _when_it_is_back(lambda: registry.sequence(_A))
        done, number = await self._cut_write(registry, moment, "sequence", lambda: registry.sequence(_A))
        assert not done or number == before + 1, f"sequence must answer as if nothing had broken, not {number}"
        after = await _when_it_is_back(lambda: registry.sequence(_A))
        _judge("sequence", done, after - before - 1)

    async def _cut_write(
        self, registry: Registry, moment: str, name: str, call: Callable[[], Awaitable[T]]
    ) -> tuple[bool | None, T | None]:
        """Returns whether the write was done, None if that is unknown, and its answer."""
        async with self.cut(registry, moment, name):
            try:
                return True, await asyncio.wait_for(call(), LONG)
            except OutcomeUnknown as exc:
                assert not self.finds_out, (
                    f"the store is there, so the registry must find out whether {name} was done: {exc}"
                )
                return None, None
            except Unavailable:
                return False, None
            except TimeoutError:
                raise AssertionError(f"{name} must end although its connection is gone") from None


async def _writes(registry: Registry) -> list[_Write]:
    """Returns writes of several sorts, each of them possible whatever became of the others."""
    star = await registry.announce(fold())
    held = await hosted_at(registry, _OLD, star)
    return [
        _Write(
            "register",
            lambda: registry.register(Registration(_NEW, BASE, HYPERUSER)),
            (ChangeKind.REGISTERED, _NEW.text),
            lambda answer: answer.created,
        ),
        _Write(
            "assign",
            lambda: registry.assign(_A, star.key, star.incarnation, None),
            (ChangeKind.ASSIGNED, _A.text),
            lambda answer: answer.assignment.star == star.key,
        ),
        _Write(
            "save_state",
            lambda: registry.save_state(_OLD, held, b"the new state", announce=True),
            (ChangeKind.STATE, _OLD.text),
        ),
        _Write("set_status", lambda: registry.set_status(_OLD, Status.PAUSED), (ChangeKind.STATUS, _OLD.text)),
        _Write(
            "delete",
            lambda: registry.delete([_OLD]),
            (ChangeKind.DELETED, _OLD.text),
            lambda answer: [record.point for record in answer] == [_OLD],
        ),
    ]


def _judge(name: str, done: bool | None, times: int) -> None:
    """Fails if a write was not done as often as its caller was told.

    Args:
        done: what the caller was told; None for an unknown outcome.
        times: how often it was done.
    """
    if done is None:
        assert times in (0, 1), f"{name} was done {times} times"
    elif done:
        assert times == 1, f"{name} was acknowledged and done {times} times"
    else:
        assert times == 0, f"{name} has raised Unavailable, which says that nothing was written, and was done"


async def _when_it_is_back(call: Callable[[], Awaitable[T]]) -> T:
    """Returns the result of a call, which may fail while the registry connects again."""
    async with asyncio.timeout(LONG):
        while True:
            try:
                return await call()
            except Unavailable:
                await asyncio.sleep(_PAUSE)
