"""The particle of a Mechtron: passes waves to a guest, and returns its answers."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from hyperverse_core import Ctx, Particle, Pong, handler
from hyperverse_core.errors import BadRequest, Conflict, LoopDetected
from hyperverse_core.values import Body

from .bodies import from_text, to_bytes, to_reply, to_text
from .inspection import GuestKind
from .instances import asks_state, made, recipe_of
from .kept import MechtronVersion, SavedMechtron, keeper, kept_body
from .library import Library
from .steps import steps_of
from .upgrading import LoadedGuest, carried
from .versions import broken, document_of
from .wave_services import WaveServices
from .worker_guest import WorkerGuest

if TYPE_CHECKING:  # they import wasmtime
    from .host.frozen import FrozenMemory
    from .host.own_state import OwnState

__all__ = ["Mechtron"]

_MOST_STATE: Final = 1024 * 1024


class Mechtron(Particle):
    """One Mechtron.

    Args:
        library: the code of this machine's Mechtrons.
        config: point of its document.
    """

    concurrent = True  # its document limits how many calls run at once

    def __init__(self, library: Library, config: str) -> None:
        self._library = library
        self._config = config
        self._state: dict[str, bytes] = {}
        self._version: MechtronVersion | None = None
        self._kept: FrozenMemory | OwnState | None = None
        self._loaded: Mapping[str, Any] = {}  # what was kept of an instance, until it starts
        self._free: list[Any] = []
        self._present: LoadedGuest | None = None
        self._turns = asyncio.Semaphore(1)

    async def on_start(self, ctx: Ctx) -> None:
        """Reads its document, and loads its code."""
        present = LoadedGuest(*await self._library.of(ctx, self._config))
        self._take(present, self._loaded)

    def _take(self, present: LoadedGuest, kept: Mapping[str, Any]) -> None:
        """Switches to a loaded guest, and to what is kept of it. Raises HandlerFailed when these do not fit."""
        self._kept = keeper(present.document.state, present.code.report.starts, kept)
        self._present, self._loaded = present, {}
        self._turns = asyncio.Semaphore(present.document.concurrency)

    async def on_stop(self, ctx: Ctx) -> None:
        """Frees its instances."""
        self._close()

    def dump(self) -> Mapping[str, Body]:
        kept = self._loaded if self._kept is None else kept_body(self._kept.saved)
        return SavedMechtron(self._state, kept, self._version).to_body()

    def load(self, saved: bytes | Mapping[str, Body]) -> None:
        assert isinstance(saved, Mapping)
        found = SavedMechtron.from_body(saved)
        self._state, self._loaded, self._version = dict(found.keys), found.kept, found.version
        if found.version is not None:
            self._config = found.version.config

    @handler("Cmd<Update>")
    async def update(self, ctx: Ctx, version: str = "", back: bool = False, force: bool = False) -> dict[str, Any]:
        """Replaces it by another version of itself, with its state.

        Args:
            version: the version, as :func:`document_of` takes it; empty to change nothing.
            back: whether to return to the version before the last upgrade.
            force: whether to upgrade even if the other version breaks what this one offers.

        Returns:
            the points of the current document and of the one before the last upgrade, and what was broken.

        Raises:
            Conflict: the other version breaks what this one offers, or its state cannot be carried over.
            BadRequest: the document or the module is wrong.
        """
        broke: list[str] = []
        if back and self._version is None:
            raise Conflict(f"{ctx.point} was never upgraded", hint="give a version")
        if back and version:
            raise BadRequest("it cannot go back and change to another version at once", hint="give one of them")
        if version or back:
            self._refuse_loop(ctx)
            assert self._version is not None or not back, "checked above"
            config = self._version.before if back and self._version is not None else document_of(version, self._config)
            other = LoadedGuest(*await self._library.of(ctx.on_behalf, config))
            async with self._alone():
                if config != self._config:  # a repeated request must not forget the version before
                    broke = await self._upgrade(ctx, config, other, force=force or back)
        before = None if self._version is None else self._version.before
        return {"config": self._config, "before": before, "broken": broke}

    async def _upgrade(self, ctx: Ctx, config: str, other: LoadedGuest, *, force: bool) -> list[str]:
        old = self._present
        assert old is not None, "it has started"
        broke = broken((old.document, old.code), (other.document, other.code))
        if broke and not force:
            raise Conflict(
                f"{config} breaks what {self._config} offers:" + "".join(f"\n  - {each}" for each in broke),
                hint="use force if nobody relies on that",
            )
        was = (self._config, self._version, self._kept, old)
        kept = {} if self._kept is None else kept_body(self._kept.saved)
        left: Mapping[str, Any] = {}
        version = self._version
        waiting = version.left if version is not None and version.before == config else {}
        try:
            now = await carried(old, other, kept, self._library) or waiting
        except Conflict as exc:
            if not force:
                raise
            now, left = waiting, kept
            broke.append(exc.message)
        try:
            self._take(other, now)
            self._config, self._version = config, MechtronVersion(config, self._config, left)
            await ctx.save()
        except BaseException:
            self._config, self._version, self._kept, self._present = was
            self._turns = asyncio.Semaphore(old.document.concurrency)
            raise
        self._close()
        return broke

    @contextlib.asynccontextmanager
    async def _alone(self) -> AsyncIterator[None]:
        """Holds back waves while none is with a guest; waiting waves come afterwards."""
        while True:
            turns, present = self._turns, self._present
            assert present is not None, "it has started"
            taken = 0
            try:
                for taken in range(1, present.document.concurrency + 1):  # noqa: B007
                    await turns.acquire()
                if turns is self._turns:
                    yield
                    return
            finally:
                for _ in range(taken):
                    turns.release()

    @handler("Ext<*>")
    async def ext(self, ctx: Ctx, body: Any = None) -> Pong:
        """Passes a wave to the guest."""
        return await self._handle(ctx, ctx.wave.method.name)

    @handler("Http<*>")
    async def http(self, ctx: Ctx, body: Any = None) -> Pong:
        """Passes a wave to the guest, with the whole method, such as ``Http<Get>``."""
        return await self._handle(ctx, ctx.wave.method.text)

    @staticmethod
    def _refuse_loop(ctx: Ctx) -> None:
        if ctx.point.text in ctx.wave.chain:
            raise LoopDetected(
                f"{ctx.point} waits for a wave of its own, which led to this one",
                hint="a Mechtron cannot be called by a particle that it is calling",
            )

    async def _handle(self, ctx: Ctx, method: str) -> Pong:
        self._refuse_loop(ctx)
        while True:
            turns = self._turns
            async with turns:
                if turns is self._turns:  # otherwise it was upgraded meanwhile
                    return await self._handled(ctx, method)

    async def _handled(self, ctx: Ctx, method: str) -> Pong:
        present = self._present
        assert present is not None, "it has started"
        document, code = present.document, present.code
        if code.report.kind is GuestKind.COMMAND:
            from .commands_of_waves import run_for_wave

            return await run_for_wave(ctx, code, document, self._library)
        if code.report.kind is GuestKind.LIBRARY:
            return await self._steps(ctx, present)
        return await self._call(ctx, present, method)

    async def _steps(self, ctx: Ctx, present: LoadedGuest) -> Pong:
        """Handles a wave for a library: each wave has its own instance, unless the memory is kept."""
        steps = steps_of(ctx.wave.body)
        guest = self._instance(present)
        try:
            apart = isinstance(guest, WorkerGuest)  # the worker parses the steps again
            reply = Pong(200, await guest.run(ctx.wave.body if apart else steps))
            await self._commit(ctx, guest, {})
        except BaseException:
            guest.close()
            raise
        self._keep(guest, again=self._kept is not None)
        return reply

    async def _call(self, ctx: Ctx, present: LoadedGuest, method: str) -> Pong:
        document = present.document
        guest = self._instance(present)
        services = WaveServices(ctx, None if document.state == "none" else self._state, _MOST_STATE)
        asked, done = ctx.wave.body, False
        try:
            if present.code.report.kind is GuestKind.COMPONENT:
                answer = from_text(await guest.handle(services, method, to_text(asked)), asked, document.reply)
            else:
                answer = await guest.handle(services, method, to_bytes(asked))
            reply = to_reply(answer, asked, document.reply)
            await self._commit(ctx, guest, services.changed)
            done = True
        finally:
            services.flush()
            self._keep(guest, again=done or self._kept is None)
        return reply

    def _keep(self, guest: Any, *, again: bool) -> None:
        """Ends a call: the instance is reused, unless its memory differs from what is saved."""
        if guest.dead or not again:
            guest.close()
        else:
            self._free.append(guest)
            self._library.resting.called(self)

    async def _commit(self, ctx: Ctx, guest: Any, changed: Mapping[str, bytes]) -> None:
        """Saves the guest's keys and what is kept of its instance, atomically."""
        kept, state = self._kept, self._state
        before = None if kept is None else kept.saved
        now = None if kept is None else await guest.kept()
        if not changed and now == before:
            return
        self._state = {**state, **changed}
        if kept is not None:
            kept.saved = now
        try:
            await ctx.save()
        except BaseException:
            self._state = state
            if kept is not None:
                kept.saved = before
            raise

    def _instance(self, present: LoadedGuest) -> Any:
        """Returns an idle instance, an earlier one or a new one. It has ``handle`` or ``run``, ``kept``, ``dead`` and
        ``close``."""
        while self._free:
            guest = self._free.pop()
            if not guest.dead:  # its worker process may have died
                return guest
            guest.close()
        code, document, kept = present.code, present.document, self._kept
        if document.isolation == "process":
            recipe = recipe_of(code, document, {} if kept is None else kept_body(kept.saved))
            return WorkerGuest(self._library.workers, recipe, kept, with_state=asks_state(code))
        return made(recipe_of(code, document, {}), code.module, document.limits, kept, self._library)

    def rest(self) -> None:
        """Lets its idle instances give back memory that they need only during calls."""
        for guest in self._free:
            guest.rest()

    def _close(self) -> None:
        for guest in self._free:
            guest.close()
        self._free.clear()
