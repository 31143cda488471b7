"""Asks before a ``delete`` deletes more than one particle."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from typing import TYPE_CHECKING, Any

import attrs

from ...errors import BadRequest, ParseError
from ...universe.commands.command import Delete
from ...universe.commands.script import ScriptCommand, iter_script

if TYPE_CHECKING:
    from ...client.api import ClientApi

__all__ = ["Ask", "Caution", "Piece", "pieces_of"]

Ask = Callable[[str], Awaitable[bool]]
"""Asks the user a question, and returns whether the answer is yes."""

_NAMED = 3


@attrs.frozen
class Piece:
    """A part of a script that runs as a whole.

    Attributes:
        text: the part at its place: blank lines and columns replace the text before it.
        delete: its only command, if that is a ``delete``.
    """

    text: str
    delete: ScriptCommand | None = None


def pieces_of(text: str, *, typed: bool) -> Iterator[Piece]:
    """Yields the parts of a script, each ``delete`` as a part of its own. Text that cannot be parsed is in the last
    part."""
    at, deletes = 0, _deletes(text, typed=typed) if "delete" in text else []
    for command in deletes:
        if text[at : command.start].strip():
            yield Piece(_in_its_place(text, at, command.start))
        yield Piece(_in_its_place(text, command.start, command.end), command)
        at = command.end
    if text[at:].strip() or not deletes:
        yield Piece(_in_its_place(text, at, len(text)))


def _deletes(text: str, *, typed: bool) -> list[ScriptCommand]:
    found: list[ScriptCommand] = []
    try:
        found.extend(one for one in iter_script(text, typed=typed) if isinstance(one.command, Delete))
    except ParseError:  # running that part reports the error
        pass
    return found


def _in_its_place(text: str, start: int, end: int) -> str:
    newest = text.rfind("\n", 0, start) + 1
    return "\n" * text.count("\n", 0, start) + " " * (start - newest) + text[start:end]


@attrs.frozen
class Caution:
    """How a user wants to confirm commands that delete.

    Attributes:
        yes: whether they run without a question.
        ask: asks the user; None if there is no user to ask.
    """

    yes: bool = False
    ask: Ask | None = None

    async def check(self, client: ClientApi, command: ScriptCommand) -> None:
        """Returns when a ``delete`` may run. Raises BadRequest if it deletes more than one particle and the user has
        not confirmed it."""
        assert isinstance(command.command, Delete)
        if self.yes or command.command.dry_run:
            return
        points = await _doomed(client, command.command)
        if len(points) <= 1:
            return
        named = ", ".join(points[:_NAMED])
        more = f" and {len(points) - _NAMED} more" if len(points) > _NAMED else ""
        doomed = f"{len(points)} particles: {named}{more}"
        if self.ask is None:
            raise BadRequest(f"this deletes {doomed}", hint="--yes deletes them; --dry-run lists them and deletes none")
        if not await self.ask(f"Delete {doomed}?"):
            raise BadRequest("nothing was deleted: the answer was not yes")


async def _doomed(client: ClientApi, command: Delete) -> list[str]:
    """Returns the points that a command would delete now; none if it would fail, because it then reports the error
    itself."""
    (result,) = await client.exec(str(attrs.evolve(command, dry_run=True)), check=False)
    body: Any = result.body
    return [str(stub["point"]) for stub in body["would_delete"]] if result.ok else []
