"""Makes the standard streams usable, however the program was started.

A closed stream is opened on the null device. Otherwise the next file or socket would get its number, and the output
would end up there.
"""

from __future__ import annotations

import os
import sys
from typing import TextIO

__all__ = ["drop_output", "prepare_streams"]

_NAMES = ("stdin", "stdout", "stderr")


def prepare_streams() -> None:
    """Opens streams that are closed, and makes characters that a stream cannot encode appear as ``\\u2603``."""
    for number, name in enumerate(_NAMES):
        try:
            os.fstat(number)
        except OSError:
            _open_null(number)
        if getattr(sys, name) is None:
            stream = os.fdopen(number, "r" if number == 0 else "w", encoding="utf-8", closefd=False)
            setattr(sys, name, stream)
            setattr(sys, f"__{name}__", stream)
    for written in (sys.stdout, sys.stderr):
        reconfigure = getattr(written, "reconfigure", None)  # a test may have put something else there
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")


def _open_null(number: int) -> None:
    opened = os.open(os.devnull, os.O_RDWR)
    if opened != number:
        os.dup2(opened, number, inheritable=True)
        os.close(opened)
    os.set_inheritable(number, True)


def drop_output() -> None:
    """Sends the remaining output to the null device, because nobody reads it or the disk is full."""
    null = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        if not _flushed(stream):
            os.dup2(null, stream.fileno())
    os.close(null)


def _flushed(stream: TextIO) -> bool:
    try:
        stream.flush()
    except (OSError, ValueError):
        return False
    return True
