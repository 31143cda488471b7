"""Questions: the requests of a page to the Hyperverse, on behalf of its reader."""

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
"""Greatest number of rows of one page."""
_KEPT: Final = 60.0
"""Seconds for which a page that reloads by itself does not repeat a refused request."""
_DESCRIBE: Final = "Ext<Describe>"


class Failed:
    """A part of a page that is missing. The page shows the reason instead.

    Attributes:
        error: what went wrong.
        hint: the remedy.
        status: as in HTTP.
    """

    def __init__(self, error: HyperverseError) -> None:
        self.error = error.message
        self.hint = error.hint or ""
        self.status = error.status


_refused: WeakKeyDictionary[Session, dict[str, tuple[float, HyperverseError]]] = WeakKeyDictionary()
"""The requests that the machine refused to each session, by method, with their times."""


class Questions:
    """The questions of one agent.

    Args:
        session: the session of the agent.
        wait: seconds that an answer may take.
        again: whether the page reloads by itself. It then does not repeat refused requests, because an open page must
            not cause a refusal every other second.
    """

    def __init__(self, session: Session, wait: float, *, again: bool = False) -> None:
        self.session = session
        self.agent = session.agent.text
        self._wait = wait
        self._again = again

    @property
    def is_stranger(self) -> bool:
        """Whether the agent is a stranger."""
        return self.session.agent == ANONYMOUS

    async def machine(self, method: str, body: Any = None) -> Any:
        """Asks the portal's own machine and returns the answer. Raises HyperverseError."""
        at, error = _refused.get(self.session, {}).get(method, (0.0, None))
        if self._again and error is not None and time.monotonic() - at < _KEPT:
            raise error
        try:
            return (await self.session.ping(MACHINE, method, body, wait=self._wait)).unwrap()
        except Forbidden as exc:
            if method != _DESCRIBE:  # there, another particle decides
                _refused.setdefault(self.session, {})[method] = (time.monotonic(), exc)
            raise

    async def command(self, text: str) -> Any:
        """Runs one command and returns the answer. Raises HyperverseError."""
        return (await ask_command(self.session, text, self._wait)).unwrap()

    async def select(self, selector: str, after: str = "") -> dict[str, Any]:
        """Returns one page of the particles that match; see :func:`..commands.select_page`. Raises HyperverseError."""
        return await select_page(self.session, selector, after, self._wait)

    async def page(self, selector: str, after: str = "") -> tuple[list[dict[str, Any]], str]:
        """Returns at most ROWS particles that match, and the point after which the next page begins; empty on the last
        page. Raises HyperverseError."""
        found = await self.select(selector, after)
        items = found["items"][:ROWS]
        more = len(found["items"]) > ROWS or found["after"]
        return items, items[-1]["point"] if more and items else ""

    async def allowed(self, *methods: str, on: str = MACHINE) -> dict[str, bool]:
        """Whether the policy would let the agent send each of these methods to a particle.

        Args:
            methods: the methods of the waves.
            on: the particle; None for the machine.
        """
        commands = (self.command(f"explain {self.agent} on {on} {method}") for method in methods)
        answers: Sequence[Any] = await asyncio.gather(*commands, return_exceptions=True)
        return {
            method: isinstance(answer, Mapping) and answer["allowed"] is True
            for method, answer in zip(methods, answers, strict=True)
        }

    async def part(self, question: Any) -> Any:
        """Returns the answer to a question, or :class:`Failed` with the reason."""
        try:
            return await question
        except HyperverseError as exc:
            return Failed(exc)
