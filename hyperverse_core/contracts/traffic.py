"""What lanes have carried between two machines."""

from __future__ import annotations

import attrs

__all__ = ["Traffic"]


@attrs.frozen
class Traffic:
    """Counts since a machine has started; frames of greetings are not counted.

    Attributes:
        waves_out, bytes_out: sent to the other machine: waves and their answers, also those that are only passed on.
        waves_in, bytes_in: that have come from it.
    """

    waves_out: int
    bytes_out: int
    waves_in: int
    bytes_in: int
