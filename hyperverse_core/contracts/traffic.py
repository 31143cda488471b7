"""Traffic of the lanes between two machines."""

from __future__ import annotations

import attrs

__all__ = ["Traffic"]


@attrs.frozen
class Traffic:
    """Counts since a machine started; frames of greetings are not counted.

    Attributes:
        waves_out, bytes_out: sent to the other machine: waves and their answers, including those that are only
            forwarded.
        waves_in, bytes_in: received from the other machine.
    """

    waves_out: int
    bytes_out: int
    waves_in: int
    bytes_in: int
