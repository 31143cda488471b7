"""A grant that comes and goes under load, on three machines: soon nobody decides by the old rule any more."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import attrs
import pytest

from cluster.worlds import Processes
from hyperverse_core import Client
from patience import PATIENCE, budget

pytestmark = pytest.mark.thorough

MACHINES = ("m1", "m2", "m3")
ADA = "hyperspace:users:ada"
TARGETS = tuple(f"localhost:c{number}" for number in range(6))
CHANGES = 4
SENDERS = 3
"""For each machine."""
PROMISE = 1.0
"""Seconds after which a wave that begins is decided by the new rule: docs/explanation/security.md."""


@pytest.fixture
def three(tmp_path: Path, registry_table: dict[str, dict[str, str]]) -> Iterator[Processes]:
    world = Processes(tmp_path, engines=registry_table)
    world.start(*MACHINES)
    yield world
    world.end()


@attrs.define
class Answer:
    """What became of one wave: the machine that it was sent through, when it began and ended, and its status."""

    machine: str
    begun: float
    ended: float
    status: int


@attrs.define
class Rule:
    """What is right between two changes of the grants.

    Attributes:
        status: of a wave by the rule.
        since: when the command that made it so was answered.
        until: when the command that changes it again was sent.
    """

    status: int
    since: float
    until: float = float("inf")


async def test_no_wave_that_begins_a_second_later_is_decided_by_the_old_rule(three: Processes) -> None:
    loop = asyncio.get_running_loop()
    answers: list[Answer] = []
    rules: list[Rule] = []
    over = asyncio.Event()
    async with three.client("m1") as boss:
        await boss.exec("create localhost<Space>")
        for target in TARGETS:
            await boss.exec(f"create {target}<Tally>")
        await boss.exec(f"create {ADA}<User>")
        token = (await boss.ask("GLOBAL::users", "Ext<IssueToken>", {"agent": ADA}))["token"]

        async def send(machine: str, number: int) -> None:
            async with Client.connect(three.data_dir, machine=machine, token=token, timeout=PATIENCE) as client:
                while not over.is_set():
                    target = TARGETS[number % len(TARGETS)]
                    number += 1
                    begun = loop.time()
                    status = (await client.ping(target, "Cmd<Read>", wait=PATIENCE)).status
                    answers.append(Answer(machine, begun, loop.time(), status))

        senders = [asyncio.create_task(send(m, n)) for m in MACHINES for n in range(SENDERS)]
        try:
            rules.append(Rule(404, loop.time()))
            for number in range(CHANGES):
                await asyncio.sleep(budget(PROMISE) + 0.3)
                rules[-1].until = loop.time()
                if number % 2 == 0:
                    (granted,) = await boss.exec(f"grant perm +csd-Rwx on localhost:** to {ADA}")
                    rules.append(Rule(200, loop.time()))
                else:
                    await boss.exec(f"revoke {granted.body['id']}")
                    rules.append(Rule(404, loop.time()))
            await asyncio.sleep(budget(PROMISE) + 0.3)
        finally:
            over.set()
            await asyncio.gather(*senders)
    rules[-1].until = loop.time()
    _check(answers, rules, budget(PROMISE))


def _check(answers: list[Answer], rules: list[Rule], promise: float) -> None:
    """Every wave that began ``promise`` after a change and ended before the next one follows the rule in between."""
    judged: dict[tuple[str, int], int] = {}
    for rule in rules:
        for answer in answers:
            if answer.begun >= rule.since + promise and answer.ended <= rule.until:
                assert answer.status == rule.status, (answer, rule)
                judged[answer.machine, rule.status] = judged.get((answer.machine, rule.status), 0) + 1
    assert set(judged) == {(machine, status) for machine in MACHINES for status in (200, 404)}, judged


@pytest.mark.parametrize("status", [200, 404])
def test_an_answer_by_the_old_rule_would_be_noticed(status: int) -> None:
    rules = [Rule(404, 0.0, 10.0), Rule(200, 10.0, 20.0)]
    good = [
        Answer(machine, begun, begun + 0.1, 404 if begun < 10 else 200) for machine in MACHINES for begun in (5, 15)
    ]
    soon = Answer("m1", 10.5, 10.6, 404)  # within the second that is promised
    late = Answer("m2", 18.0 if status == 404 else 8.0, 18.1 if status == 404 else 8.1, status)
    _check([*good, soon], rules, 1.0)
    with pytest.raises(AssertionError):
        _check([*good, late], rules, 1.0)
