"""Loggers whose failures lose no more than a line of the log.

A program that embeds a machine has its own log handlers, and log lines are written in the middle of the machine's work,
often while an exception of a plugin is being handled. Python's ``logging`` does not catch all exceptions of a handler,
and its report about them includes the exception being handled, which may raise when it is examined. So a closed stream
could prevent the answer to a wave.
"""

from __future__ import annotations

import contextlib
import logging
import sys
from typing import Final

from ..errors import described
from .presentable import presentable

__all__ = ["guarded_log"]


def guarded_log(name: str) -> logging.Logger:
    """Returns the logger of that name, whose handlers are guarded from then on.

    It is the same object that ``logging.getLogger`` returns, so levels, filters and handlers are set as usual.

    Args:
        name: name of the logger, such as ``"hyperverse.particle"``.
    """
    logger = logging.getLogger(name)
    if not isinstance(logger, _Guarded):
        logger.__class__ = _guarded_class(type(logger))
    return logger


class _Guarded(logging.Logger):
    """Passes a line to each handler, even if a previous one has raised."""

    def callHandlers(self, record: logging.LogRecord) -> None:
        """Called by Python's ``Logger.handle``; visits the same handlers as the method that it overrides."""
        if (
            record.exc_info and record.exc_info[1] is not None
        ):  # so that callers need not make the exception presentable
            error = presentable(record.exc_info[1])
            record.exc_info = (type(error), error, record.exc_info[2])
        found = False
        logger: logging.Logger | None = self
        while logger is not None:
            for handler in logger.handlers:
                found = True
                if record.levelno >= handler.level:
                    _give(handler, record)
            logger = logger.parent if logger.propagate else None
        if not found and logging.lastResort is not None and record.levelno >= logging.lastResort.level:
            _give(logging.lastResort, record)


def _give(handler: logging.Handler, record: logging.LogRecord) -> None:
    handled = sys.exception()
    try:
        handler.handle(record)
    except BaseException as exc:
        if not issubclass(type(exc), Exception) and not _comes_of_showing(handled, record):
            raise  # Ctrl-C, or the end of the program, while a line was being written
        with contextlib.suppress(BaseException):  # stderr may be closed, and then the loss cannot be reported
            sys.stderr.write(f"a line of {record.name} is lost to a handler of the log: {described(exc)}\n")


def _comes_of_showing(handled: BaseException | None, record: logging.LogRecord) -> bool:
    """Returns whether an exit or an interrupt may come from a plugin's exception that was being formatted."""
    if handled is not None and presentable(handled) is not handled:
        return True
    shown = [handled, *(record.args if isinstance(record.args, tuple) else ())]
    return any(issubclass(type(one), BaseException) and _raises_for_text(one) for one in shown)


def _raises_for_text(value: object) -> bool:
    try:
        str(value)
    except BaseException:
        return True
    return False


_CLASSES: Final[dict[type[logging.Logger], type[logging.Logger]]] = {}


def _guarded_class(cls: type[logging.Logger]) -> type[logging.Logger]:
    """Returns the guarded class. A program may set its own logger class (``logging.setLoggerClass``): its overrides
    apply."""
    if cls not in _CLASSES:
        _CLASSES[cls] = _Guarded if cls is logging.Logger else type(f"Guarded{cls.__name__}", (_Guarded, cls), {})
    return _CLASSES[cls]
