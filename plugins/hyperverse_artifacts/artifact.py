"""Artifact: a file or a folder of a bundle."""

from __future__ import annotations

from typing import Any

import attrs

from hyperverse_core import Ctx, Particle, Pong, handler, transient
from hyperverse_core.errors import BadRequest, Conflict, TooLarge

from .http import ranged
from .machines import ContentHolder

__all__ = ["WHOLE", "Artifact"]

WHOLE = 3 * 1024 * 1024
"""Greatest number of bytes of content in one answer. The body of a wave can have 4 MiB."""


@attrs.define
class Artifact(Particle):
    """A file, or a folder with the names of its entries.

    Attributes:
        names: the entries of a folder; names of folders end with ``/``.
        digest, size, type: of the content of a file.
        on: the machine to which the file was published.
    """

    concurrent = True
    names: list[str] = attrs.field(factory=list)
    holder: ContentHolder = transient(kw_only=True)
    digest: str = transient(default="", kw_only=True)
    size: int = transient(default=0, kw_only=True)
    type: str = transient(default="", kw_only=True)
    on: str = transient(default="", kw_only=True)

    @handler("Cmd<Read>")
    async def read(self, ctx: Ctx, offset: int | None = None, length: int | None = None) -> Any:
        """Returns the content: bytes, or a string if its media type is text. With ``offset`` or ``length`` it returns
        the bytes of that range. A folder returns the names of its entries.

        The headers ``digest``, ``size`` and ``content-type`` describe the whole content.
        """
        if not self.digest:
            return {"names": self.names}
        if offset is None and length is None:
            content: Any = await self._bytes(0, self.size)
            if self.type.startswith("text/"):
                content = content.decode(errors="replace")
        else:
            content = await self._bytes(offset or 0, self.size if length is None else length)
        return Pong(200, content, headers=self._said())

    @handler("Http<Get>")
    async def get(self, ctx: Ctx) -> Pong:
        """Returns the content over HTTP: with its media type, an ETag and ranges."""
        if not self.digest:
            return Pong(200, {"names": self.names}, headers={"content-type": "application/json"})
        return await ranged(ctx.wave.headers or {}, self.size, f'"{self.digest}"', self._bytes, self._said())

    @handler("Cmd<Update>")
    async def update(self, ctx: Ctx, body: Any = None) -> None:
        """Always refuses, because a version never changes."""
        raise Conflict(f"{ctx.point} is part of a version, which never changes", hint="publish another version")

    def _said(self) -> dict[str, str]:
        return {"content-type": self.type, "digest": self.digest, "size": str(self.size)}

    async def _bytes(self, offset: int, length: int) -> bytes:
        if offset < 0 or length < 0:
            raise BadRequest(f"there is no range of {length} bytes at {offset}", hint="both are 0 or more")
        length = max(0, min(length, self.size - offset))
        if length > WHOLE:
            raise TooLarge(
                f"{length} bytes are too many for one answer, which carries at most {WHOLE}",
                hint='request ranges, {"offset": 0, "length": 1048576}, or use `hyperverse artifacts get`',
            )
        if not length:
            return b""
        return await self.holder.read(self.digest, self.size, self.on, offset, length)
