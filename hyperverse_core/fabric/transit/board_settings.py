"""The settings of a switchboard."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs

__all__ = ["BoardSettings"]


@attrs.frozen
class BoardSettings:
    """The configured settings of a switchboard.

    Attributes:
        machine, constellation: name of this machine, and of the constellation of its stars.
        hops: greatest number of machines that may forward a wave.
        lanes: the table ``[lanes]``.
        directory: the directory of this machine's own files.
        host: identifies this machine's host, see :class:`Facts`.
    """

    machine: str
    constellation: str
    hops: int
    lanes: Mapping[str, Any]
    directory: Path
    host: str = ""
