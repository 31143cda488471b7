"""What a benchmark says to programs: one JSON object for each row, as `hyperverse bench --json` prints them."""

from __future__ import annotations

import json
from pathlib import Path

import attrs

from hyperverse_core.cli.bench.row import Row

__all__ = ["Report", "Row"]


@attrs.define
class Report:
    """The rows of a run.

    Attributes:
        file: where they are written to; None for nowhere. Each row is there as soon as it is known.
    """

    file: Path | None = None

    def __attrs_post_init__(self) -> None:
        if self.file is not None:
            self.file.write_text("")

    def add(self, row: Row) -> None:
        """Writes one row."""
        if self.file is not None:
            with self.file.open("a", encoding="utf-8") as lines:
                lines.write(json.dumps(row.plain(), ensure_ascii=False) + "\n")
