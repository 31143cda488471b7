"""What the config says to a switchboard."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs

__all__ = ["BoardSettings"]


@attrs.frozen
class BoardSettings:
    """What a switchboard is told by the config.

    Attributes:
        machine, constellation: names of this machine and of what its stars belong to.
        hops: how many machines may pass a wave on.
        lanes: the table ``[lanes]``.
        directory: where this machine keeps files of its own.
        host: tells the host of this machine from others, see :class:`Facts`.
    """

    machine: str
    constellation: str
    hops: int
    lanes: Mapping[str, Any]
    directory: Path
    host: str = ""
