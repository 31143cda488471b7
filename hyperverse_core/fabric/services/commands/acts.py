"""The acts other than waves that can be explained: commands, and acts on a machine.

The table is in ``docs/reference/access.md#what-is-asked``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

import attrs

from ....contracts.policy import Need
from ....errors import BadRequest, did_you_mean
from ....universe.address.point import Point
from ....universe.waves.method import Method, MethodKind

__all__ = ["COMMANDS", "Act", "act_named"]


_NOTHING: Final = Need()


@attrs.frozen
class Act:
    """The need of an act.

    Attributes:
        need: what the target must grant; empty if ``method`` determines it.
        of_parent: whether the target is the parent of the particle that the command names.
        method: the method of the wave that performs the act; None for a command.
    """

    need: Need = _NOTHING
    of_parent: bool = False
    method: Method | None = None

    def target(self, point: Point) -> Point:
        """Returns the particle whose rights decide about the act at ``point``."""
        return (point.parent or point) if self.of_parent else point


_FULL: Final = Need(power="full")
_EVERYTHING: Final = Need("csdrwx")
COMMANDS: Final[Mapping[str, Act]] = {
    "access": Act(_EVERYTHING),
    "chown": Act(Need(power="super")),
    "create": Act(Need("c"), of_parent=True),
    "delete": Act(Need("d"), of_parent=True),
    "explain": Act(_EVERYTHING),
    "get": Act(Need("r")),
    "grant": Act(_FULL),
    "read": Act(method=Method.parse("Cmd<Read>")),
    "revoke": Act(_FULL),
    "select": Act(Need("s"), of_parent=True),
    "set": Act(Need("w")),
    "token": Act(_FULL),
    "watch": Act(Need("r")),
    "write": Act(method=Method.parse("Cmd<Update>")),
}
"""The commands by name."""


def act_named(word: str, handled: Iterable[Method]) -> Act:
    """Returns the act of that name.

    Args:
        word: the act as written: ``create``, or ``drain`` for ``Ext<Drain>``.
        handled: the methods for which the particle in question has handlers.

    Raises:
        BadRequest: there is no such act.
    """
    methods = {_word(method.name): method for method in handled if method.kind is MethodKind.EXT}
    command = COMMANDS.get(word)
    if command is not None:
        return command
    if word in methods:
        return Act(method=methods[word])
    known = [*COMMANDS, *methods]
    raise BadRequest(
        f"{word!r} is neither a command that asks the policy nor an act of the particle{did_you_mean(word, known)}",
        hint=f"name a method such as Ext<Add>, or one of: {', '.join(sorted(known))}",
    )


def _word(name: str) -> str:
    """Returns ``RemoveKey`` as written in a command: ``remove-key``."""
    return "".join(f"-{char.lower()}" if char.isupper() and at else char.lower() for at, char in enumerate(name))
