"""The driver of the Kind Mechtron."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from hyperverse_core import BindConfig, Driver, DriverHost, Kind, Particle, ParticleRecord, Point
from hyperverse_core.errors import BadRequest, ParseError
from hyperverse_core.registry import PropertyValue
from hyperverse_core.values import STANDARD_KINDS

from .document import Document
from .library import Library
from .particle import Mechtron
from .reading import read_text
from .told_grants import told_grants
from .workshop import Workshop

__all__ = ["MechtronDriver"]

_WAIT: Final = 5.0
"""Seconds for a Mechtron to say which version it is."""


class MechtronDriver(Driver):
    """WebAssembly modules."""

    kind = STANDARD_KINDS["Mechtron"]
    particle = Mechtron
    star_kinds = frozenset({"Maelstrom"})
    placement = "near-code"

    async def start(self, host: DriverHost) -> None:
        """Reads the settings, and from then on compiles published modules. Does not import wasmtime before that. Raises
        ConfigError."""
        self._library = Library(host)
        host.serve(Workshop(host=host, library=self._library))

    async def stop(self) -> None:
        """Stops the compilations under way."""
        await self._library.close()

    async def check(self, host: DriverHost, point: Point, kind: Kind, properties: Mapping[str, PropertyValue]) -> None:
        """Reads the document and the bind, and compiles the module, on behalf of the agent that creates the particle.
        Raises HyperverseError when one of them is missing or wrong."""
        await self._library.of(host.on_behalf, properties["config"].value)
        if "bind" in properties:
            await _check_bind(host, properties["bind"].value)

    async def granted(self, host: DriverHost, record: ParticleRecord) -> Sequence[str]:
        """Returns what the document grants, provided that the agent that asks may read the document."""
        config = record.properties["config"].value
        present = await host.on_behalf.ping(record.point, "Cmd<Update>", {}, wait=_WAIT, retries=0)
        if present.ok and isinstance(present.body, dict):  # it may have been upgraded
            config = str(present.body["config"])
        return told_grants(config, Document.parse(await read_text(host.on_behalf, Point.parse(config))))

    async def create(self, record: ParticleRecord) -> Particle:
        """A Mechtron without state."""
        return Mechtron(self._library, record.properties["config"].value)

    def prepared(self) -> Iterable[str]:
        """Returns the points of the documents whose modules are compiled and loaded here."""
        return self._library.ready()

    def remark(self) -> str:
        """Returns a text that says that guests run in worker processes only; empty when they do not."""
        return self._library.remark

    def needs(self, record: ParticleRecord) -> Iterable[str]:
        """The point of its document."""
        return (record.properties["config"].value,)


async def _check_bind(host: DriverHost, source: str) -> None:
    """Raises HyperverseError when the bind at a point cannot be read, or is none.

    Args:
        source: the point of a file; or the text of a bind, which was looked at before.
    """
    try:
        point = Point.parse(source)
    except ParseError:
        return
    text = await read_text(host.on_behalf, point)
    try:
        BindConfig.parse(text)
    except ParseError as exc:
        raise BadRequest(f"the bind {source} is wrong: {exc.told}", hint=exc.hint) from None
