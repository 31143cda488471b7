"""The ratios that were kept, release by release: ``kept.json`` beside this file, and a table in the documentation."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import attrs

from bench.figures import Figures

__all__ = ["FILE", "PAGE", "Release", "keep", "load", "table"]

FILE: Final = Path(__file__).with_name("kept.json")
PAGE: Final = Path(__file__).parents[2] / "docs" / "reference" / "performance.md"
_BEGIN, _END = "<!-- kept ratios: written by tests/bench/gate.py --keep -->", "<!-- end of the kept ratios -->"


@attrs.frozen
class Release:
    """What one release reached.

    Attributes:
        name: its version.
        ratios: by loop and name of the row.
    """

    name: str
    ratios: Mapping[str, float]


def load(file: Path = FILE) -> list[Release]:
    """All releases, the newest last."""
    return [Release(name, ratios) for name, ratios in json.loads(file.read_text("utf-8")).items()]


def keep(name: str, figures: Figures, *, file: Path = FILE, page: Path = PAGE) -> None:
    """Writes the ratios of a release into the file and the page; those that it had before are replaced."""
    releases = {release.name: dict(release.ratios) for release in load(file)} if file.exists() else {}
    releases.pop(name, None)
    releases[name] = {row: round(figure.ratio, 3) for row, figure in figures.items()}
    file.write_text(json.dumps(releases, indent=2, ensure_ascii=False) + "\n", "utf-8")
    text = page.read_text("utf-8")
    before, begin, rest = text.partition(_BEGIN)
    _, end, after = rest.partition(_END)
    if not (begin and end):
        raise ValueError(f"{page} has no place for the table: it is between {_BEGIN!r} and {_END!r}")
    page.write_text(f"{before}{_BEGIN}\n\n{table(load(file))}\n{_END}{after}", "utf-8")


def table(releases: list[Release]) -> str:
    """The ratios of all releases in Markdown: a row for each figure, a column for each release."""
    rows = list(dict.fromkeys(row for release in releases for row in release.ratios))
    lines = ["| loop | what | " + " | ".join(release.name for release in releases) + " |"]
    lines.append("|---|---|" + "---|" * len(releases))
    for row in rows:
        cells = [f"{release.ratios[row]:.2f}x" if row in release.ratios else "" for release in releases]
        loop, _, name = row.partition(": ")
        lines.append(f"| {loop} | {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"
