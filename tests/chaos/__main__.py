"""``python -m tests.chaos --minutes 30 --seed 7``: the long form. Ends with 1 when something was lost or doubled."""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from chaos.run import FAULTS, Chaos
from chaos.services import NATS_FAULTS, POSTGRES_FAULTS

_LONG = 4.0
"""Outages over this many seconds are listed."""


def _say(text: str) -> None:
    print(text, flush=True)


def main() -> int:
    """Runs it."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--minutes", type=float, default=30.0, help="for how long things are broken")
    parser.add_argument("--seed", type=int, default=0, help="which plan")
    parser.add_argument("--keep", type=Path, help="a new directory for data and logs, kept afterwards")
    all_faults = sorted({*FAULTS, *POSTGRES_FAULTS, *NATS_FAULTS, "both"})
    parser.add_argument("--faults", nargs="+", choices=all_faults, help="what may happen")
    parser.add_argument("--postgres", action="store_true", help="the registry is in PostgreSQL")
    parser.add_argument("--nats", action="store_true", help="lanes go over NATS")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="chaos-") as temporary:
        directory = given.keep or Path(temporary)
        seconds = given.minutes * 60
        chaos = Chaos(
            directory,
            seed=given.seed,
            seconds=seconds,
            say=_say,
            faults=given.faults or (),
            postgres=given.postgres,
            nats=given.nats,
        )
        findings = asyncio.run(chaos.run())
    for begin, end in sorted(chaos.history.outages()):
        if end - begin > _LONG:
            print(f"{begin:7.2f}  a particle acknowledged nothing for {end - begin:.2f} s")
    print("\n".join(findings.lines()))
    return 1 if findings.lost or findings.doubled or findings.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
