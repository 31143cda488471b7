"""Reads the states of particles."""

from __future__ import annotations

from typing import Final

from hyperverse_core.registry import refusals
from hyperverse_core.values import Point

from .calls import Calls
from .link import Connection
from .reader import BatchedLookUps, PostgresReader
from .schema import named
from .writers import LARGE_STATE

__all__ = ["StoredStates"]

_OF_STATE: Final = "from hv.particles p left join hv.states s on s.id = p.id where p.point = $1"
_STATE: Final = f"select s.state {_OF_STATE}"
_SMALL_STATE: Final = (
    f"select case when octet_length(s.state) < $2 then s.state end, octet_length(s.state) >= $2 {_OF_STATE}"
)
_STATES: Final = (
    "select p.point, s.state from hv.particles p join hv.states s on s.id = p.id where p.point = any($1::text[])"
)
_TOGETHER: Final = 16 * 1024
"""Bytes of the largest state that is read together with others."""


class StoredStates:
    """Answers :meth:`Registry.load_state`.

    Args:
        calls: single calls to the database.
        reader: reads many states at once.
    """

    def __init__(self, calls: Calls, reader: PostgresReader) -> None:
        self._calls = calls
        self._sql = named(_STATES, calls.schema)
        self._small = BatchedLookUps(self._states_at, bytes, reader)

    async def load(self, point: Point) -> bytes | None:
        """See :meth:`Registry.load_state`."""
        row = await self._calls.ask("fetchrow", _SMALL_STATE, point.text, LARGE_STATE)
        if row is not None and row[1]:
            row = await self._calls.ask_large(_STATE, point.text)
        if row is None:
            raise refusals.not_registered((point,))
        return None if row[0] is None else bytes(row[0])

    async def left_out(self, point: Point, size: int) -> bytes | None:
        """Returns a state of ``size`` bytes that was left out of the answer to an assignment. Only the new star writes
        it."""
        found = None if size > _TOGETHER else (await self._small.at((point,))).get(point)
        return found or await self.load(point)  # which also tells whether the particle was deleted meanwhile

    async def _states_at(self, connection: Connection, points: list[str]) -> dict[str, bytes]:
        return dict(await connection.fetch(self._sql, points))
