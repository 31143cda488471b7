"""What the values of the text language cost, as ratios against a reference measured in the same run.

Run it with ``python tests/bench/bench_language.py [--json FILE]``.
"""

from __future__ import annotations

import argparse
import re
import statistics
import sys
import time
import timeit
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from bench.report import Report, Row
from hyperverse_core.cli.machine.memory import settle_memory
from hyperverse_core.universe.address import point
from hyperverse_core.universe.address.point import Point
from hyperverse_core.universe.kinds.kind import Kind
from hyperverse_core.universe.selectors.selector import Selector

_ROUNDS = 5
_PIECE = 1_000
_FORMS = (
    "localhost:app:users:u{}",
    "my-domain.com:apps:app-{}:1.0.0:/bind/dir/file.txt",
    "localhost:user-{}",
    "GLOBAL::repo:r{}",
    "<<STAR::central:fold[0]>>::a:b{}",
    "[tag]::a:b{}",
    "my-domain.com::a:b{}",
)


def cost(act: Callable[[], object], number: int) -> float:
    """Nanoseconds for one call, the best of a few rounds."""
    return min(timeit.repeat(act, number=number, repeat=_ROUNDS)) / number * 1e9


def row(report: Report, what: str, took: float, reference: float, limit: str) -> None:
    """One line of the table, in nanoseconds."""
    name, _, compared_with = what.partition(" / ")
    report.add(Row(name=name, value=took / 1e3, reference=compared_with, reference_value=reference / 1e3))
    print(f"{what:<58} {took:>10.0f} ns {took / reference:>7.2f}x   {limit}")


def known_point(report: Report) -> None:
    """A point seen before against a dict look-up."""
    text = "localhost:app:users:scott"
    known = {text: 1}
    row(report, "a point seen before / dict look-up", cost(lambda: Point.parse(text), 200_000), _call(known, text), "")


def new_points(report: Report, collector: str) -> None:
    """New points against splitting their texts; ``collector`` says how the garbage collector is set meanwhile."""
    print(f"\nnew points / split, {collector}")
    for form in _FORMS:
        row(report, form, *_new_points([form.format(i) for i in range(20_000)]), "at most 5x")


def _new_points(texts: list[str]) -> tuple[float, float]:
    """Nanoseconds for a new point, and for splitting its text.

    Pieces of the texts take turns, and the median of their ratios counts: what else the computer does meanwhile hits
    both sides of a pair, and few of the pairs. All texts are different, and no point is remembered when a round begins.
    """
    ratios: list[float] = []
    references: list[float] = []
    pieces = [texts[at : at + _PIECE] for at in range(0, len(texts), _PIECE)]
    for _ in range(3 * _ROUNDS):
        point.seen_points.clear()
        for piece in pieces:
            start = time.perf_counter()
            for text in piece:
                Point.parse(text)
            middle = time.perf_counter()
            for text in piece:
                text.split(":")
            reference = time.perf_counter() - middle
            ratios.append((middle - start) / reference)
            references.append(reference / len(piece) * 1e9)
    reference = statistics.median(references)
    return statistics.median(ratios) * reference, reference


def _call(known: dict[str, int], text: str) -> float:
    return cost(lambda: known[text], 200_000)


def selectors(report: Report) -> None:
    """Matching against one precompiled regular expression over the text."""
    scott = Point.parse("localhost:app:users:scott")
    kinds = tuple(map(Kind.parse, ("Space", "App", "UserBase<OAuth<a:b:c:d:1.0.0>>", "User")))
    whole = re.compile(r"localhost:app:users:[^:]+(?::[^:]+)*").fullmatch
    text = scott.text
    reference = cost(lambda: whole(text), 200_000)
    for written in (
        "localhost:app:users:scott",
        "localhost:app:users:**<User>",
        "localhost+:**",
        "localhost:app+:**<User>",
        "**<User>",
        "+:**",
        "localhost:**:scott",
        "localhost<Space>:app<App>:**:scott<User>",
        "localhost:**:users:**",
        "localhost:app:users:**<Mechtron>",
        "**:users<UserBase>:**<User>",
        "**:*<App>:**<Mechtron>",
        "localhost:**<App>:users:**",
    ):
        selector = Selector.parse(written)
        selector.matches(scott, kinds)
        row(
            report,
            f"{written} / re.fullmatch",
            cost(lambda s=selector: s.matches(scott, kinds), 200_000),
            reference,
            "at most 4x",
        )


def growth(report: Report) -> None:
    """What twice the text costs."""
    size = 32 * 1024
    for what, act in {
        "Point.parse, bases": lambda n: Point.parse("a" + ":b" * (n // 2)),
        "Point.parse, dots": lambda n: Point.parse("a" + ".b" * (n // 2)),
        "Point.parse, one long name": lambda n: Point.parse("a" * n),
        "Selector.parse": lambda n: Selector.parse("a" + ":**" * (n // 3)),
        "match **:a:**:a:...:b": lambda n: _hostile(n, ":".join(["**", "a"] * 12) + ":b"),
        "match **<A>:a:...:b": lambda n: _hostile(n, ":".join(["**<A>", "a"] * 20) + ":b"),
        "match **:*:*:*:b": lambda n: _hostile(n, "**:*:*:*:b"),
    }.items():
        one, two = (min(timeit.repeat(lambda n=n, act=act: act(n), number=1, repeat=3)) for n in (size, 2 * size))
        report.add(Row(name=f"64 KiB, {what}", value=two * 1e6, reference=f"32 KiB, {what}", reference_value=one * 1e6))
        print(f"64 KiB against 32 KiB: {what:<36} {two * 1e3:>8.1f} ms {two / one:>7.2f}x   near 2x")


def _hostile(length: int, selector: str) -> bool:
    deep = Point.parse(":".join(["a"] * (length // 2)))
    return Selector.parse(selector).matches(deep, [Kind("A")] * (length // 2))


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--json", type=Path, metavar="FILE", help="write the rows to a file, one object a line")
    written = Report(arguments.parse_args().json)
    known_point(written)
    selectors(written)
    growth(written)
    new_points(written, "with the collector as Python sets it")
    settle_memory()
    new_points(written, "with the collector as a running machine sets it")
