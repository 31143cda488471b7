"""Runs a WASI preview 1 command once."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import attrs
import wasmtime

from hyperverse_core.errors import BadRequest, TooLarge

from .engine import engine
from .grants import WasiGrants
from .guest import Guest
from .limits import GuestLimits
from .stand_in_functions import StandIn, linker_with
from .way import set_stdin

__all__ = ["Finished", "run_command"]


@attrs.frozen
class Finished:
    """The result of a command.

    Attributes:
        code: its exit code.
        stdout, stderr: its output, unless it went to the output of this process.
    """

    code: int
    stdout: bytes
    stderr: bytes


class _Output:
    """Collects the output of a guest. It is called in other threads, so it only appends."""

    def __init__(self, most: int) -> None:
        self.parts: list[bytes] = []
        self.size = 0
        self.most = most

    def __call__(self, data: bytes) -> int:
        self.size += len(data)
        if self.size <= self.most:
            self.parts.append(data)
        return len(data)


async def run_command(
    module: wasmtime.Module,
    name: str,
    grants: WasiGrants,
    limits: GuestLimits,
    *,
    stdin: bytes | None,
    start: str = "_start",
    stand_ins: Sequence[StandIn] = (),
    owner: object = None,
) -> Finished:
    """Runs a command once.

    Args:
        module: compiled by the engine that counts fuel when ``limits`` do.
        name: the name of the program, its first argument.
        stdin: its standard input; None to use the standard input and outputs of this process.
        start: the function that runs it.
        stand_ins: of its imports that are not WASI.
        owner: all guests of an owner end when it does.

    Raises:
        TimedOut: it did not finish in time.
        TooLarge: it wrote too much output.
        HandlerFailed: it trapped.
        BadRequest: a folder cannot be opened.
    """
    out, err = _Output(limits.output), _Output(limits.output)
    wasi = _config(name, grants)
    if stdin is None:
        wasi.inherit_stdin()
        wasi.inherit_stdout()
        wasi.inherit_stderr()
    else:
        set_stdin(wasi, stdin)
        wasi.stdout_custom = out
        wasi.stderr_custom = err
    fuel = limits.fuel is not None
    guest = Guest(engine(fuel=fuel), limits, wasi=wasi, inline=False, owner=owner)
    until = asyncio.get_running_loop().time() + limits.seconds
    try:
        await guest.start(module, until, linker=linker_with(fuel, tuple(stand_ins)) if stand_ins else None)
        run = guest.prepared(start, 0, ())
        assert run is not None, "it was inspected before"
        await guest.call(run, until)
        code = 0
    except wasmtime.ExitTrap as ended:
        code = ended.code
    finally:
        guest.close()
    for stream, which in ((out, "output"), (err, "error output")):
        if stream.size > limits.output:
            raise TooLarge(f"the guest has written {stream.size} bytes of {which}, and {limits.output} are allowed")
    return Finished(code, b"".join(out.parts), b"".join(err.parts))


def _config(name: str, grants: WasiGrants) -> wasmtime.WasiConfig:
    wasi = wasmtime.WasiConfig()
    wasi.argv = [name, *grants.arguments]
    wasi.env = list(grants.environment.items())
    for folder in grants.folders:
        try:
            wasi.preopen_dir(folder.host, folder.guest, folder.write)
        except wasmtime.WasmtimeError:
            raise BadRequest(
                f"the folder {folder.host!r} cannot be opened", hint="name a folder that is there and can be read"
            ) from None
    return wasi
