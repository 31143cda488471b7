"""A write whose outcome nobody knows: the receipt says so, and nothing claims that the change did not happen."""

from __future__ import annotations

from hyperverse_core import Outcome
from hyperverse_core.errors import OutcomeUnknown
from hyperverse_core.testing import MemoryRegistry


class Broken(MemoryRegistry):
    """Commits, and cannot say so."""

    broken = False

    async def save_state(self, *args, **options):
        await super().save_state(*args, **options)
        if self.broken:
            raise OutcomeUnknown("the connection broke")


async def test_the_receipt_of_a_save_that_nobody_knows_of_says_unknown(start_machine) -> None:
    registry = Broken()
    client = (await start_machine(registry=registry)).client()
    await client.exec("create localhost<Space>; create localhost:a<Worker>; ping localhost:a Ext<Add>")
    registry.broken = True
    reply = await client.ping("localhost:a", "Ext<Add>")
    assert (reply.status, reply.outcome) == (503, Outcome.UNKNOWN)
    assert "may not have been saved" in reply.error
    assert "safe to repeat" not in reply.error and "did not happen" not in reply.error
    registry.broken = False
    assert await client.ask("localhost:a", "Ext<Add>") == 3  # what is in the registry counts
