"""Grants that come and go while machines die, what users were answered, and who was allowed when."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

import attrs

from chaos.history import Fault
from hyperverse_core import Client
from hyperverse_core.errors import HyperverseError

__all__ = ["Answer", "Change", "Rules", "judge"]

_USERS = 3
_REFUSED = frozenset({403, 404})
_EXCUSES = ("SIGSTOP", "the registry")
"""What begins the name of a fault in which nobody can hear of a change: a machine that sleeps, a registry that cannot
be read."""


@attrs.define(eq=False)
class Change:
    """A change of what a user may do.

    Attributes:
        allowed: whether the user is allowed from then on.
        begun, ended: in seconds; ``ended`` is None until it is certain that it was made.
    """

    allowed: bool
    begun: float
    ended: float | None = None


@attrs.frozen
class Answer:
    """What a user was answered: when it was asked and answered, in seconds, and the status."""

    begun: float
    ended: float
    status: int


@attrs.define
class Judged:
    """How many answers were right by a rule that was certain, and those that were not, in words."""

    right: Counter[bool] = attrs.field(factory=Counter)
    wrong: list[str] = attrs.field(factory=list)


def judge(changes: Iterable[Change], answers: Iterable[Answer], promise: float, faults: Iterable[Fault] = ()) -> Judged:
    """Looks at every answer whose rule is certain: the last change had been made for ``promise`` seconds when it was
    asked, and the next one had not begun when it was answered."""
    found, rules = Judged(), list(changes)
    unheard = [fault for fault in faults if fault.what.startswith(_EXCUSES)]
    for answer in answers:
        before = [change for change in rules if change.begun <= answer.ended]
        if not before or before[-1].ended is None or answer.begun < before[-1].ended + promise:
            continue
        since = before[-1].ended
        if any(f.begun <= answer.ended and (f.ended is None or f.ended + promise >= since) for f in unheard):
            continue
        allowed = before[-1].allowed
        if (answer.status == 200) if not allowed else (answer.status in _REFUSED):
            rule = "allowed" if allowed else "refused"
            found.wrong.append(
                f"a user who was {rule} from {since:.2f} on was answered {answer.status} "
                f"when it asked at {answer.begun:.2f}"
            )
        elif answer.status == 200 or answer.status in _REFUSED:
            found.right[allowed] += 1
    return found


@attrs.define(eq=False)
class _User:
    point: str
    token: str
    changes: list[Change] = attrs.field(factory=list)
    answers: list[Answer] = attrs.field(factory=list)


class Rules:
    """Users who ask all the time, and an administrator who grants and revokes.

    Args:
        data_dir: of the machines.
        targets: the particles that are asked.
        chance: decides who is next.
        now: the time of the run, in seconds.
        over: whether the run has ended.
    """

    def __init__(
        self,
        data_dir: Path,
        targets: tuple[str, ...],
        chance: random.Random,
        now: Callable[[], float],
        over: Callable[[], bool],
    ) -> None:
        self._data_dir = data_dir
        self._targets = targets
        self._chance = chance
        self._now = now
        self._over = over
        self._users: list[_User] = []

    async def prepare(self, client: Client) -> None:
        """Makes the users, who may do nothing yet."""
        for number in range(_USERS):
            point = f"hyperspace:users:u{number}"
            await client.exec(f"create {point}<User>")
            issued = await client.ask("GLOBAL::users", "Ext<IssueToken>", {"agent": point})
            self._users.append(_User(point, issued["token"], [Change(False, 0.0, 0.0)]))

    async def run(self) -> None:
        """Lets them ask, and changes the rules, until the run has ended."""
        await asyncio.gather(self._rule(), *(self._ask(user) for user in self._users for _ in range(2)))

    def judge(self, promise: float, faults: Iterable[Fault]) -> Judged:
        """What was right and wrong, of all users."""
        found = Judged()
        for user in self._users:
            each = judge(user.changes, user.answers, promise, faults)
            found.right += each.right
            found.wrong += each.wrong
        return found

    async def _ask(self, user: _User) -> None:
        while not self._over():
            with suppress(HyperverseError):
                async with Client.connect(self._data_dir, token=user.token, timeout=3.0) as client:
                    until = time.monotonic() + self._chance.uniform(2.0, 6.0)
                    while time.monotonic() < until and not self._over():
                        begun = self._now()
                        reply = await client.ping(self._chance.choice(self._targets), "Ext<Length>", wait=4.0)
                        user.answers.append(Answer(begun, self._now(), reply.status))
                        await asyncio.sleep(self._chance.uniform(0.0, 0.05))
            await asyncio.sleep(0.05)

    async def _rule(self) -> None:
        while not self._over():
            await asyncio.sleep(self._chance.uniform(1.0, 3.0))
            user = self._chance.choice(self._users)
            change = Change(not user.changes[-1].allowed, self._now())
            user.changes.append(change)
            while change.ended is None and not self._over():
                with suppress(HyperverseError):
                    async with Client.connect(self._data_dir, timeout=3.0) as client:
                        await (self._allow if change.allowed else self._refuse)(client, user)
                        change.ended = self._now()
                await asyncio.sleep(0.1)

    async def _allow(self, client: Client, user: _User) -> None:
        """Once more if it is not known whether it was done: two grants do what one does."""
        await client.exec(f"grant perm +csd-rwX on localhost:** to {user.point}")

    async def _refuse(self, client: Client, user: _User) -> None:
        """Until a list says that nothing is left."""
        while True:
            (listed,) = await client.exec(f"grants to {user.point}")
            if not listed.body:
                return
            for grant in listed.body:
                await client.exec(f"revoke {grant['id']}", check=False)
