"""Calls the receiver of a transport so that an exception is logged and ends nothing."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import ParamSpec

__all__ = ["guarded_call", "log_failure"]

P = ParamSpec("P")


def guarded_call(log: logging.Logger, call: Callable[P, object], *args: P.args, **kwargs: P.kwargs) -> None:
    """Calls one of a receiver's methods.

    Args:
        log: logs an exception of ``call``, with its traceback.
        call: the method.
        args, kwargs: its arguments.
    """
    try:
        call(*args, **kwargs)
    except BaseException:
        log_failure(log, call)


def log_failure(log: logging.Logger, call: Callable[..., object]) -> None:
    """Logs the exception that one of a receiver's methods just raised, with its traceback.

    Args:
        log: the log to write to.
        call: the method.
    """
    log.exception("a lane receiver failed in %s", getattr(call, "__qualname__", call))
