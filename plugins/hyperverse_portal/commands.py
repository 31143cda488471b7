"""Commands that the portal sends on behalf of an agent, with words from a request in them.

Each is exactly one command: a `;` in an address must never begin a second one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hyperverse_core import Pong
from hyperverse_core.errors import BadRequest, error_for_status
from hyperverse_core.gateway import Session
from hyperverse_core.values import GLOBAL_EXECUTOR, Point, Selector

__all__ = ["ask_command", "select_page"]


async def ask_command(session: Session, text: str, wait: float) -> Pong:
    """Runs one command and returns the reply. Refuses a text with several commands before any of them runs.

    Args:
        session: the session of the agent.
        text: the command.
        wait: seconds that the answer may take.
    """
    return await session.ping(GLOBAL_EXECUTOR, "Cmd<Command>", {"text": text}, wait=wait)


async def select_page(session: Session, selector: str, after: str, wait: float) -> dict[str, Any]:
    """Returns one page of the particles that match a selector.

    Args:
        session: the session of the agent.
        selector: the pattern.
        after: the last point of the page before; empty for the first page.
        wait: seconds that the answer may take.

    Returns:
        The ``items``, and ``after``, the point after which the next page begins; None on the last page.

    Raises:
        ParseError: the selector or the point is malformed.
        HyperverseError: the machine refused.
    """
    Selector.parse(selector)  # otherwise it could be a selector followed by more commands
    if after:
        Point.parse(after)
    body = {"text": f"select {selector}", "after": after}
    pong = await session.ping(GLOBAL_EXECUTOR, "Cmd<RawCommand>", body, wait=wait)
    (result, *_) = pong.unwrap()["results"] or [None]
    if result is None:
        raise BadRequest("there is no selector", hint="such as localhost:**")
    if not 200 <= result["status"] < 300:
        said: Mapping[str, Any] = result["body"] if isinstance(result["body"], Mapping) else {}
        raise error_for_status(result["status"], str(said.get("error", "")), hint=str(said.get("hint", "")))
    found: dict[str, Any] = result["body"]
    return found
