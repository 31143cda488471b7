"""Keeps the last lines of a machine's log in memory, for agents that may read them from elsewhere."""

from __future__ import annotations

import logging
import traceback
from collections import deque
from typing import Any, Final

from ....config.secrets import masked
from ....errors import described

__all__ = ["LogNotes"]

_KEPT: Final = 1000
_LONGEST: Final = 4000
"""Greatest number of characters that are kept of a line, and of its traceback."""
_FIELDS: Final = ("wave", "point", "star", "plugin")
_LOGGER: Final = "hyperverse"


class LogNotes(logging.Handler):
    """Keeps the last lines of the platform's logger in this process, from :meth:`begin` to :meth:`end`."""

    def __init__(self) -> None:
        super().__init__()
        self._lines: deque[dict[str, Any]] = deque(maxlen=_KEPT)

    def begin(self) -> None:
        """Starts to keep lines."""
        logging.getLogger(_LOGGER).addHandler(self)

    async def end(self) -> None:
        """Stops keeping lines."""
        logging.getLogger(_LOGGER).removeHandler(self)
        self.close()

    def emit(self, record: logging.LogRecord) -> None:
        """Called by the logger with each line."""
        line: dict[str, Any] = {
            "at": record.created,
            "level": record.levelname.lower(),
            "logger": record.name,
            "text": masked(_text_of(record))[:_LONGEST],
            "traceback": masked(_traceback_of(record))[-_LONGEST:],
        }
        for name in _FIELDS:
            line[name] = str(getattr(record, name, "") or "")[:_LONGEST]
        self._lines.append(line)
        last = logging.lastResort
        if last is not None and record.levelno >= last.level and not _is_shown():
            last.handle(record)  # a program that has not configured logging still sees warnings, as without notes

    def told(self, *, point: str = "", least: int = 0, limit: int = 200) -> list[dict[str, Any]]:
        """Returns the last lines, the oldest first.

        Args:
            point: only lines of this particle: written by it, or with its name in the text.
            least: only lines of this level or above, as a number of :mod:`logging`.
            limit: greatest number of lines.
        """
        found: list[dict[str, Any]] = []
        for line in reversed(self._lines):
            if len(found) >= limit:
                break
            if logging.getLevelNamesMapping().get(line["level"].upper(), least) < least:
                continue
            if not point or line["point"] == point or repr(point) in line["text"]:
                found.append(line)
        return found[::-1]


def _is_shown() -> bool:
    """Whether another handler gets the lines of the platform's logger."""
    logger: logging.Logger | None = logging.getLogger(_LOGGER)
    while logger is not None:
        if any(not isinstance(handler, LogNotes) for handler in logger.handlers):
            return True
        logger = logger.parent if logger.propagate else None
    return False


def _text_of(record: logging.LogRecord) -> str:
    """Returns the message with its arguments; formatting the arguments of a plugin may raise."""
    try:
        return record.getMessage()
    except BaseException as exc:
        return f"a message that cannot be shown: {described(exc)}"


def _traceback_of(record: logging.LogRecord) -> str:
    if not record.exc_info or record.exc_info[1] is None:
        return ""
    try:
        return "".join(traceback.format_exception(record.exc_info[1]))
    except BaseException as exc:
        return f"{described(record.exc_info[1])}\n(its traceback cannot be shown: {described(exc)})"
