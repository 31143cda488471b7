"""The files of an audit log: ``audit-000001.jsonl`` and so on, the newest last."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import attrs

__all__ = ["OPERATOR", "AuditPlace", "file_number"]

OPERATOR: Final = "_operator"
"""The log of commands that run without a machine, such as ``hyperverse keys``. No machine has this name."""
_NAME: Final = re.compile(r"audit-(\d{6,})\.jsonl")


@attrs.frozen
class AuditPlace:
    """Location of the log of one machine.

    Attributes:
        directory: directory of its files.
        key: file with the key.
        head: file with the head.
    """

    directory: Path
    key: Path
    head: Path

    @classmethod
    def of(cls, data_dir: Path, name: str, directory: Path | None = None) -> AuditPlace:
        """Returns the location of a log.

        Args:
            data_dir: the data directory.
            name: name of the machine, or :data:`OPERATOR`.
            directory: directory of all logs, as configured; None for ``audit`` in the data directory.
        """
        keys = data_dir / "keys" / "audit"
        return cls((directory or data_dir / "audit") / name, keys / "key", keys / f"{name}.head")

    def file(self, number: int) -> Path:
        """Returns the path of the file with that number."""
        return self.directory / f"audit-{number:06d}.jsonl"

    def files(self) -> list[Path]:
        """Returns the existing files, the oldest first. Raises OSError."""
        if not self.directory.exists():
            return []
        return sorted((p for p in self.directory.iterdir() if _NAME.fullmatch(p.name)), key=file_number)


def file_number(path: Path) -> int:
    """Returns the number in the name of a file."""
    found = _NAME.fullmatch(path.name)
    return int(found.group(1)) if found is not None else 0
