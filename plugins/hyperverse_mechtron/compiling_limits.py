"""Limits for compiling one module, and how the compiling process reports what was wrong."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Final

import attrs

__all__ = ["CONCURRENT", "REFUSED", "TOO_LARGE", "CompilingLimits", "ended_by", "why_file"]

REFUSED: Final = 3
"""The exit code for a module whose memory cannot be kept."""
TOO_LARGE: Final = 4
"""The exit code for a module that takes more memory than there may be."""
_NO_MEMORY: Final = "memory allocation of "
"""What the standard library of Rust, in which wasmtime is written, says before it aborts for lack of memory."""


@attrs.frozen
class CompilingLimits:
    """Limits for one module.

    Attributes:
        seconds: of the processor.
        memory: bytes of address space.
    """

    seconds: int = 300
    memory: int = 4 << 30


def ended_by(status: int, said: str, limits: CompilingLimits) -> str:
    """Tells why the compiling process has ended before it could say it.

    Args:
        status: how it ended: its exit code, or the negative number of the signal that ended it.
        said: its standard error output.
        limits: its limits.

    Returns:
        what comes after "could not be compiled:"; empty when it did say it.
    """
    if status == TOO_LARGE or (status == -signal.SIGABRT and _NO_MEMORY in said):
        size = limits.memory
        told = f"{size / (1 << 30):g} GiB" if size >= 1 << 30 else f"{size / (1 << 20):g} MiB"
        return f"it takes more than {told} of memory"
    if status == -signal.SIGXCPU:
        return f"it takes more than {limits.seconds} s of the processor"
    if status == -signal.SIGKILL:
        return "something has killed the compiler, as Linux does when the computer has no memory left"
    if status < 0:
        return f"the compiler has crashed ({signal.strsignal(-status) or f'signal {-status}'})"
    return ""


CONCURRENT: Final = "-concurrent"
"""How the configuration ends for a component that has functions of the asynchronous kind."""


def why_file(target: Path) -> Path:
    """The file with what was wrong with a module.

    Args:
        target: the file for what is compiled.
    """
    return target.with_suffix(".why")
