"""Questions: what a page asks of the Hyperverse, in the name of the agent who looks at it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from typing import Any, Final
from weakref import WeakKeyDictionary

from hyperverse_core.errors import Forbidden, HyperverseError
from hyperverse_core.gateway import Session
from hyperverse_core.values import ANONYMOUS

from ..api import MACHINE
from ..commands import ask_command, select_page

__all__ = ["ROWS", "Failed", "Questions"]

ROWS: Final = 200
"""The most rows of one page."""
_KEPT: Final = 60.0
"""Seconds for which a page that refreshes itself does not repeat a request that was refused."""
_DESCRIBE: Final = "Ext<Describe>"


class Failed:
    """A part of a page that could not be had: the page shows why in its place.

    Attributes:
        error: what went wrong.
        hint: what helps.
        status: as in HTTP.
    """

    def __init__(self, error: HyperverseError) -> None:
        self.error = error.message
        self.hint = error.hint or ""
        self.status = error.status


_refused: WeakKeyDictionary[Session, dict[str, tuple[float, HyperverseError]]] = WeakKeyDictionary()
"""The requests that the machine has refused to each session, by method, with their times."""


class Questions:
    """Questions of one agent.

    Args:
        session: of the agent.
        wait: seconds that an answer may take.
        again: whether a page keeps up by itself. What was refused is not asked for again then: somebody who leaves a
            page open must not be refused every other second.
    """

    def __init__(self, session: Session, wait: float, *, again: bool = False) -> None:
        self.session = session
        self.agent = session.agent.text
        self._wait = wait
        self._again = again

    @property
    def is_stranger(self) -> bool:
        """Whether nobody knows who asks."""
        return self.session.agent == ANONYMOUS

    async def machine(self, method: str, body: Any = None) -> Any:
        """What the machine of the portal answers. Raises HyperverseError."""
        at, error = _refused.get(self.session, {}).get(method, (0.0, None))
        if self._again and error is not None and time.monotonic() - at < _KEPT:
            raise error
        try:
            return (await self.session.ping(MACHINE, method, body, wait=self._wait)).unwrap()
        except Forbidden as exc:
            if method != _DESCRIBE:  # there another particle decides
                _refused.setdefault(self.session, {})[method] = (time.monotonic(), exc)
            raise

    async def command(self, text: str) -> Any:
        """What one command answers. Raises HyperverseError."""
        return (await ask_command(self.session, text, self._wait)).unwrap()

    async def select(self, selector: str, after: str = "") -> dict[str, Any]:
        """A page of the particles that match; see :func:`..commands.select_page`. Raises HyperverseError."""
        return await select_page(self.session, selector, after, self._wait)

    async def page(self, selector: str, after: str = "") -> tuple[list[dict[str, Any]], str]:
        """At most ROWS particles that match, and the point behind which the next ones begin; empty when there are no
        more. Raises HyperverseError."""
        found = await self.select(selector, after)
        items = found["items"][:ROWS]
        more = len(found["items"]) > ROWS or found["after"]
        return items, items[-1]["point"] if more and items else ""

    async def allowed(self, *methods: str, on: str = MACHINE) -> dict[str, bool]:
        """Whether the policy would let the agent send each of these methods to a particle.

        Args:
            methods: of the waves.
            on: the particle; else the machine.
        """
        commands = (self.command(f"explain {self.agent} on {on} {method}") for method in methods)
        answers: Sequence[Any] = await asyncio.gather(*commands, return_exceptions=True)
        return {
            method: isinstance(answer, Mapping) and answer["allowed"] is True
            for method, answer in zip(methods, answers, strict=True)
        }

    async def part(self, question: Any) -> Any:
        """The answer to a question, or :class:`Failed` with the reason why there is none."""
        try:
            return await question
        except HyperverseError as exc:
            return Failed(exc)
