"""Compiles one module, in a process of its own:
``python -m hyperverse_mechtron.compiling SOURCE TARGET HOW SECONDS MEMORY``.

A small module can take seconds to compile, and a large one minutes and gigabytes. So this process lowers its priority,
and ends itself when it exceeds its limits. It writes the reason for refusing a module to a file, because Python and the
operating system write to its standard error output too.
"""

from __future__ import annotations

import contextlib
import os
import resource
import sys
from pathlib import Path
from typing import Final

from hyperverse_core.errors import BadRequest

from .binary import BinaryForm, form_of, opened
from .compiling_limits import CONCURRENT, REFUSED, TOO_LARGE, CompilingLimits, why_file

__all__: list[str] = []


_MORE: Final = 5
"""Seconds after the limit when the system kills a process that its signal did not end."""


def _limit(limits: CompilingLimits) -> None:
    """Lowers the priority of this process, and sets its limits: each of them by itself, since a system may lack one, or
    have set a lower one."""
    with contextlib.suppress(OSError):
        os.nice(5)
    for which, soft, hard in (
        (resource.RLIMIT_CPU, limits.seconds, limits.seconds + _MORE),
        (resource.RLIMIT_AS, limits.memory, limits.memory),
        (resource.RLIMIT_CORE, 0, 0),  # a core dump would not be used
    ):
        with contextlib.suppress(OSError, ValueError):
            most = resource.getrlimit(which)[1]
            lower = (soft, hard) if most == resource.RLIM_INFINITY else (min(soft, most), min(hard, most))
            resource.setrlimit(which, lower)


def _main(source: str, target: str, how: str, seconds: str, memory: str) -> int:
    _limit(CompilingLimits(int(seconds), int(memory)))
    try:
        return _compile(source, target, how)
    except MemoryError:
        return TOO_LARGE


def _compile(source: str, target: str, how: str) -> int:
    import wasmtime
    from wasmtime import component

    from .host.engine import engine

    binary = Path(source).read_bytes()
    if how.endswith("-frozen"):
        try:
            binary = opened(binary)
        except BadRequest as exc:
            why_file(Path(target)).write_text(f"{exc.message}\n{exc.hint}", "utf-8")
            return REFUSED
    form = component.Component if form_of(binary) is BinaryForm.COMPONENT else wasmtime.Module
    try:
        compiled = form(engine(fuel=how.startswith("fuel"), concurrent=how.endswith(CONCURRENT)).wasm, binary)
    except wasmtime.WasmtimeError as exc:
        why_file(Path(target)).write_text(str(exc), "utf-8")
        return 1
    Path(target).write_bytes(compiled.serialize())
    return 0


if __name__ == "__main__":
    sys.exit(_main(*sys.argv[1:]))
