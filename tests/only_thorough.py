"""Tests that the everyday run leaves out, so that ``python -m pytest -n auto`` ends in minutes. CI runs all of them.

It is a plugin of pytest. A test with the mark ``thorough`` runs when ``HYPERVERSE_THOROUGH=1`` asks for everything, and
when the command line names its file: whoever names it wants it. Of a test with many cases, the mark ``one_case_in(n)``
lets the everyday run take the first of each n cases.
"""

from __future__ import annotations

import os
from collections import Counter

import pytest

from thoroughness import THOROUGH


def pytest_configure(config: pytest.Config) -> None:
    """Declares the mark."""
    config.addinivalue_line("markers", "thorough: the everyday run leaves this test out; CI runs it")
    config.addinivalue_line("markers", "one_case_in(n): the everyday run takes each n-th case of a test; CI takes all")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leaves the marked tests out."""
    if THOROUGH:
        return
    named = {(config.invocation_params.dir / argument.partition("::")[0]).resolve() for argument in config.args}
    unnamed = [item for item in items if item.path.resolve() not in named]
    left_out = {item for item in unnamed if item.get_closest_marker("thorough")}
    seen = Counter[str]()
    for item in unnamed:
        sparse = item.get_closest_marker("one_case_in")
        if sparse is not None and item not in left_out:
            test = item.nodeid.partition("[")[0]
            if seen[test] % sparse.args[0]:
                left_out.add(item)
            seen[test] += 1
    if left_out:
        config.hook.pytest_deselected(items=list(left_out))
        items[:] = [item for item in items if item not in left_out]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Processes that ``-n auto`` starts: two for each core, because many tests wait for most of their time."""
    return 2 * (os.cpu_count() or 1)


def pytest_report_header() -> str | None:
    """Says what is left out, and how to get it."""
    if THOROUGH:
        return None
    return "left out: tests marked thorough, and cases of those marked one_case_in; HYPERVERSE_THOROUGH=1 runs all"
