"""Traces what a wave calls: the functions of the project, in order, in every thread."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections import deque
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType, ModuleType
from typing import Any

import attrs

import hyperverse_base
import hyperverse_core
import hyperverse_grants
import hyperverse_sql
import hyperverse_stream

__all__ = ["Tracer", "Walk"]

_CORE = Path(hyperverse_core.__file__).parent


_INLINED = frozenset({"<listcomp>", "<dictcomp>", "<setcomp>"})
"""Python 3.12 and later do not call them: they count nowhere, so that the figures are the same for every Python."""
_VALUES = (
    "universe/address/",
    "universe/kinds/",
    "universe/text/",
    "universe/waves/method.py",
    "universe/waves/wave.py",
)
"""Files of values, which are called everywhere."""


def _folder(module: ModuleType) -> str:
    return f"{Path(str(module.__file__)).parent}/"


_OURS = tuple(map(_folder, (hyperverse_core, hyperverse_base, hyperverse_grants, hyperverse_sql, hyperverse_stream)))


def _short(path: Path) -> str:
    """The file as the map names it. An installed plugin is not in the folder ``plugins``."""
    if path.is_relative_to(_CORE):
        return path.relative_to(_CORE).as_posix()
    package = next(parent for parent in path.parents if parent.name.startswith("hyperverse_"))
    return f"plugins/{path.relative_to(package.parent).as_posix()}"


@attrs.define
class Walk:
    """The calls of one run, each as a file (relative to ``hyperverse_core``) and the name of the function.

    A coroutine that waits counts once, however often it goes on.
    """

    calls: list[tuple[str, str]] = attrs.field(factory=list)

    def __len__(self) -> int:
        return len(self.calls)

    def files(self) -> list[str]:
        """The files in order, each once where several calls in a row are in one."""
        found: list[str] = []
        for file, _ in self.calls:
            if not found or found[-1] != file:
                found.append(file)
        return found

    def steps(self, expected: list[list[str]]) -> list[list[str]]:
        """The files of each step, in the order of the first call in it, without those of values. A step ends with the
        first call in a file that ``expected`` does not name for it; what comes after the last one is a step more."""
        rest = deque(file for file in self.files() if not file.startswith(_VALUES))
        found: list[list[str]] = []
        for step in expected:
            taken: dict[str, None] = {}
            while rest and rest[0] in step:
                taken[rest.popleft()] = None
            found.append(list(taken))
        return [*found, list(rest)] if rest else found

    def has_in_order(self, steps: list[list[str]]) -> bool:
        """Whether every file of every step is called, and the first calls of the steps come one behind the other."""
        files, place = self.files(), 0
        if {file for step in steps for file in step} - set(files):
            return False
        for step in steps:
            place = next((n for n in range(place, len(files)) if files[n] in step), len(files))
            if place == len(files):
                return False
        return True

    def __str__(self) -> str:
        return "\n".join(f"{number:4} {file} {name}" for number, (file, name) in enumerate(self.calls, 1))


class Tracer:
    """Traces in all threads that begin while it is entered, and in the one that enters it."""

    def __init__(self) -> None:
        self._walk: Walk | None = None
        self._frames: set[FrameType] = set()  # those that were seen stay alive, so that no other looks like one

    @contextmanager
    def threads(self) -> Iterator[None]:
        """Threads that begin in the block can be traced."""
        threading.setprofile(self._profile)
        try:
            yield
        finally:
            threading.setprofile(None)  # type: ignore[arg-type]  # None removes it

    def _profile(self, frame: FrameType, event: str, _: Any) -> None:
        walk = self._walk
        if walk is None or event != "call" or frame in self._frames or frame.f_code.co_name in _INLINED:
            return
        file = frame.f_code.co_filename
        if file.startswith(_OURS):
            self._frames.add(frame)
            walk.calls.append((_short(Path(file)), frame.f_code.co_name))

    async def walk(self, run: Callable[[], Awaitable[object]]) -> Walk:
        """What one run calls."""
        walk = self._walk = Walk()
        sys.setprofile(self._profile)
        try:
            await run()
        finally:
            sys.setprofile(None)
            self._walk = None
            self._frames.clear()
        return walk

    async def walks(self, run: Callable[[int], Awaitable[object]], runs: int = 12, pause: float = 0.05) -> list[Walk]:
        """The walks of several runs, the shortest first: what happens beside a wave (leases, the feed, probes) only
        adds calls."""
        walks = []
        for number in range(runs):
            walks.append(await self.walk(lambda number=number: run(number)))  # type: ignore[misc]
            await asyncio.sleep(pause)
        return sorted(walks, key=len)
