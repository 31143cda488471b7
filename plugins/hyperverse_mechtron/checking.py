"""Inspects a module, then validates it with wasmtime."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import attrs

from hyperverse_core.errors import BadRequest, NoDriver

from .binary import BinaryForm, form_of
from .inspection import Refusal, Report, inspect, of_items
from .wasmtime_here import demand_wasmtime

if TYPE_CHECKING:
    from wasmtime import component

__all__ = ["checked", "of_compiled"]


def checked(binary: bytes, start: str = "_start", stand_ins: Mapping[str, str] | None = None) -> Report:
    """Inspects a file without compiling it, and validates it. The faults include what wasmtime rejects.

    Args:
        binary: its content.
        start: the name of the function that runs a command.
        stand_ins: of a library or command, what stands in for which imports.

    Raises:
        BadRequest: it is not WebAssembly, or it is malformed.
    """
    try:
        return _with_validation(binary, inspect(binary, start, stand_ins))
    except RecursionError:  # of our reader, not of wasmtime
        raise BadRequest("it is nested too deeply", hint="compile it again") from None


def of_compiled(compiled: component.Component, size: int, *, fuel: bool, concurrent: bool) -> Report:
    """Inspects a component that was checked before it was compiled, like :func:`checked`. Reads its types from the
    compiled code: reading them from the file takes seconds, because wasmtime compiles what it reads.

    Args:
        compiled: what was loaded.
        size: bytes of its file.
        fuel: whether it counts fuel.
        concurrent: whether it has functions of the asynchronous kind.
    """
    from .component_types import items_of_compiled
    from .host.engine import engine

    items = items_of_compiled(compiled, engine(fuel=fuel, concurrent=concurrent).wasm)
    return of_items(*items, concurrent, size)


def _with_validation(binary: bytes, report: Report) -> Report:
    try:
        demand_wasmtime()
    except NoDriver as exc:
        return attrs.evolve(report, faults=(*report.faults, Refusal(exc.message, exc.hint)))
    import wasmtime

    from .component_types import items_of
    from .host.engine import engine

    try:
        if form_of(binary) is BinaryForm.COMPONENT:
            return of_items(*items_of(binary), len(binary))
        wasmtime.Module.validate(engine().wasm, binary)
    except wasmtime.WasmtimeError as exc:
        text = " ".join(line.strip() for line in str(exc).splitlines() if line.strip())
        fault = Refusal(f"it is not valid: {text}", "build it for WebAssembly as it is in browsers")
        return attrs.evolve(report, faults=(*report.faults, fault))
    return report
