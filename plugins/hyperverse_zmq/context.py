"""The ZeroMQ contexts of a process. Each has two threads of its own.

A transport that listens has its own context, because a context has one ZAP handler. Transports that only connect share
one: a program may have hundreds of clients.
"""

from __future__ import annotations

import os
import threading

import zmq

from .sockets import Context

__all__ = ["new_context", "release_shared_context", "shared_context"]

_MAX_SOCKETS = 16_384


class _Shared:
    """The context that connect-only transports share, and the number of its users."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.context: Context | None = None
        self.users = 0
        self.pid = 0


_shared = _Shared()


def new_context() -> Context:
    """Returns a context that the caller must destroy."""
    context = zmq.Context()
    context.set(zmq.MAX_SOCKETS, _MAX_SOCKETS)
    return context


def shared_context() -> Context:
    """Returns the context of this process. The caller must release it."""
    with _shared.lock:
        if _shared.context is None or _shared.pid != os.getpid():  # a forked child has no threads
            _shared.context, _shared.users, _shared.pid = new_context(), 0, os.getpid()
        _shared.users += 1
        return _shared.context


def release_shared_context(context: Context) -> None:
    """Releases the shared context; the caller has closed its sockets. The last release destroys the context."""
    with _shared.lock:
        if context is not _shared.context or _shared.pid != os.getpid():
            return
        _shared.users -= 1
        if not _shared.users:
            _shared.context = None
            context.destroy(0)
