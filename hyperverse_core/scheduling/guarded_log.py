"""Loggers that cost nobody more than a line.

A program that embeds a machine has handlers of its own, and the log is written in the middle of our work, often while
an exception of a plugin is being handled. Python's ``logging`` lets out what a handler raises, and what it prints when
a handler fails tells the exception being handled too, which may raise when it is looked at: a closed stream would end
the answer to a wave.
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
    """Returns the logger of that name, with its handlers guarded from then on.

    It is the one that ``logging.getLogger`` returns, so levels, filters and handlers are set as ever.

    Args:
        name: name of the logger, such as ``"hyperverse.particle"``.
    """
    logger = logging.getLogger(name)
    if not isinstance(logger, _Guarded):
        logger.__class__ = _guarded_class(type(logger))
    return logger


class _Guarded(logging.Logger):
    """Hands a line to each handler, even if one before it has raised."""

    def callHandlers(self, record: logging.LogRecord) -> None:
        """Is called by Python's ``Logger.handle``; goes through the same handlers as the method it stands for."""
        if record.exc_info and record.exc_info[1] is not None:  # what is logged need not be made presentable before
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
        with contextlib.suppress(BaseException):  # stderr may be closed, and then nothing is left to tell it to
            sys.stderr.write(f"a line of {record.name} is lost to a handler of the log: {described(exc)}\n")


def _comes_of_showing(handled: BaseException | None, record: logging.LogRecord) -> bool:
    """Whether an exit or an interrupt can be that of a plugin's exception which was shown."""
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
    """A program may have its own class of loggers (``logging.setLoggerClass``); then what it overrides still holds."""
    if cls not in _CLASSES:
        _CLASSES[cls] = _Guarded if cls is logging.Logger else type(f"Guarded{cls.__name__}", (_Guarded, cls), {})
    return _CLASSES[cls]
