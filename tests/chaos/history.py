"""What was asked, what was answered, and what must hold in the end."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Mapping

import attrs

__all__ = ["Findings", "History", "Operation"]


@attrs.define(eq=False)
class Operation:
    """An append.

    Attributes:
        op: its name, unique.
        target: the particle.
        begun, ended: in seconds; ``ended`` is None while nobody has answered.
        outcome, status: of the reply.
        place: in the list, of one that was acknowledged.
    """

    op: str
    target: str
    begun: float
    ended: float | None = None
    outcome: str = ""
    status: int = 0
    place: int = 0


@attrs.frozen
class Findings:
    """The figures of a run.

    Attributes:
        operations, acknowledged, unknown, refused: how many there were.
        faults: how often something was broken on purpose.
        lost: acknowledged and not there.
        doubled: there more than once.
        wrong: everything else that must not be, in words.
        outage: longest time (seconds) for which one particle acknowledged nothing though it was asked.
        outage_at: when that began.
    """

    operations: int
    acknowledged: int
    unknown: int
    refused: int
    faults: int
    lost: int
    doubled: int
    wrong: list[str]
    outage: float
    outage_at: float

    def lines(self) -> list[str]:
        """For people."""
        return [
            f"operations    {self.operations} ({self.acknowledged} acknowledged, {self.unknown} unknown, "
            f"{self.refused} refused)",
            f"faults        {self.faults}",
            f"lost          {self.lost}",
            f"doubled       {self.doubled}",
            f"wrong         {len(self.wrong)}",
            f"longest outage of one particle {self.outage:.2f} s, from {self.outage_at:.2f} on",
            *self.wrong[:20],
        ]


@attrs.define(eq=False)
class History:
    """All operations of a run."""

    operations: list[Operation] = attrs.field(factory=list)
    faults: int = 0

    def judge(self, lists: Mapping[str, list[str]]) -> Findings:
        """Compares the lists of the particles at the end with what was answered."""
        lost, doubled = 0, 0
        wrong: list[str] = []
        done = Counter(operation.outcome for operation in self.operations)
        place = {target: {op: number for number, op in enumerate(ops, 1)} for target, ops in lists.items()}
        for target, ops in lists.items():
            doubled += sum(times - 1 for times in Counter(ops).values())
            wrong += [f"{op} in {target} was never asked for" for op in set(ops) - self._asked(target)]
        for operation in self.operations:
            at = place.get(operation.target, {}).get(operation.op)
            if operation.outcome == "ok" and at is None:
                lost += 1
            elif operation.outcome == "ok" and at != operation.place:
                wrong.append(f"{operation.op} was acknowledged as number {operation.place} and is {at}")
            elif operation.outcome == "rejected" and at is not None:
                wrong.append(f"{operation.op} was said not to have run, and has ({operation.status})")
            elif operation.ended is None:
                wrong.append(f"{operation.op} has never ended")
        return Findings(
            len(self.operations),
            done["ok"],
            done["unknown"],
            done["rejected"] + done["failed"],
            self.faults,
            lost,
            doubled,
            wrong,
            *max((self._outage(target) for target in lists), default=(0.0, 0.0)),
        )

    def _asked(self, target: str) -> set[str]:
        return {operation.op for operation in self.operations if operation.target == target}

    def _outage(self, target: str) -> tuple[float, float]:
        """The longest stretch that begins with an acknowledgement or a question, and ends with the next
        acknowledgement."""
        own = [operation for operation in self.operations if operation.target == target]
        if not own:
            return 0.0, 0.0
        first = min(o.begun for o in own)
        good = sorted(o.ended for o in own if o.outcome == "ok" and o.ended is not None)
        if not good:
            return max(o.ended or o.begun for o in own) - first, first
        longest = good[0] - first, first
        for one, other in itertools.pairwise(good):
            asked = [o.begun for o in own if one <= o.begun < other]
            if asked:
                longest = max(longest, (other - min(asked), min(asked)))
        return longest
