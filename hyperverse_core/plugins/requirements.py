"""Finds requirements of an optional dependency that are not met in this environment.

The library ``packaging`` parses requirements such as ``foo[bar]~=1.4; extra == "birds"``, with versions and markers. A
malformed requirement is logged with the name of its distribution and ignored: it must not make a plugin unavailable.
"""

from __future__ import annotations

import importlib.metadata
from collections.abc import Iterator
from functools import lru_cache

from packaging.markers import UndefinedComparison, UndefinedEnvironmentName
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from ..scheduling.guarded_log import guarded_log
from .entry_points import name_and_version, requirement_lines

__all__ = ["missing_requirements"]

_log = guarded_log("hyperverse.plugins")

_UNREADABLE = (InvalidRequirement, InvalidVersion, UndefinedComparison, UndefinedEnvironmentName)


def missing_requirements(distribution: str, extra: str) -> list[str]:
    """Returns what the optional dependency ``extra`` of a distribution still needs.

    Extras of requirements are followed: ``foo[bar]`` is met if foo and everything that its extra ``bar`` requires are
    installed.

    Args:
        distribution: name of an installed distribution. A distribution that is not installed needs nothing.
        extra: name of the optional dependency, in any spelling (``Big_Birds`` is ``big-birds``).

    Returns:
        One string for each requirement that is not met, in the order of the metadata: the name of a project that is not
        installed, or ``"foo>=2 instead of 1.4"`` for one whose installed version does not fit.
    """
    return list(dict.fromkeys(_missing(distribution, extra, set())))


def _missing(distribution: str, extra: str, seen: set[tuple[str, str]]) -> Iterator[str]:
    key = (canonicalize_name(distribution), canonicalize_name(extra))
    if key in seen:  # extras may refer to one another in a circle
        return
    seen.add(key)
    for requirement in _added_by(distribution, extra):
        unmet = _unmet(requirement)
        if unmet:
            yield unmet
            continue
        for further in sorted(requirement.extras):
            yield from _missing(requirement.name, further, seen)


def _added_by(distribution: str, extra: str) -> Iterator[Requirement]:
    """Yields the requirements that a distribution has with ``extra`` and does not have without it."""
    try:
        lines = requirement_lines(distribution)
    except importlib.metadata.PackageNotFoundError:
        return
    except Exception as exc:  # its metadata is damaged
        _log.warning("%s: its requirements cannot be read: %s", distribution, _reason(exc))
        return
    for line in lines:
        try:
            requirement = _if_added(line, extra)
        except _UNREADABLE as exc:
            _log.warning("%s: ignoring the requirement %r, which is malformed: %s", distribution, line, _reason(exc))
            continue
        if requirement is not None:
            yield requirement


@lru_cache(maxsize=4096)
def _if_added(line: str, extra: str) -> Requirement | None:
    """Returns the requirement on a line if it applies with ``extra`` but not without it, else None. Cached, because
    each start of a machine asks for the same lines: parsing them again takes half of the time of loading all
    plugins."""
    requirement = _read(line)
    marker = requirement.marker
    added = marker is not None and marker.evaluate({"extra": extra}) and not marker.evaluate({"extra": ""})
    return requirement if added else None


@lru_cache(maxsize=4096)
def _read(line: str) -> Requirement:
    return Requirement(line)


def _unmet(requirement: Requirement) -> str:
    """Returns why a requirement is not met; empty if it is. Any version meets a requirement that names a URL."""
    try:
        found = importlib.metadata.distribution(requirement.name)
    except importlib.metadata.PackageNotFoundError:
        return requirement.name
    if not requirement.specifier:
        return ""
    _, version = name_and_version(found)
    try:
        parsed = Version(version)
    except InvalidVersion as exc:
        _log.warning("%s: accepting its version, which is malformed: %s", requirement.name, _reason(exc))
        return ""
    if requirement.specifier.contains(parsed, prereleases=True):  # the user has chosen a pre-release
        return ""
    return f"{requirement.name}{requirement.specifier} instead of {version}"


def _reason(exc: Exception) -> str:
    """Returns the first line of an error: ``packaging`` marks the position on the lines below it."""
    return str(exc).partition("\n")[0]
