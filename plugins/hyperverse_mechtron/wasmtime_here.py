"""Whether wasmtime, which the extra ``wasm`` brings, can be used."""

from __future__ import annotations

from hyperverse_core.errors import NoDriver

__all__ = ["demand_wasmtime"]


def demand_wasmtime() -> None:
    """Raises NoDriver, with the cure, when wasmtime is not installed or does not fit."""
    try:
        import wasmtime  # noqa: F401
    except ImportError as exc:
        raise NoDriver(
            f"WebAssembly needs wasmtime, which cannot be imported: {exc}",
            hint='python -m pip install "cosmic-hyperverse[wasm]"',
        ) from None
    from .host import component_bindings  # noqa: F401  # raises NoDriver when a name is missing
