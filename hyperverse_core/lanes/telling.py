"""How a transport calls its receiver: what the receiver raises is logged and ends nothing."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import ParamSpec

__all__ = ["tell"]

P = ParamSpec("P")


def tell(log: logging.Logger, call: Callable[P, object], *args: P.args, **kwargs: P.kwargs) -> None:
    """Calls a method of a receiver, and logs an exception with its traceback instead of raising it.

    Args:
        log: where an exception goes.
        call: the method, which gets ``args`` and ``kwargs``.
    """
    try:
        call(*args, **kwargs)
    except Exception:
        log.exception("a lane receiver failed in %s", getattr(call, "__qualname__", call))
