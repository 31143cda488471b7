"""The house has rooms: which file may import which.

The graph counts every import: those that run when a module is loaded, those inside functions, and those for types
only. A circle through a lazy or type-only import is still a circle for whoever has to read the files.
"""

from __future__ import annotations

import ast
from collections import defaultdict, deque
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import attrs
import pytest

REPOSITORY = Path(__file__).parents[2]

LAYERS: Mapping[str, Sequence[tuple[str, ...]]] = {
    "hyperverse_core": (
        ("errors", "_version", "_lazy"),
        ("universe",),
        ("contracts",),
        ("scheduling", "protocol", "lanes", "config", "data_dir", "hookspecs"),
        ("plugins", "blobs", "driver", "policy", "registry", "transport", "values"),
        ("client",),
        ("fabric",),
        ("gateway",),
        ("testing", "cli"),
        ("commands",),
    ),
    "hyperverse_core.fabric": (
        ("interception", "stars", "caches", "machine_lock", "forked_children"),
        ("particles",),
        ("cluster",),
        ("transit",),
        ("placement",),
        ("delivery",),
        ("services",),
        ("parts", "closing"),
        ("assembly",),
        ("machine",),
    ),
    "hyperverse_core.universe": (
        ("text",),
        ("address", "kinds"),
        ("selectors",),
        ("access",),
        ("waves",),
        ("routing",),
        ("kind_defs",),
        ("commands",),
    ),
}
"""The rooms of a package, lowest first: its packages and modules. A room may import from lower ones only; rooms in one
layer know nothing of each other."""

WITHOUT_CIRCLES = ("hyperverse_core",)
"""Packages whose files import one another in one direction only."""

CIRCLES_ALLOWED: tuple[str, ...] = ("hyperverse_core.fabric.particles",)
"""Packages inside of those in which files that are one thing may know one another."""


@attrs.frozen(order=True)
class Arrow:
    """One import.

    Attributes:
        source: dotted name of the module that imports.
        target: dotted name of the module that is imported.
        place: file and line.
        when: ``at run time``, ``lazily`` or ``for types only``.
    """

    source: str
    target: str
    place: str
    when: str

    def __str__(self) -> str:
        return f"{self.place}: {self.source} imports {self.target} {self.when}"


def read_arrows(root: Path, package: str) -> list[Arrow]:
    """Every import between the modules of ``package``, which lies in ``root``."""
    modules = {_module(root, path): path for path in sorted((root / package).rglob("*.py"))}
    arrows = (
        Arrow(module, target, f"{path.relative_to(root).as_posix()}:{line}", when)
        for module, path in modules.items()
        for name, line, when in _imports(path, module)
        if (target := _owner(name, modules)) is not None and target != module
    )
    return list(dict.fromkeys(arrows))  # one import of several names is one arrow


def _module(root: Path, path: Path) -> str:
    parts = path.relative_to(root).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _owner(name: str, modules: Mapping[str, Path]) -> str | None:
    """The module that ``name`` is, or is a part of."""
    above = name.rpartition(".")[0]
    return name if name in modules else above if above in modules else None


def _imports(path: Path, module: str) -> Iterator[tuple[str, int, str]]:
    """Dotted names that a file imports, with line and kind of import."""
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    waiting: deque[tuple[ast.AST, str]] = deque([(ast.parse(path.read_text("utf-8")), "at run time")])
    while waiting:
        node, when = waiting.popleft()
        for name in _names(node, package):
            yield name, node.lineno, when  # type: ignore[attr-defined]  # whatever has names has a line
        waiting += _inside(node, when)


def _inside(node: ast.AST, when: str) -> Iterator[tuple[ast.AST, str]]:
    """The nodes below ``node``, and when an import there takes place."""
    if isinstance(node, ast.If) and ast.unparse(node.test).rpartition(".")[2] == "TYPE_CHECKING":
        yield from ((inner, "for types only") for inner in node.body)
        yield from ((inner, when) for inner in node.orelse)
        return
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) and when == "at run time":
        when = "lazily"
    yield from ((inner, when) for inner in ast.iter_child_nodes(node))


def _names(node: ast.AST, package: str) -> Iterator[str]:
    match node:
        case ast.Import():
            yield from (alias.name for alias in node.names)
        case ast.ImportFrom():
            above = package.split(".")
            start = ".".join(above[: len(above) - node.level + 1]) if node.level else ""
            base = f"{start}.{node.module}".strip(".") if node.module else start
            yield from (f"{base}.{alias.name}" for alias in node.names)
        case ast.Call(func=ast.Name(id="import_module") | ast.Attribute(attr="import_module")):
            if node.args and isinstance(node.args[0], ast.Constant) and isinstance(node.args[0].value, str):
                yield node.args[0].value


def within(arrows: Sequence[Arrow], package: str) -> list[Arrow]:
    """The imports that start and end in ``package``."""
    inside = f"{package}."
    return [a for a in arrows if f"{a.source}.".startswith(inside) and f"{a.target}.".startswith(inside)]


def circles(arrows: Sequence[Arrow], allowed: Sequence[str] = ()) -> list[list[Arrow]]:
    """A shortest circle through each module that is in one, each once; not those inside an ``allowed`` package."""
    from_module: dict[str, list[Arrow]] = defaultdict(list)
    for arrow in sorted(arrows):
        from_module[arrow.source].append(arrow)
    found: dict[frozenset[str], list[Arrow]] = {}
    for module in from_module:
        circle = _shortest_circle(module, from_module)
        if circle and not any(within(circle, package) == circle for package in allowed):
            found.setdefault(frozenset(arrow.source for arrow in circle), circle)
    return sorted(found.values(), key=len)


def _shortest_circle(start: str, from_module: Mapping[str, Sequence[Arrow]]) -> list[Arrow]:
    """The shortest way from ``start`` back to it; empty when there is none."""
    ways: dict[str, list[Arrow]] = {start: []}
    waiting = deque([start])
    while waiting:
        module = waiting.popleft()
        for arrow in from_module.get(module, ()):
            if arrow.target == start:
                return [*ways[module], arrow]
            if arrow.target not in ways:
                ways[arrow.target] = [*ways[module], arrow]
                waiting.append(arrow.target)
    return []


def upward(arrows: Sequence[Arrow], package: str, layers: Sequence[tuple[str, ...]]) -> list[str]:
    """Every import between rooms of ``package`` that does not lead to a lower layer, and rooms without a layer."""
    height = {room: i for i, layer in enumerate(layers) for room in layer}
    faults = []
    for arrow in within(arrows, package):
        source, target = _room(arrow.source, package), _room(arrow.target, package)
        faults += [f"{arrow}: {room!r} has no layer" for room in (source, target) if room and room not in height]
        if source == target or not {source, target} <= height.keys():
            continue
        if height[target] >= height[source]:
            faults.append(f"{arrow}: {target!r} is not below {source!r}")
    return faults


def _room(module: str, package: str) -> str:
    """The room of ``package`` that a module of it is in; empty for ``package`` itself."""
    return module[len(package) + 1 :].partition(".")[0]


@pytest.fixture(scope="module")
def core() -> list[Arrow]:
    return read_arrows(REPOSITORY, "hyperverse_core")


@pytest.mark.parametrize("package", WITHOUT_CIRCLES)
def test_no_files_import_one_another_in_a_circle(core: list[Arrow], package: str) -> None:
    found = circles(within(core, package), CIRCLES_ALLOWED)
    assert found == [], "\n\n".join("a circle:\n  " + "\n  ".join(map(str, circle)) for circle in found)


@pytest.mark.parametrize("package", LAYERS)
def test_no_room_imports_from_a_room_above_it(core: list[Arrow], package: str) -> None:
    found = upward(core, package, LAYERS[package])
    assert found == [], "\n".join(found)


@pytest.mark.parametrize("package", LAYERS)
def test_every_room_has_its_layer_and_every_layer_its_rooms(package: str) -> None:
    folder = REPOSITORY.joinpath(*package.split("."))
    rooms = {path.parent.name for path in folder.glob("*/__init__.py")}
    rooms |= {path.stem for path in folder.glob("*.py")} - {"__init__"}
    assert rooms == {room for layer in LAYERS[package] for room in layer}


# -- the graph itself: what it has to see ------------------------------------------------------------------------------


def _house(root: Path, files: Mapping[str, str]) -> list[Arrow]:
    for name, text in files.items():
        path = root / "house" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    return read_arrows(root, "house")


def test_imports_are_seen_wherever_they_stand(tmp_path: Path) -> None:
    one = (
        "from typing import TYPE_CHECKING\nimport importlib\n"
        "import house.a.two\n"
        "from . import three\n"
        "from ..b.four import x, y\n"
        "if TYPE_CHECKING:\n    from ..b import five\n"
        "def f():\n    from ..b.six import z\n    return importlib.import_module('house.b.seven')\n"
    )
    rooms = {f"{room}/__init__.py": "" for room in ("a", "b")}
    others = {f"{name}.py": "x = y = z = 0\n" for name in ("a/two", "a/three", "b/four", "b/five", "b/six", "b/seven")}
    arrows = _house(tmp_path, {"__init__.py": "", **rooms, **others, "a/one.py": one})
    assert {(a.source, a.target, a.when) for a in arrows} == {
        ("house.a.one", "house.a.two", "at run time"),
        ("house.a.one", "house.a.three", "at run time"),
        ("house.a.one", "house.b.four", "at run time"),
        ("house.a.one", "house.b.five", "for types only"),
        ("house.a.one", "house.b.six", "lazily"),
        ("house.a.one", "house.b.seven", "lazily"),
    }


def test_a_circle_through_a_lazy_import_is_found_and_told_with_its_places(tmp_path: Path) -> None:
    arrows = _house(
        tmp_path,
        {
            "a.py": "from .b import x\n",
            "b.py": "def f():\n    from .c import x\n",
            "c.py": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from .a import y\n",
            "d.py": "from .a import z\n",
        },
    )
    ((*circle,),) = circles(arrows)
    assert [str(arrow) for arrow in circle] == [
        "house/a.py:1: house.a imports house.b at run time",
        "house/b.py:2: house.b imports house.c lazily",
        "house/c.py:3: house.c imports house.a for types only",
    ]
    assert circles(arrows, allowed=("house",)) == []


def test_an_import_from_a_room_that_is_not_below_is_told(tmp_path: Path) -> None:
    arrows = _house(
        tmp_path,
        {
            "low/one.py": "from ..high import two\n",
            "high/two.py": "from ..low import one\nfrom ..beside import three\nfrom ..new import four\n",
            "beside/three.py": "",
            "new/four.py": "",
        },
    )
    assert upward(arrows, "house", (("low",), ("high", "beside"))) == [
        "house/high/two.py:2: house.high.two imports house.beside.three at run time: 'beside' is not below 'high'",
        "house/high/two.py:3: house.high.two imports house.new.four at run time: 'new' has no layer",
        "house/low/one.py:1: house.low.one imports house.high.two at run time: 'high' is not below 'low'",
    ]
