"""Kits for what makes a smaller promise."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

__all__ = ["without"]

_T = TypeVar("_T", bound=type)


def without(*tests: str) -> Callable[[_T], _T]:
    """Takes tests of a kit out of a subclass: those that the kit skips for what is tested there.

    A kit skips them, and says why, so that its user sees what was not tested. Our own suite skips nothing, and names
    here what does not apply.
    """

    def leave_out(kit: _T) -> _T:
        for test in tests:
            assert callable(getattr(kit, test, None)), f"{kit.__name__} has no {test}"
            setattr(kit, test, None)
        return kit

    return leave_out
