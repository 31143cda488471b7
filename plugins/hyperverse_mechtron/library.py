"""The code of one machine's Mechtrons: their documents and modules, read, checked and compiled."""

from __future__ import annotations

import sys
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, Final
from weakref import WeakSet

import attrs

from hyperverse_core import DriverHost, Point, Sender
from hyperverse_core.errors import BadRequest, ConfigError, ParseError

from .code import Code, CodeCache, CodeOptions
from .document import Document, check_allowed
from .host.limits import MIB
from .inspection import GuestKind, inspect
from .reading import digest_at, read_bytes, read_text
from .resting import Resting
from .wasmtime_here import demand_wasmtime, why_apart
from .workers import Workers

__all__ = ["Library", "MechtronSettings"]

_NOTED: Final = 64


@attrs.frozen
class MechtronSettings:
    """The table ``[drivers.Mechtron]``: the upper limits for documents.

    Attributes:
        seconds: most seconds for one call.
        memory: most MiB of memory for one guest.
        folders: directories of this computer that documents may grant, with everything below them.
    """

    seconds: float = 60.0
    memory: int = 1024
    folders: list[str] = attrs.field(factory=list)

    @classmethod
    def read(cls, given: Mapping[str, Any]) -> MechtronSettings:
        """Reads the table. Raises ConfigError."""
        known = {field.name for field in attrs.fields(cls)}
        faults = [f"drivers.Mechtron.{key} is not a setting" for key in given if key not in known]
        seconds, memory, folders = (given.get(key) for key in ("seconds", "memory", "folders"))
        if seconds is not None and (type(seconds) not in (int, float) or not 0 < seconds <= 3600):
            faults.append(f"drivers.Mechtron.seconds is {seconds!r}, not a number from 0 to 3600")
        if memory is not None and (type(memory) is not int or not 1 <= memory <= 4096):
            faults.append(f"drivers.Mechtron.memory is {memory!r}, not a whole number of MiB from 1 to 4096")
        if folders is not None and (
            not isinstance(folders, list) or not all(isinstance(f, str) and Path(f).is_absolute() for f in folders)
        ):
            faults.append(f"drivers.Mechtron.folders is {folders!r}, not a list of absolute paths")
        if faults:
            raise ConfigError(faults=faults, hint=f"the settings are {', '.join(sorted(known))}")
        return cls(**given)


class Library:
    """What the particles of this driver share.

    Args:
        host: host of the driver.

    Attributes:
        resting: lets the guests rest that are idle.
        remark: why no guest runs in the process of the machine; empty if unknown or not so.
    """

    def __init__(self, host: DriverHost) -> None:
        self._settings = MechtronSettings.read(host.settings)
        self._blobs = host.blobs
        self.cache = CodeCache(Path(host.data_dir) / "compiled")
        self.workers = Workers()
        self.resting = Resting()
        self._log = host.log
        self.remark = ""
        self._ready: OrderedDict[str, None] = OrderedDict()
        _open.add(self)

    async def close(self) -> None:
        """Ends compilations in progress, the worker processes and its guests; with the last machine of this process
        also their threads."""
        self.resting.close()
        await self.workers.close()
        await self.cache.close()
        _open.discard(self)
        if "wasmtime" not in sys.modules:
            return  # no guest ran
        from .host.running import end_guests, end_threads

        if _open:  # other machines still run theirs
            end_guests(self)
        else:
            end_threads()

    def ready(self) -> list[str]:
        """The points of recently used documents whose modules are loaded."""
        return list(self._ready)

    def note_ready(self, config: str) -> None:
        """Records that the module of a document is loaded."""
        self._ready[config] = None
        self._ready.move_to_end(config)
        while len(self._ready) > _NOTED:
            self._ready.popitem(last=False)

    async def of(self, sender: Sender, config: str) -> tuple[Document, Code]:
        """Returns the document at a point, and its code.

        Args:
            sender: reads both, on its own behalf.
            config: the point.

        Raises:
            HyperverseError: one of them cannot be read, is wrong, or asks for more than this machine allows.
        """
        point = Point.parse(config)
        try:
            document = Document.parse(await read_text(sender, point))
        except ParseError as exc:
            raise BadRequest(f"the document {config} is wrong: {exc.told}", hint=exc.hint) from None
        digest = await digest_at(sender, document.bin)
        code = await self.compiled(document, digest, lambda: read_bytes(sender, document.bin, self._blobs))
        self.note_ready(config)
        if self._goes_apart():
            document = attrs.evolve(document, isolation="process")
        return document, code

    def _goes_apart(self) -> bool:
        """Whether guests cannot run in this process because they would block its threads. Logs that once."""
        if not self.remark:
            why = why_apart()
            if why:
                self.remark = f"{why}: all guests run in worker processes, over wasmtime's public API, and slower"
                self._log.warning("%s", self.remark)
        return bool(self.remark)

    async def compiled(self, document: Document, digest: str, read: Callable[[], Awaitable[bytes]]) -> Code:
        """Returns the code of a document's module.

        Args:
            document: the document, which says how to compile.
            digest: digest of the module.
            read: reads the module if necessary.

        Raises:
            HyperverseError: the module cannot run, or asks for more than this machine allows.
        """
        check_allowed(document, self._settings.seconds, self._settings.memory * MIB, self._settings.folders)
        demand_wasmtime()
        options = CodeOptions(
            document.start,
            document.limits.fuel is not None,
            tuple(sorted(document.stand_ins.items())),
            document.state == "memory",
        )
        code = self.cache.get(digest, options)
        if code is None:
            binary = await read()
            if options.frozen:
                _check_frozen(binary, document)
            code = await self.cache.load(binary, str(document.bin), options)
        _check_memory(code, document)
        _check_folders(code, document)
        if document.state == "save":
            _check_saves(code, document)
        return code


_open: Final[WeakSet[Library]] = WeakSet()
"""The libraries of all machines in this process: they share the threads of guests."""


def _check_frozen(binary: bytes, document: Document) -> None:
    """Raises BadRequest when the memory of such a Mechtron cannot be kept."""
    try:
        kind = inspect(binary, document.start, document.stand_ins).kind
    except BadRequest as exc:
        raise BadRequest(f"{document.bin} cannot run here: {exc.message}", hint=exc.hint) from None
    why = {
        GuestKind.COMPONENT: "wasmtime gives no access to the memory of a component",
        GuestKind.COMMAND: "a command runs in a new instance for each wave",
    }.get(kind)
    if why is not None:
        raise BadRequest(
            f"the memory of {document.bin} cannot be kept: {why}", hint="write +state=keys; or +state=none;"
        )


def _check_memory(code: Code, document: Document) -> None:
    """Raises BadRequest when a module's initial memory exceeds its document's limit: it could not handle any wave."""
    first, allowed = code.report.memory[0], document.limits.memory
    if first is not None and first > allowed:
        raise BadRequest(
            f"{document.bin} begins with {_in_mib(first)} MiB of memory, but its document allows {_in_mib(allowed)}",
            hint=f"write Limits {{ +memory={-(-first // MIB)}; }}, or link it with less memory",
        )


def _check_folders(code: Code, document: Document) -> None:
    """Raises BadRequest when a document grants a directory to a component, which would not find it."""
    if document.grants.folders and code.report.kind is GuestKind.COMPONENT:
        raise BadRequest(
            f"the document grants the folder {document.grants.folders[0].host!r}, but components cannot have folders",
            hint="remove it from Grants; only WASI preview 1 commands can have folders",
        )


def _in_mib(size: int) -> str:
    return f"{size / MIB:,.4g}"


def _check_saves(code: Code, document: Document) -> None:
    """Raises BadRequest when a module does not export functions to save and restore its state."""
    names = {each.name for each in code.report.exports} if code.report.kind is GuestKind.CORE else set()
    missing = [name for name in ("hv_save", "hv_load") if name not in names]
    if missing:
        raise BadRequest(
            f"{document.bin} cannot save its state: it does not export {' and '.join(missing)}",
            hint="export both, or write +state=keys;",
        )
