"""Checks whether wasmtime, which the extra ``wasm`` installs, can be used."""

from __future__ import annotations

from hyperverse_core.errors import NoDriver

__all__ = ["demand_wasmtime", "why_apart"]


def demand_wasmtime() -> None:
    """Raises NoDriver, with the remedy, when wasmtime is not installed."""
    try:
        import wasmtime  # noqa: F401
    except ImportError as exc:
        raise NoDriver(
            f"WebAssembly needs wasmtime, which cannot be imported: {exc}",
            hint='python -m pip install "cosmic-hyperverse[wasm]"',
        ) from None


def why_apart() -> str:
    """Returns why guests of this machine must run in worker processes, over wasmtime's public API; empty when they need
    not. Raises NoDriver when wasmtime is not installed."""
    demand_wasmtime()
    from .host.raw import why_no_fibers

    return why_no_fibers()
