"""The drivers of Repo, BundleSeries, Bundle and Artifact."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import attrs

from hyperverse_core import Driver, DriverHost, Kind, Particle, ParticleRecord, Point
from hyperverse_core.driver import Draft
from hyperverse_core.errors import BadRequest, Conflict, NotFound
from hyperverse_core.registry import PropertyValue
from hyperverse_core.values import STANDARD_KINDS, PropertiesConfig, PropertyDef, SegmentKind

from .artifact import Artifact
from .boot import keep_boot_content
from .bundles import Bundle, BundleSeries, Repo
from .machines import ContentHolder, Holdings
from .manifest import Budget, Entry, Manifest
from .preparing import prepare
from .zips import is_zip, zip_files

__all__ = ["ArtifactDriver", "BundleDriver", "BundleSeriesDriver", "RepoDriver"]

_SCRIBE = frozenset({"Scribe"})


def _of_content(key: str, doc: str) -> PropertyDef:
    return PropertyDef(key, doc, mutable=False)


class RepoDriver(Driver):
    """Repository of bundles."""

    kind = attrs.evolve(STANDARD_KINDS["Repo"], children=("BundleSeries",))
    particle = Repo
    star_kinds = _SCRIBE

    async def start(self, host: DriverHost) -> None:
        """Remembers the host."""
        self._host = host

    async def create(self, record: ParticleRecord) -> Particle:
        """Creates the Repo, with access to the machines."""
        return Repo(self._host)


class BundleSeriesDriver(Driver):
    """All versions of a bundle."""

    kind = attrs.evolve(STANDARD_KINDS["BundleSeries"], children=("Bundle",))
    particle = BundleSeries
    star_kinds = _SCRIBE
    placement = "near-parent"

    async def start(self, host: DriverHost) -> None:
        """Reads the budget."""
        self._host, self._budget = host, Budget.read(host.settings)

    async def create(self, record: ParticleRecord) -> Particle:
        """Creates the BundleSeries, with access to the store."""
        return BundleSeries(self._host, self._budget)


class BundleDriver(Driver):
    """One published version."""

    kind = attrs.evolve(STANDARD_KINDS["Bundle"], children=("Artifact<Dir>",), eager=False)
    particle = Bundle
    star_kinds = _SCRIBE
    placement = "near-parent"

    async def start(self, host: DriverHost) -> None:
        """Reads the budget."""
        self._budget, self._holder = Budget.read(host.settings), ContentHolder(host)

    async def check(self, host: DriverHost, point: Point, kind: Kind, properties: Mapping[str, PropertyValue]) -> None:
        """Refuses a point without a version."""
        if point.segments[-1].kind is not SegmentKind.VERSION:
            raise BadRequest(f"{point.text!r} has no version", hint="write one at its end: localhost:repo:my:1.0.0")

    async def complete(self, host: DriverHost, draft: Draft) -> Draft:
        """Checks the files and creates an artifact for each. Their content is already in the store."""
        if draft.state is None:
            raise BadRequest(
                f"{draft.point.text!r} would be empty", hint=f"hyperverse publish FOLDER {draft.point.text}"
            )
        if not isinstance(draft.state, bytes):
            raise BadRequest(
                "a bundle is made from a zip file", hint="publish ^[ bundle.zip ]-> localhost:repo:my:1.0.0"
            )
        if is_zip(draft.state):
            manifest = await self._unpacked(host, draft.state)
        else:
            manifest = Manifest.parse(draft.state)
            self._budget.check(len(manifest.entries), manifest.size)
            await self._check_content(manifest)
        await prepare(host, draft.point.text, manifest.entries)
        return attrs.evolve(draft, state=manifest.state(), below=manifest.drafts(draft.point))

    async def _unpacked(self, host: DriverHost, content: bytes) -> Manifest:
        """Puts the files of a zip file that came with the command into the store of this machine."""
        files = await asyncio.to_thread(lambda: list(zip_files(content, self._budget)))
        entries = [Entry(path, await host.blobs.keep(found), len(found), host.machine) for path, found in files]
        return Manifest(tuple(entries))

    async def _check_content(self, manifest: Manifest) -> None:
        """Checks that the machines have the content that the manifest names. Raises Conflict, Unavailable."""
        for machine in sorted({entry.on for entry in manifest.entries}):
            there = [entry for entry in manifest.entries if entry.on == machine]
            sizes = await self._holder.sizes([entry.digest for entry in there], machine)
            for entry, size in zip(there, sizes, strict=True):
                if size != entry.size:
                    raise Conflict(
                        f"the content of {entry.path!r} is not on machine {machine!r}",
                        hint="`hyperverse publish` sends it; publish again",
                    )


class ArtifactDriver(Driver):
    """A file or a folder of a bundle."""

    kind = attrs.evolve(
        STANDARD_KINDS["Artifact"],
        children=("Artifact",),
        eager=False,
        properties=PropertiesConfig(
            (
                _of_content("digest", "Digest of the content"),
                _of_content("size", "Bytes of the content"),
                _of_content("type", "Media type of the content"),
                _of_content("on", "Machine to which the content was published"),
            )
        ),
    )
    particle = Artifact
    star_kinds = _SCRIBE
    placement = "near-parent"

    async def start(self, host: DriverHost) -> None:
        """Starts to serve content of this machine to other machines."""
        self._holder = ContentHolder(host)
        host.serve(Holdings(host))
        await keep_boot_content(host.blobs)

    async def stop(self) -> None:
        """Cancels fetches in progress."""
        await self._holder.close()

    async def check(self, host: DriverHost, point: Point, kind: Kind, properties: Mapping[str, PropertyValue]) -> None:
        """Always refuses, because artifacts are created with their bundle."""
        raise Conflict(
            f"{point.text!r} cannot be created on its own: a version never changes",
            hint="publish a bundle with that file",
        )

    async def create(self, record: ParticleRecord) -> Particle:
        """Creates the artifact, with the description of its content."""
        said = {key: value.value for key, value in record.properties.items()}
        if record.kind.sub == "Dir":
            return Artifact(holder=self._holder)
        try:
            return Artifact(
                holder=self._holder, digest=said["digest"], size=int(said["size"]), type=said["type"], on=said["on"]
            )
        except (KeyError, ValueError) as exc:
            raise NotFound(f"{record.point.text!r} has no content", hint="publish the bundle again") from exc
