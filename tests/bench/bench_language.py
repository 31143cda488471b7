"""What the values of the text language cost, as ratios against a reference measured in the same run.

Run it with ``python tests/bench/bench_language.py``.
"""

from __future__ import annotations

import re
import time
import timeit
from collections.abc import Callable

from hyperverse_core.universe import point
from hyperverse_core.universe.kind import Kind
from hyperverse_core.universe.point import Point
from hyperverse_core.universe.selector import Selector

_ROUNDS = 5


def cost(act: Callable[[], object], number: int) -> float:
    """Nanoseconds for one call, the best of a few rounds."""
    return min(timeit.repeat(act, number=number, repeat=_ROUNDS)) / number * 1e9


def row(what: str, took: float, reference: float, limit: str) -> None:
    """One line of the table."""
    print(f"{what:<58} {took:>10.0f} ns {took / reference:>7.2f}x   {limit}")


def points() -> None:
    """A point seen before against a dict look-up, a new one against splitting its text."""
    text = "localhost:app:users:scott"
    known = {text: 1}
    row("a point seen before / dict look-up", cost(lambda: Point.parse(text), 200_000), _call(known, text), "")
    for form in ("localhost:app:users:u{}", "my-domain.com:apps:app-{}:1.0.0:/bind/dir/file.txt", "GLOBAL::repo:r{}"):
        texts = [form.format(i) for i in range(20_000)]

        took, reference = _new_points(texts)
        row(f"a new point {form} / split", took, reference, "at most 5x")


def _new_points(texts: list[str]) -> tuple[float, float]:
    """Nanoseconds for a new point and for splitting its text, the best of rounds that take turns."""
    took = reference = float("inf")
    for _ in range(3 * _ROUNDS):
        point._seen.clear()
        start = time.perf_counter()
        for text in texts:
            Point.parse(text)
        middle = time.perf_counter()
        for text in texts:
            text.split(":")
        took = min(took, middle - start)
        reference = min(reference, time.perf_counter() - middle)
    return took / len(texts) * 1e9, reference / len(texts) * 1e9


def _call(known: dict[str, int], text: str) -> float:
    return cost(lambda: known[text], 200_000)


def selectors() -> None:
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
            f"{written} / re.fullmatch",
            cost(lambda s=selector: s.matches(scott, kinds), 200_000),
            reference,
            "at most 4x",
        )


def growth() -> None:
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
        print(f"64 KiB against 32 KiB: {what:<36} {two * 1e3:>8.1f} ms {two / one:>7.2f}x   near 2x")


def _hostile(length: int, selector: str) -> bool:
    deep = Point.parse(":".join(["a"] * (length // 2)))
    return Selector.parse(selector).matches(deep, [Kind("A")] * (length // 2))


if __name__ == "__main__":
    points()
    selectors()
    growth()
