"""``hyperverse wasm run``: runs a command once in this process."""

from __future__ import annotations

import asyncio
import math
import os
import sys
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import click

from hyperverse_core.errors import BadRequest, HandlerFailed, HyperverseError, TimedOut

from .checking import checked
from .code import CodeOptions
from .code_of_user import loaded_once
from .inspection import GuestKind
from .stand_ins import stand_ins_given
from .wasmtime_here import demand_wasmtime

if TYPE_CHECKING:
    from .host.command import Finished
    from .host.grants import GrantedFolder

__all__ = ["run_once"]

_LATE, _TRAPPED = 124, 134
_HOW = {
    GuestKind.CORE: "waves call it at an address: publish it, and create a Mechtron",
    GuestKind.LIBRARY: "name the function that runs it with --start",
    GuestKind.COMPONENT: "only WASI preview 1 commands can be run this way",
}


def run_once(
    binary: bytes,
    name: str,
    arguments: Iterable[str],
    start: str,
    *,
    env: Iterable[str],
    dirs: Iterable[str],
    read_dirs: Iterable[str],
    seconds: float,
    memory: int,
    fuel: int | None,
    imports: Iterable[str],
) -> None:
    """Runs a command, and exits with its exit code.

    Args:
        binary: the module.
        name: name of the program, its first argument.
        arguments: the other arguments.
        start: name of the function to run.
        env: environment variables, each as ``NAME=VALUE``.
        dirs, read_dirs: granted directories, each as ``HOST::GUEST``.
        seconds: most seconds that it may run.
        memory: most MiB of memory.
        fuel: instructions, roughly; None to leave them uncounted.
        imports: stand-ins for imports, each as ``IMPORT=STAND-IN``.

    Raises:
        BadRequest: the module is not such a command, or an argument is malformed.
        NoDriver: wasmtime is not installed.
        Unavailable: compiling it takes too many resources.
    """
    if not math.isfinite(seconds):  # no time is later than NaN, so the guest would run forever
        raise BadRequest(f"--seconds is {seconds}, which is not a number of seconds", hint="write --seconds 60")
    demand_wasmtime()
    chosen = stand_ins_given(imports)
    try:
        report = checked(binary, start, chosen)
    except BadRequest as exc:
        raise BadRequest(f"{name} cannot run: {exc.message}", hint=exc.hint) from None
    if report.kind is not GuestKind.COMMAND:
        raise BadRequest(f"{name} is a {report.kind.value}, not a WASI preview 1 command", hint=_HOW[report.kind])
    report.check(name)
    from .host.command import run_command
    from .host.grants import WasiGrants
    from .host.limits import MIB, GuestLimits
    from .instances import stand_ins_of, stand_ins_there

    folders = [*_folders(dirs, write=True), *_folders(read_dirs, write=False)]
    grants = WasiGrants(tuple(arguments), dict(_variables(env)), folders)
    limits = GuestLimits(seconds=seconds, memory=memory * MIB, fuel=fuel)
    options = CodeOptions(start, fuel is not None, tuple(sorted(chosen.items())))
    stand_ins = stand_ins_there(stand_ins_of(report, chosen))

    async def run() -> Finished:
        module = (await loaded_once(binary, name, options)).module
        return await run_command(module, name, grants, limits, stdin=None, start=start, stand_ins=stand_ins)

    sys.stdout.flush()
    try:
        finished = asyncio.run(run())
    except TimedOut as exc:
        _say(exc)
        sys.stderr.flush()
        os._exit(_LATE)  # the guest may be in a read that never returns, and exit would wait for its thread
    except HandlerFailed as exc:
        _say(exc)
        raise click.exceptions.Exit(_TRAPPED) from exc
    raise click.exceptions.Exit(finished.code)


def _say(error: HyperverseError) -> None:
    click.echo(f"Error: {error.message}", err=True)


def _variables(given: Iterable[str]) -> Iterator[tuple[str, str]]:
    for text in given:
        name, equals, value = text.partition("=")
        if not name or not equals or "\0" in text:
            raise BadRequest(f"{text!r} is not an environment variable", hint="write --env NAME=VALUE")
        yield name, value


def _folders(given: Iterable[str], *, write: bool) -> Iterator[GrantedFolder]:
    from .host.grants import GrantedFolder

    for text in given:
        host, _, guest = text.partition("::")
        if not host or "\0" in text:
            raise BadRequest(f"{text!r} is not a folder", hint="write --dir HOST::GUEST, such as --dir .::/work")
        yield GrantedFolder(host, guest or host, write)
