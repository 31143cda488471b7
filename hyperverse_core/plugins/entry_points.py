"""Reads entry points of installed distributions; damaged metadata of one does not hide those of the others."""

from __future__ import annotations

import email
import importlib.metadata
import re
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import attrs

__all__ = ["Found", "FoundPoint", "find_entry_points", "name_and_version", "requirement_lines"]

_FILE = "entry_points.txt"
_VALUE = re.compile(r"\s*[\w.]+\s*(:\s*[\w.]+\s*)?(\[.*\]\s*)?")


@attrs.frozen
class FoundPoint:
    """One entry point.

    Attributes:
        name: its name.
        point: the entry point to load; None if the line is malformed.
        line: the line as written.
        distribution, version: its distribution; the name of its folder if the metadata does not give the name.
    """

    name: str
    point: importlib.metadata.EntryPoint | None
    line: str
    distribution: str
    version: str


@attrs.define
class Found:
    """The entry points that were found.

    Attributes:
        points: the entry points of the group, including malformed ones.
        passed_over: descriptions of metadata that could not be read. Plugins in them remain unknown.
    """

    points: list[FoundPoint] = attrs.field(factory=list)
    passed_over: list[str] = attrs.field(factory=list)


def find_entry_points(group: str) -> Found:
    """Reads the entry points of ``group`` of every distribution on the import path. If there are several distributions
    of one name, the first counts, because an import finds that one."""
    found = Found()
    seen: set[str] = set()
    for distribution in importlib.metadata.distributions():
        place = _place(distribution)
        try:
            key = re.sub(r"[-_.]+", "-", _key(distribution, place)).lower()
            if key in seen:
                continue
            seen.add(key)
            if not _has_metadata(distribution):
                found.passed_over.append(f"the distribution at {place} has no metadata")
            text = distribution.read_text(_FILE)
            if not text:
                continue
            if f"[{group}]" in text.replace(" ", ""):
                name, version = name_and_version(distribution)
                found.points += _points(text, group, name or key, version)
            found.passed_over += [f"{place}/{_FILE} has the line {line!r}" for line in _malformed(text, group)]
        except Exception as exc:  # the files may be damaged in any way
            found.passed_over.append(f"the distribution at {place} cannot be read ({type(exc).__name__}: {exc})")
    return found


def _key(distribution: importlib.metadata.Distribution, place: str) -> str:
    """Returns the name of a distribution, taken from that of its folder. Reading the metadata would take a hundred
    times longer."""
    name = Path(place).name
    if name.endswith((".dist-info", ".egg-info")):
        return name.rpartition(".")[0].partition("-")[0]
    return name_and_version(distribution)[0] or place


def _has_metadata(distribution: importlib.metadata.Distribution) -> bool:
    path = getattr(distribution, "_path", None)
    if not isinstance(path, Path) or not path.name.endswith(".dist-info"):
        return True  # an egg, or in an archive
    return (path / "METADATA").is_file()


def _lines(text: str) -> Iterator[tuple[str, str]]:
    """Yields each line that is neither blank nor a comment, with its section."""
    section = ""
    for raw in text.splitlines():
        line = raw.strip()
        if not line or line[0] in "#;":
            continue
        if line[0] == "[" and line[-1] == "]":
            section = line[1:-1].strip()
            continue
        yield section, line


def _points(text: str, group: str, distribution: str, version: str) -> Iterator[FoundPoint]:
    for section, line in _lines(text):
        if section != group:
            continue
        name, _, value = (part.strip() for part in line.partition("="))
        point = importlib.metadata.EntryPoint(name, value, group) if name and _VALUE.fullmatch(value) else None
        yield FoundPoint(name or line, point, line, distribution, version)


def _malformed(text: str, group: str) -> Iterator[str]:
    """Yields the lines of other groups that are not entry points; those of our group are reported as failed plugins."""
    for section, line in _lines(text):
        if not section or (section != group and "=" not in line):
            yield line


def _place(distribution: importlib.metadata.Distribution) -> str:
    path = getattr(distribution, "_path", None)
    return str(path) if path is not None else type(distribution).__name__


def name_and_version(distribution: importlib.metadata.Distribution | None) -> tuple[str, str]:
    """Returns name and version of a distribution; empty strings if its metadata is damaged."""
    if distribution is None:
        return "", ""
    try:
        metadata = _metadata(distribution)
    except Exception:  # it cannot be decoded or has an unknown format; since Python 3.14 also if it is missing
        return "", ""
    if metadata is None:
        return "", ""
    return _field(metadata, "Name"), _field(metadata, "Version")


def requirement_lines(distribution: str) -> list[str]:
    """Returns the requirements of an installed distribution, as its metadata lists them.

    Raises PackageNotFoundError if it is not installed, and any exception if its metadata is damaged.
    """
    found = importlib.metadata.distribution(distribution)
    metadata = _metadata(found)
    lines = metadata.get_all("Requires-Dist") if metadata is not None else None
    return list(lines or found.requires or ())  # an egg has them in a separate file


def _metadata(distribution: importlib.metadata.Distribution) -> Any:
    text = distribution.read_text("METADATA")
    return distribution.metadata if text is None else _headers(text.partition("\n\n")[0])


@lru_cache(maxsize=128)
def _headers(text: str) -> Any:
    """Returns metadata without its description. Cached by content, because each start of a machine asks for the same
    distributions several times."""
    return email.message_from_string(text)


def _field(metadata: Any, name: str) -> str:
    """Returns a field; an empty string if it is missing. Since Python 3.12, direct access to a missing field warns."""
    return str(metadata[name] or "") if name in metadata else ""
