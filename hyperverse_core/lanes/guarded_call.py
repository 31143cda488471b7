"""How a transport calls its receiver: what the receiver raises is logged and ends nothing."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import ParamSpec

__all__ = ["guarded_call"]

P = ParamSpec("P")


def guarded_call(log: logging.Logger, call: Callable[P, object], *args: P.args, **kwargs: P.kwargs) -> None:
    """Calls one of a receiver's methods.

    Args:
        log: gets an exception of ``call``, with its traceback.
        call: the method.
        args, kwargs: its arguments.
    """
    try:
        call(*args, **kwargs)
    except BaseException:
        log.exception("a lane receiver failed in %s", getattr(call, "__qualname__", call))
