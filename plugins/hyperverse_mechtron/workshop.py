"""Compiles published modules before anybody creates a Mechtron from them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, Final

import attrs

from hyperverse_core import Ctx, DriverHost, Particle, handler, transient
from hyperverse_core.errors import BadRequest, HyperverseError, NotFound, ParseError, Unavailable

from .code import Code
from .document import Document
from .library import Library
from .reading import LARGEST

__all__ = ["Workshop"]

_WAITING: Final = 16
_DOCUMENTS: Final = 64


@attrs.define
class Workshop(Particle):
    """Answers at the point of the Mechtron driver. It compiles content that this machine has, one bundle at a time; the
    caller must know the digest."""

    concurrent = True
    host: DriverHost = transient()
    library: Library = transient()
    _turn: asyncio.Semaphore = transient(factory=lambda: asyncio.Semaphore(1))
    _waiting: int = transient(default=0)

    @handler("Ext<Prepare>")
    async def prepare(
        self, ctx: Ctx, version: str, documents: dict[str, str], modules: dict[str, str]
    ) -> list[dict[str, Any]]:
        """Compiles the modules of a bundle as its documents specify.

        Args:
            version: point of the bundle.
            documents: texts of the documents, by path.
            modules: digests of all files, by path.

        Returns:
            for each document, its path, and a description of its module, or why it would be refused.
        """
        if self._waiting >= _WAITING:
            raise Unavailable("too many bundles are waiting to be compiled", hint="try again in a minute")
        if len(documents) > _DOCUMENTS:
            raise BadRequest(f"{len(documents)} documents exceed the limit of {_DOCUMENTS}")
        self._waiting += 1
        try:
            async with self._turn:
                return [await self._row(version, path, text, modules) for path, text in documents.items()]
        finally:
            self._waiting -= 1

    async def _row(self, version: str, path: str, text: str, modules: Mapping[str, str]) -> dict[str, Any]:
        try:
            document = Document.parse(text)
            prefix = f"{version}:/"
            if not document.bin.text.startswith(prefix):
                return {"document": path, "module": document.bin.text, "elsewhere": True}
            name = document.bin.text.removeprefix(prefix)
            code = await self._compiled(document, name, modules)
        except HyperverseError as exc:
            said = f"the document is wrong: {exc.told}" if isinstance(exc, ParseError) else exc.message
            return {"document": path, "error": said, "hint": exc.hint}
        self.library.note_ready(f"{prefix}{path}")
        report = code.report
        return {
            "document": path,
            "module": name,
            "kind": report.kind.value,
            "imports": [each.full_name for each, _ in report.imports],
            "exports": [each.name for each in report.exports],
        }

    async def _compiled(self, document: Document, name: str, modules: Mapping[str, str]) -> Code:
        digest = modules.get(name)
        if digest is None:
            raise NotFound(f"there is no file {name!r} in the bundle", hint="name a module that is in it")
        size = await self.host.blobs.size(digest)
        if size is None or size > LARGEST:
            raise NotFound(f"the content of {name!r} is not on this machine, or has more than {LARGEST} bytes")
        return await self.library.compiled(document, digest, lambda: self.host.blobs.get(digest))
