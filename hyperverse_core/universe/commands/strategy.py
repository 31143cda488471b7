"""What to do if a particle to create exists already: one type for commands, drivers and registries."""

from __future__ import annotations

import enum

__all__ = ["Strategy"]


class Strategy(enum.StrEnum):
    """What creating a particle does if there is one at its point. The value is the word of the command."""

    COMMIT = "create"
    """Raises Conflict."""
    ENSURE = "create?"
    """Leaves the particle as it is if it has the same Kind. Raises Conflict otherwise."""
    OVERRIDE = "create!"
    """Replaces Kind, owner and properties, and drops state and assignment. The children stay. Raises Conflict if the
    Kind would change while there are children."""

    @property
    def mark(self) -> str:
        """The mark after the word of a command: nothing, ``?`` or ``!``."""
        return self.value.removeprefix("create")
