"""Facts: the figures that a machine reports to the others for placing particles. They are stored in the directory of
stars."""

from __future__ import annotations

import hashlib
import json
import os
import platform
from collections.abc import Mapping, Sequence
from contextvars import Context
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import attrs

from ...scheduling.guarded_log import guarded_log
from ..particles.served import ServedKinds

__all__ = ["Facts", "OwnFacts"]

_log = guarded_log("hyperverse.placement")
_BOOT: Final = Path("/proc/sys/kernel/random/boot_id")
_MEMINFO: Final = Path("/proc/meminfo")
_NAMES: Final = 64
"""Greatest number of names reported for one Kind, because they are written with each renewal of a lease."""
_NOTHING: Final[frozenset[str]] = frozenset()


@attrs.frozen
class Facts:
    """What is known about a machine.

    Attributes:
        load: share of its processors that is busy, from 0 to 1.
        memory: free memory in bytes; 0 if unknown.
        labels: labels from its config, by name.
        prepared: names of what is prepared there, by Kind.
        host: identifies its host; empty if unknown.
    """

    load: float = 0.0
    memory: int = 0
    labels: Mapping[str, str] = attrs.field(factory=dict)
    prepared: Mapping[str, frozenset[str]] = attrs.field(factory=dict)
    host: str = ""

    def prepared_for(self, kind: str) -> frozenset[str]:
        """Returns what is prepared for particles of ``kind``."""
        return self.prepared.get(kind, _NOTHING)

    @property
    def text(self) -> str:
        """The facts as stored in the record of a star."""
        told: dict[str, Any] = {"load": round(self.load, 2), "memory": self.memory}
        if self.labels:
            told["labels"] = dict(self.labels)
        if self.prepared:
            told["prepared"] = {kind: sorted(names) for kind, names in self.prepared.items()}
        if self.host:
            told["host"] = self.host
        return json.dumps(told)

    @classmethod
    def read(cls, text: str) -> Facts:
        """Parses the facts of a machine. Another version may report less or more; facts that cannot be parsed count as
        unknown."""
        return _read(text)


@lru_cache(maxsize=1024)
def _read(text: str) -> Facts:
    try:
        told = json.loads(text or "{}")
        return Facts(
            min(max(float(told.get("load", 0.0)), 0.0), 1.0),
            int(told.get("memory", 0)),
            {str(name): str(value) for name, value in told.get("labels", {}).items()},
            {str(kind): frozenset(map(str, names)) for kind, names in told.get("prepared", {}).items()},
            str(told.get("host", "")),
        )
    except (ValueError, TypeError, AttributeError) as exc:
        _log.warning("facts of a machine cannot be read: %s", exc)
        return Facts()


class OwnFacts:
    """Inspects this machine at each renewal of its leases.

    Args:
        labels: labels from its config.
        served: the Kinds that it serves; their drivers report what is prepared.

    Attributes:
        now: the latest facts.
    """

    def __init__(self, labels: Mapping[str, str], served: ServedKinds) -> None:
        self._labels = dict(labels)
        self._served = served
        self._host = _this_host()
        self.now = Facts(labels=self._labels, host=self._host)

    def look(self) -> str:
        """Inspects the machine. Returns the text for other machines."""
        self.now = Facts(_load(), _free_memory(), self._labels, self._prepared(), self._host)
        return self.now.text

    def _prepared(self) -> dict[str, frozenset[str]]:
        found = {}
        for kind, served in self._served.items():
            if not served.prepares or not served.serves:
                continue
            try:
                names = frozenset(Context().run(served.driver.prepared))
            except BaseException:
                _log.exception("driver of %s: `prepared` failed", kind)
                continue
            if names:
                found[kind] = names if len(names) <= _NAMES else frozenset(sorted(names)[:_NAMES])
        return found


def _this_host() -> str:
    """Returns an identifier that differs between computers, and between two boots of one; containers on one computer
    share it."""
    try:
        named = _BOOT.read_text("ascii").strip()
    except (OSError, ValueError):  # not Linux
        named = platform.node()
    return hashlib.sha256(named.encode()).hexdigest()[:16]


def _load() -> float:
    """Returns the share of the processors that was busy in the last minute."""
    try:
        return min(os.getloadavg()[0] / (os.cpu_count() or 1), 1.0)
    except OSError:  # not available on this system
        return 0.0


def _free_memory() -> int:
    try:
        return _available(_MEMINFO.read_text("ascii").splitlines())
    except (OSError, ValueError):  # not Linux
        return 0


def _available(lines: Sequence[str]) -> int:
    for line in lines:
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    return 0
