"""The mistakes in handlers are told when their driver registers: class, line and cure."""

from __future__ import annotations

import pytest

from plugins.driver_texts import HEAD, TAIL, Load, at, line_of

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


@pytest.mark.parametrize(("body", "what", "cure"), WRONG_HANDLERS)
def test_a_wrong_handler_is_told_with_class_line_and_cure(load: Load, body: str, what: str, cure: str) -> None:
    source = f"{HEAD}class Plain: ...\n@attrs.define\nclass One(Particle):\n    {body}\n{TAIL}"
    state, reason = load(source)
    assert state == "failed"
    assert what in reason and cure in reason and "class One" in reason
    assert at(reason, source, body), reason


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
