"""What was asked, what was answered, and what must hold in the end."""

from __future__ import annotations

import bisect
import itertools
from collections import Counter
from collections.abc import Mapping

import attrs

__all__ = ["Fault", "Findings", "History", "Operation"]


@attrs.define(eq=False)
class Fault:
    """Something that was broken on purpose.

    Attributes:
        what: in words.
        begun, ended: in seconds; ``ended`` is None while it lasts. A death ends at once: the rest is our recovery.
    """

    what: str
    begun: float
    ended: float | None = None


@attrs.define(eq=False)
class Operation:
    """An append.

    Attributes:
        op: its name, unique.
        target: the particle.
        begun, ended: in seconds; ``ended`` is None while nobody has answered.
        outcome, status: of the reply.
        place: in the list, of one that was acknowledged.
        repeated: how often it was sent again because the error said that this is safe.
        saved: whether a reply of a handler that failed said that it had saved before.
    """

    op: str
    target: str
    begun: float
    ended: float | None = None
    outcome: str = ""
    status: int = 0
    place: int = 0
    repeated: int = 0
    saved: bool = False


@attrs.frozen
class Findings:
    """The figures of a run.

    Attributes:
        operations, acknowledged, unknown, refused, failed: how many there were.
        repeated: how often one was sent again, as its error told.
        faults: how often something was broken on purpose.
        lost: acknowledged and not there.
        doubled: there more than once.
        wrong: everything else that must not be, in words.
        outage: longest time (seconds) for which one particle acknowledged nothing though it was asked, however many
            faults overlapped.
        outage_at: when that began.
        death_outage: the longest of those in which one machine died and nothing else was broken.
        rightly_allowed, rightly_refused: waves of users that were decided by the rule of their time.
        recovery: longest time from the end of the last fault within an outage to the end of the outage.
    """

    operations: int
    acknowledged: int
    unknown: int
    refused: int
    failed: int
    repeated: int
    faults: int
    lost: int
    doubled: int
    wrong: list[str]
    outage: float
    outage_at: float
    death_outage: float
    recovery: float
    rightly_allowed: int = 0
    rightly_refused: int = 0

    def lines(self) -> list[str]:
        """For people."""
        return [
            f"operations    {self.operations} ({self.acknowledged} acknowledged, {self.unknown} unknown, "
            f"{self.refused} refused, {self.failed} failed in their handlers)",
            f"repeated      {self.repeated}, as the errors of failed saves said",
            f"faults        {self.faults}",
            f"lost          {self.lost}",
            f"doubled       {self.doubled}",
            f"rules         {self.rightly_allowed} waves rightly allowed, {self.rightly_refused} rightly refused",
            f"wrong         {len(self.wrong)}",
            f"longest outage of one particle, faults overlapping: {self.outage:.2f} s, from {self.outage_at:.2f} on",
            f"longest outage by the death of a machine alone:     {self.death_outage:.2f} s",
            f"longest outage after the last fault had ended:      {self.recovery:.2f} s",
            *self.wrong[:20],
        ]


@attrs.define(eq=False)
class History:
    """All operations of a run."""

    operations: list[Operation] = attrs.field(factory=list)
    faults: list[Fault] = attrs.field(factory=list)

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
            elif operation.outcome == "failed" and operation.saved and at is None:
                lost += 1
            elif operation.outcome == "failed" and not operation.saved and at is not None:
                wrong.append(f"{operation.op} was said not to have happened, and is there ({operation.status})")
            elif operation.ended is None:
                wrong.append(f"{operation.op} has never ended")
        outages = self.outages()
        longest = max(outages, key=lambda found: found[1] - found[0], default=(0.0, 0.0))
        return Findings(
            len(self.operations),
            done["ok"],
            done["unknown"],
            done["rejected"],
            done["failed"],
            sum(operation.repeated for operation in self.operations),
            len(self.faults),
            lost,
            doubled,
            wrong,
            longest[1] - longest[0],
            longest[0],
            max((end - begin for begin, end in outages if self._one_death(begin, end)), default=0.0),
            max((end - self._last_end(begin, end) for begin, end in outages), default=0.0),
        )

    def _asked(self, target: str) -> set[str]:
        return {operation.op for operation in self.operations if operation.target == target}

    def outages(self) -> list[tuple[float, float]]:
        """Begin and end of every outage of over half a second, of all particles."""
        targets = {operation.target for operation in self.operations}
        return [found for target in sorted(targets) for found in self._outages(target)]

    def _outages(self, target: str) -> list[tuple[float, float]]:
        """Stretches that begin with a question and end with the next acknowledgement, those of over half a second."""
        own = sorted((o for o in self.operations if o.target == target), key=lambda o: o.begun)
        good = sorted(o.ended for o in own if o.outcome == "ok" and o.ended is not None)
        asked = [o.begun for o in own]
        if not asked:
            return []
        end = max(o.ended or o.begun for o in own)
        stretches = []
        for one, other in itertools.pairwise([asked[0], *good, end]):
            first = bisect.bisect_left(asked, one)
            if first < len(asked) and asked[first] < other - 0.5:
                stretches.append((asked[first], other))
        return stretches

    def _during(self, begin: float, end: float) -> list[Fault]:
        """What was broken at some time of a stretch, or in the two seconds before it."""
        return [f for f in self.faults if f.begun <= end and (f.ended is None or f.ended >= begin - 2.0)]

    def _one_death(self, begin: float, end: float) -> bool:
        faults = self._during(begin, end)
        return len(faults) == 1 and faults[0].what.startswith("SIGKILL")

    def _last_end(self, begin: float, end: float) -> float:
        """When the last fault of a stretch was over: not before its begin, not after its end."""
        ends = [end if fault.ended is None else fault.ended for fault in self._during(begin, end)]
        return min(end, max([begin, *ends]))
