"""How guests run in this process: on wasmtime's fibers, or over its public API when fibers are not available.

Both ways have the same interface. A guest on a fiber waits without a thread. Over the public API each call has a
thread, which a waiting guest blocks, so the machine runs such guests in worker processes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from .raw import why_no_fibers

__all__ = [
    "ON_FIBERS",
    "Async",
    "BegunCall",
    "ComponentFiber",
    "Fiber",
    "GuestMemory",
    "Memory",
    "PreparedCall",
    "Sync",
    "define_async",
    "define_component_async",
    "define_component_sync",
    "define_resource",
    "define_sync",
    "exports_of",
    "prepare_store",
    "set_stdin",
]

ON_FIBERS: Final = not why_no_fibers()
"""Whether guests in this process run on fibers."""

if TYPE_CHECKING or ON_FIBERS:
    from .bindings import Async, Sync, define_async, define_sync, set_stdin
    from .component_bindings import (
        ComponentFiber,
        define_component_async,
        define_component_sync,
        define_resource,
    )
    from .exports import Exports as exports_of
    from .fibers import BegunCall, Fiber, PreparedCall
    from .fibers import yield_at_ticks as prepare_store
    from .raw_memory import GuestMemory, Memory
else:
    from .public_calls import PublicCall as BegunCall
    from .public_calls import PublicCall as Fiber
    from .public_calls import PublicComponentCall as ComponentFiber
    from .public_calls import PublicPreparedCall as PreparedCall
    from .public_calls import exports_of, prepare_store
    from .public_functions import (
        Async,
        Sync,
        define_async,
        define_component_async,
        define_component_sync,
        define_resource,
        define_sync,
    )
    from .public_functions import CallerMemory as Memory
    from .public_memory import PublicMemory as GuestMemory
    from .public_memory import set_stdin
