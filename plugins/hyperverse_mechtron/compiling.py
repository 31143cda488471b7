"""Compiles one module, in a process of its own: ``python -m hyperverse_mechtron.compiling SOURCE TARGET HOW``.

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

from hyperverse_core.errors import BadRequest

from .binary import BinaryForm, form_of, opened
from .compiling_limits import CONCURRENT, MEMORY, REFUSED, SECONDS, why_file

__all__: list[str] = []


def _main(source: str, target: str, how: str) -> int:
    with contextlib.suppress(OSError, ValueError):  # a system that has no such limits
        os.nice(5)
        resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
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
