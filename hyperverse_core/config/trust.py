"""Files are used without being asked for only when this user or root owns them, and nobody else can write them.

What lies in a directory above the working directory was perhaps put there by somebody else. A configuration names
plugins, which are code, and a data directory says where the owner's token is sent.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from pathlib import Path

__all__ = ["distrust", "distrust_between"]


def distrust(path: Path) -> str:
    """Returns why a file or directory must not be used unless the user names it; empty when it may be.

    It must belong to this user or to root, and nobody else may be able to write it. A symbolic link must as well, and
    so must what it leads to, with its directory.
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
    """Returns why something that was found from ``start`` upward must not be used; empty when it may be. The
    directories from ``start`` up to its own count as well."""
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
    """Whether the group has only the owner in it: many systems give every user a group of the same name."""
    import grp
    import pwd

    try:
        group, owner = grp.getgrgid(found.st_gid), pwd.getpwuid(found.st_uid)
        more = os.listxattr(path) if hasattr(os, "listxattr") else []
    except (KeyError, OSError):  # nobody knows who is in it
        return False
    if "system.posix_acl_access" in more:  # then the bits of the group stand for others as well
        return False
    return owner.pw_gid == found.st_gid and group.gr_name == owner.pw_name and set(group.gr_mem) <= {owner.pw_name}


def _user(number: int) -> str:
    import pwd

    try:
        return repr(pwd.getpwuid(number).pw_name)
    except KeyError:
        return str(number)
