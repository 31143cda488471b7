"""What the languages cost, as ratios: ``python tests/bench/bench_text.py [--json FILE]``.

- *growth*: how much longer 64 KiB take than 8 KiB; 8 is linear.
- *routes*: a selection among 100 routes against one among 3.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from bench.report import Report, Row
from hyperverse_core.errors import ParseError
from hyperverse_core.universe.commands.script import complete, parse_changes, parse_command, parse_script
from hyperverse_core.universe.routing.bind import BindConfig
from hyperverse_core.universe.routing.grammar import parse_pattern, parse_pipeline
from hyperverse_core.universe.routing.mechtron_config import MechtronConfig
from hyperverse_core.universe.routing.path_regex import PathRegex
from hyperverse_core.universe.routing.route_selector import RouteSelector
from hyperverse_core.universe.waves.wave import Method

SMALL, LARGE = 8 * 1024, 64 * 1024


def fill(piece: str, size: int, *, before: str = "", after: str = "") -> str:
    """``piece`` as often as fits into ``size``."""
    return before + piece * ((size - len(before) - len(after)) // len(piece)) + after


INPUTS: list[tuple[str, Callable[[str], Any], Callable[[int], str]]] = [
    ("script of creates", parse_script, lambda n: fill("create a:b<Base>{ +k=v };\n", n)),
    ("script of pings", parse_script, lambda n: fill("ping a:b Ext<X> {};", n)),
    ("comments", parse_script, lambda n: fill("# x\n", n)),
    ("blanks", parse_command, lambda n: fill(" ", n, after="get a")),
    ("semicolons", parse_script, lambda n: fill(";", n)),
    ("one long word", parse_command, lambda n: fill("a", n)),
    ("a long point", parse_command, lambda n: fill(":a", n, before="get a")),
    ("a point's variables", parse_command, lambda n: fill(":${a}", n, before="get a")),
    ("open variables", parse_command, lambda n: fill("${", n, before="get ")),
    ("a long selector", parse_command, lambda n: fill(":**:a", n, before="select a")),
    ("open parentheses", parse_command, lambda n: fill("(", n, before="select a")),
    ("an open Kind", parse_command, lambda n: fill("<", n, before="create a")),
    ("a quote without end", parse_command, lambda n: fill("\\'", n, before="set a{ +a='")),
    ("many properties", parse_changes, lambda n: fill("+a=b,", n, after="!c")),
    ("Json", parse_command, lambda n: fill('{"a":1},', n, before="write a [", after="1]")),
    ("Json without end", parse_command, lambda n: fill('{"a":1},', n, before="write a [")),
    ("plain text", parse_command, lambda n: fill("word ", n, before="write a ")),
    ("completion", complete, lambda n: fill("get a;", n)),
    (
        "bind of Ext routes",
        BindConfig.parse,
        lambda n: fill("Route<Ext<Add>>/a/b -> (()) => &;\n", n, before="Bind(version=1.0.0) {", after="}"),
    ),
    ("bind of open blocks", BindConfig.parse, lambda n: fill("{", n, before="Bind(version=1.0.0) ")),
    (
        "bind of nested blocks",
        BindConfig.parse,
        lambda n: "Bind(version=1.0.0) { Route -> " + "{" * (n // 2) + "}" * (n // 2) + "}",
    ),
    (
        "bind of filters",
        BindConfig.parse,
        lambda n: fill("(auth)-", n, before="Bind(version=1.0.0) { Route", after="}"),
    ),
    ("pipeline", parse_pipeline, lambda n: fill("-> localhost:a ", n)),
    ("pattern", parse_pattern, lambda n: fill("a<Text>, ", n, before="Map{ [ ", after="b<Bin> ] }")),
    ("route selector", RouteSelector.parse, lambda n: fill("(auth)-", n, before="Ext<A>")),
    (
        "Mechtron",
        MechtronConfig.parse,
        lambda n: fill("+name=a; ", n, before="Mechtron(version=1.0.0) { Wasm { +bin=a:1.0.0:/b; ", after="} }"),
    ),
]


def seconds(parse: Callable[[str], Any], text: str) -> float:
    """The best of some runs."""
    best = float("inf")
    for _ in range(3):
        start = time.perf_counter()
        try:
            parse(text)
        except ParseError:
            pass
        best = min(best, time.perf_counter() - start)
    return best


def growth(report: Report) -> None:
    """How each parser takes to larger inputs."""
    print(f"{'input':24} {'8 KiB ms':>10} {'64 KiB ms':>10} {'growth':>8}")
    for name, parse, make in INPUTS:
        small, large = seconds(parse, make(SMALL)), seconds(parse, make(LARGE))
        report.add(Row(name=f"{name}, 64 KiB", value=large * 1e6, reference="8 KiB", reference_value=small * 1e6))
        print(f"{name:24} {small * 1e3:10.2f} {large * 1e3:10.2f} {large / small:8.1f}")


def each(count: int, call: Callable[[], Any]) -> float:
    """Microseconds for one of ``count`` calls."""
    start = time.perf_counter()
    for _ in range(count):
        call()
    return (time.perf_counter() - start) / count * 1e6


def routes(report: Report) -> None:
    """What the number of routes costs."""
    print(f"\n{'selection':24} {'3 us':>10} {'100 us':>10} {'ratio':>8}")
    shapes = {
        "by method": ("Route<Ext<M{}>> -> (()) => &;", "Ext<M{}>", "/"),
        "by path": ("Route<Http<Get>>/r{}/(?P<x>[^/]+) -> (()) => &;", "Http<Get>", "/r{}/y"),
        "behind a variable": ("Route<Http<Get>>/(?P<x>[^/]+)/r{} -> (()) => &;", "Http<Get>", "/tenant/r{}"),
        "none": ("Route<Http<Get>>/r{}/x -> (()) => &;", "Http<Get>", "/q/{}"),
    }
    for name, (route, method, path) in shapes.items():
        took = []
        for count in (3, 100):
            bind = BindConfig.parse(
                "Bind(version=1.0.0) { " + "\n".join(route.format(f"{i:03}") for i in range(count)) + " }"
            )
            asked, at = Method.parse(method.format(f"{count - 1:03}")), path.format(f"{count - 1:03}")
            took.append(min(each(5_000, lambda b=bind, m=asked, p=at: b.select(m, p)) for _ in range(3)))
        report.add(Row(name=f"100 routes, {name}", value=took[1], reference="3 routes", reference_value=took[0]))
        print(f"{name:24} {took[0]:10.2f} {took[1]:10.2f} {took[1] / took[0]:8.2f}")


def paths(report: Report) -> None:
    """The worst paths for expressions that pass."""
    print(f"\n{'expression':44} {'path':>8} {'ms':>8}")
    for text, path in (
        ("/(?P<a>.*)/x/(?P<b>.*)/y", "/x" * 1000),
        ("/(?P<a>.*)/x", "/x" * 32_000 + "y"),
        ("/[^/]+/[^/]+/[^/]+/z", "/" + "a" * 64_000),
        ("/(?:ab)*c", "/" + "ab" * 32_000),
        ("/(?:[a-z]+)?(?:[a-z]+)?!", "/" + "a" * 2_000),
    ):
        regex = PathRegex.parse(text)
        took = seconds(regex.captures, path)  # type: ignore[arg-type]
        report.add(Row(name=text, value=took * 1e6))
        print(f"{text:44} {len(path):8} {took * 1e3:8.2f}")


def single(report: Report) -> None:
    """What one of each costs."""
    print("\nonce [us]")
    for text in ("get localhost:app", "create localhost:app<App>{ +a=b }", "ping localhost:app Ext<Add> 3"):
        took = each(500, lambda t=text: parse_command(t))
        report.add(Row(name=text, value=took))
        print(f"{text:40} {took:8.1f}")


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--json", type=Path, metavar="FILE", help="write the rows to a file, one object a line")
    written = Report(arguments.parse_args().json)
    for table in (growth, routes, paths, single):
        table(written)
