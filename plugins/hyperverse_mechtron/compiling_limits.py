"""Limits for compiling one module, and how the compiling process reports what was wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Final

__all__ = ["CONCURRENT", "MEMORY", "REFUSED", "SECONDS", "why_file"]

SECONDS: Final = 300
"""Seconds of the processor for one module."""
MEMORY: Final = 4 << 30
"""Bytes of memory for one module."""
REFUSED: Final = 3
"""The exit code for a module whose memory cannot be kept."""

CONCURRENT: Final = "-concurrent"
"""How the configuration ends for a component that has functions of the asynchronous kind."""


def why_file(target: Path) -> Path:
    """The file with what was wrong with a module.

    Args:
        target: the file for what is compiled.
    """
    return target.with_suffix(".why")
