"""The states of the lanes to other machines."""

from __future__ import annotations

__all__ = ["LaneStates"]


class LaneStates:
    """The lanes that are down. The switchboard writes them and the parts that find routes read them, so that neither
    needs the other."""

    __slots__ = ("_down",)

    def __init__(self) -> None:
        self._down: dict[str, str] = {}

    def went_down(self, machine: str, cause: str) -> None:
        """Records that the lane to a machine is down."""
        self._down[machine] = cause

    def came_up(self, machine: str) -> None:
        """Records that the lane to a machine is up, or no longer wanted."""
        self._down.pop(machine, None)

    def is_down(self, machine: str) -> bool:
        """Whether the lane to that machine is known to be down."""
        return machine in self._down

    def all_down(self) -> list[str]:
        """Returns the machines whose lanes are known to be down."""
        return list(self._down)

    def cause_of(self, machine: str) -> str:
        """Returns why the lane to a machine is down; empty if it is not."""
        return self._down.get(machine, "")
