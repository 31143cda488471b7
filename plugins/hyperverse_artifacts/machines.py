"""Content on other machines: serving content to the drivers of other machines, and fetching it from them."""

from __future__ import annotations

import asyncio
import re
import time
from typing import Any, Final

import attrs

from hyperverse_core import Ctx, DriverHost, Particle, handler, transient
from hyperverse_core.blobs import PIECE, fetch_into
from hyperverse_core.errors import BadRequest, Forbidden, HyperverseError, ProtocolError, Unavailable

__all__ = ["ContentHolder", "Holdings", "driver_of"]

_OURS: Final = re.compile(r"<<STAR::[a-z0-9:-]+\[\d+\]>>::star:drivers:(artifact|bundle|bundleseries|repo)")
_MACHINE: Final = re.compile(r"[a-z][a-z0-9-]*")
_WAIT: Final = 10.0
_UPLOADS: Final = 86_400.0
"""Seconds for which an interrupted upload can be resumed."""


@attrs.define
class Holdings(Particle):
    """Answers at the point of the Artifact driver: serves content of this machine to this plugin's drivers on other
    machines."""

    concurrent = True
    host: DriverHost = transient()

    @handler("Ext<Range>")
    async def range(self, ctx: Ctx, digest: str, offset: int, length: int) -> bytes:
        """Returns a range of content."""
        _demand_ours(ctx)
        if length > PIECE:
            raise BadRequest(f"{length} bytes are more than a piece", hint=f"request at most {PIECE}")
        return await self.host.blobs.get(digest, offset, length)

    @handler("Ext<Sizes>")
    async def sizes(self, ctx: Ctx, digests: list[str]) -> list[int | None]:
        """Returns sizes of content; None for content that is not here."""
        _demand_ours(ctx)
        return [await self.host.blobs.size(digest) for digest in digests]

    @handler("Ext<Collect>")
    async def collect(self, ctx: Ctx, keep: list[str], prefix: str, older_than: float, dry_run: bool) -> Any:
        """Removes content that no version needs; see :class:`Repo`."""
        _demand_ours(ctx)
        blobs, needed, now = self.host.blobs, set(keep), time.time()
        old = [
            info
            for info in await blobs.blobs()
            if info.digest.startswith(f"sha256:{prefix}") and info.digest not in needed and info.kept < now - older_than
        ]
        if not dry_run:
            for info in old:
                await blobs.delete(info.digest)
            await blobs.sweep(max(older_than, _UPLOADS))
        return [{"digest": info.digest, "size": info.size} for info in old]


def _demand_ours(ctx: Ctx) -> None:
    """Raises Forbidden unless the wave comes from a driver of this plugin."""
    if _OURS.fullmatch(ctx.agent.text) is None:
        raise Forbidden(
            f"{ctx.agent} may not read content by its digest",
            hint="read the artifact: localhost:repo:my:1.0.0:/app.wasm",
        )


@attrs.define
class ContentHolder:
    """Access of this machine to all content: in its own store, or fetched from the machine that has it.

    Attributes:
        host: the host of a driver of this plugin.
    """

    host: DriverHost
    _under_way: dict[str, asyncio.Future[None]] = attrs.field(factory=dict, init=False)

    async def read(self, digest: str, size: int, on: str, offset: int, length: int) -> bytes:
        """Returns a range of content.

        Args:
            size: bytes of the whole content.
            on: the machine to which it was published.

        Raises:
            Unavailable: it is not here, and that machine cannot provide it.
        """
        await self.bring(digest, size, on)
        try:
            return await self.host.blobs.get(digest, offset, length)
        except HyperverseError:
            if on == self.host.machine:
                raise
            await self.bring(digest, size, on)  # it was damaged and set aside
            return await self.host.blobs.get(digest, offset, length)

    async def bring(self, digest: str, size: int, on: str) -> None:
        """Makes sure that content is here. Concurrent calls for the same content fetch it once. Raises Unavailable."""
        if await self.host.blobs.size(digest) is not None:
            return
        if on == self.host.machine:
            raise Unavailable(f"the content {digest} is no longer on machine {on!r}", hint="publish it again")
        under_way = self._under_way.get(digest)
        if under_way is None:
            under_way = self._under_way[digest] = asyncio.ensure_future(self._fetch(digest, size, on))
            under_way.add_done_callback(lambda _: self._under_way.pop(digest, None))
        await asyncio.shield(under_way)

    async def close(self) -> None:
        """Cancels fetches in progress. Pieces that have arrived are kept."""
        tasks = list(self._under_way.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def sizes(self, digests: list[str], on: str) -> list[int | None]:
        """Sizes of content on a machine; None for content that is not there. Raises BadRequest, Unavailable."""
        if on == self.host.machine:
            return [await self.host.blobs.size(digest) for digest in digests]
        reply = await self.host.ping(driver_of(on), "Ext<Sizes>", {"digests": digests}, wait=_WAIT, retries=2)
        if not reply.ok or not isinstance(reply.body, list):
            raise Unavailable(f"machine {on!r}, which has the content, does not answer: {reply.error}")
        return [size if isinstance(size, int) else None for size in reply.body]

    async def _fetch(self, digest: str, size: int, on: str) -> None:
        async def ask(offset: int, length: int) -> bytes:
            body = {"digest": digest, "offset": offset, "length": length}
            reply = await self.host.ping(driver_of(on), "Ext<Range>", body, wait=_WAIT, retries=3)
            if not reply.ok:
                raise Unavailable(f"machine {on!r}, which has the content {digest}, does not provide it: {reply.error}")
            if not isinstance(reply.body, bytes):
                raise ProtocolError(f"machine {on!r} sent {type(reply.body).__name__} for content")
            return reply.body

        await fetch_into(self.host.blobs, digest, size, ask)


def driver_of(machine: str) -> str:
    """The point of this plugin's driver on a machine. Raises BadRequest for an invalid machine name."""
    if _MACHINE.fullmatch(machine) is None:
        raise BadRequest(f"{machine!r} is not the name of a machine")
    return f"<<STAR::machine:{machine}[0]>>::star:drivers:artifact"
