"""The mistakes in a driver's classes are told when it registers: plugin, class, line and cure, all of them at once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from hyperverse_core.config import Plugins
from hyperverse_core.plugins import PluginSet

HEAD = """
import asyncio, collections, dataclasses, functools
from typing import Any, Awaitable, ClassVar
import attrs
from hyperverse_core import Ctx, Driver, KindDef, Particle, handler, hookimpl
from hyperverse_core.driver import transient
"""
TAIL = """
class OneDriver(Driver):
    kind = KindDef("One")
    particle = One

@hookimpl
def hyperverse_register_drivers(register):
    register(OneDriver)
"""
Load = Callable[[str], tuple[str, str]]


@pytest.fixture
def load(tmp_path: Path) -> Load:
    """``load(source)`` loads a plugin named ``local``; returns its state and why it has failed."""

    def load(source: str) -> tuple[str, str]:
        (tmp_path / "hyperverse_local.py").write_text(source)
        found = PluginSet.load(Plugins(local=True), base=tmp_path, environ={"HYPERVERSE_LOAD_PLUGINS": "local"})
        info = found.info("local")
        return info.state, info.reason

    return load


def line_of(source: str, piece: str) -> int:
    return source[: source.index(piece)].count("\n") + 1


WRONG_FIELDS = [
    ("class One(Particle):\n    value: int = 0", "class One(", "not an attrs class, so 'value'", "@attrs.define"),
    (
        "@dataclasses.dataclass\nclass One(Particle):\n    value: int = 0",
        "@dataclasses",
        "'value'",
        "instead of `@data",
    ),
    (
        "@attrs.define\nclass Base(Particle):\n    a: int = 0\nclass One(Base):\n    b: int = 0",
        "class One(",
        "so 'b' would not be saved",
        "@attrs.define",
    ),
    ("class One(Particle):\n    def __init__(self):\n        self.n = 0", "class One(", "`__init__`", "@attrs.define"),
    ("@attrs.define\nclass One(Particle):\n    need: int", "    need", "'need' has no default", "default"),
    ("@attrs.define\nclass One(Particle):\n    a: Any = transient()", "    a: Any", "'a' has no default", "default"),
    (
        "@attrs.define\nclass One(Particle):\n    a: list[int] = []",
        "    a: list",
        "all particles would share",
        "Factory",
    ),
    ("@attrs.define\nclass One(Particle):\n    a: dict = {'x': 1}", "    a: dict", "would share", "lambda: {'x': 1}"),
    ("@attrs.define\nclass One(Particle):\n    a: set = attrs.field(default=set())", "    a: set", "share", "Factory"),
    ("@attrs.define\nclass One(Particle):\n    a: Any = collections.deque()", "    a: Any", "share", "Factory"),
    ("@attrs.define\nclass One(Particle):\n    a: tuple = ([],)", "    a: tuple", "share", "Factory"),
    (
        "@attrs.define\nclass One(Particle):\n    a: Any = transient(default=asyncio.Lock())",
        "    a: Any",
        "share, of type Lock",
        "Factory",
    ),
    (
        "@attrs.define\nclass One(Particle):\n    rows = []",
        "    rows",
        "'rows' is a list that all particles",
        "ClassVar",
    ),
    (
        "@attrs.define\nclass One(Particle):\n    concurrent: bool = True",
        "    concurrent",
        "'concurrent'",
        "without a type",
    ),
    ("@attrs.define\nclass One(Particle):\n    on_start: int = 1", "    on_start", "'on_start' hides", "rename"),
    (
        "@attrs.define\nclass One(Particle):\n    x: int = 0\n    async def x(self): ...",
        "    async def x",
        "a field and a method are named 'x'",
        "rename",
    ),
    (
        "@attrs.define\nclass One(Particle):\n    @handler('Ext<X>')\n    async def x(self, ctx): ...\n    x: int = 0",
        "    @handler",
        "a field and a method are named 'x'",
        "rename",
    ),
    (
        "@attrs.define\nclass Base(Particle):\n    async def x(self): ...\n"
        "@attrs.define\nclass One(Base):\n    x: int = 0",
        "    async def x",
        "a field and a method are named 'x'",
        "rename",
    ),
]

WRONG_CLASSES = [
    (
        "    a: int = 0\n    def __init__(self, a): self.a = a",
        "class One(",
        "cannot be instantiated without arguments",
        "default",
    ),
    ("    @abc.abstractmethod\n    async def x(self, ctx): ...", "class One(", "'x' is abstract", "subclass"),
    ("    async def upgrade(self, state, version): ...", "    async def upgrade", "is `async def`", "immediately"),
]

WRONG_HANDLERS = [
    (
        "@handler('Ext<X>')\n    @handler('Ext<Y>')\n    async def x(self, ctx): ...",
        "Ext<Y> is never handled",
        "one method",
    ),
    ("@handler('Ext<X>')\n    def x(self, ctx): ...", "is `def`", "async def x"),
    ("@handler('Ext<X>')\n    def x(self, ctx):\n        yield 1", "has `yield`", "async def x"),
    ("@handler('Ext<X>')\n    async def x(self, ctx):\n        yield 1", "has `yield`", "async def x"),
    ("@handler('Ext<X>')\n    async def x(self): ...", "has no `ctx`", "self, ctx: Ctx)"),
    ("@handler('Ext<X>')\n    async def x(self, by: int = 1): ...", "has no `ctx`", "self, ctx: Ctx, ...)"),
    ("@handler('Ext<X>')\n    async def x(self, by): ...", "has no `ctx`", "ctx: Ctx"),
    ("@handler('Ext<X>')\n    async def x(): ...", "has no `ctx`", "self, ctx"),
    ("@handler('Ext<X>')\n    async def on_stop(self, ctx): ...", "of every Particle", "another name"),
    ("@handler('Ext<X>')\n    async def upgrade(self, ctx): ...", "of every Particle", "another name"),
    ("@handler\n    async def say_it(self, ctx): ...", "without parentheses", '`@handler("Ext<SayIt>")`'),
    ("@handler\n    def x(self, ctx): ...", "without parentheses", '`@handler("Ext<X>")`'),
    (
        "@staticmethod\n    @handler('Ext<X>')\n    async def x(ctx): ...",
        "is a staticmethod",
        "remove `@staticmethod`",
    ),
    (
        "@classmethod\n    @handler('Ext<X>')\n    async def x(cls, ctx): ...",
        "is a classmethod",
        "remove `@classmethod`",
    ),
    ("@handler('Ext<X>')\n    async def x(self, ctx, it: object): ...", "'it' of handler 'x' is a object", "`Any`"),
    ("@handler('Ext<X>')\n    async def x(self, ctx, it: list[object]): ...", "is a object", "attrs class"),
    ("@handler('Ext<X>')\n    async def x(self, ctx, it: Plain | None = None): ...", "is a Plain", "attrs class"),
    ("@handler('Ext<X>')\n    async def x(self, ctx, it: 'dict[str, Plain]'): ...", "is a Plain", "attrs class"),
    ("@handler('Ext<X>')\n    async def x(self, ctx, it: asyncio.Queue): ...", "is a Queue", "attrs class"),
    ("@handler('Ext<X>')\n    async def x(self, ctx, *, it: Plain): ...", "is a Plain", "attrs class"),
    ("@handler('Ext<X>')\n    async def x(self, ctx, it: 'Gone'): ...", "names 'Gone', which is not defined", "import"),
    ("@handler('Ext<X>')\n    async def x(self, ctx, **all: int): ...", "takes `**all`", "one of type dict"),
    ("@handler('Ext<X>')\n    async def x(self, ctx, it: int, /): ...", "only be passed by position", "by name"),
    (
        "@handler('Ext<X>')\n    async def x(self, ctx, it: list = []): ...",
        "default [], which all calls would share",
        "None",
    ),
    (
        "@handler('Ext<X>')\n    async def x(self, ctx): ...\n    @handler('Ext<Y>')\n    async def x(self, ctx): ...",
        "'x' is never called: another handler of that name",
        "unique name",
    ),
    (
        "@handler('Ext<X>')\n    async def x(self, ctx): ...\n    def x(self): ...",
        "'x' is never called: a later line",
        "unique name",
    ),
    ("async def on_start(self): ...", "`on_start` cannot be called", "on_start(self, ctx)"),
    ("def on_stop(self, ctx): ...", "`on_stop` is `def`", "async def on_stop"),
]

HIDDEN = [
    ("Ext<X>", "Ext<X>"),
    ("Ext<*>", "Ext<X>"),
    ("*", "Http<Get>/a"),
    ("*<Get>", "Http<Get>"),
    ("Http<Get>", "Http<Get>/users/(?P<user>[^/]+)"),
    ("Http<Get>/users", "Http<Get>/users/(?P<user>[^/]+)"),
    ("[Topic<Cli>]::Ext<X>", "[Topic<Cli>]::Ext<X>"),
]
APART = [
    ("Ext<X>", "Ext<Y>"),
    ("Ext<X>", "Ext<*>"),
    ("Http<Get>/users/(?P<user>[^/]+)", "Http<Get>"),
    ("Http<Get>/a/b", "Http<Get>/a"),
    ("[Topic<Cli>]::Ext<X>", "Ext<X>"),
    ("Ext<X>(auth)", "Ext<X>"),
]

RIGHT = [
    "from hyperverse_core.driver import state\n@state(version=2)\n@attrs.define\nclass One(Particle):\n    a: int = 0\n"
    "    @staticmethod\n    def upgrade(state, version): return state",
    "class One(Particle):\n    @handler('Ext<X>')\n    async def x(self, it: 'Any', by: 'int' = 1) -> 'None': ...",
    "class One(Particle):\n    @handler('Ext<X>')\n    async def x(self, ctx): ...",
    "class One(Particle):\n    concurrent = True\n    TABLE = {'a': 1}\n    kinds: ClassVar[list[str]] = []",
    "@attrs.define\nclass One(Particle):\n    a: dict[str, int] = attrs.Factory(dict)\n    b: tuple[int, ...] = ()",
    "@attrs.define\nclass One(Particle):\n    a: Any = transient(default=None)\n"
    "    b: Any = transient(factory=asyncio.Lock)",
    "@attrs.define(slots=False)\nclass One(Particle):\n    a: int = attrs.field(init=False, default=1)",
    "class One(Particle):\n    memory: bytes\n    def dump(self): return b''\n    def load(self, saved): ...",
    "class Mixin:\n    a: int\n@attrs.define\nclass One(Mixin, Particle):\n    a: int = 0",
    "class One(Particle):\n    @handler('Ext<X>')\n    def x(self, ctx) -> Awaitable[int]: ...",
    "class One(Particle):\n    @handler('Ext<X>')\n"
    "    async def x(self, ctx: 'Ctx', it: 'int | None' = None, *, b: str = ''): ...",
    "class Base(Particle):\n    @handler('Ext<X>')\n    async def x(self, ctx): ...\n"
    "class One(Base):\n    async def x(self, ctx): ...\n    @handler('Ext<X>')\n    async def y(self, _): ...",
    """
def logged(function):
    @functools.wraps(function)
    def wrapper(*args, **kwargs):
        return function(*args, **kwargs)
    return wrapper
class One(Particle):
    @handler('Ext<X>')
    @logged
    async def x(self, ctx, it: int = 0): ...
    @logged
    @handler('Ext<Y>')
    async def y(self, ctx, it: int = 0): ...
""",
]


def at(reason: str, source: str, piece: str) -> bool:
    return f"hyperverse_local.py, line {line_of(source, piece)})" in reason


@pytest.mark.parametrize(("body", "place", "what", "cure"), WRONG_FIELDS)
def test_a_wrong_field_is_told_with_class_line_and_cure(
    load: Load, body: str, place: str, what: str, cure: str
) -> None:
    source = f"{HEAD}{body}\n{TAIL}"
    state, reason = load(source)
    assert (state, reason.count("class ")) == ("failed", reason.count("class "))
    assert what in reason and cure in reason and "class " in reason
    assert at(reason, source, place), reason


@pytest.mark.parametrize(("body", "what", "cure"), WRONG_HANDLERS)
def test_a_wrong_handler_is_told_with_class_line_and_cure(load: Load, body: str, what: str, cure: str) -> None:
    source = f"{HEAD}class Plain: ...\n@attrs.define\nclass One(Particle):\n    {body}\n{TAIL}"
    state, reason = load(source)
    assert state == "failed"
    assert what in reason and cure in reason and "class One" in reason
    assert at(reason, source, body), reason


@pytest.mark.parametrize(("body", "place", "what", "cure"), WRONG_CLASSES)
def test_a_class_of_which_no_particle_can_be_made_is_told(
    load: Load, body: str, place: str, what: str, cure: str
) -> None:
    head = "import abc\nfrom hyperverse_core.driver import state\n@state(version=2)\n@attrs.define\n"
    source = f"{HEAD}{head}class One(Particle, abc.ABC):\n{body}\n{TAIL}"
    state, reason = load(source)
    assert (state, what in reason, cure in reason) == ("failed", True, True), reason
    assert place.startswith("class ") or at(reason, source, place), reason


def test_a_frozen_class_is_told(load: Load) -> None:
    state, reason = load(f"{HEAD}@attrs.frozen\nclass One(Particle):\n    a: int = 0\n{TAIL}")
    assert (state, "it is frozen" in reason, "@attrs.define" in reason) == ("failed", True, True), reason


def test_a_handler_in_a_driver_is_told(load: Load) -> None:
    handler = "    @handler('Ext<X>')\n    async def x(self, ctx): ...\n"
    source = f"{HEAD}class One(Particle): ...\n{TAIL}".replace("    particle = One\n", f"    particle = One\n{handler}")
    state, reason = load(source)
    assert (state, "handler 'x' is never called: it is in the driver" in reason) == ("failed", True), reason
    assert at(reason, source, "    @handler"), reason


def test_what_is_no_text_marks_no_handler(load: Load) -> None:
    source = f"{HEAD}class One(Particle):\n    @handler(5)\n    async def x(self, ctx): ...\n{TAIL}"
    state, reason = load(source)
    assert (state, "`handler` takes waves as a text, not 5" in reason) == ("failed", True), reason
    assert f"line {line_of(source, '    @handler(5)')}" in reason


@pytest.mark.parametrize("text", ["Ext<A", "Foo<A>", "", "Http<Get>/(", "Ext<A> x"])
def test_a_text_that_names_no_waves_is_told_with_the_text_and_the_line(load: Load, text: str) -> None:
    source = f"{HEAD}class One(Particle):\n    @handler({text!r})\n    async def x(self, ctx): ...\n{TAIL}"
    state, reason = load(source)
    assert (state, f"`@handler({text!r})` names no waves" in reason) == ("failed", True), reason
    assert f"line {line_of(source, '    @handler(')}" in reason


@pytest.mark.parametrize(("first", "second"), HIDDEN)
def test_a_handler_behind_one_that_takes_all_of_its_waves_is_told(load: Load, first: str, second: str) -> None:
    state, reason = load(HEAD + two(first, second) + TAIL)
    assert state == "failed"
    assert "handler 'b' is never called: 'a' takes every wave of" in reason


@pytest.mark.parametrize(("first", "second"), APART)
def test_handlers_that_share_some_waves_are_fine(load: Load, first: str, second: str) -> None:
    assert load(HEAD + two(first, second) + TAIL) == ("ok", "")


def two(first: str, second: str) -> str:
    return (
        f"class One(Particle):\n    @handler({first!r})\n    async def a(self, ctx, user: str = ''): ...\n"
        f"    @handler({second!r})\n    async def b(self, ctx, user: str = ''): ...\n"
    )


@pytest.mark.parametrize("body", RIGHT)
def test_what_is_right_is_not_refused(load: Load, body: str) -> None:
    assert load(f"{HEAD}{body}\n{TAIL}") == ("ok", "")


@pytest.mark.parametrize(
    "body",
    [
        "class One(Particle):\n    @handler('ext<x>')\n    async def x(self, ctx): ...",
        "class One(Particle):\n    def dump(self): ...",
        "class Bad(Driver):\n    kind = 'Bad'\nclass One(Particle): ...",
    ],
)
def test_what_is_refused_when_a_class_is_made_has_a_line_too(load: Load, body: str) -> None:
    state, reason = load(f"{HEAD}{body}\n{TAIL}")
    assert state == "failed"
    assert "hyperverse_local.py, line " in reason


def test_all_mistakes_of_all_classes_are_in_the_one_error(load: Load) -> None:
    source = f"""{HEAD}
@attrs.define
class One(Particle):
    need: int
    rows: list[int] = []
    @handler("Ext<X>")
    def x(self): ...
    @handler
    async def y(self, ctx): ...
class Two(Particle):
    value: int = 0
class TwoDriver(Driver):
    kind = KindDef("Two")
    particle = Two
    idle_after = "soon"
    waves_limit = 0
    bind = "no bind"
    star_kinds = "Fold"
    def start(self, host): ...
    async def traits(self, record): ...
    async def on_delete(self): ...
{TAIL}    register(TwoDriver)
"""
    state, reason = load(source)
    assert state == "failed"
    lines = reason.splitlines()
    assert lines[0] == f"{len(lines) - 1} mistakes:"
    for text in (
        "'need' has no default",
        "'rows' has a default",
        "'x' is `def`",
        "'x' has no `ctx`",
        "`@handler` without",
        "so 'value' would not be saved",
        "`idle_after` is 'soon'",
        "`waves_limit` is 0",
        "`bind` cannot be read",
        "`star_kinds` is 'Fold'",
        "`start` is `def`",
        "`traits` is `async def`",
        "`on_delete` cannot be called",
    ):
        assert sum(text in line for line in lines) == 1, (text, reason)
    assert len(lines) == 14


def test_a_driver_that_makes_its_particles_may_give_arguments(load: Load) -> None:
    body = "@attrs.define\nclass One(Particle):\n    need: int\n"
    tail = TAIL.replace("particle = One", "particle = One\n    async def create(self, record):\n        return One(1)")
    assert load(HEAD + body + tail) == ("ok", "")


@pytest.mark.parametrize("particle", ["3", "int", "One()"])
def test_particles_are_a_class_of_particles(load: Load, particle: str) -> None:
    state, reason = load(f"{HEAD}class One(Particle): ...\n{TAIL.replace('= One', f'= {particle}')}")
    assert state == "failed"
    assert "which is not a particle class" in reason


def test_a_kind_that_names_a_kind_that_nobody_declares_is_told(tmp_path: Path) -> None:
    tail = TAIL.replace('KindDef("One")', 'KindDef("One", children=("Bok",), parents=("Space",))')
    source = (
        f"{HEAD}class One(Particle): ...\nclass Book(Driver):\n    kind = KindDef('Book')\n{tail}    register(Book)\n"
    )
    (tmp_path / "hyperverse_local.py").write_text(source)
    info = PluginSet.load(Plugins(local=True), base=tmp_path, environ={}).info("local")
    assert info.state == "failed"
    assert "`children` of the Kind 'One' names 'Bok', which no plugin declares" in info.reason
    assert "did you mean 'Book'" in info.reason
    assert "class OneDriver (" in info.reason
    (tmp_path / "hyperverse_local.py").write_text(source.replace("Bok", "Book"))
    assert PluginSet.load(Plugins(local=True), base=tmp_path, environ={}).info("local").state == "ok"


def test_a_driver_that_names_a_placement_or_star_kind_that_nobody_brings_is_told(tmp_path: Path) -> None:
    tail = TAIL.replace(
        "particle = One", 'particle = One\n    placement = "spred"\n    star_kinds = frozenset({"Fald"})'
    )
    (tmp_path / "hyperverse_local.py").write_text(f"{HEAD}class One(Particle): ...\n{tail}")
    info = PluginSet.load(Plugins(local=True), base=tmp_path, environ={}).info("local")
    assert info.state == "failed"
    assert "`placement` is 'spred', which no plugin provides" in info.reason
    assert "did you mean 'spread'" in info.reason
    assert "`star_kinds` names 'Fald', which no plugin declares" in info.reason


def test_a_kind_of_a_plugin_that_is_not_loaded_may_be_missing(tmp_path: Path) -> None:
    tail = TAIL.replace('KindDef("One")', 'KindDef("One", children=("Book",))')
    (tmp_path / "hyperverse_local.py").write_text(HEAD + "class One(Particle): ...\n" + tail)
    found = PluginSet.load(Plugins(local=True, disable=("zmq",)), base=tmp_path, environ={})
    assert found.info("local").state == "ok"
    assert any("names 'Book', which no plugin declares" in note for note in found.notes)
