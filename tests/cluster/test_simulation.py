"""A constellation under a virtual clock, with faults by number: whatever happens, nothing that was acknowledged is
lost, nothing is done twice, and no particle lives twice.

``HYPERVERSE_SEED=17`` runs one number, ``HYPERVERSE_SEEDS=1000`` so many of them, from ``HYPERVERSE_FIRST_SEED`` on.
"""

from __future__ import annotations

import asyncio
import logging
import os
import tempfile
from pathlib import Path

import pytest

from cluster.scenario import Result, run_scenario
from cluster.simulated_processes import ProcessLoop
from thoroughness import THOROUGH

_EVERYDAY = 100 if THOROUGH else 10
_EACH = 10  # numbers that one test runs: workers share the tests


def run_seed(seed: int) -> Result:
    """One run, from the start to the end of its event loop."""
    with tempfile.TemporaryDirectory() as directory, asyncio.Runner(loop_factory=ProcessLoop) as runner:
        runner.get_loop().set_exception_handler(lambda loop, context: None)  # tasks of those that were killed
        return runner.run(run_scenario(seed, Path(directory)))


def groups() -> list[list[int]]:
    """The numbers to run, in as many tests."""
    one = os.environ.get("HYPERVERSE_SEED")
    if one:
        return [[int(one)]]
    first = int(os.environ.get("HYPERVERSE_FIRST_SEED", 0))
    seeds = range(first, first + int(os.environ.get("HYPERVERSE_SEEDS", _EVERYDAY)))
    return [list(seeds[start : start + _EACH]) for start in range(0, len(seeds), _EACH)]


@pytest.mark.parametrize("seeds", groups(), ids=lambda seeds: f"from-{seeds[0]}")
def test_no_acknowledged_operation_is_lost_or_done_twice_whatever_fails(
    seeds: list[int], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL, "hyperverse")
    for seed in seeds:
        result = run_seed(seed)
        assert not result.faults, f"seed {seed}:\n" + "\n".join([*result.events, *result.faults])
        assert result.acknowledged > result.calls / 4, f"seed {seed}: hardly anything works"
