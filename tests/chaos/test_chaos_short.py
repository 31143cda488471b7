"""The short form of the chaos tests; ``python -m tests.chaos`` is the long one."""

from __future__ import annotations

from pathlib import Path

import pytest

from chaos.history import Findings
from chaos.run import Chaos
from patience import budget
from thoroughness import THOROUGH

_LEAST = 100


async def _nothing_lost_or_doubled(chaos: Chaos) -> Findings:
    findings = await chaos.run()
    print("\n".join(findings.lines()))
    assert (findings.lost, findings.doubled, findings.wrong) == (0, 0, [])
    return findings


@pytest.mark.thorough
@pytest.mark.timeout(300)
async def test_nothing_acknowledged_is_lost_or_doubled_while_the_database_comes_and_goes(tmp_path: Path) -> None:
    # The plan of this seed begins with a commit that is cut, a server that stops at once, and a machine that is killed.
    faults = ("crash", "commit", "kill")
    chaos = Chaos(tmp_path, seed=63, seconds=12.0, say=print, faults=faults, least=_LEAST, postgres=True)
    findings = await _nothing_lost_or_doubled(chaos)
    assert findings.acknowledged >= _LEAST
    broken = " ".join(fault.what for fault in chaos.history.faults)
    assert "next save" in broken and "stops at once" in broken


@pytest.mark.thorough
@pytest.mark.timeout(300)
async def test_nothing_acknowledged_is_lost_or_doubled_while_machines_die_and_sleep(tmp_path: Path) -> None:
    chaos = Chaos(tmp_path, seed=3, seconds=20.0 if THOROUGH else 10.0, say=print, least=_LEAST)
    findings = await _nothing_lost_or_doubled(chaos)
    assert findings.acknowledged >= _LEAST
    assert findings.failed
    if budget(1.0) < 2.0:  # on a busier computer no rule holds for long enough to be certain
        assert findings.rightly_allowed and findings.rightly_refused
    assert findings.outage < budget(12.0)


@pytest.mark.thorough
@pytest.mark.timeout(300)
async def test_nothing_acknowledged_is_lost_or_doubled_while_database_and_broker_are_killed(tmp_path: Path) -> None:
    # The plan of this seed begins with both servers that go at once, the broker alone, and a machine that is killed.
    faults = ("both", "broker", "kill")
    chaos = Chaos(tmp_path, seed=25, seconds=10.0, say=print, faults=faults, least=_LEAST, postgres=True, nats=True)
    findings = await _nothing_lost_or_doubled(chaos)
    assert findings.acknowledged >= _LEAST
    broken = " ".join(fault.what for fault in chaos.history.faults)
    assert "at once and the broker" in broken and "the broker is killed, for" in broken
