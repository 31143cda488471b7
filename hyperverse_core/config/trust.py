"""Unrequested files are used only when this user or root owns them and nobody else can write them.

A file in a directory above the working directory may have been put there by another user. A configuration names
plugins, which are code, and a data directory determines where the owner's token is sent.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from pathlib import Path

__all__ = ["distrust", "distrust_between"]


def distrust(path: Path) -> str:
    """Returns why a file or directory must not be used unless the user names it; empty when it may be used.

    It must belong to this user or to root, and nobody else may be able to write it. The same is true for a symbolic
    link, for its target, and for the target's directory.
    """
    try:
        link = path.lstat()
        if not stat.S_ISLNK(link.st_mode):
            return _distrust(path, link)
        target = path.resolve(strict=True)
        return _foreign(path, link) or next(filter(None, (_distrust(p, p.stat()) for p in (target, target.parent))), "")
    except (OSError, RuntimeError) as exc:
        return f"{str(path)!r} cannot be examined: {getattr(exc, 'strerror', None) or exc}"


def distrust_between(start: Path, found: Path) -> str:
    """Returns why a file that was found from ``start`` upward must not be used; empty when it may be used. The
    directories from ``start`` up to the file's own are examined too."""
    above: Iterable[Path] = (start, *start.parents)
    between = [directory for directory in above if directory.is_relative_to(found.parent)]
    return next(filter(None, map(distrust, (found, *reversed(between)))), "")


def _distrust(path: Path, found: os.stat_result) -> str:
    return _foreign(path, found) or _open(path, found)


def _foreign(path: Path, found: os.stat_result) -> str:
    if found.st_uid in (0, os.geteuid()):
        return ""
    return f"{str(path)!r} belongs to the user {_user(found.st_uid)}"


def _open(path: Path, found: os.stat_result) -> str:
    if found.st_mode & stat.S_IWOTH:
        return f"everybody can write {str(path)!r}"
    if found.st_mode & stat.S_IWGRP and not _alone(path, found):
        return f"a group can write {str(path)!r}"
    return ""


def _alone(path: Path, found: os.stat_result) -> bool:
    """Returns whether the owner is the only member of the group: many systems give each user a group of the same
    name."""
    import grp
    import pwd

    try:
        group, owner = grp.getgrgid(found.st_gid), pwd.getpwuid(found.st_uid)
        more = os.listxattr(path) if hasattr(os, "listxattr") else []
    except (KeyError, OSError):  # its members are unknown
        return False
    if "system.posix_acl_access" in more:  # then the group's bits may grant rights to others as well
        return False
    return owner.pw_gid == found.st_gid and group.gr_name == owner.pw_name and set(group.gr_mem) <= {owner.pw_name}


def _user(number: int) -> str:
    import pwd

    try:
        return repr(pwd.getpwuid(number).pw_name)
    except KeyError:
        return str(number)
