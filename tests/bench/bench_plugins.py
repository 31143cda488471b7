"""What the checks of classes cost when plugins load: ``python tests/bench/bench_plugins.py [--json FILE]``.

50 drivers, each with a particle class of three fields and four handlers. The ceiling is 5 ms for all of them.
"""

from __future__ import annotations

import argparse
import gc
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from bench.report import Report, Row
from hyperverse_core.driver import Driver
from hyperverse_core.plugins.offers import Offers

KINDS = 50
ROUNDS = 7
SOURCE = """
from __future__ import annotations
from typing import Any
import attrs
from hyperverse_core import Ctx, Driver, KindDef, Particle, handler

@attrs.define
class P{n}(Particle):
    value: int = 0
    names: dict[str, int] = attrs.Factory(dict)
    last: str = ""

    @handler("Ext<Add>")
    async def add(self, ctx: Ctx, by: int = 1) -> int: ...
    @handler("Ext<Get>")
    async def get(self, ctx: Ctx) -> int: ...
    @handler("Ext<Put>")
    async def put(self, ctx: Ctx, name: str, values: list[int], *, quick: bool = False) -> None: ...
    @handler("Http<Get>/users/(?P<user>[^/]+)")
    async def user(self, ctx: Ctx, user: str) -> dict[str, Any]: ...

class D{n}(Driver):
    kind = KindDef("Kind{n}")
    particle = P{n}
"""


def drivers() -> list[type[Driver]]:
    """Drivers that were never checked."""
    made: list[type[Driver]] = []
    for number in range(KINDS):
        names: dict[str, Any] = {"__name__": "__main__"}
        exec(SOURCE.replace("{n}", str(number)), names)
        made.append(names[f"D{number}"])
    return made


def once() -> float:
    """Milliseconds of processor time for checking all of them."""
    fresh = drivers()
    offers = Offers("bench")
    register = offers.register("driver")
    gc.collect()
    began = time.process_time()
    for driver in fresh:
        register(driver)
    offers.check()
    return (time.process_time() - began) * 1000


def main() -> None:
    """Measures, prints and reports."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the rows to FILE, one JSON object a line")
    args = parser.parse_args()
    once()  # the converter and the like are imported once
    best = min(once() for _ in range(ROUNDS))
    print(f"checking {KINDS} Kinds when they register: {best:.2f} ms")
    Report(args.json).add(Row(name=f"check {KINDS} Kinds", value=best, unit="ms", at_most=5.0))


if __name__ == "__main__":
    main()
