"""Sets up logging: the destination and the format of log lines."""

from __future__ import annotations

import contextlib
import datetime
import json
import logging
import logging.handlers
import sys
from pathlib import Path
from typing import Any, Final

from ...config import Log
from ...config.secrets import masked
from ...errors import ConfigError, described
from ..terminal.shown import shown, shown_lines

__all__ = ["LOG_NAME", "JsonFormatter", "TextFormatter", "log_dir", "make_log_dir", "set_up"]

LOG_NAME: Final = "machine.log"
_FIELDS: Final = ("wave", "point", "star", "machine", "plugin")
"""Attributes that a log line carries in addition to its text, if a caller gives them in ``extra``."""


def log_dir(data_dir: Path, machine: str) -> Path:
    """Returns the directory of a machine's log files."""
    return data_dir / "machines" / machine / "log"


def make_log_dir(data_dir: Path, machine: str) -> Path:
    """Creates the directory of a machine's log files, and the data directory above it with mode 0700.

    Raises:
        ConfigError: a directory cannot be created.
    """
    directory = log_dir(data_dir, machine)
    try:
        for path in (data_dir, data_dir / "machines", directory.parent, directory):
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as exc:
        raise ConfigError(
            f"the data directory {str(data_dir)!r} cannot be used: {exc.strerror or exc}",
            hint="choose one that you may write to with --data-dir",
        ) from exc
    return directory


class _SafeFormatter(logging.Formatter):
    """Formats any record: an exception or a value of a plugin may itself raise when it is formatted. Without this class
    that would lose the line, or end the machine."""

    def formatException(self, ei: Any) -> str:
        """Returns the traceback, or what is known without calling the exception."""
        try:
            return super().formatException(ei)
        except BaseException as exc:
            return f"{described(ei[1])}\n(its traceback cannot be shown: {described(exc)})"

    @staticmethod
    def text_of(record: logging.LogRecord) -> str:
        """Returns the message with its arguments."""
        try:
            return record.getMessage()
        except BaseException as exc:
            said = record.msg if type(record.msg) is str else "a message"
            return f"{said} (its arguments cannot be shown: {described(exc)})"


class TextFormatter(_SafeFormatter):
    """``TIME LEVEL logger: text [point wave]``."""

    def format(self, record: logging.LogRecord) -> str:
        """Returns one line and, if there is a traceback, the indented traceback below it."""
        at = datetime.datetime.fromtimestamp(record.created).strftime("%H:%M:%S.%f")[:-3]
        extras = [f"{name}={value}" for name in _FIELDS if (value := getattr(record, name, None))]
        line = f"{at} {record.levelname.lower():7} {record.name}: {self.text_of(record)}"
        line += f" [{' '.join(extras)}]" if extras else ""
        line = shown(line)  # so that text from a particle cannot look like a separate line
        if record.exc_info:
            trace = shown_lines(self.formatException(record.exc_info))
            line += "\n  " + trace.replace("\n", "\n  ")
        return masked(line)


class JsonFormatter(_SafeFormatter):
    """One JSON object per line: ``time`` (ISO 8601, UTC), ``level``, ``logger``, ``message``, further attributes."""

    def format(self, record: logging.LogRecord) -> str:
        """Returns one line of JSON."""
        at = datetime.datetime.fromtimestamp(record.created, datetime.UTC)
        line: dict[str, object] = {
            "time": at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": masked(self.text_of(record)),
        }
        for name in _FIELDS:
            if value := getattr(record, name, None):
                line[name] = str(value)
        if record.exc_info:
            line["traceback"] = masked(self.formatException(record.exc_info))
        return json.dumps(line, ensure_ascii=False)


class _SafeHandler(logging.Handler):
    """Loses only the line if it cannot be written, because stderr is closed or the disk is full. Python's own report
    would also print the exception that is being handled, which may belong to a plugin and raise in turn."""

    def handleError(self, record: logging.LogRecord) -> None:
        """Reports on stderr that a line is lost, if possible."""
        with contextlib.suppress(BaseException):
            super().handleError(record)


class _Stderr(_SafeHandler, logging.StreamHandler):  # type: ignore[type-arg]  # that of the stream, of which it is no matter
    pass


class _Files(_SafeHandler, logging.handlers.RotatingFileHandler):
    pass


def set_up(log: Log, directory: Path | None = None, *, quiet: bool = False) -> None:
    """Sends the log of the platform to stderr, or to rotated files.

    Args:
        log: format, level and rotation.
        directory: directory of the log files of a detached machine; None for stderr.
        quiet: whether stderr gets warnings and errors only.
    """
    handler: logging.Handler
    if directory is not None:
        handler = _Files(
            directory / LOG_NAME,
            maxBytes=log.rotate_bytes,
            backupCount=log.rotate_backups,
            encoding="utf-8",
            errors="backslashreplace",
        )
    else:
        handler = _Stderr(sys.stderr)
        if quiet:
            handler.setLevel(logging.WARNING)
    handler.setFormatter(JsonFormatter() if log.format == "json" else TextFormatter())
    logger = logging.getLogger("hyperverse")
    logger.handlers[:] = [handler]
    logger.setLevel(log.level.upper())
    logger.propagate = False
    logging.captureWarnings(True)
    logging.getLogger("py.warnings").handlers[:] = [handler]
    logging.getLogger("asyncio").handlers[:] = [handler]
