"""The mistakes in a driver's classes are told when it registers: plugin, class, line and cure, all of them at once."""

from __future__ import annotations

import pytest

from plugins.driver_texts import HEAD, TAIL, Load, at

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


@pytest.mark.parametrize(("body", "place", "what", "cure"), WRONG_FIELDS)
def test_a_wrong_field_is_told_with_class_line_and_cure(
    load: Load, body: str, place: str, what: str, cure: str
) -> None:
    source = f"{HEAD}{body}\n{TAIL}"
    state, reason = load(source)
    assert state == "failed"
    assert what in reason and cure in reason and "class " in reason
    assert at(reason, source, place), reason


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
