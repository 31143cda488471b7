"""A failure that cannot be told is told by its place.

Some tests raise exceptions that raise when somebody looks at them. When one of those reaches pytest, its report would
end the whole run. It is a plugin of pytest.
"""

from __future__ import annotations

import traceback
from collections.abc import Generator

import pytest

__all__ = ["place_of"]


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """Turns such an exception into a failure that says where it came from. That of a task of an earlier test, which
    nobody has awaited, is raised here as well."""
    try:
        return (yield)
    except BaseException as exc:
        said = place_of(exc)
        if not said:
            raise
    raise AssertionError(f"an exception that cannot be told came from:\n{said}")


def place_of(exc: BaseException) -> str:
    """Where an exception comes from whose text, or that of one behind it, cannot be made; empty for any other."""
    try:
        traceback.format_exception(exc)
    except BaseException:
        return "".join(traceback.format_tb(exc.__traceback__))
    return ""
