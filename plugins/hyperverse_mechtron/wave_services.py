"""What a guest can ask for while it handles a wave."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final

from hyperverse_core import Ctx
from hyperverse_core.errors import HyperverseError
from hyperverse_core.values import Body

from .bodies import from_guest, to_bytes
from .call_services import CallServices
from .worker_messages import WaveFacts

__all__ = ["WaveServices"]

_OK = 200
_BITS: Final = 7


def _rounded(seconds: float) -> float:
    """Rounds up a little, by at most 1.6 %: then the waves of a guest have few different waits, and waves with the same
    wait share their settings. It must not round down, or a guest would get a 408 and continue shortly before its own
    deadline."""
    part, power = math.frexp(seconds)
    return math.ldexp(math.ceil(math.ldexp(part, _BITS)), power - _BITS)


class WaveServices(CallServices):
    """The services for one wave.

    Args:
        ctx: context of the handler.
        state: the state when the wave arrived; None when the Mechtron keeps none.
        most: most bytes of state, including the keys.
    """

    def __init__(self, ctx: Ctx, state: Mapping[str, bytes] | None, most: int) -> None:
        wave = ctx.wave
        super().__init__(
            state=state,
            most=most,
            headers=wave.headers or {},
            path=wave.path,
            agent=ctx.agent.text,
            carries_bytes=isinstance(wave.body, bytes),
        )
        self._ctx = ctx

    def facts(self, *, with_state: bool) -> WaveFacts:
        """Returns the data about the wave for a guest in another process.

        Args:
            with_state: whether it can read its state.
        """
        state = self._state if with_state or self._state is None else {}
        return WaveFacts(state, self._most, self._headers, self._path, self._agent, self._carries_bytes)

    async def ask(self, how: str, to: bytes, method: bytes, body: bytes, left: float) -> tuple[int, bytes]:
        """Sends a wave with the Mechtron's own point as agent. Returns status and body of the reply; for a Ripple, the
        echoes as JSON."""
        try:
            where, what = to.decode(), method.decode()
        except UnicodeDecodeError:
            return 400, b"the point or the method is not UTF-8"
        status, answer = await self._sent(how, where, what, from_guest(body), left)
        return status, to_bytes(answer)

    async def send(self, how: str, to: str, method: str, body: Body, left: float) -> tuple[int, str | bytes]:
        """Like :meth:`ask`. The body of the reply is bytes if it was bytes, and otherwise text."""
        sent = from_guest(body.encode()) if isinstance(body, str) else body
        status, answer = await self._sent(how, to, method, sent, left)
        return status, answer if isinstance(answer, bytes) else to_bytes(answer).decode()

    async def _sent(self, how: str, to: str, method: str, body: Body, left: float) -> tuple[int, Body]:
        wait = _rounded(max(0.001, left))
        try:
            if how == "ripple":
                echoes = await self._ctx.ripple(to, method, body, wait=wait)
                return _OK, [{"from": str(each.sender), "status": each.status, "body": each.body} for each in echoes]
            if how == "signal":
                pong = await self._ctx.signal(to, method, body)
            else:
                pong = await self._ctx.ping(to, method, body, wait=wait)
            return pong.status, pong.body if pong.ok else pong.error
        except HyperverseError as exc:
            return exc.status, exc.message

    def flush(self) -> None:
        """Writes the guest's lines to the log."""
        for line in self.lines:
            self._ctx.log.info("%s", line)
        self.lines.clear()
