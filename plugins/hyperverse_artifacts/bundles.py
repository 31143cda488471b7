"""Repo; BundleSeries, which receives content; and Bundle, one published version."""

from __future__ import annotations

from typing import Any

import attrs

from hyperverse_core import Ctx, DriverHost, Particle, handler, transient
from hyperverse_core.errors import Conflict, Forbidden, NotFound, TooLarge, Unavailable
from hyperverse_core.values import HYPERUSER

from .machines import driver_of
from .manifest import Budget
from .preparing import MAKER, wanted

__all__ = ["Bundle", "BundleSeries", "Repo"]

_WAIT = 30.0
_COMPILING = 400.0


@attrs.define
class Repo(Particle):
    """A repository of bundles."""

    concurrent = True
    host: DriverHost = transient()

    @handler("Ext<Collect>", privilege="artifacts:gc")
    async def collect(
        self,
        ctx: Ctx,
        machine: str,
        keep: list[str],
        prefix: str = "",
        older_than: float = 3600.0,
        dry_run: bool = False,
    ) -> Any:
        """Removes content from a machine that no version in any repository needs. Only the hyperuser may do this,
        because no other agent sees all versions.

        Args:
            ctx: the context of the wave.
            machine: its name.
            keep: digests of content that is needed.
            prefix: first hexadecimal digits of the digests to process.
            older_than: age in seconds below which content is always kept.
            dry_run: whether to remove nothing.

        Returns:
            digest and size in bytes of each content that was removed.
        """
        if ctx.agent != HYPERUSER:
            raise Forbidden(f"{ctx.agent} may not collect content", hint="only the hyperuser may")
        body = {"keep": keep, "prefix": prefix, "older_than": older_than, "dry_run": dry_run}
        return (await self.host.ping(driver_of(machine), "Ext<Collect>", body, wait=_WAIT)).unwrap()


@attrs.define
class BundleSeries(Particle):
    """All versions of a bundle. Content is uploaded here, in pieces."""

    concurrent = True
    host: DriverHost = transient()
    budget: Budget = transient()

    @handler("Ext<Missing>")
    async def missing(self, ctx: Ctx, digest: str, size: int) -> dict[str, Any]:
        """Returns the offsets of the missing pieces, and the machine that accepts them."""
        self._check(size)
        return {"offsets": list(await self.host.blobs.missing(digest, size)), "machine": self.host.machine}

    @handler("Ext<Piece>")
    async def piece(
        self, ctx: Ctx, digest: str, size: int, offset: int, piece: bytes, piece_digest: str
    ) -> dict[str, Any]:
        """Stores a piece of content. Returns whether the content is complete, and the machine that has it."""
        self._check(size)
        whole = await self.host.blobs.put(digest, size, offset, piece, piece_digest)
        return {"whole": whole, "machine": self.host.machine}

    def _check(self, size: int) -> None:
        if size > self.budget.bytes:
            raise TooLarge(f"the content has {size} bytes; at most {self.budget.bytes} are allowed")


@attrs.define
class Bundle(Particle):
    """One published version.

    Attributes:
        files: path, digest, size in bytes, media type and machine of each file.
    """

    concurrent = True
    files: list[dict[str, Any]] = attrs.field(factory=list)

    @handler("Cmd<Update>")
    async def update(self, ctx: Ctx, body: Any = None) -> None:
        """Always refuses, because a version never changes."""
        raise Conflict(f"{ctx.point} is a version, which never changes", hint="publish another version")

    @handler("Ext<Prepare>")
    async def prepare(self, ctx: Ctx, documents: dict[str, str]) -> list[dict[str, Any]]:
        """Compiles WebAssembly modules on the machines that have them, and waits until that is done.

        Args:
            documents: the texts of documents in the bundle, by path.

        Returns:
            the answer of the Mechtron driver for each document; empty where there is no such driver.
        """
        rows: list[dict[str, Any]] = []
        for machine in sorted({str(file["on"]) for file in self.files}):
            digests = {file["path"]: file["digest"] for file in self.files if file["on"] == machine}
            there = {path: text for path, text in documents.items() if path in digests}
            if not there:
                continue
            body = wanted(ctx.point.text, digests, there)
            reply = await ctx.ping(MAKER.format(machine), "Ext<Prepare>", body, wait=_COMPILING)
            if reply.ok and isinstance(reply.body, list):
                rows += reply.body
            elif reply.status != NotFound.status:
                raise Unavailable(f"machine {machine!r} does not compile: {reply.error}")
        return rows
