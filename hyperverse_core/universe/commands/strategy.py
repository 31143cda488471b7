"""What to do when the particle to create exists already: one choice for commands, drivers and registries."""

from __future__ import annotations

import enum

__all__ = ["Strategy"]


class Strategy(enum.StrEnum):
    """What creating does when there is a particle at that point already. The value is the word of the command."""

    COMMIT = "create"
    """Conflict."""
    ENSURE = "create?"
    """Fine when it has the same Kind, and nothing is changed; Conflict otherwise."""
    OVERRIDE = "create!"
    """Kind, owner and properties are replaced, state and assignment dropped; children stay. Conflict when the
    Kind would change while there are children."""

    @property
    def mark(self) -> str:
        """The mark behind the word of the command: nothing, ``?`` or ``!``."""
        return self.value.removeprefix("create")
