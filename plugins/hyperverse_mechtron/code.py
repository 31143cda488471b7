"""Compiled modules: each is compiled once, and cached by its digest in a folder that only this user may write.

wasmtime loads a tampered file without an error, so the digest of a compiled file is stored beside it and checked before
it is loaded.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import sys
import tempfile
from collections import OrderedDict
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Final

import attrs

from hyperverse_core.errors import BadRequest, Unavailable

from .binary import BinaryForm, form_of
from .checking import checked, of_compiled
from .compiling_limits import CONCURRENT, REFUSED, CompilingLimits, ended_by, why_file
from .inspection import GuestKind, Report

if TYPE_CHECKING:
    import wasmtime
    from wasmtime import component

__all__ = ["Code", "CodeCache", "CodeOptions", "deserialized"]

_Key = tuple[str, "CodeOptions"]
"""The digest of a file, and the options that decide how it is compiled and checked."""


@attrs.frozen
class CodeOptions:
    """Options that decide how a module is checked and compiled.

    Attributes:
        start: the function that runs a command.
        fuel: whether fuel is counted.
        stand_ins: of a library or command, what stands in for which imports.
        frozen: whether its memory is kept.
    """

    start: str = "_start"
    fuel: bool = False
    stand_ins: tuple[tuple[str, str], ...] = ()
    frozen: bool = False

    @property
    def configuration(self) -> str:
        """Returns the options that change the compiled code, as a part of a file name."""
        return ("fuel" if self.fuel else "epoch") + ("-frozen" if self.frozen else "")


_KEPT: Final = 128
_COMPONENT: Final = "component-"
_LIMITS: Final = CompilingLimits()


@attrs.frozen(eq=False)
class Code:
    """A module or component that can run.

    Attributes:
        digest: of its file.
        module: compiled.
        report: what it is.
        path: the file of what is compiled.
    """

    digest: str
    module: wasmtime.Module | component.Component
    report: Report
    path: Path


class CodeCache:
    """The compiled modules of one machine.

    Args:
        folder: the folder of the compiled code. It is created, and no other user may write to it.
        limits: what compiling one of them may take.
    """

    def __init__(self, folder: Path, limits: CompilingLimits = _LIMITS) -> None:
        self._folder = folder
        self._limits = limits
        self._loaded: OrderedDict[_Key, Code] = OrderedDict()
        self._under_way: dict[_Key, asyncio.Task[Code]] = {}

    def get(self, digest: str, options: CodeOptions) -> Code | None:
        """Returns the loaded code; None when it is not loaded.

        Args:
            digest: of the file.
            options: how it is checked and compiled.
        """
        return self._loaded.get((digest, options))

    async def load(self, binary: bytes, what: str, options: CodeOptions) -> Code:
        """Checks, compiles and loads a module. Concurrent calls for the same module compile it once.

        Args:
            binary: its file.
            what: how it is called in errors.
            options: how it is checked and compiled.

        Raises:
            BadRequest: it cannot run here; the message lists every fault.
            Unavailable: compiling it exceeds a limit.
        """
        key = (f"sha256:{hashlib.sha256(binary).hexdigest()}", options)
        known = self._loaded.get(key)
        if known is not None:
            self._loaded.move_to_end(key)
            return known
        task = self._under_way.get(key)
        if task is None:
            task = self._under_way[key] = asyncio.ensure_future(self._load(key, binary, what))
            task.add_done_callback(lambda _: self._under_way.pop(key, None))
        return await asyncio.shield(task)

    async def close(self) -> None:
        """Stops the compilations under way."""
        tasks = list(self._under_way.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._loaded.clear()

    async def _load(self, key: _Key, binary: bytes, what: str) -> Code:
        digest, options = key
        try:
            code = await self._compiled_before(digest, binary, options)
        except BadRequest as exc:
            raise _cannot_run(what, exc) from None
        if code is None:
            code = await self._load_anew(digest, binary, what, options)
        self._loaded[key] = code
        while len(self._loaded) > _KEPT:
            self._loaded.popitem(last=False)
        return code

    async def _compiled_before(self, digest: str, binary: bytes, options: CodeOptions) -> Code | None:
        """Returns a component that was checked and compiled here before; None otherwise."""
        if form_of(binary) is not BinaryForm.COMPONENT:
            return None
        for concurrent in (False, True):
            path = self._path(digest, GuestKind.COMPONENT, options, concurrent=concurrent)
            found = await asyncio.to_thread(deserialized, path, options.fuel)
            if found is not None:
                report = of_compiled(found, len(binary), fuel=options.fuel, concurrent=concurrent)
                return Code(digest, found, report, path)
        return None

    async def _load_anew(self, digest: str, binary: bytes, what: str, options: CodeOptions) -> Code:
        try:
            report = await asyncio.to_thread(checked, binary, options.start, dict(options.stand_ins))
        except BadRequest as exc:
            raise _cannot_run(what, exc) from None
        report.check(what)
        path = self._path(digest, report.kind, options, concurrent=report.concurrent)
        module = await asyncio.to_thread(deserialized, path, options.fuel)
        if module is None:
            await self._compile(binary, path, what, options, concurrent=report.concurrent)
            module = await asyncio.to_thread(deserialized, path, options.fuel)
        if module is None:
            raise Unavailable(f"{what} was compiled, and cannot be loaded", hint="is the disk full?")
        return Code(digest, module, report, path)

    def _path(self, digest: str, kind: GuestKind, options: CodeOptions, *, concurrent: bool) -> Path:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = self._folder.stat()
        if found.st_uid != os.getuid() or found.st_mode & 0o022:
            raise Unavailable(
                f"others can write the folder {self._folder}, so what is in it cannot be trusted",
                hint=f"chmod 700 {self._folder}",
            )
        form = _COMPONENT if kind is GuestKind.COMPONENT else ""
        how = options.configuration + (CONCURRENT if concurrent else "")
        return self._folder / f"{form}{digest.removeprefix('sha256:')}-{version('wasmtime')}-{how}.cwasm"

    async def _compile(self, binary: bytes, path: Path, what: str, options: CodeOptions, *, concurrent: bool) -> None:
        with tempfile.TemporaryDirectory(dir=self._folder) as folder:
            source, target = Path(folder, "source"), Path(folder, "target")
            await asyncio.to_thread(source.write_bytes, binary)
            how = options.configuration + (CONCURRENT if concurrent else "")
            limits = self._limits
            argv = ["-m", f"{__package__}.compiling", str(source), str(target), how]
            argv += [str(limits.seconds), str(limits.memory)]
            process = await asyncio.create_subprocess_exec(
                sys.executable, *argv, stdin=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE
            )
            try:
                _, said = await process.communicate()
            except asyncio.CancelledError:
                process.kill()
                await process.wait()
                raise
            if process.returncode:
                why = why_file(target)
                told = (
                    await asyncio.to_thread(why.read_text, "utf-8") if why.exists() else said.decode(errors="replace")
                )
                raise _not_compiled(what, process.returncode, told, limits)
            await asyncio.to_thread(_keep, target, path)


def _keep(compiled: Path, path: Path) -> None:
    """Moves a compiled file into the cache. A crash in between leaves a digest that does not match, and the module is
    then compiled again."""
    digest = compiled.with_suffix(".sum")
    digest.write_text(hashlib.sha256(compiled.read_bytes()).hexdigest())
    digest.replace(path.with_suffix(".sum"))
    compiled.replace(path)


def _not_compiled(what: str, code: int, said: str, limits: CompilingLimits) -> Exception:
    why = ended_by(code, said, limits)
    if why:
        return Unavailable(
            f"{what} could not be compiled: {why}", hint="build a smaller module, with optimisation; or try again"
        )
    if code == REFUSED:
        why, _, hint = said.partition("\n")
        return BadRequest(f"the memory of {what} cannot be kept: {why}", hint=hint)
    last = said.strip().splitlines()[-1:] or [f"it ended with {code}"]
    return BadRequest(f"{what} could not be compiled: {last[0].strip()}", hint="compile it again, and validate it")


def deserialized(path: Path, fuel: bool) -> wasmtime.Module | component.Component | None:
    """Loads a compiled file; returns None when it is missing or was changed."""
    import wasmtime
    from wasmtime import component

    from .host.engine import engine

    try:
        with path.open("rb") as compiled:
            digest = hashlib.file_digest(compiled, "sha256").hexdigest()
        if digest != path.with_suffix(".sum").read_text().strip():
            return None
    except OSError:
        return None
    form = component.Component if path.name.startswith(_COMPONENT) else wasmtime.Module
    made_for = engine(fuel=fuel, concurrent=path.stem.endswith(CONCURRENT))
    try:  # by its name: the file is mapped, and its pages are shared
        return form.deserialize_file(made_for.wasm, str(path))
    except wasmtime.WasmtimeError:
        return None


def _cannot_run(what: str, why: BadRequest) -> BadRequest:
    return BadRequest(f"{what} cannot run here: {why.message}", hint=why.hint)
